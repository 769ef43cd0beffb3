"""Multinomial logistic regression on fixed features: L-BFGS with an L2 penalty, its strength chosen on held-out rows.

The minimum is the one that scikit-learn's `LogisticRegression` finds. Ours takes P(label) as targets without a copy of
each row per label, keeps labels that have no row, and has the same form for two labels as for many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prompt2model.predictor.linear_head import LinearHead

if TYPE_CHECKING:
    import numpy as np

STRENGTHS = (0.25, 1.0, 4.0, 16.0, 64.0, 256.0)
"""Values of C from the strongest penalty to the weakest; C stands beside the sum of the losses."""
_FIRST = 2
"""Place of the value that is tried first: from there upwards or downwards, for as long as it helps."""
_USUAL_STRENGTH = 16.0
_HELD_SHARE = 5
_LEAST_HELD = 20
"""Rows that may be held out of the training rows for the choice of C; with fewer, C is the usual one."""
_UNSEEN = 30.0
"""Nats by which a label without any row stays below the rarest one that has some."""
_MEMORY = 10
_MOST_STEPS = 200
_LEAST_GAIN = 1e-5
_MOST_HALVINGS = 20


@dataclass(frozen=True)
class LabelledFeatures:
    """Rows as numbers. `features` [rows, width], sparse (CSR) or dense, float32; `targets` float32 [rows, labels]."""

    features: Any
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    def some(self, rows: np.ndarray) -> LabelledFeatures:
        """Some of the rows."""
        return LabelledFeatures(self.features[rows], self.targets[rows])


@dataclass(frozen=True)
class LogisticFit:
    """A fitted head, the C that was chosen, and the passes over the rows that its minimum took."""

    head: LinearHead
    strength: float
    steps: int


def fit_logistic(train: LabelledFeatures, weights: np.ndarray, held: LabelledFeatures | None) -> LogisticFit:
    """The head with the lowest mean cross-entropy on the held-out rows. `weights` [rows] are those of training rows.

    Without held-out rows C is chosen on every fifth training row, then all are fitted with it; with fewer than 20 such
    rows C is 16. Of 0.25, 1, 4, 16, 64 and 256 the search starts at 4 and goes on while the cross-entropy falls.
    """
    from threadpoolctl import threadpool_limits

    # The vectors of L-BFGS are too short for several threads to gain anything, and their sums would differ in rounding.
    with threadpool_limits(1, user_api="blas"):
        if held is not None and len(held):
            return _best_on(held, train, weights)
        strength = _strength_within(train, weights)
        return _fit(train, weights, strength, None)


def mean_loss(head: LinearHead, rows: LabelledFeatures) -> float:
    """Mean cross-entropy in nats."""
    from scipy.special import log_softmax

    likely = log_softmax(head.scores(rows.features).astype("float64"), axis=1)
    return float(-(rows.targets * likely).sum() / len(rows))


def _strength_within(train: LabelledFeatures, weights: np.ndarray) -> float:
    import numpy as np

    held = np.arange(len(train)) % _HELD_SHARE == _HELD_SHARE - 1
    if held.sum() < _LEAST_HELD:
        return _USUAL_STRENGTH
    kept = np.flatnonzero(~held)
    return _best_on(train.some(np.flatnonzero(held)), train.some(kept), weights[kept]).strength


def _best_on(held: LabelledFeatures, train: LabelledFeatures, weights: np.ndarray) -> LogisticFit:
    best = _fit(train, weights, STRENGTHS[_FIRST], None)
    lowest = mean_loss(best.head, held)
    for others in (STRENGTHS[_FIRST + 1 :], STRENGTHS[:_FIRST][::-1]):
        for strength in others:
            tried = _fit(train, weights, strength, best)
            loss = mean_loss(tried.head, held)
            if loss >= lowest:
                break
            best, lowest = tried, loss
        if best.strength != STRENGTHS[_FIRST]:
            break
    return best


def _fit(train: LabelledFeatures, weights: np.ndarray, strength: float, start: LogisticFit | None) -> LogisticFit:
    """The minimum at one C, on from the one at another."""
    import numpy as np

    present = np.flatnonzero((train.targets * weights[:, None]).sum(axis=0) > 0)
    width, labels = train.features.shape[1], train.targets.shape[1]
    point = np.zeros((width + 1, len(present)), dtype=np.float32)
    if start is not None:
        point[:-1], point[-1] = start.head.weights[:, present], start.head.bias[present]
    point, steps = _minimum(_objective(train, weights, present, strength), point)
    head = LinearHead(np.zeros((width, labels), np.float32), np.full(labels, point[-1].min() - _UNSEEN, np.float32))
    head.weights[:, present], head.bias[present] = point[:-1], point[-1]
    return LogisticFit(head, strength, steps)


def _objective(
    train: LabelledFeatures, weights: np.ndarray, present: np.ndarray, strength: float
) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """The penalised mean loss and its gradient, at weights and bias as one float32 [width + 1, labels present]."""
    import numpy as np

    features, targets = train.features, np.ascontiguousarray(train.targets[:, present])
    across = features.T.tocsr() if hasattr(features, "tocsr") else features.T
    shares = (weights / len(train)).astype(np.float32)
    penalty = 1.0 / (strength * len(train))

    def value(point: np.ndarray) -> tuple[float, np.ndarray]:
        scores = features @ point[:-1] + point[-1]
        scores -= scores.max(axis=1, keepdims=True)
        likely = np.exp(scores)
        total = likely.sum(axis=1, keepdims=True)
        losses = np.log(total[:, 0]) - (scores * targets).sum(axis=1)
        likely /= total
        likely -= targets
        likely *= shares[:, None]
        gradient = np.empty_like(point)
        gradient[:-1] = across @ likely + np.float32(penalty) * point[:-1]
        gradient[-1] = likely.sum(axis=0)
        squares = float(np.vdot(point[:-1], point[:-1]))
        return float(shares.astype(np.float64) @ losses) + 0.5 * penalty * squares, gradient

    return value


def _minimum(objective: Callable[[np.ndarray], tuple[float, np.ndarray]], point: np.ndarray) -> tuple[np.ndarray, int]:
    """L-BFGS (Liu and Nocedal 1989) with a backtracking line search; ends where a step gains next to nothing.

    In float32 and a dozen vectors, where scipy's L-BFGS-B keeps float64 and bounds: a tenth of its time here.
    """
    import numpy as np

    value, gradient = objective(point)
    steps: list[tuple[np.ndarray, np.ndarray, float]] = []
    for taken in range(_MOST_STEPS):
        direction = _direction(gradient, steps)
        slope = float(np.vdot(direction, gradient))
        length = 1.0 if steps else min(1.0, 1.0 / max(float(np.abs(gradient).sum()), 1e-12))
        for _ in range(_MOST_HALVINGS):
            reached = point + np.float32(length) * direction
            new_value, new_gradient = objective(reached)
            if new_value <= value + 1e-4 * length * slope:
                break
            length /= 2
        else:
            return point, taken
        turn = new_gradient - gradient
        curvature = float(np.vdot(turn, reached - point))
        if curvature > 0:
            steps = [*steps[-(_MEMORY - 1) :], (reached - point, turn, curvature)]
        gain = value - new_value
        point, value, gradient = reached, new_value, new_gradient
        if gain <= _LEAST_GAIN * max(abs(value), 1e-3) and taken:
            return point, taken + 1
    return point, _MOST_STEPS


def _direction(gradient: np.ndarray, steps: list[tuple[np.ndarray, np.ndarray, float]]) -> np.ndarray:
    """Minus the gradient times the inverse Hessian as the last steps show it."""
    import numpy as np

    direction = -gradient
    shares = []
    for moved, turn, curvature in reversed(steps):
        share = float(np.vdot(moved, direction)) / curvature
        shares.append(share)
        direction -= np.float32(share) * turn
    if steps:
        _, turn, curvature = steps[-1]
        direction *= np.float32(curvature / float(np.vdot(turn, turn)))
    for (moved, turn, curvature), share in zip(steps, reversed(shares), strict=True):
        direction += np.float32(share - float(np.vdot(turn, direction)) / curvature) * moved
    return direction
