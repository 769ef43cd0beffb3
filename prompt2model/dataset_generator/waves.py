"""Numbered waves on disk. A wave file is there whole or not at all; what is there is the truth about progress."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prompt2model.artifacts import decode_record, encode_record, write_atomically
from prompt2model.errors import RunFolderError
from prompt2model.records import Example

WAVE = "wave"
"""The files of waves are called `wave-0001.jsonl` and so on."""


@dataclass(frozen=True, slots=True)
class Wave:
    """What one wave gave. `asked` and `kept` count inputs by the label that they were asked for.

    `failed` counts failures by kind; `asked_again` of them are replies that could not be read and were asked for again.
    `rejected` are inputs that got no output: they are remembered, so that nobody votes on them again. `repeated` are
    inputs that were written again, with the outputs that came with them (`writes = "pairs"`).
    """

    number: int
    rows: tuple[Example, ...] = ()
    rejected: tuple[str, ...] = ()
    asked: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    asked_again: int = 0
    repeated: tuple[tuple[str, str], ...] = ()
    relabelled: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


def write_wave(folder: Path, wave: Wave, name: str = WAVE) -> None:
    """One line of counts, then one line per row."""
    head = {
        "wave": wave.number,
        "rows": len(wave.rows),
        "rejected": list(wave.rejected),
        "asked": dict(wave.asked),
        "kept": dict(wave.kept),
        "dropped": dict(wave.dropped),
        "failed": dict(wave.failed),
        "asked_again": wave.asked_again,
        **({"repeated": wave.repeated} if wave.repeated else {}),
        "relabelled": wave.relabelled,
        "requests": wave.requests,
        "prompt_tokens": wave.prompt_tokens,
        "completion_tokens": wave.completion_tokens,
    }
    lines = [head, *(encode_record(row) for row in wave.rows)]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_atomically(folder / f"{name}-{wave.number:04d}.jsonl", text.encode("utf-8", "surrogatepass"))


def read_waves(folder: Path, name: str = WAVE) -> Iterator[Wave]:
    """The finished waves from the first on, up to a gap. Raises RunFolderError for a damaged file."""
    names = re.compile(rf"{name}-(\d{{4,}})\.jsonl")
    numbers = {int(found[1]) for path in folder.glob(f"{name}-*.jsonl") if (found := names.fullmatch(path.name))}
    number = 1
    while number in numbers:
        yield _read_wave(folder / f"{name}-{number:04d}.jsonl", number)
        number += 1


def _read_wave(path: Path, number: int) -> Wave:
    try:
        head, *rows = map(json.loads, path.read_bytes().decode("utf-8", "surrogatepass").splitlines())
        if head["wave"] != number or head["rows"] != len(rows):
            raise ValueError("its first line does not fit")
        del head["wave"], head["rows"]
        head["rejected"] = tuple(head["rejected"])
        head["repeated"] = tuple((text, output) for text, output in head.get("repeated", ()))
        return Wave(number, tuple(decode_record(Example, row) for row in rows), **head)
    except (ValueError, KeyError, TypeError, AttributeError, RunFolderError) as error:
        raise RunFolderError(
            f"{path} is damaged ({error}); delete it and the waves after it, and resume: answers are in the ledger"
        ) from error
