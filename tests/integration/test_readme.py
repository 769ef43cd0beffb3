"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from model_trainer.tiny_models import tiny_model, word_tokenizer

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = sorted(
    {line.split("#")[0].strip() for line in README.splitlines() if line.strip().startswith("prompt2model ")}
)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_and_option_is_known(line: str) -> None:
    words = shlex.split(line)[1:]
    done = subprocess.run(
        [sys.executable, "-m", "prompt2model.cli", words[0], "--help"], capture_output=True, text=True, check=True
    )
    for word in words[1:]:
        if word.startswith("--"):
            assert word in done.stdout, f"{line}: {word} is not an option"


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prompt2model.weights import save_model

    example = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert example is not None
    words = "amber birch cedar delta ember flint grove heath ivory jade knoll larch maple north ochre pine".split()
    rows = [
        f"the {noun} with {words[n % 16]} {words[(n * 5 + 3) % 16]} {words[(n * 7 + 1) % 16]} mark {n * 7919},{label}"
        for n in range(40)
        for noun, label in (("parcel", "shipping"), ("invoice", "billing"))
    ]
    (tmp_path / "rows.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    tokenizer = word_tokenizer("encoder")
    save_model(tiny_model("encoder", len(tokenizer)), tokenizer, tmp_path / "base")
    # The example as it stands, only with a tiny base model, so that it takes seconds.
    code = example[1].replace(
        '"teacher": "none",', '"teacher": "none", "retrieve_models": {"model": "base"}, "evaluate": {"bootstrap": 100},'
    )
    assert code != example[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^(shipping|billing) 0\.\d+", done.stdout, re.MULTILINE)


def test_the_tree_names_what_is_there() -> None:
    named = set(re.findall(r"^  ([a-z_]+(?:\.py|/))  ", README, re.MULTILINE))
    package = ROOT / "prompt2model"
    there = {path.name for path in package.glob("*.py")} - {"__init__.py"}
    there |= {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert named == there


def test_every_link_leads_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "PAPERS.md", *ROOT.glob("docs/*.md")):
        for target in re.findall(r"\]\(((?!http)[^)#]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} points to {target}, which is not there"
