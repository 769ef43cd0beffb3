"""What the teacher is asked about a prompt, and the check of its answer: nothing it invents gets through.

A strong model answers one question in JSON. The embedded one gets a short form per question.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from prompt2model.languages.words import ISO_639_1
from prompt2model.prompt_parser.demonstrations import stands_in
from prompt2model.prompt_parser.label_list import clean_label
from prompt2model.prompt_parser.labelled_pairs import read_labelled_pairs
from prompt2model.prompts import render
from prompt2model.records import Demonstration, Kind
from prompt2model.teacher.asking_again import complete_readable, json_fault
from prompt2model.teacher.client import ChatRequest, Message
from prompt2model.teacher.schemas import TEXT, TEXT_OR_NULL, list_of, object_of, one_of, schema_text

if TYPE_CHECKING:
    from prompt2model.teacher.client import ChatClient

PURPOSE = "parse_prompt"
TASK_SCHEMA = schema_text(
    kind=one_of(*get_args(Kind)),
    labels=list_of(object_of(label=TEXT, note=TEXT_OR_NULL)),
    demonstrations=list_of(object_of(input=TEXT, output=TEXT)),
    language=TEXT,
)
_LONGEST_LABEL = 60
_LONGEST_FOR_EMBEDDED = 4000


@dataclass(frozen=True, slots=True)
class TeacherReading:
    """The part of the teacher's answer that passed the check. `refused` says in words what did not."""

    kind: Kind | None = None
    labels: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    language: str | None = None
    demonstrations: tuple[Demonstration, ...] = ()
    refused: tuple[str, ...] = ()


def follows_json(client: ChatClient) -> bool:
    """Whether the model can be asked for JSON; the embedded one cannot."""
    return not client.model.startswith("embedded")


def askable(client: ChatClient, questions: Collection[str]) -> tuple[str, ...]:
    """The questions that this model is asked: the embedded one only those whose answer must stand in the prompt."""
    return tuple(name for name in questions if follows_json(client) or name in ("demonstrations", "labels"))


def ask_teacher(client: ChatClient, prompt: str, instruction: str, questions: Collection[str]) -> TeacherReading:
    """Put the open questions to the teacher and keep what stands in the prompt."""
    if follows_json(client):
        return _check(prompt, _ask_json(client, prompt))
    return _ask_forms(client, prompt, instruction, questions)


def _complete(client: ChatClient, text: str, max_tokens: int, stop: tuple[str, ...] = ()) -> tuple[str, str]:
    """The answer, and the kind of failure ("" for none)."""
    request = ChatRequest((Message("user", text),), temperature=0.0, max_tokens=max_tokens, stop=stop, purpose=PURPOSE)
    for _, response in client.complete_many([request]):
        return response.text, response.failure or ("truncated" if response.finish == "length" else "")
    return "", "empty"


# One question in JSON -----------------------------------------------------------------------------------------------


def _ask_json(client: ChatClient, prompt: str) -> dict[str, Any] | str:
    """The decoded answer, or why there is none."""
    longest = min(16_000, 1000 + len(prompt) // 2)
    asked = Message("user", render("parse_task", prompt=prompt))
    request = ChatRequest((asked,), max_tokens=longest, purpose=PURPOSE, schema=TASK_SCHEMA)
    response = complete_readable(client, [request], _fault)[request].response
    if response.failure is not None and response.failure != "truncated":
        return f"no answer ({response.failure})"
    value = _decoded(response.text)
    cut = " (it was cut off)" if response.finish == "length" else ""
    return value if value is not None else f"the answer is not a JSON object{cut}"


def _decoded(text: str) -> dict[str, Any] | None:
    """The first JSON object in the answer."""
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text, max(text.find("{"), 0))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _fault(answer: str) -> str:
    return "" if _decoded(answer) is not None else json_fault(answer) or "it is no JSON object"


