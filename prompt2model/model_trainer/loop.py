"""The training loop: AdamW, linear warm-up and decay, clipped gradients, the best checkpoint kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prompt2model.component import Progress
from prompt2model.errors import TrainingError
from prompt2model.model_trainer.batching import epoch_batches, parts_within
from prompt2model.model_trainer.fitting import Fitting, Validation
from prompt2model.records import LossPoint

if TYPE_CHECKING:
    import numpy as np
    import torch

_CURVE_POINTS = 50
_LINES = 5
"""About as many validations are told in a line each; the curve has them all."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one training goes: all numbers settled. Steps are optimizer steps, rates are AdamW's at their peak."""

    epochs: int
    steps_per_epoch: int
    batch_size: int
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    max_grad_norm: float
    validate_every: int
    patience: int | None
    max_tokens_at_once: int
    bf16: bool
    seed: int
    device: str

    @property
    def steps(self) -> int:
        """Optimizer steps in all."""
        return self.epochs * self.steps_per_epoch

    def rate(self, step: int) -> float:
        """Learning rate of a step (from 1): up in a line over the warm-up, then down in a line towards 0."""
        if step <= self.warmup_steps:
            return self.learning_rate * step / self.warmup_steps
        return self.learning_rate * (self.steps - step + 1) / max(1, self.steps - self.warmup_steps)

    @property
    def validations(self) -> int:
        """Validations in all."""
        return self.epochs * -(-self.steps_per_epoch // self.validate_every)

    def validates_at(self, step: int) -> bool:
        """At the end of each epoch, and between at even distances of at most `validate_every` steps."""
        in_epoch = (step - 1) % self.steps_per_epoch + 1
        parts = -(-self.steps_per_epoch // self.validate_every)
        return any(in_epoch == round(self.steps_per_epoch * part / parts) for part in range(1, parts + 1))


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of a training; the model holds the weights of `best_step`, whose validation is `best`."""

    curve: tuple[LossPoint, ...]
    best_step: int
    best: Validation | None


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


def fit(fitting: Fitting, plan: Plan, progress: Progress) -> Fitted:
    """Train the model. Call it inside `reproducible`. Raises TrainingError when the loss is no number any more."""
    from prompt2model.model_trainer.training_layers import faster_layers

    with faster_layers(fitting.model):
        return _fit(fitting, plan, progress)


def _fit(fitting: Fitting, plan: Plan, progress: Progress) -> Fitted:
    import torch

    optimizer = _optimizer(fitting.model, plan)
    keeper = _BestKeeper(fitting.model)
    curve: list[LossPoint] = []
    gathered = torch.zeros(2, dtype=torch.float64)
    told_every = -(-plan.validations // _LINES)
    point_every = max(1, plan.steps // _CURVE_POINTS)
    fitting.model.train()
    steps = enumerate(_all_batches(fitting, plan), start=1)
    for step, rows in progress.track(steps, "Training", total=plan.steps):
        gathered += _update(fitting, plan, optimizer, rows, step)
        validates = fitting.validation_rows > 0 and plan.validates_at(step)
        if not (validates or step % point_every == 0 or step == plan.steps):
            continue
        train_loss = float(gathered[0] / gathered[1])
        gathered.zero_()
        epoch = round(step / plan.steps_per_epoch, 4)
        if not validates:
            curve.append(LossPoint(step, epoch, train_loss))
            continue
        validation = _validate(fitting, plan)
        keeper.offer(step, validation)
        curve.append(LossPoint(step, epoch, train_loss, validation.loss, validation.score))
        if keeper.offered % told_every == 0 or step == plan.steps:
            progress.say(
                f"epoch {epoch:.1f} of {plan.epochs}: training loss {train_loss:.3f}, "
                f"validation loss {validation.loss:.3f}, right {validation.score:.1%}"
            )
        if plan.patience is not None and keeper.since_best >= plan.patience:
            progress.say(f"stopped early: no better model in {plan.patience} validations")
            break
    fitting.model.eval()
    if keeper.kept is None:
        return Fitted(tuple(curve), plan.steps, None)
    keeper.restore()
    return Fitted(tuple(curve), keeper.step, keeper.kept)


def _all_batches(fitting: Fitting, plan: Plan) -> Iterator[np.ndarray]:
    import numpy as np

    for epoch in range(plan.epochs):
        yield from epoch_batches(fitting.lengths, plan.batch_size, np.random.default_rng([plan.seed, epoch]))


def _optimizer(model: Any, plan: Plan) -> torch.optim.AdamW:
    """AdamW (arXiv 1711.05101); matrices decay, biases and norms do not."""
    import torch

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in trained if parameter.ndim >= 2], "weight_decay": plan.weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=plan.learning_rate, fused=True)


def _update(fitting: Fitting, plan: Plan, optimizer: Any, rows: np.ndarray, step: int) -> torch.Tensor:
    """One optimizer step; returns [sum of losses, sum of weights] of its rows."""
    import torch

    total = float(fitting.weights[rows].sum())
    losses = 0.0
    for part in parts_within(rows, fitting.lengths, plan.max_tokens_at_once):
        with torch.autocast(plan.device.partition(":")[0], torch.bfloat16, enabled=plan.bf16):
            loss = fitting.loss_sum(part)
        (loss / total).backward()
        losses += float(loss.detach())
    norm = torch.nn.utils.clip_grad_norm_(
        [parameter for group in optimizer.param_groups for parameter in group["params"]], plan.max_grad_norm
    )
    if not (torch.isfinite(norm) and abs(losses) < float("inf")):
        raise TrainingError(
            f"the training loss is no number any more at step {step} of {plan.steps}; "
            f"lower learning_rate in [train] (it was {plan.learning_rate:g})"
        )
    for group in optimizer.param_groups:
        group["lr"] = plan.rate(step)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return torch.tensor([losses, total], dtype=torch.float64)


def _validate(fitting: Fitting, plan: Plan) -> Validation:
    import torch

    fitting.model.eval()
    with torch.inference_mode(), torch.autocast(plan.device.partition(":")[0], torch.bfloat16, enabled=plan.bf16):
        validation = fitting.validate()
    fitting.model.train()
    return validation


class _BestKeeper:
    """The weights of the latest checkpoint whose validation is within one standard error of the best, in main memory.

    The highest score of several on a few hundred rows is partly luck, and a later checkpoint was trained at a lower
    rate. (Breiman et al., Classification and Regression Trees, 1984, choose by the same one-standard-error rule.)
    """

    def __init__(self, model: Any) -> None:
        self._trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
        self._weights: dict[str, torch.Tensor] = {}
        self._best: Validation | None = None
        self.kept: Validation | None = None
        self.step = 0
        self.since_best = 0
        self.offered = 0

    def offer(self, step: int, validation: Validation) -> None:
        """Keep the weights if they are good enough."""
        self.since_best += 1
        self.offered += 1
        if self._best is None or validation.score > self._best.score:
            self._best, self.since_best = validation, 0
        if not validation.good_enough(self._best):
            return
        self.kept, self.step = validation, step
        self._weights = {name: value.detach().to("cpu", copy=True) for name, value in self._trained.items()}

    def restore(self) -> None:
        """Put the best weights back into the model."""
        import torch

        with torch.no_grad():
            for name, value in self._trained.items():
                value.copy_(self._weights[name])
