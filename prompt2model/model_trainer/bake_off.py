"""Several students on the same rows, of which the simplest is taken that is as good as the best.

Known sizes over the limit are refused before anything is trained, measured ones after, and then slow ones. The others
are compared on the validation rows. Equal runs make equal students and equal scores; only what is decided by a measured
latency may differ between them, where a student is about as slow as the limit.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Literal

from prompt2model.artifacts import add_timing, load_timing
from prompt2model.catalogue.training_method import method_for
from prompt2model.component import RunContext
from prompt2model.console import latency_words, size_words
from prompt2model.errors import ConfigError, NotEnoughDataError, Prompt2ModelError
from prompt2model.inference.device import memory_for_training
from prompt2model.model_trainer.candidate_table import score_words
from prompt2model.model_trainer.candidates import Entrant, entrants
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.inputs import TrainInputs
from prompt2model.model_trainer.jobs import Job, JobResult, run_jobs, write_job
from prompt2model.model_trainer.limits import device_of, least_bytes
from prompt2model.model_trainer.rows import item_of
from prompt2model.model_trainer.validation_scores import clearly_worse, score_of
from prompt2model.records import Kind, Metric, Rows, TrainedCandidate

_SINGLES = 30
_WARM_UP = 3
_SLOW_SECONDS = 15.0
"""After this no further answer is timed."""


@dataclass(frozen=True)
class Standing:
    """A student that was trained, is within the limits, and takes part in the choice. `latency` in seconds."""

    entrant: Entrant
    folder: Path
    result: JobResult
    score: Metric
    latency: float


@dataclass(frozen=True)
class BakeOff:
    """What came of it: all candidates, the one that was chosen, and what each took in time and memory, by its id."""

    candidates: tuple[TrainedCandidate, ...]
    chosen: Standing
    timing: Mapping[str, Mapping[str, Any]]


def bake_off(inputs: TrainInputs, validation: Rows, config: ModelTrainerConfig, context: RunContext) -> BakeOff:
    """Train all candidates, each in a folder of its own, and choose. A killed one goes on with what it had finished.

    Raises NotEnoughDataError without validation rows, ConfigError when the limits refuse every student, and what the
    first student failed with when all do.
    """
    if not len(validation):
        raise NotEnoughDataError(
            "a bake-off is decided on validation rows and there are none; give more rows, or leave out --bake-off"
        )
    contest = _Contest(inputs, config, context)
    contest.train(entrants(inputs, config, context.hub_allowed))
    standing = contest.measured(validation)
    if not standing:
        raise contest.nobody()
    choice = choose(inputs.task.kind, standing, context.seed, config.tolerance)
    contest.verdicts |= choice
    chosen = next(one for one in standing if choice[one.entrant.id].verdict == "chosen")
    candidates = tuple(contest.verdicts[entrant.id] for entrant in contest.entrants)
    return BakeOff(candidates, chosen, {entrant.id: load_timing(folder) for entrant, folder, _ in contest.trained})


def choose(kind: Kind, standing: Sequence[Standing], seed: int, tolerance: float) -> dict[str, TrainedCandidate]:
    """Verdicts by id: the simplest of those that are as good as the best one, as far as the rows tell, is `chosen`.

    As good: the score lies inside the best one's interval, at most `tolerance` (a share of the scale) below it, and on
    the same rows the student is not clearly worse. Few rows have a wide interval and show little: there the tolerance
    decides. Simplest: fewest bytes, then the lower latency.
    """
    best = max(standing, key=lambda one: (one.score.value, -one.result.bytes, -one.latency))
    falls_short = {one.entrant.id: _shortfall(kind, one, best, seed, tolerance) for one in standing}
    as_good = [one for one in standing if not falls_short[one.entrant.id]]
    simplest = min(as_good, key=lambda one: (one.result.bytes, one.latency))
    verdicts = {}
    for one in standing:
        verdict: Literal["chosen", "within", "worse"] = (
            "chosen" if one is simplest else "within" if one in as_good else "worse"
        )
        reason = falls_short[one.entrant.id] or _merit(one, best, simplest)
        verdicts[one.entrant.id] = _verdict(one, verdict, reason)
    return verdicts


def _shortfall(kind: Kind, one: Standing, best: Standing, seed: int, tolerance: float) -> str:
    """Why a student is not as good as the best one; empty where it is."""
    margin = tolerance * (100 if kind == "generation" else 1)
    if one.score.value < best.score.low:
        return f"below the interval of {best.entrant.id}"
    if one.score.value < best.score.value - margin - 1e-9:
        return f"more than {margin:.3g} below {best.entrant.id}"
    if one is not best and clearly_worse(kind, one.result.scores, best.result.scores, seed):
        return f"clearly worse than {best.entrant.id} on the same rows"
    return ""


def _merit(one: Standing, best: Standing, simplest: Standing) -> str:
    if one is best:
        return "the best" + ("" if one is simplest else f", and {simplest.entrant.id} is as good and smaller")
    as_good = f"as good as {best.entrant.id}, as far as {one.score.n} rows tell"
    return f"the smallest that is {as_good}" if one is simplest else f"{as_good}, and larger than {simplest.entrant.id}"


def _verdict(one: Standing, verdict: Literal["chosen", "within", "worse"], reason: str) -> TrainedCandidate:
    entrant, method = one.entrant, one.result.student.method
    return TrainedCandidate(
        entrant.id, entrant.base, entrant.family, method, verdict, reason, one.score, one.result.bytes
    )


class _Contest:
    """One bake-off: what is known of each candidate so far."""

    def __init__(self, inputs: TrainInputs, config: ModelTrainerConfig, context: RunContext) -> None:
        self.inputs, self.config, self.context = inputs, config, context
        self.entrants: list[Entrant] = []
        self.verdicts: dict[str, TrainedCandidate] = {}
        self.trained: list[tuple[Entrant, Path, JobResult]] = []
        self._first_error: Prompt2ModelError | None = None

    def train(self, found: Sequence[Entrant]) -> None:
        """Train every entrant that is not known to be too large."""
        self.entrants = list(found)
        say = self.context.progress.say
        say(f"  bake-off of {len(found)} students: {', '.join(entrant.id for entrant in found)}")
        runners = [(number, one) for number, one in enumerate(found) if not self._known_too_large(one)]
        folders = [self.context.folder / "candidates" / one.folder_name(number) for number, one in runners]
        for (number, entrant), folder in zip(runners, folders, strict=True):
            write_job(self._job(entrant, f"student {number + 1} of {len(found)}, {entrant.id}"), folder)
        for place, result in run_jobs(folders, self.context):
            entrant = runners[place][1]
            if isinstance(result, Prompt2ModelError):
                self._first_error = self._first_error or result
                self._out(entrant, "failed", str(result))
            else:
                self.trained.append((entrant, folders[place], result))
                score = score_of(self.inputs.task.kind, result.scores, self.context.seed)
                say(f"  {entrant.id}: {score_words(score)} on {score.n} validation rows")
        self.trained.sort(key=lambda line: self.entrants.index(line[0]))

    def measured(self, validation: Rows) -> list[Standing]:
        """Those within the limits, with their latency. Timed one after the other, when nothing else is at work."""
        standing = []
        for entrant, folder, result in self.trained:
            if self._too_large(entrant, result):
                continue
            latency = self._latency(folder, result, validation)
            score = score_of(self.inputs.task.kind, result.scores, self.context.seed)
            limit = self.config.latency_limit
            if limit is not None and latency > limit:
                why = f"{latency_words(latency)} for an answer is more than {self.config.max_latency}"
                self._out(entrant, "refused", why, result, score)
            else:
                standing.append(Standing(entrant, folder, result, score, latency))
        return standing

    def nobody(self) -> Prompt2ModelError:
        """Why there is no student at all."""
        if self._first_error is not None and all(line.verdict == "failed" for line in self.verdicts.values()):
            return self._first_error
        reasons = "; ".join(f"{line.id}: {line.reason}" for line in self.verdicts.values())
        return ConfigError(f"no student is within the limits ({reasons}); raise --max-size or --max-latency")

    def _job(self, entrant: Entrant, title: str) -> Job:
        settings = self.config.of_one_training().model_dump(mode="json", exclude_defaults=True)
        return Job(title, entrant.base, entrant.family, settings, self.context.seed, self.context.hub_allowed)

    def _known_too_large(self, entrant: Entrant) -> bool:
        limit, least = self.config.size_limit, least_bytes(entrant.family, entrant.parameters)
        if limit is None or least is None or least <= limit or not self.config.merge:
            return False
        self._out(entrant, "refused", f"{size_words(least)} at least, which is more than {self.config.max_size}")
        return True

    def _too_large(self, entrant: Entrant, result: JobResult) -> bool:
        limit = self.config.size_limit
        if limit is None or result.bytes <= limit:
            return False
        score = score_of(self.inputs.task.kind, result.scores, self.context.seed)
        why = f"{size_words(result.bytes)} is more than {self.config.max_size}"
        self._out(entrant, "refused", why, result, score)
        return True

    def _latency(self, folder: Path, result: JobResult, validation: Rows) -> float:
        """Measured once; a resumed bake-off decides by the same figure."""
        known = load_timing(folder)
        if "p50_ms" not in known:
            seconds = _median_seconds(result.student.folder, validation, self.config)
            add_timing(folder, {"p50_ms": round(1000 * seconds, 3)})
            known = load_timing(folder)
        return float(known["p50_ms"]) / 1000

    def _out(
        self,
        entrant: Entrant,
        verdict: Literal["refused", "failed"],
        reason: str,
        result: JobResult | None = None,
        score: Metric | None = None,
    ) -> None:
        method = method_for(
            self.config.method, entrant.family, entrant.parameters or 0, memory_for_training(self.config.device)
        )
        size = None
        if result is not None:
            method, size = result.student.method, result.bytes
        self.verdicts[entrant.id] = TrainedCandidate(
            entrant.id, entrant.base, entrant.family, method, verdict, reason, score, size
        )
        self.context.progress.say(f"  {entrant.id}: {verdict}: {reason}")


def _median_seconds(folder: Path, validation: Rows, config: ModelTrainerConfig) -> float:
    """The median time of single answers, after a warm-up. Few rows are asked again and again."""
    from prompt2model.predictor import load_predictor

    predictor = load_predictor(folder, device_of(config.device))
    items = [item_of(row) for row in islice(validation, _SINGLES)]
    for item in islice(cycle(items), _WARM_UP):
        predictor(item)
    seconds: list[float] = []
    for item in islice(cycle(items), _SINGLES):
        started = time.perf_counter()
        predictor(item)
        seconds.append(time.perf_counter() - started)
        if sum(seconds) > _SLOW_SECONDS:
            break
    return statistics.median(seconds)
