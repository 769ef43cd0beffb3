"""Intervals and verdicts on simulated predictors whose true figures are known: how often are they right?

Shares of right answers: does the 95 % interval of a measured accuracy hold the true one? Pairs: how often is one of two
equally good predictors called better, how often is a true difference told, and is the number of rows that is said to
tell a difference enough? Macro-F1 and ChrF++: the same for the bootstrap's intervals.

Two predictors agree as real ones do: on a share of the rows (`alike`) they are right or wrong together. What is said
of such a pair depends on two counts only, so every outcome that may happen is compared and weighed with its
probability: there is no chance in these figures. Shares and texts are drawn.
Every interval and verdict is the product's own. One process and one thread; no data is read.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from record import Figure, Record, options

from prompt2model.measures.metrics import Accuracy, ChrfPlusPlus, IntervalMetric, MacroF1
from prompt2model.measures.metrics.chrf import f_scores, row_statistics
from prompt2model.records import PairedComparison
from prompt2model.statistics import bootstrap
from prompt2model.statistics.pairs import compare_counts, compare_right, compare_scores, compare_sums

KEYS = ("coverage_mean_min", "coverage_mean_max", "coverage_min", "false_better")
ROWS = (20, 50, 200, 1000)
ACCURACIES = tuple(round(0.5 + 0.04 * step, 2) for step in range(13))
ALIKE = (0.0, 0.3, 0.6, 0.9)
DIFFERENCES = (0.02, 0.05, 0.10)
TABLES = (
    (20, 2, 0), (20, 3, 1), (20, 5, 1), (20, 6, 3), (20, 8, 6), (50, 3, 1), (50, 4, 0), (50, 8, 3), (50, 14, 7),
    (50, 20, 15), (200, 5, 2), (200, 12, 5), (200, 30, 20), (200, 60, 50), (1000, 20, 12), (1000, 80, 60),
    (1000, 200, 170),
)  # fmt: skip
"""(rows, rows where only the one is right, rows where only the other is): what was seen, and told nothing."""
WORDS = "the cat sat on a mat while two dogs ran away from the big red house in summer and came back at night".split()
POOL = 4000
"""Written answers that samples are drawn from; the figure over all of them is the truth."""


Ends = tuple[float, float]
Outcomes = tuple[list[tuple[int, int, int]], NDArray[np.float64]]
"""(rows, rows where only the one is right, rows where only the other is), each with its probability."""


@dataclass(frozen=True)
class Pool:
    """Two predictors' written answers to the same rows: texts, and their row statistics, float64 [rows, statistics]."""

    references: list[list[str]]
    texts: tuple[list[str], list[str]]
    statistics: tuple[NDArray[np.float64], NDArray[np.float64]]

    @classmethod
    def written(cls, right: tuple[float, float], size: int) -> Pool:
        """Answers that keep each word of the reference with the probability `right`, easier rows more of them."""
        draw = random.Random(0)
        references: list[list[str]] = []
        texts: tuple[list[str], list[str]] = ([], [])
        for _ in range(size):
            words, ease = draw.choices(WORDS, k=draw.randint(3, 14)), draw.gauss(0, 0.25)
            references.append([" ".join(words)])
            for share, answers in zip(right, texts, strict=True):
                kept = [word if draw.random() < share + ease else draw.choice(WORDS) for word in words]
                answers.append(" ".join(kept[: len(kept) - (draw.random() < 0.2)]))
        return cls(references, texts, (row_statistics(texts[0], references), row_statistics(texts[1], references)))

    def figures(self) -> tuple[float, float]:
        """Both predictors' corpus ChrF++ over the whole pool."""
        one, other = (float(f_scores(part.sum(axis=0, keepdims=True))[0]) for part in self.statistics)
        return one, other


@dataclass(frozen=True)
class Said:
    """How often the one is called better, and worse, and how often the interval holds the true difference."""

    better: float
    worse: float
    held: float


