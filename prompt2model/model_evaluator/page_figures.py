"""The drawn figures of the report page: inline SVG whose colours are the page's own, light and dark."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from prompt2model.model_evaluator.page_choice import StudentPoint
from prompt2model.records import Calibration, LossPoint, SearchTrial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# matplotlib wants real colours; each of these is replaced by a variable of the page's style sheet.
_INK, _MUTED, _LINE, _ACCENT, _SECOND = "#010203", "#040506", "#070809", "#0a0b0c", "#0d0e0f"
_VARIABLES = {
    _INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _LINE: "var(--line)",
    _ACCENT: "var(--accent)",
    _SECOND: "var(--second)",
}
_SIZE = (5.0, 3.0)
"""Inches: about the width of a phone, so that the letters stay readable there."""
_TALL = (5.0, 3.6)
_LEAST_AREA, _MOST_AREA = 25.0, 1600.0
"""Square points of the smallest and the largest student."""
_BESIDE = 4.0
"""Students whose latencies differ by less than this factor have their names near each other."""
_SETTINGS: dict[str, Any] = {"svg.fonttype": "none", "font.size": 11, "axes.labelsize": 11}
_MOST_POINTS = 1500


def loss_curve(points: Sequence[LossPoint], best_step: int) -> str:
    """Training and validation loss over steps, the kept checkpoint marked; empty with fewer than two points."""
    trained = [(point.step, point.train_loss) for point in points if point.train_loss is not None]
    validated = [(point.step, point.validation_loss) for point in points if point.validation_loss is not None]
    if max(len(trained), len(validated)) < 2:
        return ""
    figure, axes = _axes("step", "loss (nats)")
    if trained:
        axes.plot(*zip(*trained, strict=True), color=_SECOND, linewidth=1.2, label="training")
    if validated:
        axes.plot(
            *zip(*validated, strict=True), color=_ACCENT, linewidth=1.8, marker="o", markersize=4, label="validation"
        )
    if best_step:
        axes.axvline(best_step, color=_MUTED, linewidth=1, linestyle=(0, (2, 3)), label="kept")
    axes.set_ylim(bottom=0)
    _legend(axes)
    return _svg(figure, "loss")


def length_and_score(series: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Each answer's ChrF++ over the length of the expected answer in characters, by predictor."""
    if not any(series.values()):
        return ""
    figure, axes = _axes("length of the expected answer (characters)", "ChrF++ of the answer")
    for (name, points), (colour, marker) in zip(series.items(), ((_ACCENT, "o"), (_SECOND, "x")), strict=False):
        shown = points[:: max(1, -(-len(points) // _MOST_POINTS))]
        if shown:
            across, up = zip(*shown, strict=True)
            axes.scatter(across, up, s=18, linewidths=1, alpha=0.6, label=name, color=colour, marker=marker)
    axes.set_ylim(-3, 103)
    axes.set_xlim(left=0)
    _legend(axes)
    return _svg(figure, "lengths")


def calibration_picture(found: Calibration) -> str:
    """Share of right answers over confidence, by bins; the area of a point is the number of its answers."""
    figure, axes = _axes("confidence of the answer", "share that is right")
    axes.plot([0, 1], [0, 1], color=_MUTED, linewidth=1, linestyle=(0, (2, 3)), label="as sure as it is right")
    across = [one.confidence for one in found.bins]
    up = [one.right for one in found.bins]
    most = max(one.n for one in found.bins)
    axes.plot(across, up, color=_ACCENT, linewidth=1.4)
    axes.scatter(across, up, s=[20 + 180 * one.n / most for one in found.bins], color=_ACCENT, zorder=3)
    axes.set_xlim(0, 1.03)
    axes.set_ylim(0, 1.05)
    _legend(axes)
    return _svg(figure, "calibration")


def students_picture(points: Sequence[StudentPoint], score_name: str) -> str:
    """Quality over latency, each student's interval as a bar and its size as the area; empty without a student."""
    if not points:
        return ""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    figure, axes = _axes("milliseconds for one answer", score_name)
    figure.set_size_inches(*_TALL)
    axes.set_xscale("log")
    axes.grid(axis="x", color=_LINE, linewidth=0.8)
    largest = max(point.bytes for point in points)
    for point in points:
        colour = _ACCENT if point.verdict == "chosen" else _SECOND if point.verdict == "within" else _MUTED
        place = ([point.milliseconds], [point.score])
        area = max(_LEAST_AREA, _MOST_AREA * point.bytes / largest)
        axes.scatter(*place, s=area, color=colour, alpha=0.25, linewidths=0)
        spread = [[point.score - point.low], [point.high - point.score]]
        axes.errorbar(*place, yerr=spread, color=colour, linewidth=1.6, capsize=3, marker="o", markersize=5)
    axes.tick_params(which="minor", length=0)
    low, high = min(point.milliseconds for point in points), max(point.milliseconds for point in points)
    axes.set_xlim(low / 3, high * 3)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    bottom, top = min(point.low for point in points), max(point.high for point in points)
    room = 0.12 * max(top - bottom, 1.0)
    axes.set_ylim(bottom - room, top + room)
    _name_points(axes, points, bottom - room, top + room)
    return _svg(figure, "students")


def _name_points(axes: Any, points: Sequence[StudentPoint], bottom: float, top: float) -> None:
    """Each name beside its point, on the side with more room, moved up or down where another one stands."""
    times = [point.milliseconds for point in points]
    middle = (min(times) * max(times)) ** 0.5
    taken: list[tuple[bool, float, float]] = []
    apart = 0.075 * (top - bottom)
    for point in sorted(points, key=lambda point: -point.score):
        to_the_left = point.milliseconds > middle
        height = point.score
        while any(
            side == to_the_left and abs(height - other) < apart and 1 / _BESIDE < point.milliseconds / time < _BESIDE
            for side, other, time in taken
        ):
            height -= apart / 4
        taken.append((to_the_left, height, point.milliseconds))
        axes.annotate(
            point.name + (" (chosen)" if point.verdict == "chosen" else ""),
            (point.milliseconds, height),
            xytext=(-9 if to_the_left else 9, 0),
            textcoords="offset points",
            ha="right" if to_the_left else "left",
            va="center",
            color=_ACCENT if point.verdict == "chosen" else _INK,
            fontsize=10,
            parse_math=False,
        )


def trials_picture(trials: Sequence[SearchTrial]) -> str:
    """The score of each trial, the best so far, and that of the config's own settings; empty without a score."""
    complete = [(trial.number, trial.score) for trial in trials if trial.score is not None]
    if not complete:
        return ""
    figure, axes = _axes("trial", "validation score")
    numbers, scores = [number for number, _ in complete], [score for _, score in complete]
    axes.axhline(scores[0], color=_MUTED, linewidth=1, linestyle=(0, (2, 3)), label="the config's own settings")
    axes.plot(numbers, list(accumulate(scores, max)), color=_ACCENT, linewidth=1.2, drawstyle="steps-post")
    axes.scatter(numbers, scores, color=_ACCENT, s=22, label="trained to the end", zorder=3)
    pruned = [trial.number for trial in trials if trial.state == "pruned"]
    if pruned:
        low = min(scores) - 0.08 * max(max(scores) - min(scores), 1e-3)
        axes.scatter(pruned, [low] * len(pruned), color=_SECOND, s=22, marker="x", label="stopped early")
    axes.legend(frameon=False, labelcolor=_INK, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return _svg(figure, "trials")


def _axes(across: str, up: str) -> tuple[Figure, Any]:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.subplots()
    figure.patch.set_alpha(0)
    axes.patch.set_alpha(0)
    axes.set_xlabel(across, color=_MUTED)
    axes.set_ylabel(up, color=_MUTED)
    axes.tick_params(colors=_MUTED, length=0)
    axes.grid(axis="y", color=_LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(_LINE)
    return figure, axes


def _legend(axes: Any) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, labelcolor=_INK)


def _svg(figure: Figure, name: str) -> str:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": name}), io.StringIO() as file:
        FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<(metadata|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    text = re.sub(r" font-family: [^;\"]*;", "", text)
    text = re.sub(r' (width|height)="[\d.]+pt"', "", text, count=2)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    # Ids are shared by the whole page.
    text = re.sub(r'\b(id|xlink:href)="(#?)', rf'\1="\2{name}-', text)
    return text.replace("url(#", f"url(#{name}-")
