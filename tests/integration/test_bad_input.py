"""What a person gets wrong before a model is trained: one clear line, exit code 2, earlier work as it was."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from integration.command_line import FAST, LABELS, command, kept, side_by_side
from servers.openai_like import Fault, FaultKind, OpenAILikeServer, faults_first

SECRET = "sk-secret-0123456789"
NO_TEACHER = ("--teacher", "none")
NO_SETS = ("--datasets", "none")
FROM_FILE = ("--prompt-file", "task.txt")
ROWS = ("--data", "rows.csv")
BASE = ("--base-model", "base", *FAST)
COLOUR_OR_NOT = "Say which colour the text names. Answer with exactly one of these labels: red, green."
ONE_LABEL = "text,colour\n" + "".join(f"red {word},red\n" for word in "car hat sea sky ink cup map bee pen".split())


@dataclass(frozen=True)
class Case:
    """A wrong command line: what it is given, and the words by which the person learns what was wrong and what to do.

    `files`: what is written into the working folder first. `run`: the run that it works on; `kept` is finished.
    """

    id: str
    arguments: tuple[str, ...]
    words: tuple[str, ...]
    files: dict[str, bytes | str] = field(default_factory=dict)
    run: str = "kept"
    env: dict[str, str] = field(default_factory=dict)


def given(id: str, content: str, *words: str) -> Case:
    """A config file with this content beside an else complete command line."""
    return Case(id, ("--config", "bad.toml", *FROM_FILE, *NO_TEACHER, *NO_SETS, *ROWS), words, {"bad.toml": content})


def assigned(assignment: str, *words: str) -> Case:
    """`--set` with this text."""
    return Case(f"--set {assignment}", (*FROM_FILE, *NO_TEACHER, *NO_SETS, *ROWS, "--set", assignment), words)


def data(id: str, content: bytes | str, *words: str, options: tuple[str, ...] = ()) -> Case:
    """A file of labelled rows with this content."""
    arguments = (*FROM_FILE, *NO_TEACHER, *NO_SETS, "--data", "bad.csv", *options, *BASE)
    return Case(id, arguments, words, {"bad.csv": content})


def teacher(id: str, spec: str, *words: str, options: tuple[str, ...] = (), **env: str) -> Case:
    """A teacher that is asked for six examples."""
    arguments = (*FROM_FILE, *NO_SETS, *ROWS, "--teacher", spec, "--generate", "6", *options, *BASE)
    return Case(id, arguments, words, env=env)


def base_model(id: str, name: str, *words: str, files: dict[str, bytes | str] | None = None, run: str = "kept") -> Case:
    """Another base model than the finished run's."""
    arguments = (*FROM_FILE, *NO_TEACHER, *NO_SETS, *ROWS, *FAST, "--base-model", name)
    return Case(id, arguments, words, files or {}, run)


PROMPTS = [
    Case("no prompt", (*NO_TEACHER, *NO_SETS), ("the prompt is empty", "--prompt-file")),
    Case("empty prompt", ("", *NO_TEACHER), ("the prompt is empty", "give it as an argument")),
    Case("blank file", (*FROM_FILE, *NO_TEACHER), ("the prompt is empty",), {"task.txt": " \n\t\n"}),
    Case("missing file", ("--prompt-file", "gone.txt"), ("no prompt file", "gone.txt", "correct the path")),
    Case("a folder as file", ("--prompt-file", "base"), ("base", "cannot be read", "give a text file")),
    Case("Latin-1", FROM_FILE, ("task.txt", "byte 3", "save it as UTF-8"), {"task.txt": b"caf\xe9 or not"}),
    Case("binary", (*FROM_FILE, *NO_TEACHER), ("NUL byte", "save it as UTF-8"), {"task.txt": b"a\0b\0c"}),
    Case("prompt twice", ("a prompt", *FROM_FILE), ("`prompt` or `prompt_file`, not both",)),
]

