"""Base models as they are offered: what a person has to know of each, and why it is offered, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prompt2model.catalogue.model_cards import ModelCard
from prompt2model.catalogue.training_method import WantedMethod, method_for
from prompt2model.component import Option
from prompt2model.console import gigabytes
from prompt2model.model_retriever.filters import language_warning, memory_of
from prompt2model.model_retriever.ranking import shared_words
from prompt2model.records import Method, ModelCandidate
from prompt2model.weights import is_obtainable

_TRAINING: Mapping[Method, str] = {
    "full": "training takes memory of",
    "lora": "training with LoRA takes memory of",
    "qlora": "training with QLoRA takes memory of",
    "linear": "training takes memory of",
}


def candidate_of(
    card: ModelCard, score: float, query: str, language: str | None = None, method: WantedMethod = "auto"
) -> ModelCandidate:
    """The card as it is offered. `language` None: the model was named, and no language was looked at."""
    warning = language_warning(card, language) if language is not None else ""
    reasons = (*([warning] if warning else []), *_reasons(card, query, method))
    return ModelCandidate(card.id, card.family, card.parameters, card.bytes, card.licence, round(score, 4), reasons)


def _reasons(card: ModelCard, query: str, method: WantedMethod) -> tuple[str, ...]:
    reasons = [
        {
            "tfidf": "weighs words and characters",
            "embedding": "weighs the vectors of a frozen encoder",
            "encoder": "classifies in one pass",
            "encoder_decoder": "reads, then writes text",
            "decoder": "writes text",
        }[card.family]
    ]
    if card.family == "tfidf":
        reasons.append("needs no weights")
    elif is_obtainable(card.id):
        reasons.append("is on this machine")
    else:
        reasons.append("is downloaded from the hub when picked")
    if card.instruction_tuned:
        reasons.append("follows instructions already")
    if needed := memory_of(card, method):
        reasons.append(f"{_TRAINING[method_for(method, card.family, card.parameters or 0)]} about {gigabytes(needed)}")
    if card.languages:
        reasons.append(f"languages: {', '.join(card.languages[:5])}")
    if card.downloads:
        reasons.append(f"{card.downloads:,} downloads ({card.facts_date or 'hub'})")
    if common := shared_words(query, card):
        reasons.append(f"its card says: {', '.join(common)}")
    return tuple(reasons)


def options_of(candidates: Sequence[ModelCandidate]) -> list[Option]:
    return [
        Option(
            candidate.id,
            candidate.id,
            {
                "size": f"{candidate.bytes / 1e6:,.0f} MB" if candidate.bytes else "unknown",
                "licence": candidate.licence or "unknown",
                "why": "; ".join(candidate.reasons),
            },
        )
        for candidate in candidates
    ]
