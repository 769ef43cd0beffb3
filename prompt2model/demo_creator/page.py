"""The Gradio page: a box, examples, the answer with its label probabilities or as streamed text, and its evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from prompt2model.errors import Prompt2ModelError
from prompt2model.evidence import EvidenceRetriever
from prompt2model.local_page.look import as_text
from prompt2model.predictor import StudentPredictor, no_answer
from prompt2model.records import Demo, Item

if TYPE_CHECKING:
    import gradio as gr

_MOST_LABELS_SHOWN = 6
_LONGEST_BUTTON = 60
_SHORT_INSTRUCTION = 240
"""Characters up to which the instruction is shown open."""
_QUEUE = "answer"
_UNEXPECTED = "The model failed on this input. The terminal that runs this page says why."


def build_page(
    demo: Demo, predictor: StudentPredictor, report_link: str | None, evidence: EvidenceRetriever | None = None
) -> gr.Blocks:
    """The page of a demo. `report_link` is the address of the report on the same server.

    With `evidence`, each choice is read beside what is found for it, and that is shown.
    """
    import gradio as gr

    closed = bool(demo.labels) or demo.kind == "multiple_choice"
    function = _function(predictor, closed, evidence)
    with gr.Blocks(analytics_enabled=False, title=demo.title) as page:
        gr.HTML(_about(demo), elem_id="about")
        with gr.Row(elem_id="work"):
            with gr.Column(elem_id="asking"):
                boxes = _input_boxes(demo)
                button = gr.Button("Answer", variant="primary", elem_id="answer-button")
                offered = _offer_examples(demo, boxes) if demo.examples else None
            with gr.Column(elem_id="answering"):
                answer = [_answer_box(demo, closed)]
                if demo.notice:
                    gr.HTML(f"<p>{as_text(demo.notice)}</p>", elem_id="notice")
                if evidence is not None:
                    answer.append(gr.HTML(elem_id="passages"))
        asked = gr.on(
            [button.click, boxes[0].submit],
            function,
            boxes,
            answer,
            validator=_check_choices if len(boxes) > 1 else _check,
            api_name="predict",
            show_progress="minimal",
            concurrency_limit=1,
            concurrency_id=_QUEUE,
        )
        if offered is not None:
            offered.load_input_event.then(
                function,
                boxes,
                answer,
                api_visibility="private",
                show_progress="minimal",
                concurrency_id=_QUEUE,
                cancels=asked,
            )
        gr.HTML(_evidence(demo, report_link), elem_id="evidence")
    return page


def _input_boxes(demo: Demo) -> list[Any]:
    import gradio as gr

    hint = "Type or paste an input. Shift + Enter answers."
    boxes = [gr.Textbox(label="Input", lines=4, max_lines=10, placeholder=hint, autofocus=True, elem_id="input")]
    if demo.kind == "multiple_choice":
        boxes.append(gr.Textbox(label="Choices, one per line", lines=4, max_lines=10, elem_id="choices"))
    return boxes


def _offer_examples(demo: Demo, boxes: list[Any]) -> Any:
    """Test inputs to click. A click fills the boxes; the page then answers at once."""
    import gradio as gr

    return gr.Examples(
        [[item.input, "\n".join(item.choices)][: len(boxes)] for item in demo.examples],
        boxes,
        example_labels=[_shortened(item.input) for item in demo.examples],
        label="Examples from the test set",
        elem_id="examples",
        cache_examples=False,
        api_visibility="private",
    )


def _answer_box(demo: Demo, closed: bool) -> Any:
    import gradio as gr

    if closed:
        shown = min(_MOST_LABELS_SHOWN, len(demo.labels)) if demo.labels else _MOST_LABELS_SHOWN
        return gr.Label(label="Answer", num_top_classes=shown, elem_id="answer")
    return gr.Textbox(label="Answer", lines=4, max_lines=20, interactive=False, buttons=["copy"], elem_id="answer")


def _check(text: str) -> dict[str, Any]:
    """What is missing is said under the box that it is missing from."""
    import gradio as gr

    return gr.validate(bool(text.strip()), "Please type an input first.")


def _check_choices(text: str, choices: str) -> list[dict[str, Any]]:
    import gradio as gr

    enough = gr.validate(len(_lines(choices)) > 1, "Please type at least two choices, one per line.")
    return [_check(text), enough]


def _function(predictor: StudentPredictor, closed: bool, evidence: EvidenceRetriever | None) -> Callable[..., Any]:
    """What answers: with its evidence as well where there is a corpus."""
    if evidence is not None:
        return _choose_with_evidence(predictor, evidence)
    return _choose(predictor) if closed else _write(predictor)


def _choose(predictor: StudentPredictor) -> Callable[..., dict[str, float]]:
    def choose(text: str, choices: str = "") -> dict[str, float]:
        """The probability of every label or choice."""
        with _errors_in_one_sentence():
            return _probabilities(predictor, Item(text, _lines(choices)))

    return choose


def _choose_with_evidence(
    predictor: StudentPredictor, evidence: EvidenceRetriever
) -> Callable[..., tuple[dict[str, float], str]]:
    def choose(text: str, choices: str = "") -> tuple[dict[str, float], str]:
        """The probability of every choice, and the passages that it was read beside."""
        with _errors_in_one_sentence():
            item = Item(text, _lines(choices))
            item = dataclasses.replace(item, evidence=evidence.evidence_for(item))
            return _probabilities(predictor, item), _passages(item)

    return choose


def _probabilities(predictor: StudentPredictor, item: Item) -> dict[str, float]:
    """P of every label or choice. Raises NoAnswerError."""
    cut = predictor.truncated
    prediction = predictor(item)
    if prediction.probabilities is None:
        raise no_answer(prediction.failure or "empty")
    _warn_if_cut(predictor.truncated > cut)
    return dict(zip(predictor.labels or item.choices, prediction.probabilities, strict=True))


def _passages(item: Item) -> str:
    """Each passage once, under the choices that it was found for."""
    found: dict[str, list[str]] = {}
    for choice, passage in zip(item.choices, item.evidence, strict=True):
        if passage:
            found.setdefault(passage, []).append(choice)
    if not found:
        return "<p>Nothing was found for it in the texts.</p>"
    return "".join(
        f'<p class="choice">{as_text(", ".join(choices))}</p><p dir="auto">{as_text(passage)}</p>'
        for passage, choices in found.items()
    )


def _write(predictor: StudentPredictor) -> Callable[..., Iterator[str]]:
    def write(text: str) -> Iterator[str]:
        """The answer, growing."""
        item = Item(text)
        cut = predictor.truncated
        answer = ""
        with _errors_in_one_sentence():
            for piece in predictor.stream(item):
                answer += piece
                yield answer
        _warn_if_cut(predictor.truncated > cut)

    return write


def _lines(choices: str) -> tuple[str, ...]:
    """The choices. One that stands twice is one choice."""
    return tuple(dict.fromkeys(line.strip() for line in choices.splitlines() if line.strip()))


@contextmanager
def _errors_in_one_sentence() -> Iterator[None]:
    """An error is one sentence on the page, shown until it is closed; only the terminal gets a traceback."""
    import gradio as gr

    try:
        yield
    except Prompt2ModelError as error:
        text = str(error)
        raise gr.Error(f"{text[:1].upper()}{text[1:]}.", duration=None, print_exception=False) from error
    except Exception as error:
        raise gr.Error(_UNEXPECTED, duration=None) from error


def _warn_if_cut(cut: bool) -> None:
    if cut:
        import gradio as gr

        gr.Warning("The input is longer than the model reads. Its end was cut.")


def _about(demo: Demo) -> str:
    instruction = demo.instruction.strip()
    text = f'<div class="instruction">{as_text(instruction)}</div>'
    if " ".join(instruction.split()).strip(" .:") == demo.title:
        text = ""
    elif len(instruction) > _SHORT_INSTRUCTION:
        text = f"<details><summary>What the model was asked to do</summary>{text}</details>"
    return f"<h1>{as_text(demo.title)}</h1>{text}"


def _evidence(demo: Demo, report_link: str | None) -> str:
    link = f' <a href="{report_link}" target="_blank" id="report-link">Full report</a>' if report_link else ""
    facts = "".join(f"<li>{as_text(fact)}</li>" for fact in demo.facts)
    return f"<p>{as_text(demo.headline)}{link}</p>" + (f"<ul>{facts}</ul>" if facts else "")


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_BUTTON else f"{line[: _LONGEST_BUTTON - 1].rstrip()}…"
