"""The processes that train one model together: one alone, or as many as `accelerate launch` started.

Data parallel: each process computes its share of every batch, gradients are averaged between them. Sharded (FSDP,
arXiv 2304.11277), where accelerate is told so: weights, gradients and moments are divided among them as well.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from prompt2model.errors import ConfigError
from prompt2model.model_trainer.batching import parts_within

if TYPE_CHECKING:
    import numpy as np
    import torch

_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")

Part = tuple[list[int], float]
"""Rows that are computed at once, and 1, or 0 where a process only keeps the others company."""


class Team:
    """One process alone; what several do otherwise is in `AccelerateTeam`."""

    rank = 0
    size = 1
    is_sharded = False

    def __init__(self, device: str | None = None) -> None:
        self._device = device

    @property
    def device(self) -> str:
        """The device of this process, as torch names it: the best one unless another was asked for."""
        from prompt2model.inference import best_device

        return self._device or str(best_device())

    def start_random_numbers(self, seed: int) -> None:
        """Processes leave out other units in dropout; one alone goes on as it is."""

    def prepare(self, module: Any) -> Any:
        """The module whose forward pass gives the loss, ready for training; its optimizer is made afterwards."""
        return module

    def parts(self, rows: Sequence[int] | np.ndarray, lengths: np.ndarray, max_tokens: int) -> list[Part]:
        """This process's share of the rows, in parts that fit in memory; all processes have as many parts."""
        ordered = sorted((int(row) for row in rows), key=lambda row: (-int(lengths[row]), row))
        shares = [list(parts_within(ordered[rank :: self.size], lengths, max_tokens)) for rank in range(self.size)]
        mine = [(part, 1.0) for part in shares[self.rank]]
        return mine + [(ordered[:1], 0.0)] * (max(map(len, shares)) - len(mine))

    def no_sync(self, module: Any) -> AbstractContextManager[Any]:
        """Gradients of this pass are added up here and averaged later."""
        return nullcontext()

    def sum(self, values: Sequence[float]) -> list[float]:
        """The sums over all processes."""
        return list(values)

    def any(self, here: bool) -> bool:
        """Whether it is so in the first process; the same answer in all."""
        return here

    def wait(self) -> None:
        """Until all have come as far."""

    def gather(self, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Copies in main memory; of what is sharded the whole, in the first process only."""
        return {name: value.detach().to("cpu", copy=True) for name, value in values.items()}

    def in_main_memory(self, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """As `gather`, but what lies in main memory already is no copy: for what is written at once."""
        return {name: value.detach().to("cpu") for name, value in values.items()}

    def like(self, whole: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
        """What of a whole tensor this process holds, as `held` is held."""
        return whole.to(held.device, copy=True)

    def of_all(self, numbers: torch.Tensor) -> list[torch.Tensor]:
        """The same kind of tensor of every process, in main memory."""
        return [numbers]


class AccelerateTeam(Team):
    """The processes that `accelerate launch` or torchrun started, each with this object."""

    def __init__(self) -> None:
        from accelerate import Accelerator

        from prompt2model.inference import best_device

        # Sharding is asked for as accelerate is asked (`--use_fsdp`), and done by torch in `prepare`: accelerate has it
        # for accelerators only, and wraps models of transformers only.
        asked = os.environ.pop("ACCELERATE_USE_FSDP", "false").lower() == "true"
        # Told nothing, accelerate starts no process group on machines that have processors only.
        is_cpu = best_device().type == "cpu"
        self._accelerator = Accelerator(cpu=is_cpu, mixed_precision="no")
        self.rank, self.size = self._accelerator.process_index, self._accelerator.num_processes
        self.is_sharded = asked and self.size > 1

    @property
    def device(self) -> str:
        return str(self._accelerator.device)

    def start_random_numbers(self, seed: int) -> None:
        import torch

        if self.size > 1:
            torch.manual_seed((seed + self.rank) % 2**63)

    def prepare(self, module: Any) -> Any:
        _freeze_unused(module)
        if not self.is_sharded:
            return self._accelerator.prepare_model(module)
        from torch.distributed.fsdp import fully_shard

        whole = set(getattr(module.fitted, "_no_split_modules", None) or ())
        for part in module.modules():
            if type(part).__name__ in whole:
                fully_shard(part)
        return fully_shard(module)

    def no_sync(self, module: Any) -> AbstractContextManager[Any]:
        # Sharded gradients are averaged in every pass: to hold whole ones back would take the memory that is saved.
        return nullcontext() if self.is_sharded else self._accelerator.no_sync(module)

    def sum(self, values: Sequence[float]) -> list[float]:
        import torch
        from torch import distributed

        if self.size == 1:
            return list(values)
        # float64 where the backend has it; some accelerators do not.
        held = torch.tensor(values, dtype=torch.float32 if self.device.startswith("mps") else torch.float64)
        held = held.to(self.device)
        distributed.all_reduce(held)
        return [float(value) for value in held]

    def any(self, here: bool) -> bool:
        return self.sum([float(here and self.rank == 0)])[0] > 0

    def wait(self) -> None:
        self._accelerator.wait_for_everyone()

    def gather(self, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        if not self.is_sharded:
            return super().gather(values)
        gathered = {}
        for name, value in values.items():
            # Every process takes part in gathering; only the first keeps what comes of it.
            whole = value.detach().full_tensor() if hasattr(value, "full_tensor") else value.detach()
            if self.rank == 0:
                gathered[name] = whole.to("cpu", copy=True)
        return gathered

    def in_main_memory(self, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return self.gather(values) if self.is_sharded else super().in_main_memory(values)

    def like(self, whole: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
        from torch.distributed.tensor import DTensor, distribute_tensor

        if isinstance(held, DTensor):
            return distribute_tensor(whole.to(held.device), held.device_mesh, held.placements)
        return super().like(whole, held)

    def of_all(self, numbers: torch.Tensor) -> list[torch.Tensor]:
        import torch
        from torch import distributed

        if self.size == 1:
            return [numbers]
        held = [torch.empty_like(numbers).to(self.device) for _ in range(self.size)]
        distributed.all_gather(held, numbers.to(self.device))
        return [state.cpu() for state in held]


def _freeze_unused(module: Any) -> None:
    """Weights that no pass uses, as T5's first table of embeddings, are not waited for by the other processes.

    Raises ConfigError for a mixture of experts, whose passes use different weights.
    """
    config = getattr(module.fitted, "config", None)
    if any((getattr(config, name, None) or 0) > 1 for name in _EXPERTS):
        raise ConfigError(
            "a mixture of experts is trained by one process; leave processes out of [train], or choose another "
            "--base-model"
        )
    module([0]).backward()
    for value in module.parameters():
        if value.requires_grad and value.grad is None:
            value.requires_grad_(False)
        value.grad = None
