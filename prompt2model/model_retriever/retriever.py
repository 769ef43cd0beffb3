"""TaskSpec → ranked base models, of which the person picks one.

Prompt2Model (arXiv 2308.12261) ranks by HyDE and BM25, weighted by popularity; that is a setting here. Ours differs
in that size, memory, licence, language, family and whether the model can be had are filters *before* ranking, reasons
are shown, and what ranks is what was measured to rank best (scripts/benchmarks/model_retrieval.py): by meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator

from prompt2model.catalogue.card_vectors import card_vectors, check_encoder
from prompt2model.catalogue.kept_cards import kept_models
from prompt2model.catalogue.model_cards import ModelCard, local_model, local_models, starter_models
from prompt2model.catalogue.training_method import WantedMethod
from prompt2model.component import Component, ComponentConfig, Estimate, ModelReference, RunContext, TeacherUse
from prompt2model.console import gigabytes
from prompt2model.errors import ConfigError, HubError, WeightsError, WeightsNotFoundError
from prompt2model.inference.device import memory_for_training
from prompt2model.model_retriever.filters import (
    FAMILIES_BY_KIND,
    language_warning,
    may_be_sold,
    memory_of,
    usable,
)
from prompt2model.model_retriever.linear_models import is_linear, linear_card, refuse_other_kinds
from prompt2model.model_retriever.offering import candidate_of, options_of
from prompt2model.model_retriever.ranking import ModelRanking, ModelScoring
from prompt2model.prompts import render
from prompt2model.records import LINEAR_FAMILIES, ChosenModel, Family, TaskSpec
from prompt2model.teacher.client import ChatRequest, Message
from prompt2model.weights import is_obtainable, locate, packaged_installed

_GIGABYTE = 10**9
_HUB_TASK: Mapping[Family, str] = {
    "encoder": "fill-mask",
    "encoder_decoder": "text2text-generation",
    "decoder": "text-generation",
}
"""The hub's own word for what the base models of a family do."""


class ModelRetrieverConfig(ComponentConfig):
    """Which base models come into question."""

    model: Annotated[str, ModelReference] | None = Field(
        None,
        description="The base model itself: an id or a folder; or tfidf (no weights), embedding (the packaged encoder, "
        "frozen) or embedding:MODEL. Nothing is searched then.",
    )
    families: tuple[Family, ...] = Field(
        (), description="encoder, encoder_decoder, decoder; by kind of task when empty."
    )
    max_bytes: int = Field(3 * _GIGABYTE, gt=0, description="Largest size of the weights, in bytes.")
    train_method: WantedMethod = Field(
        "auto", description="The training that must fit in memory: auto, full, lora or qlora. Absent: that of [train]."
    )
    max_memory: int | None = Field(
        None,
        gt=0,
        description="Most memory that training may take, in bytes; what the machine has, or its GPU, when absent.",
    )
    licences: tuple[str, ...] = Field((), description="Licences that are allowed (apache-2.0, mit, …); any when empty.")
    use: Literal["any", "commercial"] = Field(
        "any", description="commercial refuses models whose licence forbids it or is not known to allow it."
    )
    instruction_tuned: bool | None = Field(
        None, description="true: only models tuned to follow instructions; false: only plain ones; either when absent."
    )
    require_language: bool = Field(
        False,
        description="Only models that were made for the task's language. Else others are offered, with a warning, "
        "where none can be had.",
    )
    ranking: Literal["auto", "bm25", "dense", "fused"] = Field(
        "auto",
        description="bm25 ranks models by words, dense the best of these by meaning (`encoder`), fused by both. auto: "
        "dense, or bm25 where the packaged encoder is not installed.",
    )
    encoder: Annotated[str, ModelReference] | None = Field(
        None,
        description="What ranks by meaning: the id or folder of a sentence-transformers model; the packaged "
        "all-MiniLM-L6-v2 when absent.",
    )
    popularity: bool = Field(False, description="Whether models that are downloaded more rank higher.")
    hypothetical_card: bool = Field(
        False, description="Whether the teacher writes the card of an ideal model to search with (one call)."
    )
    shortlist: int = Field(50, ge=1, description="How many of the best by words are ranked by meaning, too.")
    model_dirs: tuple[Path, ...] = Field((), description="Folders that hold models of your own.")
    top: int = Field(5, ge=1, description="How many are offered.")

    @field_validator("families")
    @classmethod
    def _are_ranked(cls, families: tuple[Family, ...]) -> tuple[Family, ...]:
        if named := set(families) & set(LINEAR_FAMILIES):
            raise ValueError(f"{min(named)} is not ranked among others; name it as `model` (--base-model {min(named)})")
        return families