SETTINGS = [
    given("unknown key", 'techer = "none"', "bad.toml", "unknown key `techer`", "did you mean `teacher`"),
    given("unknown section", "[trian]\nepochs = 1", "unknown key `trian`", "did you mean `train`"),
    given("unknown key in a section", "[train]\nepoch = 1", "[train]", "unknown key `epoch`", "did you mean `epochs`"),
    given(
        "unknown key inside a value",
        '[parse_prompt]\ndemonstrations = [{inptu = "a", output = "b"}]',
        "unknown key `demonstrations.0.inptu`",
        "did you mean `input`",
    ),
    given("nothing near", "zzz = 1", "unknown key `zzz`", "known keys: prompt, prompt_file"),
    given("wrong type", '[train]\nepochs = "many"', "[train]: `epochs` is 'many'; give a whole number"),
    given("out of range", "[train]\nepochs = 0", "[train]: `epochs` is 0; give a number of at least 1"),
    given("negative seed", "seed = -1", "`seed` is -1; give a number of at least 0"),
    given("no such choice", 'hub = "maybe"', "`hub` is 'maybe'; give 'ask', 'yes' or 'no'"),
    Case("a path as name", (*FROM_FILE, "--name", "a/b"), ("`name` is a folder's name", "'a/b'")),
    given("labels for a generation", '[parse_prompt]\nkind = "generation"\nlabels = ["a", "b"]', "leave out one"),
    given("broken TOML", "seed = = 1", "bad.toml is not valid TOML", "line 1", "correct that place"),
    given("no such component", '[train]\ncomponent = "nowhere:Nobody"', "'nowhere:Nobody' cannot be loaded"),
    given("a component that is none", '[train]\ncomponent = "json:JSONDecoder"', "not a subclass of Component"),
    Case("config missing", ("--config", "gone.toml"), ("no config file gone.toml", "correct the path")),
    Case("config a folder", ("--config", "base"), ("base cannot be read", "give a TOML file")),
    Case(
        "config not UTF-8",
        ("--config", "c.toml"),
        ("c.toml is not UTF-8 text (byte 8)", "save it as UTF-8"),
        {"c.toml": b'name = "\xe9"'},
    ),
    assigned("epochs5", "write it as section.key=value", "train.epochs=5"),
    assigned("a.b.c=1", "write it as section.key=value"),
    assigned("=5", "write it as section.key=value"),
    assigned("train=5", "`train` is 5; give a table"),
    assigned("train.epochs=[", "`epochs` is '['; give a whole number"),
    assigned("seed.x=5", "`seed` is not a section", "write seed=value"),
    Case("budget in apples", (*FROM_FILE, "--budget", "5 apples"), ("'5 apples' cannot be read", "500000tokens")),
    Case("budget of nothing", (*FROM_FILE, "--budget", "0usd"), ("allows nothing", "above zero")),
    Case("generate less than none", (*FROM_FILE, "--generate", "-3"), ("`examples`", "a number from 0")),
    Case("unknown option", (*FROM_FILE, "--epochs", "3"), ("No such option", "--epochs", "prompt2model --help")),
    Case("no number", (*FROM_FILE, "--seed", "x"), ("--seed", "valid integer", "prompt2model --help")),
]

TEACHERS = [
    teacher("no key", "openai:any", "OPENAI_API_KEY is not set", "export OPENAI_API_KEY"),
    teacher("key with a blank", "openai:any", "OPENAI_API_KEY", "set it again", OPENAI_API_KEY="sk a"),
    teacher("unknown teacher", "gpt-4.1", "'gpt-4.1' is not known", "`openai:NAME`"),
    teacher("no name", "openai:", "'openai:' is not known", "`openai:NAME`"),
    teacher("no address", "openai:any", "is no address", "http://127.0.0.1:8000/v1", options=("--base-url", "xyz")),
    teacher("port", "openai:any", "is no address", options=("--base-url", "http://127.0.0.1:99999/v1")),
    teacher("password", "openai:any", "carries a password", options=("--base-url", "http://me:pw@127.0.0.1/v1")),
    teacher(
        "address that nobody asks",
        "embedded",
        "nobody is asked at http://127.0.0.1:1/v1",
        "--teacher openai:NAME",
        options=("--base-url", "http://127.0.0.1:1/v1"),
    ),
    teacher(
        "price not known",
        "openai:nobody-knows",
        "needs the price of openai:nobody-knows",
        "set the budget in tokens",
        options=("--base-url", "https://endpoint.invalid/v1", "--budget", "2usd"),
        OPENAI_API_KEY="sk-test",
    ),
]