class Bench:
    """One run. `shares` repeats are drawn of right and wrong answers, `texts` where every repeat is resampled."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.shares, self.texts = (20_000, 20) if record.quick else (1_000_000, 1_000)
        self.rows = ROWS[:3] if record.quick else ROWS
        self.generator = np.random.default_rng(0)
        self._known: dict[tuple[int, int, int], PairedComparison] = {}

    def coverage_of_shares(self) -> None:
        """How often Accuracy's interval holds the true accuracy, on the grid."""
        means, cells = {}, {}
        for rows in ROWS:
            found = [_accuracy_of(right, rows) for right in range(rows + 1)]
            for accuracy in ACCURACIES:
                holds = np.array([low <= accuracy <= high for low, high in found])
                drawn = self.generator.binomial(rows, accuracy, size=self.shares)
                cells[rows, accuracy] = float(holds[drawn].mean())
            means[rows] = float(np.mean([cells[rows, accuracy] for accuracy in ACCURACIES]))
        for rows in ROWS:
            worst = min(ACCURACIES, key=lambda accuracy: cells[rows, accuracy])
            note = f"mean over true accuracies .50 to .98; lowest {cells[rows, worst]:.4f} at {worst}"
            self.record.add(f"coverage_{rows}", Figure(means[rows], self.shares, unit="of 95 % intervals", note=note))
        self.record.add("coverage_mean_min", Figure(min(means.values()), self.shares, note="lowest of the means per n"))
        self.record.add("coverage_mean_max", Figure(max(means.values()), self.shares, note="highest of them"))
        worst_cell = min(cells, key=lambda cell: cells[cell])
        note = f"lowest of {len(cells)} cells: n={worst_cell[0]}, accuracy {worst_cell[1]}"
        self.record.add("coverage_min", Figure(cells[worst_cell], self.shares, note=note))

    def equals(self) -> None:
        """Pairs of equally good predictors: how often one of the two, whichever, is called better."""
        cells = [(rows, accuracy, alike) for rows in self.rows for accuracy in ACCURACIES for alike in ALIKE]
        found = {cell: self._said(*self._outcomes(cell[0], cell[1], cell[1], cell[2]), 0.0) for cell in cells}
        said = {cell: one.better + one.worse for cell, one in found.items()}
        for rows in self.rows:
            here = [cell for cell in cells if cell[0] == rows]
            worst = max(here, key=lambda cell: said[cell])
            note = f"mean of {len(here)} cells, highest {said[worst]:.4f} at accuracy {worst[1]}, alike {worst[2]}"
            mean = float(np.mean([said[cell] for cell in here]))
            self.record.add(f"false_better_{rows}", Figure(mean, rows, unit="of pairs of equals", note=note))
            self._add_coverage(f"difference_coverage_{rows}_0.00", rows, [found[cell].held for cell in here])
        worst = max(cells, key=lambda cell: said[cell])
        where = f"n={worst[0]}, accuracy {worst[1]}, alike {worst[2]}"
        note = f"one of two equally good ones called better; highest of {len(cells)} cells: {where}"
        self.record.add("false_better", Figure(said[worst], worst[0], unit="of pairs of equals", note=note))
        self._drawn(worst)

    def _drawn(self, cell: tuple[int, float, float]) -> None:
        """The same cell by drawing the answers themselves, row by row."""
        rows, accuracy, alike = cell
        repeats = 200 if self.record.quick else 20_000
        told = 0
        for _ in range(repeats):
            one, other = self.generator.random((2, rows)) < accuracy
            other = np.where(self.generator.random(rows) < alike, one, other)
            told += compare_right("accuracy", one, other).verdict != "cannot_tell"
        note = f"that cell again, answers drawn row by row; standard error {math.sqrt(0.05 * 0.95 / repeats):.4f}"
        self.record.add("false_better_drawn", Figure(told / repeats, repeats, unit="of pairs of equals", note=note))

    def differences(self) -> None:
        """Pairs with a true difference: how often it is told, and how often its interval holds it."""
        for rows in self.rows:
            for difference in DIFFERENCES:
                found = {
                    (accuracy, alike): self._said(
                        *self._outcomes(rows, accuracy + difference, accuracy, alike), difference
                    )
                    for accuracy in ACCURACIES
                    for alike in ALIKE
                    if accuracy + difference < 1
                }
                told = {
                    alike: np.mean([one.better for cell, one in found.items() if cell[1] == alike]) for alike in ALIKE
                }
                parts = ", ".join(f"{mean:.2f} alike {alike:.1f}" for alike, mean in told.items())
                wrong = max(one.worse for one in found.values())
                note = f"mean of {len(found)} cells ({parts}); the poorer one called better in {wrong:.4f} at most"
                mean = float(np.mean([one.better for one in found.values()]))
                key = f"{rows}_{difference:.2f}"
                self.record.add(f"power_{key}", Figure(mean, rows, unit="of pairs", note=note))
                self._add_coverage(f"difference_coverage_{key}", rows, [one.held for one in found.values()])

    def rows_that_tell(self) -> None:
        """Predictors that truly differ as a table shows: does the number of rows that is named tell it in 80 %?"""
        power, table = [], []
        for rows, won, lost in TABLES:
            more = self._compared(rows, won, lost).more_rows
            if more is None:
                raise ValueError(f"{won} against {lost} of {rows} rows tells already")
            told = self._said(*self._probable(more, won / rows, lost / rows), (won - lost) / rows).better
            power.append((told, f"{won} against {lost} of {rows}"))
            table.append({"rows": rows, "won": won, "lost": lost, "more_rows": more, "told": round(told, 4)})
        self.record.extra["rows_that_tell"] = table
        (least, poorest), (most, richest) = min(power), max(power)
        note = f"mean of {len(power)} tables; lowest {least:.3f} ({poorest}), highest {most:.3f} ({richest})"
        mean = float(np.mean([told for told, _ in power]))
        self.record.add("more_rows_power", Figure(mean, len(power), unit="of pairs", note=note))

    def coverage_of_macro_f1(self) -> None:
        """How often MacroF1's interval holds the true figure; answers right in 80 % of rows, uneven labels."""
        for labels in (3, 6):
            names = [f"label {number}" for number in range(labels)]
            shares = np.array([1.5**-number for number in range(labels)])
            table = np.full((labels, labels), 0.2 / (labels - 1))
            np.fill_diagonal(table, 0.8)
            table *= (shares / shares.sum())[:, None]
            cells = [(gold, said) for gold in names for said in names]
            whole = np.rint(table.ravel() * 20_000).astype(int)
            truth = _measured(MacroF1(resamples=100), cells, whole)[0]
            for rows in ROWS[:3]:
                found, plain = [], []
                for repeat in range(self.texts):
                    drawn = self.generator.multinomial(rows, whole / whole.sum())
                    with plain_percentiles() as percentiles:
                        ends = _measured(MacroF1(seed=repeat), cells, drawn)[1:]
                    found.append(ends)
                    plain.append(_or_spread(percentiles[-1], ends))
                self._add_held(f"macro_f1_coverage_{labels}_labels_{rows}", found, truth, plain)

    def coverage_of_chrf(self) -> None:
        """How often ChrfPlusPlus's interval holds the figure of the whole pool."""
        pool = Pool.written((0.7, 0.6), POOL)
        truth, _ = pool.figures()
        for rows in ROWS[:3]:
            found, plain = [], []
            for repeat in range(self.texts):
                drawn = self.generator.integers(0, POOL, size=rows)
                texts, references = [pool.texts[0][row] for row in drawn], [pool.references[row] for row in drawn]
                with plain_percentiles() as percentiles:
                    metric = ChrfPlusPlus(seed=repeat).measure(texts, references)
                found.append((metric.low, metric.high))
                plain.append(_or_spread(percentiles[-1], found[-1]))
            self._add_held(f"chrf_coverage_{rows}", found, truth, plain)

    def written_pairs(self) -> None:
        """Corpus ChrF++ of two predictors: equals are made by swapping their answers at random."""
        pool = Pool.written((0.7, 0.65), POOL)
        one, other = pool.statistics
        truth = pool.figures()[0] - pool.figures()[1]
        for rows in ROWS[:3]:
            equals, apart = [], []
            for repeat in range(self.texts):
                drawn = self.generator.integers(0, POOL, size=rows)
                mine, theirs = one[drawn], other[drawn]
                apart.append(compare_sums("chrf++", mine, theirs, f_scores, 100.0, seed=repeat))
                swapped = self.generator.random(rows)[:, None] < 0.5
                both = np.where(swapped, theirs, mine), np.where(swapped, mine, theirs)
                equals.append(compare_sums("chrf++", *both, f_scores, 100.0, seed=repeat))
            self._add_equals(f"chrf_{rows}", equals)
            told = float(np.mean([one.verdict == "better" for one in apart]))
            note = f"a true difference of {truth:.3g} points told"
            self.record.add(f"chrf_{rows}_power", Figure(told, len(apart), unit="of pairs", note=note))
            self._add_held(f"chrf_{rows}_difference_coverage", [(one.low, one.high) for one in apart], truth)

    def scored_pairs(self) -> None:
        """Means of one score per row. The hard case: most rows differ a little one way, a few much the other way."""
        for rows in ROWS[:3]:
            equals = []
            for repeat in range(self.texts):
                level = self.generator.uniform(0.2, 0.4, size=rows)
                skewed = level + self.generator.exponential(0.1, size=rows) - 0.1
                equals.append(compare_scores("score", skewed, level, seed=repeat))
            self._add_equals(f"skewed_scores_{rows}", equals)

    def _outcomes(self, rows: int, one: float, other: float, alike: float) -> Outcomes:
        """The outcomes of two predictors of these accuracies, alike on such a share of the rows."""
        both = alike * min(one, other) + (1 - alike) * one * other
        return self._probable(rows, one - both, other - both)

    def _probable(self, rows: int, only_one: float, only_other: float) -> Outcomes:
        """All (rows, won, lost) that are likelier than one in 10 thousand millions, with their probabilities."""
        logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, rows + 1)))])
        ends = [math.ceil(share * rows + 8 * math.sqrt(share * rows) + 12) for share in (only_one, only_other)]
        won, lost = np.meshgrid(*(np.arange(min(rows, end) + 1) for end in ends), indexing="ij")
        rest = rows - won - lost
        places = rest >= 0
        won, lost, rest = won[places], lost[places], rest[places]
        chances = [max(share, 1e-300) for share in (only_one, only_other, 1 - only_one - only_other)]
        counts = (won, lost, rest)
        log = logs[rows] + sum(n * math.log(chance) - logs[n] for n, chance in zip(counts, chances, strict=True))
        likely = log > math.log(1e-10)
        pairs = zip(won[likely].tolist(), lost[likely].tolist(), strict=True)
        return [(rows, *pair) for pair in pairs], np.exp(log[likely])

    def _said(self, outcomes: list[tuple[int, int, int]], chances: NDArray[np.float64], difference: float) -> Said:
        """What is said of the outcomes, weighed by their chances."""
        found = [self._compared(*outcome) for outcome in outcomes]
        # Figures are rounded to six digits.
        held = [one.low - 1e-6 <= difference <= one.high + 1e-6 for one in found]
        parts = ([one.verdict == "better" for one in found], [one.verdict == "worse" for one in found], held)
        return Said(*(float(np.dot(part, chances)) for part in parts))

    def _compared(self, rows: int, won: int, lost: int) -> PairedComparison:
        if (rows, won, lost) not in self._known:
            self._known[rows, won, lost] = compare_counts("accuracy", won, lost, rows)
        return self._known[rows, won, lost]

    def _add_coverage(self, key: str, rows: int, holds: list[float]) -> None:
        note = f"mean of {len(holds)} cells, lowest {min(holds):.4f}"
        self.record.add(key, Figure(float(np.mean(holds)), rows, unit="of 95 % intervals", note=note))

    def _add_held(self, key: str, found: list[Ends], truth: float, plain: list[Ends] | None = None) -> None:
        """How many intervals hold the truth; `plain` are those of the plain percentiles, for comparison."""

        def held(ends: list[Ends]) -> float:
            return float(np.mean([low - 1e-6 <= truth <= high + 1e-6 for low, high in ends]))

        note = f"the true {truth:.4g} held; mean width {np.mean([high - low for low, high in found]):.3g}"
        if plain is not None:
            note += f"; plain percentiles of the same resamples: {held(plain):.4g}"
        self.record.add(key, Figure(held(found), len(found), unit="of 95 % intervals", note=note))

    def _add_equals(self, name: str, equals: list[PairedComparison]) -> None:
        said = float(np.mean([one.verdict != "cannot_tell" for one in equals]))
        note = "one of two equally good ones called better"
        self.record.add(f"{name}_false_better", Figure(said, len(equals), unit="of pairs of equals", note=note))
        self._add_held(f"{name}_equals_coverage", [(one.low, one.high) for one in equals], 0.0)


