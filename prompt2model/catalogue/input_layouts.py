"""A table that a model shall answer is read as the tables that it was trained on: same columns, same text between them.

A layout tells how (`InputLayout`). A table with other names needs them from a person, in the order of training.
"""

from __future__ import annotations

from collections.abc import Sequence

from prompt2model.catalogue.choice_columns import choice_columns
from prompt2model.catalogue.columns import ColumnChoice
from prompt2model.catalogue.data_files import Table
from prompt2model.catalogue.inline_options import split_question
from prompt2model.catalogue.input_parts import cell_text, named_parts, shown_parts
from prompt2model.catalogue.named_columns import named_inputs
from prompt2model.errors import DataFileError
from prompt2model.records import InputLayout, InputPart, Kind, TaskSpec

_LIKELY_NAMES = ("input", "text", "sentence", "message", "question", "content", "body")
_SAMPLE_ROWS = 200


def shown_layouts(task: TaskSpec) -> tuple[InputLayout, ...]:
    """The layouts that the demonstrations show: `Premise: … Hypothesis: …` is made of columns of these names."""
    inputs = [demonstration.input for demonstration in task.demonstrations]
    if task.kind == "multiple_choice":
        questions = [split_question(text) for text in inputs]
        inputs = [text if question is None else question.text for text, question in zip(inputs, questions, strict=True)]
    return tuple(
        InputLayout(tuple(InputPart(name, before) for name, before in zip(way.names, way.before, strict=True)))
        for way in (shown_parts(inputs) if inputs else ())
        if all(way.names)
    )


def columns_to_answer(table: Table, layouts: Sequence[InputLayout], kind: Kind, named: Sequence[str]) -> ColumnChoice:
    """The columns of a table that a model with these layouts shall answer; `named` are those that a person names.

    Raises DataFileError, which names the columns that are missing.
    """
    inputs = tuple(column for name in named for column in named_inputs(table, name))
    layout = _named_layout(table, layouts, inputs) if inputs else _found_layout(table, layouts)
    return ColumnChoice(layout.columns[0], "", "", _choices(table, layout, kind), layout.parts)


def _named_layout(table: Table, layouts: Sequence[InputLayout], inputs: tuple[str, ...]) -> InputLayout:
    """The layout with just these columns; else one with as many, its texts before the named columns in their order."""
    for layout in layouts:
        if sorted(layout.columns) == sorted(inputs):
            return layout
    alike = next((layout for layout in layouts if len(layout.parts) == len(inputs)), None)
    if alike is not None and len(inputs) > 1:
        parts = tuple(InputPart(name, part.before) for name, part in zip(inputs, alike.parts, strict=True))
        return InputLayout(parts, alike.choices)
    if len(inputs) == 1:
        return _single(table, layouts, inputs[0])
    if layouts:
        raise DataFileError(
            f"{table.path}: {len(inputs)} columns are named, but {_trained_on(layouts)}; name as many, in that order"
        )
    return InputLayout(named_parts(inputs))


def _found_layout(table: Table, layouts: Sequence[InputLayout]) -> InputLayout:
    """The first layout whose columns the table has; else one column, if the model reads such inputs at all."""
    whole = []
    for layout in sorted(layouts, key=lambda layout: -len(layout.parts)):
        found = [_same(part.column, table.columns) for part in layout.parts]
        columns = [column for column in found if column is not None]
        if len(columns) == len(found):
            parts = zip(columns, layout.parts, strict=True)
            whole.append(InputLayout(tuple(InputPart(column, part.before) for column, part in parts), layout.choices))
    if whole:
        alike = {layout.columns for layout in whole if len(layout.parts) == len(whole[0].parts)}
        if len(alike) > 1:
            ways = " or ".join(sorted(" + ".join(columns) for columns in alike))
            raise DataFileError(f"{table.path}: the model was trained on inputs like {ways}; add --column NAME")
        return whole[0]
    has = f"it has: {', '.join(table.columns)}"
    if layouts and all(len(layout.parts) > 1 for layout in layouts):
        nearest = max(layouts, key=lambda layout: sum(_same(one, table.columns) is not None for one in layout.columns))
        missing = [f"`{column}`" for column in nearest.columns if _same(column, table.columns) is None]
        raise DataFileError(
            f"{table.path} has no column {' and '.join(missing)}: {_trained_on(layouts)}; {has}; name yours in that "
            f"order, as --column {' --column '.join('NAME' for _ in nearest.columns)}, or the one that holds it all"
        )
    likely = [known for name in _LIKELY_NAMES for known in table.columns if known.casefold() == name]
    if len(table.columns) > 1 and not likely:
        trained = f" {_trained_on(layouts)};" if layouts else ""
        raise DataFileError(f"{table.path}: which column holds the inputs?{trained} {has}; add --column NAME")
    return _single(table, layouts, likely[0] if len(table.columns) > 1 else table.columns[0])


def _single(table: Table, layouts: Sequence[InputLayout], column: str) -> InputLayout:
    """One column, with the text before it that the model knows, unless the cells begin with that text themselves."""
    layout = next((one for one in layouts if len(one.parts) == 1), InputLayout((InputPart(column),)))
    before = layout.parts[0].before
    cells = [cell_text(row[column], column in table.list_columns) for row in table.sample(_SAMPLE_ROWS)]
    if before.strip() and all(cell.startswith(before.strip()) for cell in cells if cell):
        before = ""
    return InputLayout((InputPart(column, before),), layout.choices)


def _same(name: str, columns: Sequence[str]) -> str | None:
    """The column of this name; else the only one that differs in capitals alone."""
    if name in columns:
        return name
    near = [column for column in columns if column.strip().casefold() == name.strip().casefold()]
    return near[0] if len(near) == 1 else None


def _trained_on(layouts: Sequence[InputLayout]) -> str:
    spoken = " or ".join(dict.fromkeys(" + ".join(layout.columns) for layout in layouts))
    return f"the model was trained on inputs made of {spoken}"


def _choices(table: Table, layout: InputLayout, kind: Kind) -> tuple[str, ...]:
    """The columns with the answers to choose from; none where the questions carry them in their texts."""
    if kind != "multiple_choice":
        return ()
    if layout.choices and all(column in table.columns for column in layout.choices):
        return layout.choices
    found = choice_columns([column for column in table.columns if column not in layout.columns])
    if found:
        return found
    texts = ColumnChoice(layout.columns[0], "", "", (), layout.parts)
    sample = (texts.input_text(row, table.list_columns) for row in table.sample(_SAMPLE_ROWS))
    if any(split_question(text) is not None for text in sample):
        return ()
    wanted = " + ".join(layout.choices) or "choices, a list, or choice_a, choice_b and so on"
    raise DataFileError(
        f"{table.path} has no columns with the answers to choose from: the model needs {wanted}, or questions that "
        f"carry their options (A) … B) …); it has: {', '.join(table.columns)}"
    )