BASE_MODELS = [
    base_model("not here", "nobody/nothing", "nobody/nothing are not on this machine", "give a local folder"),
    base_model("no folder", "./gone", "there is no model folder", "gone; give an existing folder"),
    base_model(
        "no weights", "./empty", "empty holds no weights", "needs a .safetensors", files={"empty/config.json": "{}"}
    ),
    base_model(
        "of no family",
        "./odd",
        "names no family that can be trained",
        "choose another --base-model",
        files={"odd/config.json": '{"model_type": "odd"}', "odd/model.safetensors": b"\0" * 16},
    ),
    base_model(
        "damaged weights",
        "./broken",
        "broken are damaged",
        "choose another model",
        run="new",
        files={"broken/config.json": '{"model_type": "bert"}', "broken/model.safetensors": b"no weights at all"},
    ),
]

DATA = [
    Case(
        "nothing to learn from",
        (*FROM_FILE, *NO_TEACHER, *NO_SETS),
        ("the run has no teacher", "--data", "--teacher"),
        run="new",
    ),
    Case(
        "file missing",
        (*FROM_FILE, *NO_TEACHER, *NO_SETS, "--data", "gone.csv"),
        ("gone.csv: does not exist", "give the path"),
    ),
    data("empty", "", "bad.csv: the file is empty", "give one with a header and rows"),
    data("header alone", "text,colour\n", "bad.csv", "no row below its header"),
    data("encoding", b"text,colour\ncaf\xe9,red\n", "byte 15 (0xe9) is not UTF-8", "iconv -f CP1252"),
    data("ragged", "text,colour\nthe red car,red\nthe car\n", "line 3 has 1 cells", "the header has 2"),
    data("column named twice", "text,text\na,b\n", "'text' is named twice", "rename one"),
    data("no header", "the car over there is red,red\na door,blue\n", "looks like a row of data", "add a first line"),
    data("no output", "text\nthe red car\nthe blue car\n", "has only one column with text"),
    data(
        "no such column",
        "text,colour\nthe red car,red\n",
        "there is no column 'sentence'",
        "'text', 'colour'",
        options=("--input-column", "sentence"),
    ),
    data("labels of another task", "text,colour\n" + "the pink car,pink\n" * 9, "'pink'", "label_map"),
    Case(
        "unknown label in gold rows",
        (*FROM_FILE, *NO_TEACHER, *NO_SETS, *ROWS, *BASE, "--examples", "gold.csv"),
        ("gold.csv: row 2 has the label 'pink'", ", ".join(LABELS), "correct the row"),
        {"gold.csv": "text,colour\na red hat,red\na pink hat,pink\n"},
        run="new",
    ),
    Case(
        "gold rows without answers",
        (*FROM_FILE, *NO_TEACHER, *NO_SETS, *ROWS, *BASE, "--examples", "gold.csv"),
        ("gold.csv: has only one column with text", "add a column with the answers"),
        {"gold.csv": "text\na red hat\na green hat\n"},
        run="new",
    ),
    Case(
        "other columns in gold rows",
        (*FROM_FILE, *NO_TEACHER, *NO_SETS, *ROWS, *BASE, "--examples", "gold.csv", "--input-column", "text"),
        ("gold.csv: there is no column 'text'", "--set reserve_tests.input_column=NAME"),
        {"gold.csv": "body,colour\na red hat,red\n"},
        run="new",
    ),
    Case(
        "one label only",
        (COLOUR_OR_NOT, *NO_TEACHER, *NO_SETS, "--data", "one.csv", "--generate", "0", *BASE),
        ("9 rows have one label (red)", "two labels or more"),
        {"one.csv": ONE_LABEL},
        run="new",
    ),
    Case(
        "one label only, nothing said about generating",
        (COLOUR_OR_NOT, *NO_TEACHER, *NO_SETS, "--data", "one.csv", *BASE),
        ("all 9 rows to learn from have one label (red)", "the run has no teacher", "rows of the other labels with"),
        {"one.csv": ONE_LABEL},
        run="new",
    ),
    Case(
        "labels not settled",
        ("Classify the sentiment of the review.", *NO_TEACHER, *NO_SETS, *ROWS),
        ("Which labels", "--set 'parse_prompt.labels=[", "labels = [", "[parse_prompt]"),
        run="new",
    ),
    Case(
        "unknown data set",
        (*FROM_FILE, *NO_TEACHER, "--data-dir", "sets", "--datasets", "colour_name"),
        ("no data set 'colour_name'", "near names: colour_names"),
        {
            "sets/colour_names/README.md": "# Colour names\n\nTexts and the colours in them.\n",
            "sets/colour_names/data.csv": "text,colour\nthe red car,red\nthe blue car,blue\n",
        },
        run="new",
    ),
    Case(
        "hub data set without the hub",
        (*FROM_FILE, *NO_TEACHER, "--datasets", "somebody/some-set"),
        ("somebody/some-set is not in a local folder", "add --hub"),
        run="new",
    ),
    Case(
        "data folder missing",
        (*FROM_FILE, *NO_TEACHER, "--data-dir", "gone", "--datasets", "auto"),
        ("gone", "give"),
        run="new",
    ),
]


