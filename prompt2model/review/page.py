"""The Gradio page of a review: the rows in an editable table, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from prompt2model.local_page.look import as_text
from prompt2model.review.sheet import COLUMNS, EVERY_LABEL, EVERY_ROW, Edits, Sheet, View

if TYPE_CHECKING:
    import gradio as gr

_QUEUE = "review"
_WIDTHS = {"decision": 90, "output": 150, "choices": 170, "sure": 80, "from": 170, "id": 160}
_TABLE_WIDTH = 1145
"""Pixels. The input has what the other columns leave."""
_TEXT_SHOWN = 160
_NOTHING_SELECTED = "Click a row to decide about it, or click a cell twice to correct it."


def build_page(sheet: Sheet) -> gr.Blocks:
    """The page of a run's rows."""
    import gradio as gr

    with gr.Blocks(analytics_enabled=False, title=f"Review of {sheet.name}") as page:
        edits, start, selected = gr.State({}), gr.State(0), gr.State("")
        gr.HTML(_about(sheet), elem_id="about")
        with gr.Row(elem_id="filters"):
            label = gr.Dropdown(
                [EVERY_LABEL, *sheet.labels()],
                value=EVERY_LABEL,
                label="Answer",
                elem_id="label",
                visible=bool(sheet.labels()),
            )
            which = gr.Dropdown(sheet.selections(), value=EVERY_ROW, label="Rows", elem_id="which")
        table = _table(sheet)
        with gr.Row(elem_id="deciding"):
            chosen = gr.HTML(_NOTHING_SELECTED, elem_id="chosen")
            buttons = {word: gr.Button(word.capitalize(), size="sm", elem_id=word) for word in ("keep", "drop", "undo")}
        with gr.Row(elem_id="paging"):
            back = gr.Button("Back", size="sm", elem_id="back")
            position = gr.HTML(elem_id="position")
            onward = gr.Button("Next", size="sm", elem_id="next")
        save = gr.Button("Save", variant="primary", elem_id="save")
        status = gr.HTML(elem_id="status")

        shown = [table, position, edits, start]
        state = [table, edits, start, label, which]

        def on(event: Any, function: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
            event(
                function,
                list(inputs),
                list(outputs),
                api_visibility="private",
                show_progress="hidden",
                concurrency_limit=1,
                concurrency_id=_QUEUE,
            )

        on(page.load, lambda: _shown(sheet, {}, 0, EVERY_LABEL, EVERY_ROW), [], shown)
        for choice in (label, which):
            on(choice.input, _move(sheet, None), state, shown)
        on(back.click, _move(sheet, -1), state, shown)
        on(onward.click, _move(sheet, 1), state, shown)
        on(table.select, _select(sheet), [], [chosen, selected])
        for word, button in buttons.items():
            on(button.click, _decide(sheet, word), [*state, selected], [*shown, chosen])
        on(save.click, _save(sheet), state, [*shown, status])
    return page


def _table(sheet: Sheet) -> Any:
    import gradio as gr

    columns = sheet.columns
    rest = _TABLE_WIDTH - sum(_WIDTHS.get(name, 0) for name in columns)
    return gr.Dataframe(
        headers=columns,
        datatype="str",
        type="array",
        interactive=True,
        static_columns=[number for number, name in enumerate(columns) if name not in COLUMNS[:3]],
        column_widths=[_WIDTHS.get(name, rest) for name in columns],
        wrap=True,
        max_height=440,
        buttons=[],
        show_label=False,
        elem_id="rows",
    )


def _shown(sheet: Sheet, edits: Edits, start: int, label: str, which: str) -> tuple[Any, ...]:
    view: View = sheet.view(edits, start, label, which)
    return view.rows, view.position, edits, view.start


def _move(sheet: Sheet, pages: int | None) -> Callable[..., Any]:
    """To the next or the earlier rows; None: to the first ones."""

    def move(rows: list[list[Any]], edits: Edits, start: int, label: str, which: str) -> tuple[Any, ...]:
        edits = sheet.absorb(edits, rows)
        return _shown(sheet, edits, 0 if pages is None else sheet.moved(start, pages), label, which)

    return move


def _select(sheet: Sheet) -> Callable[..., tuple[str, str]]:
    import gradio as gr

    def select(event: gr.SelectData) -> tuple[str, str]:
        cells = [str(cell or "") for cell in event.row_value or []]
        identity = cells[sheet.columns.index("id")] if len(cells) == len(sheet.columns) else ""
        return (as_text(_shortened(cells[1])), identity) if identity else (_NOTHING_SELECTED, "")

    # Gradio finds the parameter that takes the event by its type, which is a text here until it is resolved.
    select.__annotations__["event"] = gr.SelectData
    return select


def _decide(sheet: Sheet, word: str) -> Callable[..., Any]:
    def decide(
        rows: list[list[Any]], edits: Edits, start: int, label: str, which: str, selected: str
    ) -> tuple[Any, ...]:
        edits = sheet.absorb(edits, rows)
        if not selected:
            return *_shown(sheet, edits, start, label, which), _NOTHING_SELECTED
        edits = sheet.with_decision(edits, selected, word)
        text = f"{word.capitalize()}: {_shortened(sheet.input_of(edits, selected))}"
        return *_shown(sheet, edits, start, label, which), as_text(text)

    return decide


def _save(sheet: Sheet) -> Callable[..., Any]:
    def save(rows: list[list[Any]], edits: Edits, start: int, label: str, which: str) -> tuple[Any, ...]:
        edits = sheet.absorb(edits, rows)
        saved = sheet.save(edits, rows)
        lines = "".join(f"<li>{as_text(line)}</li>" for line in saved.faults)
        text = f"<p>{as_text(saved.message)}</p>" + (f"<ul>{lines}</ul>" if lines else "")
        return *_shown(sheet, edits if saved.faults else {}, start, label, which), text

    return save


def _about(sheet: Sheet) -> str:
    labels = f" The labels are: {', '.join(sheet.task_labels)}." if sheet.task_labels else ""
    return (
        f"<h1>Rows of {as_text(sheet.name)}</h1><p>These are the rows that the model is trained on, those most worth "
        "a look first; test rows are not among them. Correct an input or an output where it stands, or choose a row "
        "and press Keep (it counts as your own), Drop (it is left out) or Undo (as it was). Rows that you leave alone "
        f"stay as they are. Save keeps all of it.{as_text(labels)}</p>"
    )


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT_SHOWN else f"{line[: _TEXT_SHOWN - 1]}…"