@dataclass(frozen=True)
class ModelRetrieverInputs:
    """What the retriever works on."""

    task: TaskSpec
    labels: tuple[str, ...]


class ModelRetriever(Component[ModelRetrieverInputs, ChosenModel]):
    """Filters, then the ranking of the settings; the top five with reasons; the person picks."""

    name = "retrieve_models"
    produces = "base_model"
    Config = ModelRetrieverConfig
    Inputs = ModelRetrieverInputs
    Output = ChosenModel
    prompts = ("retrieve_models_card",)
    version = 4

    def estimate(self, inputs: ModelRetrieverInputs, context: RunContext) -> Estimate:
        """One call where a hypothetical card is wanted. `makes` names the best model by the instruction's own words."""
        cards = self._cards()
        if self.config.model:
            use: tuple[TeacherUse, ...] = ()
            card = _known_card(self.config.model, cards)
            if card is None:
                return Estimate(assumptions=(f"the size of {self.config.model} is not known before it is downloaded",))
            refuse_other_kinds(card, inputs.task.kind)
        else:
            candidates, _ = self._filter(cards, inputs.task, context)
            card = ModelRanking(cards).rank(inputs.task.instruction, candidates, ModelScoring())[0][0]
            asked = self.config.hypothetical_card and context.teachers
            use = (TeacherUse("retriever", 1, 300, 120),) if asked else ()
        return Estimate(
            teacher=use,
            seconds=1,
            disk=0 if card.family == "tfidf" or is_obtainable(card.id) else card.bytes,
            assumptions=(f"base model {card.id}",),
            makes=ChosenModel(card.id, card.family, (candidate_of(card, 0.0, ""),), {}),
        )

    def check(self, hub_allowed: bool) -> None:
        """Refuse, before anything is spent, a named model or a choice of which nothing can be had.

        A named one on the hub is fetched: nothing less tells for sure.
        """
        check_encoder(self.config.encoder, hub_allowed)
        cards = self._cards()
        if self.config.model:
            self._named(self.config.model, cards, hub_allowed)
        elif not hub_allowed:
            self._usable(cards, self.config.families or get_args(Family), None, hub_allowed)

    def run(self, inputs: ModelRetrieverInputs, context: RunContext) -> ChosenModel:
        """Raises WeightsNotFoundError when no model fits that can be had from here."""
        cards = self._cards()
        if self.config.model:
            card = self._named(self.config.model, cards, context.hub_allowed)
            refuse_other_kinds(card, inputs.task.kind)
            self._warn_of_memory(card, context)
            return ChosenModel(card.id, card.family, (candidate_of(card, 0.0, ""),), {})
        notes: tuple[str, ...] = ()
        if context.hub_allowed:
            try:
                cards = self._with_hub(cards, inputs.task, context)
            except HubError as error:
                notes = (f"The hub did not answer, so only base models that are here were offered ({error}).",)
                context.progress.say(f"  {notes[0]}")
                context = replace(context, hub_allowed=False)
        candidates, filtered = self._filter(cards, inputs.task, context)
        hypothetical = self.config.hypothetical_card
        query = hypothetical_card(inputs.task, context) if hypothetical else task_words(inputs.task)
        offered = [
            candidate_of(card, score, query, inputs.task.language, self.config.train_method)
            for card, score in self._rank(query, cards, candidates, context)[: self.config.top]
        ]
        picked = context.chooser.choose_one("model", "Which base model?", options_of(offered), offered[0].id)
        chosen = next(candidate for candidate in offered if candidate.id == picked)
        context.progress.say(f"  base model: {chosen.id}")
        card = next(card for card in candidates if card.id == picked)
        notes += _notes(card, inputs.task.language, context.hub_allowed)
        return ChosenModel(chosen.id, chosen.family, tuple(offered), filtered, notes)

    def _rank(
        self, query: str, cards: Sequence[ModelCard], candidates: Sequence[ModelCard], context: RunContext
    ) -> list[tuple[ModelCard, float]]:
        wanted = self.config.ranking
        how = ModelScoring("dense" if wanted == "auto" else wanted, self.config.popularity, self.config.shortlist)
        vectors = None
        if how.ranking != "bm25":
            try:
                vectors = card_vectors(context, self.config.encoder)
            except WeightsError as error:
                if wanted == "dense" or self.config.encoder:
                    raise
                context.progress.say(f"  base models are ranked by words, not by meaning: {error}")
                how = replace(how, ranking="bm25")
        return ModelRanking(cards).rank(query, candidates, how, vectors)

    def _cards(self) -> list[ModelCard]:
        local = [card for folder in self.config.model_dirs for card in local_models(folder)]
        return [*starter_models(), *local]

    def _named(self, model: str, cards: Sequence[ModelCard], hub_allowed: bool) -> ModelCard:
        """The card of the model that the config names. Raises ConfigError where the stated use forbids its licence."""
        card = _card_of(model, cards, hub_allowed)
        if self.config.use == "commercial" and not may_be_sold(card):
            raise ConfigError(
                f"base model {model} has the licence {card.licence or '(unknown)'}, which is not known to allow "
                "commercial use; choose another --base-model, or leave out --use commercial"
            )
        return card

    def _with_hub(self, cards: list[ModelCard], task: TaskSpec, context: RunContext) -> list[ModelCard]:
        from prompt2model.catalogue.hub import search_models

        known = {card.id for card in cards}
        found = kept_models(task_words(task), self.config.shortlist, context)
        if found is None:
            families = self.config.families or FAMILIES_BY_KIND[task.kind]
            hits = (card for family in families for card in search_models((), (_HUB_TASK[family], task.language)))
            found = tuple(hits)
            context.progress.say(f"  {len(found)} model cards from the hub")
        return [*cards, *(card for card in found if card.id not in known)]

    def _filter(
        self, cards: Sequence[ModelCard], task: TaskSpec, context: RunContext
    ) -> tuple[list[ModelCard], dict[str, int]]:
        """The models to choose from; where none was made for the task's language, those made for another."""
        families = self.config.families or FAMILIES_BY_KIND[task.kind]
        try:
            return self._usable(cards, families, task.language, context.hub_allowed)
        except WeightsNotFoundError:
            if self.config.require_language:
                raise
        candidates, filtered = self._usable(cards, families, None, context.hub_allowed)
        context.progress.say(
            f"  warning: no base model made for the task's language ({task.language}) can be had from here; those "
            f"offered were made for another. {_language_advice(context.hub_allowed)}"
        )
        return candidates, filtered

    def _usable(
        self, cards: Sequence[ModelCard], families: Sequence[Family], language: str | None, hub_allowed: bool
    ) -> tuple[list[ModelCard], dict[str, int]]:
        """What passes every filter, at least one. Raises WeightsNotFoundError where nothing does."""
        candidates, filtered = usable(
            cards,
            families=families,
            max_bytes=self.config.max_bytes,
            licences=self.config.licences,
            commercial=self.config.use == "commercial",
            language=language,
            obtainable=lambda card: _obtainable(card, hub_allowed),
            instruction_tuned=self.config.instruction_tuned,
            fits=self._fits,
        )
        if not candidates:
            counts = ", ".join(f"{name}: {count}" for name, count in sorted(filtered.items()))
            raise WeightsNotFoundError(
                f"no base model fits that can be had from here ({counts}); {_ways_to_a_model(hub_allowed)}"
            )
        return candidates, filtered

    def _fits(self, card: ModelCard) -> bool:
        """Whether training fits in memory, as far as is known."""
        return (memory_of(card, self.config.train_method) or 0) <= self._memory()

    def _warn_of_memory(self, card: ModelCard, context: RunContext) -> None:
        needed = memory_of(card, self.config.train_method)
        adapted = self.config.train_method in ("lora", "qlora")
        advice = "" if adapted else ", or train adapters (--method lora, or qlora)"
        if not self._fits(card) and needed is not None:
            context.progress.say(
                f"  warning: training {card.id} takes about {gigabytes(needed)} of memory, and there are "
                f"{gigabytes(self._memory())}; take a smaller one{advice}"
            )

    def _memory(self) -> int:
        return self.config.max_memory or memory_for_training()


