"""Write docs/benchmarks.md from the records in docs/benchmarks/. `--check` fails when the page is not up to date."""

from __future__ import annotations

import json
import sys
from typing import Any

from record import RECORDS, ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
INTRODUCTION = """# Benchmarks

Made from the records in `docs/benchmarks/` by `scripts/benchmarks/make_page.py`; do not edit.
Each figure names the commit that it was measured at, each record the machine.
Where training is involved, a figure is the mean of fixed seeds.
"""


def page() -> str:
    """The page's text."""
    records = [
        json.loads(path.read_text()) for path in sorted(RECORDS.glob("*.json")) if ".predictions" not in path.name
    ]
    return "\n".join([INTRODUCTION, *(_section(record) for record in records)])


def _section(record: dict[str, Any]) -> str:
    machine = record["machine"]
    where = machine["accelerator"] or f"{machine['processor']}, {machine['cores']} cores"
    lines = [
        f"## {record['benchmark']}",
        "",
        f"`scripts/benchmarks/{record['benchmark']}.py`: {record['seconds'] / 60:.0f} minutes "
        f"on {where}, torch {machine['torch']}.",
        "",
        "| figure | value | 95 % interval | n | single runs | | commit |",
        "|---|---|---|---|---|---|---|",
    ]
    for key, figure in record["figures"].items():
        interval = f"{figure['low']:.3g} to {figure['high']:.3g}" if "low" in figure else ""
        runs = ", ".join(f"{value:.3g}" for value in figure.get("values", []))
        about = " ".join(part for part in (figure.get("unit", ""), figure.get("note", "")) if part)
        cells = (key, f"{figure['value']:.4g}", interval, figure["n"], runs, about, f"`{figure['commit'][:7]}`")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    lines += ["", *(f"- {note}" for note in record.get("notes", [])), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    text = page()
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.exists() and PAGE.read_text() == text else f"{PAGE.name} is not made from the records")
    PAGE.write_text(text)
