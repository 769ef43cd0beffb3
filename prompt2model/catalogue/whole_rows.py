"""A whole row of a table as one text: a JSON object of its cells, so that a teacher can read it and tests be told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prompt2model.catalogue.row_reading import EMPTY_INPUT
from prompt2model.records import Example, Source, make_example


@dataclass(frozen=True, slots=True)
class WholeRowReader:
    """Reads the named columns of a row, as they are."""

    columns: Sequence[str]

    def read(self, row: Mapping[str, str], source: Source) -> Example | str:
        """An example without references whose input is the row as JSON, or why there is none."""
        cells = {column: text for column in self.columns if (text := row.get(column, "").strip())}
        if not cells:
            return EMPTY_INPUT
        return make_example(row_text(cells), (), source)


def row_text(cells: Mapping[str, str]) -> str:
    """The cells as a JSON object in one line."""
    return json.dumps(dict(cells), ensure_ascii=False)


def row_cells(text: str) -> dict[str, str]:
    """The cells that `row_text` wrote. Raises ValueError for any other text."""
    cells = json.loads(text)
    if not isinstance(cells, dict) or not all(isinstance(value, str) for value in cells.values()):
        raise ValueError("not the cells of a row")
    return cells