@pytest.mark.parametrize(
    "cases", [PROMPTS, SETTINGS, TEACHERS, BASE_MODELS, DATA], ids="prompt settings teacher base_model data".split()
)
def test_refused_in_one_clear_line(cases: list[Case], finished_folder: Path, tmp_path: Path) -> None:
    def check(case: Case) -> None:
        folder = tmp_path / case.id.replace("/", " ")
        shutil.copytree(finished_folder, folder)
        for name, content in case.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        before = kept(folder / "runs/kept")
        assert len(before) == 10
        named = ("--name", case.run, "--replace")
        fault = command("run", "--yes", *named, *case.arguments, cwd=folder, env=case.env).fault()
        assert [words for words in case.words if words not in fault] == [], fault
        assert kept(folder / "runs/kept") == before

    side_by_side(check, cases, lambda case: case.id)


def test_a_base_model_that_cannot_be_had_is_refused_before_the_teacher_is_asked(work: Path) -> None:
    """Named on the command line or in a config, beside a teacher who would be paid for every answer."""
    (work / "settings").mkdir()
    (work / "settings/named.toml").write_text('[retrieve_models]\nmodel = "base"\n')
    cases = {
        "nobody/nothing": ("--base-model", "nobody/nothing"),
        "no model folder": ("--base-model", "./gone"),
        "beside the config": ("--config", "settings/named.toml"),
    }
    with OpenAILikeServer(lambda body: "red") as server:
        for words, named in cases.items():
            fault = command(
                *("run", "--yes", "--name", "new", *FROM_FILE, *NO_SETS, *ROWS, *named),
                *("--teacher", "openai:any", "--base-url", server.base_url, "--generate", "6"),
                cwd=work,
            ).fault()
            assert words in fault
            assert kept(work / "runs/new") == {}
        assert server.books == server.other_requests == []


def test_a_finished_run_needs_its_base_model_no_more(finished: Path) -> None:
    shutil.rmtree(finished / "base")
    ended = command("resume", "runs/kept", "--yes", cwd=finished)
    assert ended.code == 0, ended.err


