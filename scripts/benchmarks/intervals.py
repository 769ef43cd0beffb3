"""Intervals and verdicts on simulated predictors whose true figures are known: how often are they right?

Shares of right answers: does the 95 % interval of a measured accuracy hold the true one? Pairs: how often is one of two
equally good predictors called better, how often is a true difference told, and is the number of rows that is said to
tell a difference enough? Macro-F1 and ChrF++: the same for the bootstrap's intervals.

Two predictors agree as real ones do: on a share of the rows (`alike`) they are right or wrong together.
Every interval and verdict is the product's own. One process and one thread; no data is read.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from record import Figure, Record, options

from prompt2model.model_evaluator.metrics import Accuracy, ChrfPlusPlus, IntervalMetric, MacroF1
from prompt2model.model_evaluator.metrics.chrf import f_scores, row_statistics
from prompt2model.records import PairedComparison
from prompt2model.statistics.pairs import compare_counts, compare_scores, compare_sums

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


class Bench:
    """One run. `pairs` repeats are drawn of right and wrong answers, `texts` where every repeat is resampled."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.shares, self.pairs, self.texts = (20_000, 5_000, 20) if record.quick else (1_000_000, 100_000, 1_000)
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
        worst = (0.0, "")
        for rows in ROWS:
            said, holds = [], []
            for accuracy in ACCURACIES:
                for alike in ALIKE:
                    better, worse, held = self._verdicts(rows, accuracy, accuracy, alike)
                    said.append((better + worse, f"n={rows}, accuracy {accuracy}, alike {alike}"))
                    holds.append(held)
            highest, where = max(said)
            worst = max(worst, (highest, where))
            mean = float(np.mean([one for one, _ in said]))
            note = f"either of the two called better; mean of {len(said)} cells, highest {highest:.4f} at {where}"
            self.record.add(f"false_better_{rows}", Figure(mean, self.pairs, unit="of pairs", note=note))
            self._add_coverage(f"difference_coverage_{rows}_0.00", holds)
        note = f"either of two equally good ones called better, highest of all cells: {worst[1]}"
        self.record.add("false_better", Figure(worst[0], self.pairs, unit="of pairs", note=note))

    def differences(self) -> None:
        """Pairs with a true difference: how often it is told, and how often its interval holds it."""
        for rows in ROWS:
            for difference in DIFFERENCES:
                told: dict[float, list[float]] = {alike: [] for alike in ALIKE}
                holds, reversed_ = [], 0.0
                for accuracy in ACCURACIES:
                    if accuracy + difference > 1:
                        continue
                    for alike in ALIKE:
                        better, worse, held = self._verdicts(rows, accuracy + difference, accuracy, alike)
                        told[alike].append(better)
                        holds.append(held)
                        reversed_ = max(reversed_, worse)
                every = [one for found in told.values() for one in found]
                per = ", ".join(f"{np.mean(found):.2f} alike {alike:.1f}" for alike, found in told.items())
                note = (
                    f"mean over accuracies and likeness ({per}); the poorer one called better: at most {reversed_:.4f}"
                )
                key = f"{rows}_{difference:.2f}"
                self.record.add(f"power_{key}", Figure(float(np.mean(every)), self.pairs, unit="of pairs", note=note))
                self._add_coverage(f"difference_coverage_{key}", holds)

    def rows_that_tell(self) -> None:
        """Predictors that truly differ as a table shows: does the number of rows that is named tell it in 80 %?"""
        power, table = [], []
        for rows, won, lost in TABLES:
            seen = self._compared(rows, won, lost)
            if seen.more_rows is None:
                raise ValueError(f"{won} against {lost} of {rows} rows tells already")
            drawn = self.generator.multinomial(
                seen.more_rows, [won / rows, lost / rows, 1 - (won + lost) / rows], size=self.pairs
            )
            verdicts = self._each(seen.more_rows, drawn[:, 0], drawn[:, 1])
            told = sum(share for one, share in verdicts if one.verdict == "better")
            power.append((told, f"{won} against {lost} of {rows}"))
            table.append({"rows": rows, "won": won, "lost": lost, "more_rows": seen.more_rows, "told": round(told, 4)})
        self.record.extra["rows_that_tell"] = table
        (least, poorest), (most, _) = min(power), max(power)
        note = f"mean over {len(power)} tables; lowest {least:.3f} ({poorest}), highest {most:.3f}"
        mean = float(np.mean([told for told, _ in power]))
        self.record.add("more_rows_power", Figure(mean, self.pairs, unit="of pairs", note=note))

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
                found = [
                    _measured(MacroF1(seed=repeat), cells, self.generator.multinomial(rows, whole / whole.sum()))[1:]
                    for repeat in range(self.texts)
                ]
                self._add_held(f"macro_f1_coverage_{labels}_labels_{rows}", found, truth, "true macro-F1 held")

    def coverage_of_chrf(self) -> None:
        """How often ChrfPlusPlus's interval holds the figure of the whole pool."""
        pool = Pool.written((0.7, 0.6), POOL)
        truth, _ = pool.figures()
        for rows in ROWS[:3]:
            found = []
            for repeat in range(self.texts):
                drawn = self.generator.integers(0, POOL, size=rows)
                texts, references = ([part[row] for row in drawn] for part in (pool.texts[0], pool.references))
                metric = ChrfPlusPlus(seed=repeat).measure(texts, references)
                found.append((metric.low, metric.high))
            self._add_held(f"chrf_coverage_{rows}", found, truth, "corpus ChrF++ of the pool held")

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
            self._add_pairs(f"chrf_{rows}", equals, apart, truth)

    def scored_pairs(self) -> None:
        """Means of one score per row. The hard case: most rows differ a little one way, a few much the other way."""
        for rows in ROWS[:3]:
            equals, apart = [], []
            for repeat in range(self.texts):
                level = self.generator.uniform(0.2, 0.4, size=rows)
                skewed = level + self.generator.exponential(0.1, size=rows) - 0.1
                equals.append(compare_scores("score", skewed, level, seed=repeat))
                apart.append(compare_scores("score", skewed + 0.02, level, seed=repeat))
            self._add_pairs(f"skewed_scores_{rows}", equals, apart, 0.02)

    def _verdicts(self, rows: int, one: float, other: float, alike: float) -> tuple[float, float, float]:
        """Shares of pairs where the one is called better, and worse, and where the interval holds the difference."""
        both = alike * min(one, other) + (1 - alike) * one * other
        only = np.array([one - both, other - both])
        drawn = self.generator.multinomial(rows, [*only, 1 - only.sum()], size=self.pairs)
        better = worse = held = 0.0
        for found, share in self._each(rows, drawn[:, 0], drawn[:, 1]):
            better += share * (found.verdict == "better")
            worse += share * (found.verdict == "worse")
            # Figures are rounded to six digits.
            held += share * (found.low - 1e-6 <= one - other <= found.high + 1e-6)
        return better, worse, held

    def _each(
        self, rows: int, won: NDArray[np.int64], lost: NDArray[np.int64]
    ) -> Iterator[tuple[PairedComparison, float]]:
        """Every distinct outcome compared, with the share of repeats that it has."""
        outcomes, counts = np.unique(won * (rows + 1) + lost, return_counts=True)
        for outcome, count in zip(outcomes.tolist(), counts.tolist(), strict=True):
            yield self._compared(rows, *divmod(outcome, rows + 1)), count / len(won)

    def _compared(self, rows: int, won: int, lost: int) -> PairedComparison:
        if (rows, won, lost) not in self._known:
            self._known[rows, won, lost] = compare_counts("accuracy", won, lost, rows)
        return self._known[rows, won, lost]

    def _add_coverage(self, key: str, holds: list[float]) -> None:
        note = f"mean of {len(holds)} cells, lowest {min(holds):.4f}"
        self.record.add(key, Figure(float(np.mean(holds)), self.pairs, unit="of 95 % intervals", note=note))

    def _add_held(self, key: str, found: list[tuple[float, float]], truth: float, note: str) -> None:
        held = float(np.mean([low - 1e-6 <= truth <= high + 1e-6 for low, high in found]))
        width = float(np.mean([high - low for low, high in found]))
        self.record.add(key, Figure(held, len(found), unit="of 95 % intervals", note=f"{note}; mean width {width:.3g}"))

    def _add_pairs(
        self, name: str, equals: list[PairedComparison], apart: list[PairedComparison], truth: float
    ) -> None:
        said = float(np.mean([one.verdict != "cannot_tell" for one in equals]))
        note = "either of two equally good ones called better"
        self.record.add(f"{name}_false_better", Figure(said, len(equals), unit="of pairs", note=note))
        told = float(np.mean([one.verdict == "better" for one in apart]))
        note = f"a true difference of {truth:.3g} told"
        self.record.add(f"{name}_power", Figure(told, len(apart), unit="of pairs", note=note))
        self._add_held(f"{name}_difference_coverage", [(one.low, one.high) for one in apart], truth, "difference held")


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
