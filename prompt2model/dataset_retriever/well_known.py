"""The few well-known data sets that a task speaks of, by the facts that ship; for a line to the person, without a hub.

A wrong hint is worse than none. So a task has to name half of what a data set is about, by rare words rather than
frequent ones, and most tasks get no hint. The numbers were chosen on 60 prompts and then tried on 427 others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.catalogue.licences import allows_commercial_use
from prompt2model.catalogue.starter_datasets import starter_datasets
from prompt2model.component import RunContext
from prompt2model.dataset_retriever.config import DatasetRetrieverConfig
from prompt2model.dataset_retriever.fitting import STOP_WORDS, speaks
from prompt2model.errors import HubError
from prompt2model.records import Kind, TaskSpec
from prompt2model.text_index.terms import TermReader

_MOST = 3
_SHARE = 0.5
"""Of what a card is about, the least that the task must name."""
_WEIGHT = 5.0
"""That share times the summed rarity of the words that task and card share, at least."""
_NEAR_THE_BEST = 0.7
_ENOUGH_WORDS = 3
_SHARE_BY_TWO_WORDS = 0.7

# They say what a row looks like, not what it is about.
_FORM_WORDS = (
    "task question sentence text word answer generate write whether yes pair short long one two three four five six "
    "ten first second order form kind several various type english"
)
# So many data sets have these labels that they tell nothing without a word on what is judged.
_POLARITY = "positive negative neutral"

_TAGS: Mapping[Kind, frozenset[str]] = {
    "classification": frozenset(
        {"topic", "sentiment", "intent", "emotion", "hate", "spam", "nli", "paraphrase", "fact checking", "irony"}
        | {"readability"}
    ),
    "multiple_choice": frozenset({"multiple choice"}),
    "generation": frozenset(
        {"summarisation", "translation", "code", "text to SQL", "simplification", "dialogue", "extraction", "maths"}
        | {"question answering", "reasoning", "grammar correction", "data to text", "style transfer", "compression"}
        | {"generation"}
    ),
}
"""What the data sets of each kind of task are tagged with."""


@dataclass(frozen=True, slots=True)
class _Words:
    """The stems of one card: of its description and tags together, and of its tags alone."""

    all: frozenset[str]
    tags: frozenset[str]


def hint(task: TaskSpec, config: DatasetRetrieverConfig, context: RunContext) -> str:
    """One line on what `--hub` could look at. Empty where it did, where no data set is wanted or none clearly fits."""
    if context.hub_allowed or config.datasets not in ("ask", "auto"):
        return ""
    cards = _fit_for(task, config.use)
    if not cards:
        return ""
    return (
        f"well-known data sets that may fit, by the facts that ship ({_dates(cards)}): {_names(cards)}. To have their "
        "licence and rows looked at on the Hugging Face hub, run with --hub and another --name"
    )


def without_the_hub(task: TaskSpec, use: str, error: HubError) -> str:
    """One line where the hub was to be searched and does not answer."""
    cards = _fit_for(task, use)
    fitting = f"these may fit: {_names(cards)}" if cards else "none clearly fits"
    return (
        f"the hub did not answer, so the run goes on without its data sets ({error}). Of well-known ones, by the facts "
        f"that ship ({_dates(cards or starter_datasets())}), {fitting}. To have the hub searched later, give the run "
        "another --name"
    )


def _fit_for(task: TaskSpec, use: str) -> tuple[DatasetCard, ...]:
    cards = well_known_for(task)
    # A licence that is not known is not held against a card here: the hub will be asked.
    return tuple(card for card in cards if use == "any" or allows_commercial_use(card.licence) is not False)


def _names(cards: Sequence[DatasetCard]) -> str:
    return ", ".join(card.id for card in cards)


def _dates(cards: Sequence[DatasetCard]) -> str:
    dates = sorted({card.facts_date for card in cards})
    return dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"


def well_known_for(task: TaskSpec) -> tuple[DatasetCard, ...]:
    """At most three cards that are about the same as the task, best first; mostly none."""
    cards = starter_datasets()
    reader = TermReader()
    ignored = _stems(reader, " ".join((*STOP_WORDS, _FORM_WORDS)))
    words = {card.id: _words(reader, card, ignored) for card in cards}
    rarity = _rarity([one.all for one in words.values()])
    said = _stems(reader, " ".join((task.instruction, *task.labels))) - ignored
    polarity = _stems(reader, _POLARITY)
    scored = [
        (_score(words[card.id], said, polarity, rarity, task.kind), card)
        for card in cards
        if speaks(card, task.language) and not _TAGS[task.kind].isdisjoint(card.tags)
    ]
    found = sorted((one for one in scored if one[0] > 0), key=lambda one: (-one[0], one[1].id))
    return tuple(card for score, card in found if score >= _NEAR_THE_BEST * found[0][0])[:_MOST]


def _score(
    words: _Words, said: frozenset[str], polarity: frozenset[str], rarity: Mapping[str, float], kind: Kind
) -> float:
    """How much of what a card is about the task names; 0 where that is too little to speak of."""
    shared = words.all & said
    weight = sum(rarity[word] for word in shared)
    share = weight / (sum(rarity[word] for word in words.all) or 1.0)
    # Two words tell what a label is about, but not what is to be written.
    two_will_do = bool(shared & words.tags) or (kind != "generation" and share >= _SHARE_BY_TWO_WORDS)
    enough = len(shared) >= _ENOUGH_WORDS or (len(shared) == _ENOUGH_WORDS - 1 and two_will_do)
    if not enough or share < _SHARE or share * weight < _WEIGHT or shared <= polarity:
        return 0.0
    return share * weight


def _words(reader: TermReader, card: DatasetCard, ignored: frozenset[str]) -> _Words:
    tags = _stems(reader, " ".join(card.tags)) - ignored
    return _Words((_stems(reader, card.description) - ignored) | tags, tags)


def _stems(reader: TermReader, text: str) -> frozenset[str]:
    return frozenset(stem for stem in reader.read([text])[0] if len(stem) > 1 and not stem.isdigit())


def _rarity(texts: Sequence[frozenset[str]]) -> dict[str, float]:
    """Inverse document frequency of each stem."""
    counts = Counter(stem for text in texts for stem in text)
    return {stem: math.log(1 + len(texts) / count) for stem, count in counts.items()}
