"""Local causal language models: batched generation and scoring of given answers."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING

from prompt2model.errors import WeightsError
from prompt2model.inference.device import best_device, best_dtype
from prompt2model.inference.prefixes import KeptPrefixes, PrefixGroup, group_by_prefix
from prompt2model.inference.requests import AnswerScores, AnswersRequest, Generated, GenerateRequest
from prompt2model.inference.stopping import Answer, Detokenizer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from prompt2model.inference.decoding import Row

BATCH_SIZE = 64
KEPT_BYTES = 64 << 20
"""Most memory for keys and values of shared beginnings that are kept for the next call."""
_END_TOKENS = ("<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<end_of_turn>")
"""Special tokens that end a turn or a document, of which a model's config often names only one."""


class CausalEngine:
    """Runs one decoder for many requests: what prompts share is computed once, finished rows leave the batch.

    What a call's prompts share is kept for the next call, so the weights must not change any more.

    The same requests in the same order give the same answers on the same machine; a request's random numbers depend
    only on its own seed. Which requests are computed together can change the last bits of a number, and so, rarely, a
    token: whoever needs equal bytes later sends the same groups again.

    The model is put into evaluation mode and, where `device` is given, moved there; it keeps its number format. Its
    attention implementation is replaced; used directly it computes as before. Safe to use from several threads.

    Raises WeightsError for a model whose layers the engine cannot run.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        device: torch.device | str | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        from prompt2model.inference.runner import ModelRunner

        # Never `to(dtype)`: it would round the table of rotary positions too, which stays in float32.
        self.model = (model.to(device) if device is not None else model).eval()
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self._runner = ModelRunner(model)
        self._prefixes = KeptPrefixes(self._runner.prefix, KEPT_BYTES // self._runner.bytes_per_column())
        self._detokenizer = Detokenizer(tokenizer)
        self._end_tokens = _end_tokens(model, tokenizer)
        self._answer_tokens: dict[str, tuple[int, ...]] = {}
        # A template or a caller may write the beginning-of-text token; elsewhere it is added as the tokenizer would.
        self._begin = _begin_tokens(tokenizer)

    @property
    def context_length(self) -> int:
        """Most tokens of a prompt and its answer together."""
        return self._runner.context_length

    @property
    def device(self) -> torch.device:
        return self._runner.device

    def generate(self, requests: Sequence[GenerateRequest]) -> list[Generated]:
        """Continue all prompts; the answers in the order of the requests.

        A prompt that leaves no room for an answer gets the failure `context_too_long`; one that leaves less than
        `max_new_tokens` is answered up to the context's end.
        """
        prompts = self.encode([request.prompt for request in requests])
        answers = [
            Generated("", 0, len(prompt), failure="context_too_long") if not self._fits(prompt) else None
            for prompt in prompts
        ]
        for group in self._groups(prompts, min_members=max(2, self.batch_size // 4)):
            rows = [self._row(index, requests[index], prompts[index], group.length) for index in group.members]
            for row in self._decode(prompts[group.members[0]][: group.length], rows):
                if row.finish is not None:
                    read = row.read + group.length - group.shared_before(row.index)
                    answers[row.index] = Generated(
                        row.answer.text(), row.new_tokens, len(prompts[row.index]), read, row.finish
                    )
        return [answer for answer in answers if answer is not None]

    def stream(self, request: GenerateRequest) -> Generator[str, None, Generated]:
        """The answer piece by piece, never part of a stop string or of a letter; the generator returns the whole."""
        (prompt,) = self.encode([request.prompt])
        if not self._fits(prompt):
            return Generated("", 0, len(prompt), failure="context_too_long")
        row = self._row(0, request, prompt, 0)
        shown = 0
        for _ in self._decode((), [row]):
            text = row.answer.text() if row.finish else row.answer.showable()
            if len(text) > shown:
                yield text[shown:]
                shown = len(text)
        return Generated(row.answer.text(), row.new_tokens, len(prompt), len(prompt), row.finish or "stop")

    def score(self, requests: Sequence[AnswersRequest]) -> list[AnswerScores]:
        """How likely the model finds each answer after its prompt; the results in the order of the requests."""
        from prompt2model.inference.scoring import build_trie, score_rows

        prompts = self.encode([request.prompt for request in requests])
        answers = [[self._answer(text) for text in request.answers] for request in requests]
        results: list[AnswerScores] = [
            AnswerScores((), (), len(prompt), failure="context_too_long") for prompt in prompts
        ]
        room = [len(prompt) + max(map(len, texts)) for prompt, texts in zip(prompts, answers, strict=True)]
        tries = {texts: build_trie(texts) for texts in map(tuple, answers)}
        for group in self._groups(prompts, min_members=8, room=room):
            prefix = self._prefixes.get(prompts[group.members[0]][: group.length])
            rests = [prompts[index][group.length :] for index in group.members]
            found = score_rows(self._runner, prefix, rests, [tries[tuple(answers[index])] for index in group.members])
            for index, values in zip(group.members, found, strict=True):
                length = len(prompts[index])
                read = length - group.shared_before(index)
                results[index] = AnswerScores(values, tuple(map(len, answers[index])), length, read)
        return results

    def chat_prompt(self, messages: Sequence[Mapping[str, str]]) -> str:
        """Messages (`role`, `content`) as the text the model was trained on, ending where the assistant goes on.

        When the last message is the assistant's, the text ends with it and the model continues it. Raises WeightsError
        where the tokenizer has no chat template.
        """
        if not self.tokenizer.chat_template:
            raise WeightsError(
                "this model has no chat template; choose an instruction-tuned one, or complete plain text"
            )
        continued = messages[-1]["role"] == "assistant"
        return self.tokenizer.apply_chat_template(
            [dict(message) for message in messages],
            tokenize=False,
            add_generation_prompt=not continued,
            continue_final_message=continued,
        )

    def encode(self, prompts: Sequence[str]) -> list[list[int]]:
        """Prompts as token ids; special tokens written in the text count as such. Never empty."""
        if not prompts:
            return []
        encoded = self.tokenizer(list(prompts), add_special_tokens=False, return_attention_mask=False)["input_ids"]
        begin = self._begin
        fallback = begin or [min(self._end_tokens, default=0)]
        return [(ids if ids[: len(begin)] == begin else [*begin, *ids]) if ids else list(fallback) for ids in encoded]

    def count_tokens(self, text: str) -> int:
        """Tokens of a text by itself."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _fits(self, prompt: Sequence[int]) -> bool:
        return len(prompt) < self.context_length

    def _groups(
        self, prompts: Sequence[list[int]], min_members: int, room: Sequence[int] | None = None
    ) -> list[PrefixGroup]:
        """Groups of the prompts that fit, by what they share. `room`: tokens each needs, where that is more."""
        fitting = [
            index
            for index, prompt in enumerate(prompts)
            if self._fits(prompt) and (room is None or room[index] <= self.context_length)
        ]
        if not self._runner.shares_prefix:
            return [PrefixGroup(0, tuple(fitting))] if fitting else []
        groups = group_by_prefix([prompts[index] for index in fitting], min_members)
        return [PrefixGroup(group.length, tuple(fitting[member] for member in group.members)) for group in groups]

    def _row(self, index: int, request: GenerateRequest, prompt: list[int], shared: int) -> Row:
        from prompt2model.inference.decoding import Row
        from prompt2model.inference.sampling import RowSampler

        return Row(
            index=index,
            prompt=prompt[shared:],
            limit=min(request.max_new_tokens, self.context_length - len(prompt)),
            sampler=RowSampler(request.temperature, request.top_p, request.seed),
            answer=Answer(self._detokenizer, request.stop),
        )

    def _decode(self, shared: Sequence[int], rows: Sequence[Row]) -> Generator[Row, None, None]:
        from prompt2model.inference.decoding import decode

        prefix = self._prefixes.get(shared)
        yield from decode(self._runner, prefix, rows, self._end_tokens, self.batch_size)

    def _answer(self, text: str) -> tuple[int, ...]:
        """Tokens of an answer as they stand after other text: no space is added in front."""
        if text not in self._answer_tokens:
            mark, joined = self.tokenizer(["\n", "\n" + text], add_special_tokens=False)["input_ids"]
            if joined[: len(mark)] == mark and len(joined) > len(mark):
                self._answer_tokens[text] = tuple(joined[len(mark) :])
            else:
                self._answer_tokens[text] = tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        return self._answer_tokens[text]


def load_causal_engine(
    model_id: str, *, allow_download: bool = False, dtype: torch.dtype | None = None, batch_size: int = BATCH_SIZE
) -> CausalEngine:
    """The engine for a model id or folder, on the best device in its best number format. Raises WeightsError."""
    from prompt2model.weights import load_causal_lm, load_tokenizer, locate

    location = locate(model_id, allow_download=allow_download)
    device = best_device()
    model = load_causal_lm(location, dtype or best_dtype(device))
    return CausalEngine(model, load_tokenizer(location), device=device, batch_size=batch_size)


def _end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    configured = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    ids = set(configured if isinstance(configured, list) else [configured])
    ids.add(tokenizer.eos_token_id)
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    ids |= {tokenizer.convert_tokens_to_ids(token) for token in _END_TOKENS} & special
    return frozenset(token for token in ids if token is not None)


def _begin_tokens(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The tokens the tokenizer itself puts in front of a text: the beginning-of-text token, or none."""
    plain = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    begin = whole[: len(whole) - len(plain)] if whole[-len(plain) :] == plain else whole[:1]
    return begin if begin and begin[0] == tokenizer.bos_token_id else []
