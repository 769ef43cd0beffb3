"""Every prompt renders, a missing variable is an error, and no template stands unused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import jinja2.meta
import pytest

from prompt2model.chain import DEFAULT_CHAIN, load_component
from prompt2model.prompts import FOLDER, prompt_hash, render, template_names

VALUES: dict[str, Any] = {
    "instruction": "Sort the message.",
    "prompt": "Sort the message.\n\nInput: a\nOutput: b",
    "input": "Where is <my> parcel & co?",
    "inputs": ("Where is <my> parcel & co?", "I was charged twice."),
    "answer_a": "shipping",
    "answer_b": "billing",
    "expected": "shipping",
    "answers": (("Where is <my> parcel & co?", "shipping"),),
    "echo": True,
    "labels": ("billing", "shipping"),
    "label": "shipping",
    "label_notes": {"shipping": "where an order is"},
    "demonstrations": ['{"input": "a", "output": "b"}'],
    "earlier": ['{"input": "c", "output": "d"}'],
    "notes": ("more short ones",),
    "note": "where an order is",
    "attributes": ("topic: parcels",),
    "overused": ("N/A",),
    "count": 3,
    "choices": 4,
    "detail": 2,
    "language": "en",
    "what": "where an order is",
    "multiple_choice": False,
    "dataset": "letters",
    "rows": ['{"body": "Where is <my> parcel?"}'],
    "row": '{"body": "Where is <my> parcel?"}',
    "plan": "1. Take the body.",
    "fault": "it has no JSON in it",
    "plain": False,
    "form": "Answer with a label.",
    "description": "someone looks for a parcel",
    "cards": ({"id": "a/parcels", "about": "Parcels & their ways.", "columns": "text, team", "sample": "Where?"},),
}


def variables(name: str) -> set[str]:
    environment = jinja2.Environment(autoescape=True)
    return jinja2.meta.find_undeclared_variables(environment.parse((FOLDER / f"{name}.jinja").read_text()))


@pytest.mark.parametrize("name", template_names())
def test_every_prompt_renders(name: str) -> None:
    wanted = variables(name)
    assert wanted <= set(VALUES), f"{name} has a variable that this test does not know"
    text = render(name, **{key: VALUES[key] for key in wanted})
    assert text.strip()
    assert "{{" not in text.replace("{{text}}", "")
    # A prompt is plain text: nothing is turned into HTML entities.
    assert "&lt;" not in text
    assert "&amp;" not in text
    assert len(prompt_hash(name)) == 16


@pytest.mark.parametrize("name", [name for name in template_names() if variables(name)])
def test_a_missing_variable_is_an_error(name: str) -> None:
    with pytest.raises(jinja2.UndefinedError):
        render(name)


def test_every_prompt_belongs_to_the_fingerprint_of_a_step() -> None:
    declared = {name for step in DEFAULT_CHAIN for name in load_component(step.component, step.id).prompts}
    assert declared == set(template_names())


def test_no_prompt_stands_in_code() -> None:
    package = Path(FOLDER).parent
    asking = [path for path in package.rglob("*.py") if "ChatRequest(" in path.read_text()]
    for path in asking:
        # Long texts in the files that ask belong into a template.
        assert '"""You ' not in path.read_text(), f"{path.name} has a prompt of its own"