def _check(prompt: str, answer: dict[str, Any] | str) -> TeacherReading:
    if isinstance(answer, str):
        return TeacherReading(refused=(answer,))
    refused: list[str] = []
    kind = answer.get("kind")
    if kind not in ("classification", "multiple_choice", "generation"):
        refused.append(f"unknown kind {str(kind)[:40]!r}")
        kind = None
    pairs = [
        (pair["input"], pair["output"])
        for pair in _list(answer.get("demonstrations"))
        if isinstance(pair, dict) and isinstance(pair.get("input"), str) and isinstance(pair.get("output"), str)
    ]
    demonstrations = _standing(prompt, pairs, refused)
    entries = [entry if isinstance(entry, dict) else {"label": entry} for entry in _list(answer.get("labels"))]
    names = [str(entry.get("label", "")).strip() for entry in entries]
    labels = _standing_labels(prompt, names, refused)
    notes = tuple(
        (str(entry["label"]).strip(), str(entry["note"]).strip())
        for entry in entries
        if str(entry.get("label", "")).strip() in labels and entry.get("note") and stands_in(str(entry["note"]), prompt)
    )
    language = str(answer.get("language") or "").strip().casefold()
    if language not in ISO_639_1:
        refused.append(f"unknown language {language[:20]!r}")
        language = ""
    return TeacherReading(kind, labels, notes, language or None, demonstrations, tuple(refused))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _standing(prompt: str, pairs: list[tuple[str, str]], refused: list[str]) -> tuple[Demonstration, ...]:
    kept = []
    for first, second in pairs:
        if stands_in(first, prompt) and stands_in(second, prompt):
            kept.append(Demonstration(first.strip(), second.strip()))
        else:
            missing = first if not stands_in(first, prompt) else second
            refused.append(f"demonstration {_short(missing)} does not stand in the prompt")
    return tuple(dict.fromkeys(kept))


def _standing_labels(prompt: str, names: list[str], refused: list[str]) -> tuple[str, ...]:
    """The labels, or none at all when one of them is invented: half a label set is worse than a question."""
    labels = tuple(dict.fromkeys(name for name in names if name))
    for label in labels:
        bounded = rf"(?<!\w){re.escape(label)}(?!\w)" if label.isascii() else re.escape(label)
        if len(label) > _LONGEST_LABEL or not re.search(bounded, " ".join(prompt.split())):
            refused.append(f"label {_short(label)} does not stand in the prompt")
            return ()
    if len(labels) == 1:
        refused.append(f"one label alone ({_short(labels[0])})")
        return ()
    return labels


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 60 else line[:57] + "…")


# Short forms for the embedded model ---------------------------------------------------------------------------------


def _ask_forms(client: ChatClient, prompt: str, instruction: str, questions: Collection[str]) -> TeacherReading:
    """Only what can be checked against the prompt is asked of so small a model.

    Its choice of the kind, scored with calibration on the 175 seed instructions of Self-Instruct (arXiv 2212.10560),
    called 115 of them a classification, of which 20 were one: such an answer is worth less than a question.
    """
    refused: list[str] = []
    demonstrations: tuple[Demonstration, ...] = ()
    if "demonstrations" in questions:
        shown = render("parse_demonstrations", prompt=prompt[:_LONGEST_FOR_EMBEDDED])
        text, _ = _complete(client, shown, 400)
        pairs = max((reading.pairs for reading in read_labelled_pairs(text)), key=len, default=())
        demonstrations = _standing(prompt, [(pair.input, pair.output) for pair in pairs], refused)
    labels: tuple[str, ...] = ()
    if "labels" in questions:
        shown = render("parse_labels", instruction=instruction[:_LONGEST_FOR_EMBEDDED])
        text, _ = _complete(client, shown, 120, ("\n\n",))
        names = [clean_label(re.sub(r"^\s*(?:[-*•]|\d+[.)])\s*", "", part)) for part in re.split(r"[\n,;]", text)]
        labels = _standing_labels(prompt, [name for name in names if name], refused)
    return TeacherReading(None, labels, (), None, demonstrations, tuple(refused))
