"""What refuses a base model before anything is ranked: family, size, memory, licence, language, where it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from prompt2model.catalogue.licences import allows_commercial_use
from prompt2model.catalogue.model_cards import ModelCard
from prompt2model.catalogue.training_method import WantedMethod, method_for, training_memory
from prompt2model.records import Family, Kind

FAMILIES_BY_KIND: Mapping[Kind, tuple[Family, ...]] = {
    # An encoder classifies in one pass over the input, and scores each choice in one; the others go word by word.
    "classification": ("encoder",),
    "multiple_choice": ("encoder", "encoder_decoder", "decoder"),
    "generation": ("encoder_decoder", "decoder"),
}


def usable(
    cards: Iterable[ModelCard],
    *,
    families: Sequence[Family],
    max_bytes: int,
    licences: Sequence[str],
    commercial: bool,
    language: str | None,
    obtainable: Callable[[ModelCard], bool],
    instruction_tuned: bool | None = None,
    fits: Callable[[ModelCard], bool] = lambda card: True,
) -> tuple[list[ModelCard], dict[str, int]]:
    """The cards that pass every filter, and how many each filter refused (a card counts at its first refusal).

    `max_bytes` bounds the weights; where their size is unknown, four bytes a parameter are assumed; with neither
    known they are refused, because they may not fit. `licences` empty means any;
    `commercial` refuses those that are not known to allow commercial use. `language` None means any, too; a card that
    names no language is refused only where the task's language is not English. `instruction_tuned` None means either;
    else models of which it is not known are refused. `fits` says whether there is memory to train a card's model.
    """
    checks: tuple[tuple[str, Callable[[ModelCard], bool]], ...] = (
        ("family does not fit the task", lambda card: card.family in families),
        ("size unknown", lambda card: size_of(card) is not None),
        ("larger than the limit", lambda card: (size_of(card) or 0) <= max_bytes),
        ("training does not fit in memory", fits),
        ("licence not allowed", lambda card: not licences or (card.licence or "unknown") in licences),
        ("licence not known to allow commercial use", lambda card: not commercial or may_be_sold(card)),
        (
            "not instruction-tuned" if instruction_tuned else "instruction-tuned, or not known to be plain",
            lambda card: instruction_tuned is None or card.instruction_tuned is instruction_tuned,
        ),
        ("other language", lambda card: language is None or speaks(card, language)),
        ("cannot be had from here", obtainable),
    )
    refused: Counter[str] = Counter()
    kept = []
    for card in cards:
        reason = next((name for name, passes in checks if not passes(card)), None)
        if reason is None:
            kept.append(card)
        else:
            refused[reason] += 1
    return kept, dict(refused)


def may_be_sold(card: ModelCard) -> bool:
    """Whether the card's licence is known to allow commercial use."""
    return bool(allows_commercial_use(card.licence))


def memory_of(card: ModelCard, method: WantedMethod) -> int | None:
    """Bytes that training takes about, beside the rows; None where the parameters are not known."""
    if card.parameters is None:
        return None
    return training_memory(method_for(method, card.family, card.parameters), card.family, card.parameters)


def size_of(card: ModelCard) -> int | None:
    """Bytes of the weights; at most four a parameter where only those are known."""
    if card.bytes is not None:
        return card.bytes
    return None if card.parameters is None else 4 * card.parameters


def speaks(card: ModelCard, language: str) -> bool:
    """Whether the model was made for texts in `language` (ISO 639-1)."""
    if not card.languages:
        return language == "en"
    return language in card.languages or "multilingual" in card.languages


def language_warning(card: ModelCard, language: str) -> str:
    """What to know of a model's languages for a task in `language`; empty where the model was made for it."""
    if speaks(card, language):
        return ""
    if not card.languages:
        return f"names no language on its card; the task's is {language}"
    return f"was made for another language ({', '.join(card.languages[:5])}) than the task's ({language})"
