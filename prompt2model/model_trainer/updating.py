"""Optimizer steps: forward and backward in parts that fit in memory, clipped gradients, AdamW."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from prompt2model.errors import TrainingError
from prompt2model.model_trainer.batching import parts_within
from prompt2model.model_trainer.fitting import Fitting, Tally, Validation
from prompt2model.model_trainer.optimizer import make_optimizer, moments_of, put_moments
from prompt2model.model_trainer.plan import Plan
from prompt2model.model_trainer.team import Team

if TYPE_CHECKING:
    import numpy as np
    import torch


class Updates:
    """The optimizer of one training and what it works on.

    `max_tokens` is the most of one forward pass; it is halved when memory does not suffice, which leaves the batch of
    an optimizer step as it is. Several processes (`team`) divide each batch among them.
    """

    def __init__(self, fitting: Fitting, plan: Plan, say: Callable[[str], None], team: Team) -> None:
        self.fitting, self.plan, self.say, self.team = fitting, plan, say, team
        self.max_tokens = plan.max_tokens_at_once
        self._module = team.prepare(loss_module(fitting))
        self._trained = _trained(self._module)
        self._optimizer = make_optimizer(self._trained.values(), plan)

    def update(self, rows: np.ndarray, step: int) -> torch.Tensor:
        """One optimizer step; returns [sum of losses, sum of weights] of its rows."""
        import torch

        total = float(self.fitting.weights[rows].sum())
        losses = self._gradients(rows, total)
        norm = torch.nn.utils.clip_grad_norm_(list(self._trained.values()), self.plan.max_grad_norm)
        norm = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
        if not (torch.isfinite(norm) and abs(losses) < float("inf")):
            raise TrainingError(
                f"the training loss is no number any more at step {step} of {self.plan.steps}; "
                f"lower learning_rate in [train] (it was {self.plan.learning_rate:g})"
            )
        for group in self._optimizer.param_groups:
            group["lr"] = self.plan.rate(step)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return torch.tensor([losses, total], dtype=torch.float64)

    def validate(self) -> Validation:
        """The model on the validation rows, in the number format of training."""
        import torch

        mine = range(self.team.rank, self.fitting.validation_rows, self.team.size)
        # Sharded weights must keep their version counters, which inference mode has none of; and all processes must
        # come by as often, so that each looks at all rows.
        without_gradients = torch.no_grad() if self.team.is_sharded else torch.inference_mode()
        self.fitting.model.eval()
        with without_gradients, self._autocast():
            if self.team.is_sharded:
                tally = self._module(range(self.fitting.validation_rows), validates=True)
                self._module.reshard()
            else:
                tally = Tally(*self.team.sum(astuple(self.fitting.validate(mine) if mine else Tally())))
        self.fitting.model.train()
        return tally.result()

    def trained_weights(self) -> dict[str, torch.Tensor]:
        """A copy of the trained weights in main memory, by name."""
        return self.team.gather(self._trained)

    def put_weights(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Put such a copy back into the model."""
        import torch

        with torch.no_grad():
            for name, value in self._trained.items():
                value.copy_(self.team.like(weights[name], value))

    def state(self) -> dict[str, torch.Tensor]:
        """Weights, moments and random numbers, by name, to be written before training goes on."""

        tensors = {f"model.{name}": value for name, value in self.team.in_main_memory(self._trained).items()}
        for name, value in self._trained.items():
            moments = moments_of(self._optimizer, value)
            tensors |= self.team.in_main_memory({f"{part}.{name}": moment for part, moment in moments.items()})
        for kind, numbers in _random_numbers(self.plan.device).items():
            tensors |= {f"{kind}.{rank}": state for rank, state in enumerate(self.team.of_all(numbers))}
        return tensors

    def take_up(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Go on from what `state` gave."""

        self.put_weights({name: tensors[f"model.{name}"] for name in self._trained})
        for name, value in self._trained.items():
            put_moments(self._optimizer, value, tensors, name, self.team)
        _put_random_numbers(self.plan.device, tensors, self.team.rank)

    def _autocast(self) -> Any:
        import torch

        return torch.autocast(self.plan.device.partition(":")[0], torch.bfloat16, enabled=self.plan.bf16)

    def _gradients(self, rows: np.ndarray, total: float) -> float:
        """Gradients of the mean loss; returns the sum of losses. Where memory does not suffice, in smaller parts."""
        import torch

        while True:
            random_numbers = torch.get_rng_state()
            try:
                return self._backward(rows, total)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
            # Outside of `except`, because the error holds on to the tensors of the failed pass.
            self._optimizer.zero_grad(set_to_none=True)
            self._use_smaller_parts(rows)
            torch.set_rng_state(random_numbers)

    def _backward(self, rows: np.ndarray, total: float) -> float:
        losses = 0.0
        parts = self.team.parts(rows, self.fitting.lengths, self.max_tokens)
        for number, (part, counts) in enumerate(parts, start=1):
            with self.team.no_sync(self._module) if number < len(parts) else nullcontext():
                with self._autocast():
                    loss = self._module(part) * counts
                # Gradients are averaged over the team, and are to be added up.
                (loss * (self.team.size / total)).backward()
            losses += float(loss.detach())
        return self.team.sum([losses])[0]

    def _use_smaller_parts(self, rows: np.ndarray) -> None:
        """Halve what is computed at once. Raises TrainingError where that is one row already."""
        import gc

        import torch

        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        lengths = self.fitting.lengths
        parts = list(parts_within(rows, lengths, self.max_tokens))
        widest = max(len(part) * int(lengths[part].max()) for part in parts)
        if self.team.size > 1:
            raise TrainingError(
                f"memory does not suffice for {widest} tokens at once; set max_tokens_at_once = {widest // 2} in "
                "[train] and start the processes again: they go on from the last checkpoint"
            )
        if all(len(part) == 1 for part in parts):
            raise TrainingError(
                f"memory does not suffice for one row of {widest} tokens at once; lower max_input_tokens in [train], "
                "choose a smaller --base-model, or --method lora or qlora"
            )
        self.max_tokens = self.fitting.max_tokens = max(1, widest // 2)
        self.say(
            f"memory does not suffice for {widest} tokens at once; going on with {self.max_tokens} at once, "
            f"{self.plan.batch_size} rows per step as before"
        )


def put_weights(model: Any, weights: Mapping[str, torch.Tensor]) -> None:
    """Trained weights, by the names that `Updates` gives them, into a plain model made like the trained one."""
    import torch

    with torch.no_grad():
        for name, value in model.named_parameters():
            if f"fitted.{name}" in weights:
                value.copy_(weights[f"fitted.{name}"])


def loss_module(fitting: Fitting) -> Any:
    """A module whose forward pass is the whole loss, so that whatever wraps it sees every use of the weights."""
    import torch

    class FittedLoss(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fitted = fitting.model

        def forward(self, rows: Sequence[int], validates: bool = False) -> Any:
            return fitting.validate(rows) if validates else fitting.loss_sum(rows)

    return FittedLoss()


def _trained(module: Any) -> dict[str, torch.Tensor]:
    """The weights that are trained, by their names in the loss module, however that is wrapped."""
    named = ((name.removeprefix("module."), value) for name, value in module.named_parameters())
    return {name: value for name, value in named if value.requires_grad}


def _random_numbers(device: str) -> dict[str, torch.Tensor]:
    """Where torch's random numbers stand in this process, on the processor and on what it trains."""
    import torch

    numbers = {"random": torch.get_rng_state()}
    if device.startswith("cuda"):
        numbers["random_cuda"] = torch.cuda.get_rng_state(device)
    elif device.startswith("mps"):
        numbers["random_mps"] = torch.mps.get_rng_state()
    return numbers


def _put_random_numbers(device: str, tensors: Mapping[str, torch.Tensor], rank: int) -> None:
    import torch

    torch.set_rng_state(tensors[f"random.{rank}"])
    if device.startswith("cuda"):
        torch.cuda.set_rng_state(tensors[f"random_cuda.{rank}"], device)
    elif device.startswith("mps"):
        torch.mps.set_rng_state(tensors[f"random_mps.{rank}"])


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch says that memory does not suffice, on an accelerator or in main memory."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return any(words in str(error) for words in ("DefaultCPUAllocator", "out of memory", "alloc_cpu.cpp"))