@contextmanager
def plain_percentiles() -> Iterator[list[Ends]]:
    """The plain 2.5 % and 97.5 % points of the resamples, beside the intervals that the product makes of them."""
    kept: list[Ends] = []
    product = bootstrap.expanded_interval

    def both(values: NDArray[np.float64], rows: int) -> Ends:
        low, high = np.quantile(values, [0.025, 0.975])
        kept.append((float(low), float(high)))
        return product(values, rows)

    bootstrap.expanded_interval = both
    try:
        yield kept
    finally:
        bootstrap.expanded_interval = product


def _or_spread(plain: Ends, ends: Ends) -> Ends:
    """Where nothing spreads, no percentiles are taken."""
    return plain if plain[1] - plain[0] > 1e-9 else ends


def _accuracy_of(right: int, rows: int) -> tuple[float, float]:
    """The interval that the product gives to so many right answers."""
    answers = ["yes"] * right + ["no"] * (rows - right)
    metric = Accuracy().measure(answers, [["yes"]] * rows)
    return metric.low, metric.high


def _measured(
    metric: IntervalMetric, cells: list[tuple[str, str]], counts: NDArray[np.int64]
) -> tuple[float, float, float]:
    """The figure and its interval where each (right label, answer) comes so often."""
    rows = [cell for cell, count in zip(cells, counts.tolist(), strict=True) for _ in range(count)]
    found = metric.measure([said for _, said in rows], [[gold] for gold, _ in rows])
    return found.value, found.low, found.high


def main() -> None:
    """Measure everything and write the record."""
    arguments = options(__doc__ or "", needs_data=False).parse_args()
    record = Record("intervals", arguments)
    record.extra["seeds"] = [0]
    bench = Bench(record)
    parts: tuple[Callable[[], None], ...] = (
        bench.coverage_of_shares, bench.equals, bench.differences, bench.rows_that_tell, bench.coverage_of_macro_f1,
        bench.coverage_of_chrf, bench.written_pairs, bench.scored_pairs,
    )  # fmt: skip
    for part in parts:
        part()
    record.finish(KEYS)


if __name__ == "__main__":
    main()