def ask_at(address: str, folder: Path, *options: str) -> str:
    before = kept(folder / "runs/kept")
    fault = command(
        *("run", "--yes", "--name", "kept", "--replace", *FROM_FILE, *NO_SETS, *ROWS, *BASE),
        *("--teacher", "openai:any", "--base-url", address, "--generate", "6", *options),
        cwd=folder,
        env={"OPENAI_API_KEY": SECRET},
    ).fault()
    assert kept(folder / "runs/kept") == before
    stored = [path.read_bytes() for path in (folder / "runs").rglob("*") if path.is_file()]
    assert SECRET not in fault
    assert not any(SECRET.encode() in content for content in stored)
    return fault


def test_an_answer_that_drips_is_given_up_at_the_time_limit_of_the_settings(finished: Path) -> None:
    answers = faults_first([Fault("drip", seconds=60)] * 2, lambda body: Fault("bad_key"))
    with OpenAILikeServer(answers) as server:
        fault = ask_at(server.base_url, finished, "--set", "timeout=0.05")
        assert "set OPENAI_API_KEY to a valid key" in fault
        assert server.books[-1].started - server.books[0].started < 20


def test_endpoints_that_give_no_answers(finished_folder: Path, tmp_path: Path) -> None:
    """A web page instead of answers, a model that is not there, a refused key, an empty account, and nobody at all.

    The key is sent, and is neither shown nor stored.
    """
    faults: dict[FaultKind, str] = {
        "html": "sent a web page",
        "no_model": "check the model's name",
        "bad_key": "set OPENAI_API_KEY to a valid key",
        "no_credit": "add credit there",
    }

    def check(kind: FaultKind | None) -> None:
        folder = shutil.copytree(finished_folder, tmp_path / str(kind))
        if kind is None:
            # Bound and not listening: nobody else can take the port.
            with socket.socket() as held:
                held.bind(("127.0.0.1", 0))
                address = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
                fault = ask_at(address, folder)
            assert f"nothing answers at {address}" in fault
            assert "start the server or correct --base-url" in fault
            return
        with OpenAILikeServer(lambda body: Fault(kind)) as server:
            fault = ask_at(server.base_url, folder)
            assert SECRET in server.books[0].authorization
        assert server.base_url in fault
        assert faults[kind] in fault

    side_by_side(check, [*faults, None], str)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("predict", "runs/kept", "gone.csv"), ("gone.csv", "does not exist")),
        (("predict", "runs/kept", "rows.csv", "--column", "x"), ("no column 'x'", "'text', 'colour'")),
        (("predict", "runs/gone", "rows.csv"), ("runs/gone",)),
        (("predict", "base", "rows.csv"), ("base",)),
        (("predict", "runs/kept"), ("Missing argument", "prompt2model --help")),
        (("predict", "runs/kept", "rows.csv", "--output", "rows.csv/out.csv"), ("rows.csv", "correct the path")),
        (("train-it",), ("No such command", "prompt2model --help")),
        (("demo", "runs/kept", "--port", "99999"), ("port 99999", "choose another with --port")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_other_commands(arguments: tuple[str, ...], words: tuple[str, ...], finished: Path) -> None:
    before = kept(finished / "runs/kept")
    fault = command(*arguments, cwd=finished).fault()
    for word in words:
        assert word in fault
    assert kept(finished / "runs/kept") == before


def test_a_port_in_use(finished: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        fault = command("demo", "runs/kept", "--port", str(port), cwd=finished).fault()
    assert f"port {port} on 127.0.0.1 cannot be used" in fault
    assert "choose another with --port" in fault


def test_without_a_terminal_nothing_waits_for_an_answer(work: Path) -> None:
    """A process without any input takes the defaults, as with --yes."""
    closed: Callable[[], None] = lambda: os.close(0)  # noqa: E731
    arguments = ("run", "Classify the sentiment of the review.", *NO_TEACHER, *NO_SETS, *ROWS)
    fault = command(*arguments, cwd=work, before=closed).fault()
    assert "add --set 'parse_prompt.labels=" in fault
