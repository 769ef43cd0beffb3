"""AdamW, and AdamW whose moments may leave a full GPU (paged, arXiv 2305.14314); their moments for checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from prompt2model.model_trainer.plan import Plan
from prompt2model.model_trainer.team import Team

if TYPE_CHECKING:
    import torch

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")
_PAGED_MOMENTS = ("state1", "state2", "step")


def make_optimizer(trained: Iterable[torch.Tensor], plan: Plan) -> torch.optim.Optimizer:
    """AdamW (arXiv 1711.05101); matrices decay, biases and norms do not."""
    import torch

    trained = list(trained)
    groups = [
        {"params": [parameter for parameter in trained if parameter.ndim >= 2], "weight_decay": plan.weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if plan.paged:
        from prompt2model.weights.quantised import import_bitsandbytes

        paged: torch.optim.Optimizer = import_bitsandbytes().optim.PagedAdamW32bit(groups, lr=plan.learning_rate)
        return paged
    return torch.optim.AdamW(groups, lr=plan.learning_rate, fused=True)


def moments_of(optimizer: Any, weight: torch.Tensor) -> dict[str, torch.Tensor]:
    """The moments of a weight by name, and the steps that it has taken; empty before the first step."""
    import torch

    return {name: torch.as_tensor(value) for name, value in optimizer.state.get(weight, {}).items()}


def put_moments(
    optimizer: Any, weight: torch.Tensor, tensors: Mapping[str, torch.Tensor], name: str, team: Team
) -> None:
    """Give a weight the moments that `moments_of` told, found in `tensors` as `<moment>.<name>`."""
    import torch

    if f"state1.{name}" in tensors:
        _put_paged(optimizer, weight, {part: tensors[f"{part}.{name}"] for part in _PAGED_MOMENTS})
        return
    parts = {part: tensors[f"{part}.{name}"] for part in _MOMENTS if f"{part}.{name}" in tensors}
    # The moments are held as the weights are; the count of steps is a number that fused AdamW wants where they are.
    optimizer.state[weight] = {
        part: moment.to(weight.device, torch.float32, copy=True) if part == "step" else team.like(moment, weight)
        for part, moment in parts.items()
    }


def _put_paged(optimizer: Any, weight: torch.Tensor, parts: Mapping[str, torch.Tensor]) -> None:
    """Into buffers that the optimizer makes itself, because ordinary tensors cannot leave the GPU."""
    state = optimizer.state[weight]
    state["step"] = int(parts["step"])
    for part in ("state1", "state2"):
        state[part] = optimizer.get_state_buffer(weight, dtype=parts[part].dtype)
        state[part].copy_(parts[part])
