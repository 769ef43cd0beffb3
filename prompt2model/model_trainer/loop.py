"""The training loop: AdamW, linear warm-up and decay, clipped gradients, the best checkpoint kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from prompt2model.component import Progress
from prompt2model.model_trainer.batching import epoch_batches
from prompt2model.model_trainer.checkpoint import Checkpoints, TrainingState
from prompt2model.model_trainer.fitting import Fitting, Validation
from prompt2model.model_trainer.keeper import BestKeeper
from prompt2model.model_trainer.plan import Plan
from prompt2model.model_trainer.team import Team
from prompt2model.model_trainer.updating import Updates
from prompt2model.records import LossPoint

if TYPE_CHECKING:
    import numpy as np
    import torch

Watch = Callable[[float, Sequence[LossPoint]], None]
"""Called after every validation with the share of the steps that are done and the curve so far; what it raises ends
the training."""

_CURVE_POINTS = 50
_LINES = 5
"""About as many validations are told in a line each; the curve has them all."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of a training; the model holds the weights of `best_step`, whose validation is `best`.

    Where weights were sharded the model does not hold them: `weights` does, in the first process.
    """

    curve: tuple[LossPoint, ...]
    best_step: int
    best: Validation | None
    weights: Mapping[str, torch.Tensor] = field(default_factory=dict)


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Torch's random numbers start from `seed` inside and go on as before outside; GPU kernels are deterministic."""
    import torch

    devices = list(range(torch.cuda.device_count()))
    deterministic, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    filled = torch.utils.deterministic.fill_uninitialized_memory
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True, warn_only=True)
        # Else every new tensor is filled before its kernel writes it, a fifth of a small model's training time.
        torch.utils.deterministic.fill_uninitialized_memory = False
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
            torch.utils.deterministic.fill_uninitialized_memory = filled


def fit(
    fitting: Fitting,
    plan: Plan,
    progress: Progress,
    checkpoints: Checkpoints | None = None,
    team: Team | None = None,
    watch: Watch | None = None,
) -> Fitted:
    """Train the model, from the last checkpoint where there is one. Call it inside `reproducible`.

    In a team every process calls it, with the same rows and plan. Raises TrainingError when the loss is no number any
    more, or one row alone does not fit in memory.
    """
    from prompt2model.model_trainer.training_layers import faster_layers

    team = team or Team()
    with nullcontext() if team.is_sharded else faster_layers(fitting.model):
        return _fit(_Training(fitting, plan, progress, team, watch), checkpoints)


def _fit(training: _Training, checkpoints: Checkpoints | None) -> Fitted:
    fitting, plan, progress, team = training.fitting, training.plan, training.progress, training.updates.team
    if checkpoints is not None:
        training.take_up(checkpoints)
    fitting.model.train()
    steps = enumerate(islice(_all_batches(fitting, plan), training.step, None), start=training.step + 1)
    for step, rows in progress.track(steps, "Training", total=plan.steps - training.step):
        goes_on = training.take(step, rows)
        if checkpoints is not None and goes_on and team.any(checkpoints.is_due()):
            state = training.state()
            if team.rank == 0:
                checkpoints.save(state)
            team.wait()
        if not goes_on:
            break
    fitting.model.eval()
    return training.fitted()


class _Training:
    """One training, step by step; `state` and `take_up` are all that a checkpoint needs to know of it."""

    def __init__(
        self, fitting: Fitting, plan: Plan, progress: Progress, team: Team, watch: Watch | None = None
    ) -> None:
        import torch

        self.fitting, self.plan, self.progress, self.watch = fitting, plan, progress, watch
        self.updates = Updates(fitting, plan, progress.say, team)
        self.keeper = BestKeeper()
        self.curve: list[LossPoint] = []
        self.step = 0
        self._gathered = torch.zeros(2, dtype=torch.float64)
        self._told_every = -(-plan.validations // _LINES)
        self._point_every = max(1, plan.steps // _CURVE_POINTS)

    def take(self, step: int, rows: np.ndarray) -> bool:
        """One optimizer step, and whatever is due after it; False where training ends early."""
        plan, progress = self.plan, self.progress
        self._gathered += self.updates.update(rows, step)
        self.step = step
        validates = self.fitting.validation_rows > 0 and plan.validates_at(step)
        if not (validates or step % self._point_every == 0 or step == plan.steps):
            return True
        train_loss = float(self._gathered[0] / self._gathered[1])
        self._gathered.zero_()
        epoch = round(step / plan.steps_per_epoch, 4)
        if not validates:
            self.curve.append(LossPoint(step, epoch, train_loss))
            return True
        validation = self.updates.validate()
        if self.keeper.takes(validation):
            self.keeper.weights = {}  # never two copies beside the model
            self.keeper.keep(step, validation, self.updates.trained_weights())
        self.curve.append(LossPoint(step, epoch, train_loss, validation.loss, validation.score))
        if self.keeper.offered % self._told_every == 0 or step == plan.steps:
            progress.say(
                f"epoch {epoch:.1f} of {plan.epochs}: training loss {train_loss:.3f}, "
                f"validation loss {validation.loss:.3f}, right {validation.score:.1%}"
            )
        if self.watch is not None:
            self.watch(step / plan.steps, self.curve)
        if plan.patience is not None and self.keeper.since_best >= plan.patience:
            progress.say(f"stopped early: no better model in {plan.patience} validations")
            return False
        return True

    def fitted(self) -> Fitted:
        """The end: the best weights are put back into the model."""
        kept = self.keeper.kept
        step = self.plan.steps if kept is None else self.keeper.step
        if self.updates.team.is_sharded:
            weights = self.updates.trained_weights() if kept is None else self.keeper.weights
            return Fitted(tuple(self.curve), step, kept, weights)
        if kept is not None:
            self.updates.put_weights(self.keeper.weights)
        return Fitted(tuple(self.curve), step, kept)

    def state(self) -> TrainingState:
        """Where the training stands after a step."""
        tensors = {**self.updates.state(), "gathered": self._gathered}
        same = self.keeper.step == self.step
        if self.keeper.kept is not None and not same:
            tensors |= {f"best.{name}": value for name, value in self.keeper.weights.items()}
        rest = {
            "step": self.step,
            "curve": [asdict(point) for point in self.curve],
            "keeper": self.keeper.to_json(),
            "max_tokens": self.updates.max_tokens,
        }
        return TrainingState(tensors, rest)

    def take_up(self, checkpoints: Checkpoints) -> None:
        """Go on where the last checkpoint stands, if there is one."""
        state, remark = checkpoints.load()
        if remark:
            self.progress.say(remark)
        if state is None:
            return
        self.updates.take_up(state.tensors)
        self.updates.max_tokens = state.rest["max_tokens"]
        self._gathered = state.tensors["gathered"].clone()
        self.step = state.rest["step"]
        self.curve = [LossPoint(**point) for point in state.rest["curve"]]
        best = {name[5:]: value for name, value in state.tensors.items() if name.startswith("best.")}
        self.keeper.restore(state.rest["keeper"], best or self.updates.trained_weights())
        self.progress.say(f"going on after step {self.step} of {self.plan.steps}, from the checkpoint")


def _all_batches(fitting: Fitting, plan: Plan) -> Iterator[np.ndarray]:
    import numpy as np

    for epoch in range(plan.epochs):
        yield from epoch_batches(fitting.lengths, plan.batch_size, np.random.default_rng([plan.seed, epoch]))
