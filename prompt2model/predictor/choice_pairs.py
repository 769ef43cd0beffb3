"""Multiple choice as pairs: a question with its evidence beside each option; one score says how well they go together.

As BertForMultipleChoice does, and as the readers of MedQA (arXiv 2009.13081) score [question, option, evidence].
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prompt2model.predictor.input_format import EncodedInput, render_input
from prompt2model.predictor.padding import pad_right
from prompt2model.records import Item

if TYPE_CHECKING:
    import torch

SCORE = ("score",)
"""What the one logit of the head is called."""


@dataclass(frozen=True, slots=True)
class EncodedChoices(EncodedInput):
    """The tokens of each option's pair, in the order of the options, and where in each the option starts.

    `ids` are all of them in a row; `text` is the first half of the first pair.
    """

    pairs: tuple[tuple[int, ...], ...]
    starts: tuple[int, ...]


def encode_choices(
    tokenizer: Any, items: Sequence[Item], input_format: str, max_tokens: int, *, own_evidence: bool = False
) -> list[EncodedChoices]:
    """Pairs of at most `max_tokens` tokens each, special tokens included.

    Every option is read with all evidence of its item; with `own_evidence`, where there is one passage for each
    option, with its own alone. What does not fit is cut from the end of the first half: evidence, then the input's
    end. An option is cut only where it would not fit without any input.
    """
    halves = [_first_halves(item, input_format, own_evidence) for item in items]
    flat = [pair for texts, item in zip(halves, items, strict=True) for pair in zip(texts, item.choices, strict=True)]
    rows = _tokens(tokenizer, flat, max_tokens)
    return [_joined(texts[0] if texts else "", [next(rows) for _ in texts]) for texts in halves]


def _first_halves(item: Item, input_format: str, own_evidence: bool) -> list[str]:
    """What each option of an item is read beside."""
    if own_evidence and len(item.evidence) == len(item.choices):
        items = [dataclasses.replace(item, choices=(), evidence=(passage,)) for passage in item.evidence]
        return [render_input(one, input_format) for one in items]
    return [render_input(dataclasses.replace(item, choices=()), input_format)] * len(item.choices)


def reads_types(model: Any, tokenizer: Any) -> bool:
    """Whether the model is told by token types which half of a pair a token is of."""
    return "token_type_ids" in tokenizer.model_input_names and getattr(model.config, "type_vocab_size", 0) > 1


def score_pairs(
    model: Any,
    pairs: Sequence[Sequence[int]],
    starts: Sequence[int],
    *,
    fill: int,
    typed: bool,
    max_tokens: int,
    device: str,
) -> torch.Tensor:
    """Float32 [pairs]: the model's one logit of each, in parts of at most `max_tokens` tokens after padding."""
    import torch

    order = sorted(range(len(pairs)), key=lambda number: (-len(pairs[number]), number))
    scores = []
    for part in _parts(order, pairs, max_tokens):
        ids, mask = pad_right([pairs[number] for number in part], fill, device)
        types = {}
        if typed:
            first = torch.tensor([starts[number] for number in part], device=device)
            later = torch.arange(ids.shape[1], device=device) >= first.unsqueeze(1)
            types = {"token_type_ids": later.long() * mask}
        scores.append(model(input_ids=ids, attention_mask=mask, **types).logits.float()[:, 0])
    place = torch.empty(len(order), dtype=torch.int64)
    place[torch.tensor(order)] = torch.arange(len(order))
    return torch.cat(scores)[place.to(device)]


def _tokens(
    tokenizer: Any, pairs: Sequence[tuple[str, str]], max_tokens: int
) -> Iterator[tuple[tuple[int, ...], int, bool]]:
    """Tokens of each pair, where its second half starts, and whether it was cut."""
    if not pairs:
        return
    encoded = tokenizer([first for first, _ in pairs], [second for _, second in pairs], verbose=False)
    for number, (first, second) in enumerate(pairs):
        ids, batch, place, cut = encoded["input_ids"][number], encoded, number, False
        if len(ids) > max_tokens:
            room = max_tokens - tokenizer.num_special_tokens_to_add(pair=True)
            alone = len(tokenizer(second, add_special_tokens=False, verbose=False)["input_ids"])
            which = "only_first" if alone < room else "longest_first"
            batch, place, cut = tokenizer([first], [second], truncation=which, max_length=max_tokens), 0, True
            ids = batch["input_ids"][0]
        types = batch["token_type_ids"][place] if "token_type_ids" in batch else []
        yield tuple(ids), types.index(1) if 1 in types else len(ids), cut


def _joined(text: str, rows: Sequence[tuple[tuple[int, ...], int, bool]]) -> EncodedChoices:
    return EncodedChoices(
        text,
        tuple(token for ids, _, _ in rows for token in ids),
        any(cut for _, _, cut in rows),
        tuple(ids for ids, _, _ in rows),
        tuple(start for _, start, _ in rows),
    )


def _parts(order: Sequence[int], pairs: Sequence[Sequence[int]], max_tokens: int) -> Iterator[list[int]]:
    """`order`, longest first, in runs of at most `max_tokens` after padding; one pair at least."""
    part: list[int] = []
    for number in order:
        if part and len(pairs[part[0]]) * (len(part) + 1) > max_tokens:
            yield part
            part = []
        part.append(number)
    if part:
        yield part
