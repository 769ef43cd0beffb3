"""The house rules: imports run one way, component rooms do not know each other, heavy libraries load late."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "prompt2model"

# From the top floor down. A room may import from lower floors only.
FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"__main__", "cli", "studio"}),
    frozenset(
        {
            "show",
            "predict_file",
            "compare_runs",
            "review",
            "doctor",
            "command_options",
            "index_commands",
            "benchmark_commands",
        }
    ),
    frozenset({"benchmark"}),
    frozenset({"improve"}),
    frozenset({"pipeline"}),
    frozenset({"planning"}),
    frozenset({"chain"}),
    frozenset({"config"}),
    frozenset(
        {
            "prompt_parser",
            "dataset_retriever",
            "test_reserver",
            "feasibility",
            "dataset_generator",
            "dataset_assembler",
            "model_retriever",
            "model_trainer",
            "model_evaluator",
            "demo_creator",
            "deployment",
            "augment",
        }
    ),
    frozenset({"labelling", "predictor", "catalogue", "evidence"}),
    frozenset({"prompt_program", "text_index", "teacher", "measures"}),
    frozenset({"inference"}),
    frozenset({"weights", "prompts", "console", "local_page"}),
    frozenset({"component", "run_store", "artifacts"}),
    frozenset({"cluster"}),
    frozenset({"records", "errors", "sqlite_file", "statistics", "languages"}),
)
FLOOR_OF = {room: number for number, floor in enumerate(FLOORS) for room in floor}
# On these floors rooms share the floor but not each other's doors.
CLOSED_FLOORS = {8, 9, 10}
SAME_FLOOR = {
    ("predict_file", "show"), ("run_store", "artifacts"), ("pipeline", "config"), ("labelling", "predictor"),
    ("evidence", "predictor"),
    ("prompt_program", "teacher"),
}  # fmt: skip
HEAVY = {
    "torch", "transformers", "datasets", "gradio", "sklearn", "matplotlib", "openai", "peft", "evaluate",
    "sentence_transformers", "bert_score", "pandas", "pyarrow", "accelerate", "sacrebleu", "datasketch", "rank_bm25",
    "ray",
}  # fmt: skip


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            if node.module == "prompt2model":
                yield from (f"prompt2model.{alias.name}" for alias in node.names)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def without_type_checking(tree: ast.Module) -> ast.Module:
    class Remover(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST | None:
            return None if is_type_checking(node) else self.generic_visit(node)

    return Remover().visit(tree)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    assert room in FLOOR_OF, f"{room} has no floor in the house plan"
    for name in imports(without_type_checking(ast.parse(path.read_text()))):
        parts = name.split(".")
        if parts[0] != "prompt2model" or len(parts) < 2 or parts[1] == room or parts[1] not in FLOOR_OF:
            continue
        other = parts[1]
        assert FLOOR_OF[other] >= FLOOR_OF[room], f"{path.name} of {room} imports {other}, which stands above it"
        if FLOOR_OF[other] == FLOOR_OF[room]:
            closed = FLOOR_OF[room] in CLOSED_FLOORS and (room, other) not in SAME_FLOOR
            assert not closed, f"{path.name}: {room} and {other} are neighbours and do not import each other"


def test_rooms_open_without_a_heavy_library() -> None:
    rooms = sorted(f"prompt2model.{path.parent.name}" for path in PACKAGE.glob("*/__init__.py"))
    code = (
        f"import importlib, sys\nfor room in {rooms!r}:\n    importlib.import_module(room)\n"
        f"    heavy = set(sys.modules) & {HEAVY!r}\n    assert not heavy, (room, heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_loads_no_heavy_library() -> None:
    code = (
        "import sys\nfrom prompt2model.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        f"heavy = set(sys.modules) & {HEAVY!r}\nassert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "run" in done.stdout


def test_the_chain_loads_no_heavy_library() -> None:
    code = (
        "import sys\nfrom prompt2model.pipeline import Pipeline\n"
        "Pipeline.from_config({'prompt': 'x'})\n"
        f"heavy = set(sys.modules) & {HEAVY!r}\nassert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_that_executes_text(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in FORBIDDEN_CALLS, f"{path.name} calls {node.func.id}"
        if isinstance(node, ast.keyword):
            assert node.arg != "trust_remote_code" or ast.unparse(node.value) == "False"
            assert not (node.arg == "share" and ast.unparse(node.value) == "True")
            assert not (node.arg == "weights_only" and ast.unparse(node.value) == "False")
    assert not {"pickle", "dill", "joblib", "cloudpickle"} & {
        name.split(".")[0] for name in imports(ast.parse(path.read_text()))
    }


def test_no_grab_bag_modules() -> None:
    names = {part.removesuffix(".py") for path in modules() for part in path.relative_to(PACKAGE).parts}
    assert not names & {"utils", "helpers", "common", "misc", "mock"}