def hypothetical_card(task: TaskSpec, context: RunContext) -> str:
    """What the card of the ideal model would say (HyDE, arXiv 2212.10496); without a teacher, the task itself."""
    question = task_words(task)
    if not context.teachers:
        return question
    _, response = next(iter(context.teacher("retriever").complete_many([card_request(task)])))
    if response.failure is not None:
        context.progress.say(f"  the teacher wrote no model card ({response.failure}); the task's own words are used")
        return question
    # The task's own words stay in, because a small teacher may wander from them.
    return f"{question} {response.text}"


def task_words(task: TaskSpec) -> str:
    """The task as a search text."""
    return f"{task.instruction} {' '.join(task.labels)} {task.kind}"


def card_request(task: TaskSpec) -> ChatRequest:
    """The question for a hypothetical card."""
    prompt = render("retrieve_models_card", instruction=task.instruction, labels=task.labels, language=task.language)
    return ChatRequest((Message("user", prompt),), max_tokens=160, purpose="hypothetical model card")


def _obtainable(card: ModelCard, hub_allowed: bool) -> bool:
    return is_obtainable(card.id, allow_download=hub_allowed and not card.gated)


def _card_of(model: str, cards: Sequence[ModelCard], hub_allowed: bool) -> ModelCard:
    """The card of the model that the config names, if it can be had and its family is known."""
    if is_linear(model):
        return linear_card(model, lambda encoder: _card_of(encoder, cards, hub_allowed))
    location = locate(model, allow_download=hub_allowed)
    if location.origin == "local" and not location.folder.is_absolute():
        # A config's folders are taken from where the config stands; this one merely stands where the command runs.
        raise WeightsNotFoundError(
            f"there is no model folder {model} beside the config, only in the working folder; "
            f"write {location.folder.absolute()}, or another path from the config's folder"
        )
    card = next((card for card in cards if card.id == model), None) or local_model(location.folder)
    if card is None:
        raise ConfigError(
            f"{model}: its config.json names no family that can be trained here "
            "(encoder, encoder-decoder or decoder for text); choose another --base-model"
        )
    return replace(card, id=model)


