"""A hint at well-known data sets is given where they clearly fit, and nowhere else."""

from __future__ import annotations

import subprocess
import sys

import pytest

from prompt2model.catalogue.starter_datasets import starter_datasets
from prompt2model.dataset_retriever.well_known import well_known_for
from prompt2model.records import Kind, TaskSpec


def fitting(instruction: str, *labels: str, kind: Kind | None = None, language: str = "en") -> list[str]:
    kind = kind or ("classification" if labels else "generation")
    return [card.id for card in well_known_for(TaskSpec(instruction, (), kind, labels, language, instruction))]


@pytest.mark.parametrize(
    ("instruction", "labels", "best"),
    [
        ("Sort messages to a bank's help desk by intent.", ("lost card", "exchange rate"), "PolyAI/banking77"),
        ("Is this text message spam, or is it wanted?", ("spam", "wanted"), "ucirvine/sms_spam"),
        ("Does the second sentence follow?", ("entailment", "neutral", "contradiction"), "SetFit/mnli"),
        ("Is the mail phishing, or is it safe?", ("phishing", "safe"), "zefang-liu/phishing-email-dataset"),
        ("Correct the grammar in a learner's sentence.", (), "jhu-clsp/jfleg"),
        ("Name the key phrases of an abstract.", (), "midas/inspec"),
    ],
)  # fmt: skip
def test_what_clearly_fits_is_named(instruction: str, labels: tuple[str, ...], best: str) -> None:
    assert fitting(instruction, *labels)[0] == best


@pytest.mark.parametrize(
    ("instruction", "labels"),
    [
        ("Sort the customer's message.", ("billing", "shipping", "returns", "out of scope")),
        ("Say which team a support ticket goes to.", ("network", "hardware", "accounts")),
        ("Is the answer right?", ("yes", "no")),
        ("Will the price of the stock rise?", ("positive", "negative", "neutral")),
        ("Turn a bad review of a product into a good one, as positive as it was negative.", ()),
        ("Answer the question.", ()),
        ("Translate the sentence into Galician.", ()),
        ("List the ingredients of the recipe.", ()),
    ],
)
def test_what_fits_in_part_is_not(instruction: str, labels: tuple[str, ...]) -> None:
    assert fitting(instruction, *labels) == []


def test_another_language_or_kind_is_no_fit() -> None:
    films = "Is the review of a film positive or negative?"
    assert "stanfordnlp/imdb" in fitting(films, "good", "bad")
    assert fitting(films, "bon", "mauvais", language="fr") == ["tblard/allocine"]
    assert fitting(films) == []


def test_at_most_three_are_named_and_each_is_among_the_facts() -> None:
    named = fitting("Is the review of a film positive or negative?", "good", "bad")
    assert 1 < len(named) <= 3
    assert set(named) <= {card.id for card in starter_datasets()}


def test_no_heavy_library_is_loaded_for_it() -> None:
    lines = (
        "import sys",
        "from prompt2model.dataset_retriever.well_known import well_known_for",
        "from prompt2model.records import TaskSpec",
        "assert well_known_for(TaskSpec('Is the text message spam?', (), 'classification', ('spam',), 'en', 'p'))",
        "print([name for name in ('torch', 'transformers', 'datasets', 'huggingface_hub') if name in sys.modules])",
    )
    ended = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
