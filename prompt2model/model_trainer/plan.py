"""How one training goes, all numbers settled."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """How one training goes: all numbers settled. Steps are optimizer steps, rates are AdamW's at their peak.

    `paged`: AdamW's moments may move to main memory when the GPU's is full (arXiv 2305.14314).
    `checkpointing`: what lies between layers is computed twice instead of kept (arXiv 1604.06174).
    """

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
    constant_rate: bool = False
    paged: bool = False
    checkpointing: bool = False

    @property
    def steps(self) -> int:
        """Optimizer steps in all."""
        return self.epochs * self.steps_per_epoch

    def rate(self, step: int) -> float:
        """Learning rate of a step (from 1): up in a line over the warm-up, then down in one towards 0, or constant."""
        if step <= self.warmup_steps:
            return self.learning_rate * step / self.warmup_steps
        if self.constant_rate:
            return self.learning_rate
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