def _known_card(model: str, cards: Sequence[ModelCard]) -> ModelCard | None:
    """The card of a named model as far as it is known without a download."""
    if is_linear(model):
        encoder = model.partition(":")[2]
        return _card_of(model, cards, False) if not encoder or _known_card(encoder, cards) else None
    if is_obtainable(model):
        return _card_of(model, cards, False)
    return next((card for card in cards if card.id == model), None)


def _ways_to_a_model(hub_allowed: bool) -> str:
    """What helps where nothing fits, of the ways that were not taken yet."""
    ways = ["name one (--base-model ID_or_FOLDER)"]
    if not hub_allowed:
        ways.append("allow the hub (--hub)")
    if not all(packaged_installed().values()):
        ways.append("install the packaged weights (prompt2model weights --install)")
    return ", or ".join(ways)


def _language_advice(hub_allowed: bool) -> str:
    hub = "" if hub_allowed else ", or allow the hub (--hub)"
    return f"Expect weaker answers, or name one made for it (--base-model ID_or_FOLDER){hub}."


def _notes(card: ModelCard, language: str, hub_allowed: bool) -> tuple[str, ...]:
    warning = language_warning(card, language)
    return (f"The base model {card.id} {warning}. {_language_advice(hub_allowed)}",) if warning else ()
