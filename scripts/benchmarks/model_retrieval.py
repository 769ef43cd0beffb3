"""Base models found for 60 task prompts among 11,320 real cards of 2023: by words, by meaning, by popularity, by HyDE.

The prompts and what is acceptable stand in model_retrieval_prompts.json, written before they were searched with. The
variant that is best on the first thirty (hit@5, then MRR, then the simpler one) is reported on the second thirty,
which were written when halves of the first thirty had disagreed: fifteen prompts were too few to choose on.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from acceptable_models import Rule, facts_of
from record import RECORDS, Figure, Record, options
from retrieval_sets import hub_models

from prompt2model.catalogue.card_vectors import card_vector_cache
from prompt2model.catalogue.model_cards import ModelCard
from prompt2model.console import SilentProgress
from prompt2model.model_retriever.filters import speaks
from prompt2model.model_retriever.ranking import ModelRanking, ModelScoring
from prompt2model.model_retriever.retriever import ModelRetriever, card_request, task_words
from prompt2model.records import TaskSpec
from prompt2model.teacher.client import ChatRequest
from prompt2model.teacher.embedded import EmbeddedClient

KEYS = ("plain_hit5", "default_hit5")


@dataclass(frozen=True)
class Variant:
    """A way to search: what is asked, and how cards are scored."""

    name: str
    hyde: bool
    scoring: ModelScoring


VARIANTS = (
    Variant("plain", False, ModelScoring("bm25", False)),
    Variant("popular", False, ModelScoring("bm25", True)),
    Variant("hyde", True, ModelScoring("bm25", False)),
    Variant("hyde_popular", True, ModelScoring("bm25", True)),
    Variant("dense", False, ModelScoring("dense", False)),
    Variant("dense_popular", False, ModelScoring("dense", True)),
    Variant("fused", False, ModelScoring("fused", False)),
    Variant("fused_popular", False, ModelScoring("fused", True)),
)
"""The simpler ones first. Those by meaning score the best 50 by words."""
PARTS = {
    "words": ("plain", "popular"),
    "hyde": ("hyde", "hyde_popular"),
    "meaning": ("dense", "dense_popular", "fused", "fused_popular"),
}


class Bench:
    """Everything that the variants share."""

    def __init__(self, data: Path, work: Path, quick: bool) -> None:
        self.rule = Rule()
        found = hub_models(data)
        cards = [card for card, _ in found]
        self.facts = {card.id: facts_of(card.id, front) for card, front in found}
        self.chosen_on = [prompt for prompt in self.rule.prompts if prompt.get("set", 1) == 1]
        self.reported_on = [prompt for prompt in self.rule.prompts if prompt.get("set", 1) == 2]
        if quick:
            cards = random.Random(0).sample(cards, 1000)
            self.chosen_on, self.reported_on = self.chosen_on[:2], self.reported_on[:2]
        self.cards, self.ranking = cards, ModelRanking(cards)
        self._cache = card_vector_cache(work / "card_vectors.sqlite")
        self._hypothetical = cache(lambda: _hypothetical_cards([*self.chosen_on, *self.reported_on], work))

    def top(self, variant: Variant, prompt: dict[str, Any], candidates: Sequence[ModelCard]) -> list[str]:
        """Ids, best first."""
        query = task_words(task_of(prompt))
        if variant.hyde:
            query = f"{query} {self._hypothetical()[prompt['id']]}"
        ranked = self.ranking.rank(
            query, candidates, variant.scoring, lambda texts: self._cache.vectors(texts, SilentProgress())
        )
        return [card.id for card, _ in ranked[:100]]

    def measure(
        self, variant: Variant, prompts: Sequence[dict[str, Any]], filtered: bool = False
    ) -> tuple[list[float], list[float], list[list[str]]]:
        """(hit@5 of each prompt, reciprocal rank of the first acceptable card among 100, the first five)."""
        hits, ranks, shown = [], [], []
        for prompt in prompts:
            named = [card for card in self.cards if not filtered or speaks(card, prompt["language"])]
            found = self.top(variant, prompt, named)
            right = [self.rule.accepts(prompt, self.facts[one]) for one in found]
            hits.append(float(any(right[:5])))
            ranks.append(1 / (right.index(True) + 1) if True in right else 0.0)
            shown.append(found[:5])
        return hits, ranks, shown


def task_of(prompt: dict[str, Any]) -> TaskSpec:
    """The prompt as the parser would give it."""
    return TaskSpec(prompt["prompt"], (), prompt["kind"], tuple(prompt["labels"]), prompt["language"], prompt["prompt"])


def _hypothetical_cards(prompts: Sequence[dict[str, Any]], work: Path) -> dict[str, str]:
    """By prompt, as the product asks the embedded teacher for them; kept in a file between runs."""
    file = work / "hypothetical_cards.json"
    kept: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    asked: dict[ChatRequest, str] = {card_request(task_of(one)): one["id"] for one in prompts if one["id"] not in kept}
    if asked:
        for request, response in EmbeddedClient().complete_many(asked):
            kept[asked[request]] = response.text
        file.write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")
    return kept


def bootstrap(values: Sequence[float], note: str) -> Figure:
    """The mean with a 95 % percentile interval over 10,000 resamplings of the queries."""
    rng = random.Random(0)
    means = sorted(statistics.fmean(rng.choices(values, k=len(values))) for _ in range(10_000))
    return Figure(statistics.fmean(values), len(values), means[250], means[9749], note=note)


def main() -> None:
    """Measure every variant on the prompts to choose on, report on the others, write the record."""
    parser = options(__doc__ or "")
    parser.add_argument("--only", choices=PARTS, help="measure these variants; the others' figures stay in the record")
    arguments = parser.parse_args()
    record = Record("model_retrieval", arguments, partial=bool(arguments.only))
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        names = PARTS[arguments.only] if arguments.only else tuple(one.name for one in VARIANTS)
        variants = [one for one in VARIANTS if one.name in names]
        _measure(Bench(arguments.data, work, arguments.quick), record, variants)
    record.finish(KEYS)


def _chosen_before() -> dict[str, tuple[float, float]]:
    """(hit@5, MRR) on the prompts to choose on, of the variants that stand in the record."""
    file = RECORDS / "model_retrieval.json"
    figures = json.loads(file.read_text())["figures"] if file.exists() else {}
    keys = {one.name: (f"{one.name}_hit5_choosing", f"{one.name}_mrr_choosing") for one in VARIANTS}
    return {name: (figures[hit]["value"], figures[mrr]["value"]) for name, (hit, mrr) in keys.items() if hit in figures}


def _measure(bench: Bench, record: Record, variants: Sequence[Variant]) -> None:
    chosen = _chosen_before() if record.partial else {}
    for variant in variants:
        hits, ranks, _ = bench.measure(variant, bench.chosen_on)
        chosen[variant.name] = statistics.fmean(hits), statistics.fmean(ranks)
        record.add(
            f"{variant.name}_hit5_choosing", Figure(chosen[variant.name][0], len(hits), note="prompts to choose on")
        )
        record.add(
            f"{variant.name}_mrr_choosing", Figure(chosen[variant.name][1], len(hits), note="prompts to choose on")
        )
    # `max` takes the first of equals: the simpler one.
    measured = [variant for variant in VARIANTS if variant.name in chosen]
    best = max(measured, key=lambda variant: chosen[variant.name])
    config = ModelRetriever().config
    ranking: Any = "dense" if config.ranking == "auto" else config.ranking
    ours = ModelScoring(ranking, config.popularity, config.shortlist), config.hypothetical_card
    product = next(one.name for one in VARIANTS if (one.scoring, one.hyde) == ours)
    for variant in variants:
        hits, ranks, _ = bench.measure(variant, bench.reported_on)
        record.add(f"{variant.name}_hit5", bootstrap(hits, "reported prompts"))
        record.add(f"{variant.name}_mrr", bootstrap(ranks, "reported prompts"))
    for name, variant in (
        ("default", best),
        ("plain_same_language", VARIANTS[0]),
        ("default_same_language", best),
    ):
        filtered = name.endswith("language")
        hits, ranks, shown = bench.measure(variant, bench.reported_on, filtered)
        note = f"{variant.name}, reported prompts{', only cards that speak the language' if filtered else ''}"
        record.add(f"{name}_hit5", bootstrap(hits, note))
        record.add(f"{name}_mrr", bootstrap(ranks, note))
        if name == "default":
            first = {prompt["id"]: five for prompt, five in zip(bench.reported_on, shown, strict=True)}
            record.extra["first_five"] = first
    record.extra["notes"] = [
        f"{len(bench.cards):,} cards. The best on the prompts to choose on, of "
        f"{', '.join(one.name for one in measured)}: `{best.name}`, here `default`; "
        f"the settings of the product are `{product}`.",
        "Hypothetical cards are the embedded teacher's (SmolLM2-135M-Instruct); a larger one was not at hand.",
        "What is acceptable was written down before any search (model_retrieval_prompts.json); most prompts are met "
        "by any card whose id or tags name the task and the language.",
    ]


if __name__ == "__main__":
    main()
