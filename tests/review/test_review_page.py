"""The page of a review in a real browser, and what it keeps."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from demo_creator.conftest import HOSTILE
from review.run_with_rows import COLOURS, decisions_of, given, make_run, many, written
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

import prompt2model
from prompt2model.errors import DataFileError
from prompt2model.local_page.serving import HOST, listen
from prompt2model.review import launch_review, write_table
from prompt2model.review.review import open_review
from prompt2model.review.server import build_app
from prompt2model.review.sheet import Sheet

SECONDS = 60
DECISION, INPUT, OUTPUT = 0, 1, 2


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Rows of a teacher's, of which it is less and less unsure, and more of the user's than are shown at once."""
    rows = [written(f"{text} on a red wall", "red", 0.4 + number / 20) for number, text in enumerate(HOSTILE)]
    more = [given(f"{colour} {n**9 + 7:x} {n**11 + 5:x}", colour, n) for n in range(50, 60) for colour in COLOURS]
    return make_run(tmp_path / "colours", [*many(), *more], rows, [given("a test row about violet ink", "red")])


@pytest.fixture
def page(run: Path, browser: Any) -> Iterator[Any]:
    """The browser on the page of the run."""
    import uvicorn

    listener = listen(0)
    app = build_app(Sheet(open_review(run), run.name))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    browser.get(f"http://{HOST}:{listener.getsockname()[1]}")
    wait(browser, lambda: text(browser, "#position").startswith("1–50 of "))
    yield browser
    server.should_exit = True
    thread.join()
    listener.close()


def wait(browser: Any, condition: Callable[[], Any]) -> Any:
    from selenium.common.exceptions import StaleElementReferenceException

    waiting = WebDriverWait(browser, SECONDS, 0.1, [StaleElementReferenceException, IndexError])
    return waiting.until(lambda _: condition())


def text(browser: Any, selector: str) -> str:
    return browser.find_elements(By.CSS_SELECTOR, selector)[0].text


def cell(browser: Any, row: int, column: int) -> Any:
    return browser.find_elements(By.CSS_SELECTOR, f'#rows [data-row="{row}"][data-col="{column}"]')[0]


def click(browser: Any, selector: str) -> None:
    browser.find_elements(By.CSS_SELECTOR, selector)[0].click()


def choose(browser: Any, dropdown: str, option: str) -> None:
    click(browser, f"{dropdown} input")

    def wanted() -> Any:
        # While the list is drawn it may still hold what an earlier choice left of it.
        options = browser.find_elements(By.CSS_SELECTOR, f'{dropdown} [role="option"]')
        return next((one for one in options if one.text.strip("✓ \n") == option), None)

    wait(browser, wanted).click()


def write(browser: Any, row: int, column: int, content: str) -> None:
    """Write into a cell as a person does, and leave it with Enter."""
    ActionChains(browser).double_click(cell(browser, row, column)).perform()
    box = wait(browser, lambda: cell(browser, row, column).find_elements(By.CSS_SELECTOR, "input, textarea")[0])
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(content, Keys.ENTER)
    wait(browser, lambda: content in cell(browser, row, column).text)


def test_what_is_decided_on_the_page_is_what_the_run_takes_over(page: Any, run: Path) -> None:
    assert [cell(page, row, INPUT).text for row in range(3)] == [f"{one} on a red wall" for one in HOSTILE[:3]]
    write(page, 0, OUTPUT, "blue")
    for row, word in ((1, "keep"), (2, "drop")):
        cell(page, row, INPUT).click()
        wait(page, lambda row=row: HOSTILE[row] in text(page, "#chosen"))
        click(page, f"#{word}")
        wait(page, lambda row=row, word=word: cell(page, row, DECISION).text == word)
    assert cell(page, 0, OUTPUT).text == "blue"
    click(page, "#save")
    wait(page, lambda: "Saved: decided so far: 1 approved, 1 corrected, 1 dropped" in text(page, "#status"))
    assert f"prompt2model resume {run}" in text(page, "#status")
    decided = {text.removesuffix(" on a red wall"): one for text, one in decisions_of(run).items()}
    assert {name: (one.decision, one.output) for name, one in decided.items()} == {
        HOSTILE[0]: ("corrected", "blue"),
        HOSTILE[1]: ("approved", "red"),
        HOSTILE[2]: ("dropped", "red"),
    }
    table = (run / "review.csv").read_text(encoding="utf-8-sig")
    rows = {row["input"]: row["decision"] for row in csv.DictReader(io.StringIO(table, newline=""))}
    assert [rows[f"{name} on a red wall"] for name in HOSTILE[:3]] == ["fix", "keep", "drop"]
    assert page.execute_script("return window.hacked") is None
    cell(page, 2, INPUT).click()
    wait(page, lambda: HOSTILE[2] in text(page, "#chosen"))
    click(page, "#undo")
    wait(page, lambda: not cell(page, 2, DECISION).text)
    click(page, "#save")
    wait(page, lambda: "1 corrected, 0 dropped" in text(page, "#status"))


def test_a_fault_is_said_on_the_page_and_nothing_is_saved(page: Any, run: Path) -> None:
    write(page, 0, OUTPUT, "violet")
    click(page, "#save")
    wait(page, lambda: "Nothing was saved. Please correct:" in text(page, "#status"))
    assert "'violet' is none of the labels of the task" in text(page, "#status")
    assert cell(page, 0, OUTPUT).text == "violet"
    assert decisions_of(run) == {}
    assert not (run / "review.csv").exists()


def test_filters_and_pages_keep_what_was_written(page: Any, run: Path) -> None:
    review = open_review(run)
    blue = sum(row.target == "blue" for row in review.rows)
    unsure = sum(row.soft_label is not None for row in review.rows)
    others = len(review.rows) - 1
    write(page, 0, INPUT, "a text of a person's own")
    choose(page, "#label", "blue")
    wait(page, lambda: text(page, "#position") == f"1–{blue} of {blue}")
    assert cell(page, 0, OUTPUT).text == "blue"
    choose(page, "#label", "all")
    choose(page, "#which", "sure by less than 90 %")
    wait(page, lambda: text(page, "#position") == f"1–{unsure} of {unsure}")
    assert cell(page, 0, INPUT).text == "a text of a person's own"
    choose(page, "#which", "not decided yet")
    wait(page, lambda: text(page, "#position") == f"1–50 of {others}")
    click(page, "#next")
    wait(page, lambda: text(page, "#position") == f"51–{others} of {others}")
    click(page, "#back")
    wait(page, lambda: text(page, "#position") == f"1–50 of {others}")


def test_nothing_leaves_the_machine(page: Any) -> None:
    hosts = set()
    for entry in page.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            address = urlsplit(message["params"]["request"]["url"])
            hosts |= {address.hostname} if address.scheme in {"http", "https"} else set()
    assert hosts == {HOST}


def test_rows_that_were_pasted_in_are_refused(run: Path) -> None:
    sheet = Sheet(open_review(run), "colours")
    shown = sheet.view({}, 0, "all", "all").rows
    saved = sheet.save({}, [*shown, ["", "a new text", "red", "", "", ""]])
    assert saved.faults == ("Rows cannot be added here. Give new ones to a run with --data, and open this page again.",)
    assert sheet.save({}, [*shown, [""] * len(sheet.columns)]).faults == ()


def test_a_table_that_was_edited_comes_first(run: Path) -> None:
    write_table(run)
    with (run / "review.csv").open("a") as file:
        file.write("\n")
    with pytest.raises(DataFileError, match="was edited and not applied yet"):
        launch_review(run, port=0)


def test_the_command_serves_this_machine_only_and_ends_at_ctrl_c(run: Path, tmp_path: Path) -> None:
    left, errors = tmp_path / "left_the_machine.txt", tmp_path / "stderr.txt"
    loopback_only = Path(__file__).parents[1] / "demo_creator" / "loopback_only"
    process = subprocess.Popen(
        [sys.executable, "-m", "prompt2model.cli", "review", str(run), "--page", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=errors.open("w"),
        text=True,
        cwd=tmp_path,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("GRADIO_", "HF_"))},
            "PYTHONPATH": os.pathsep.join([str(loopback_only), str(Path(prompt2model.__file__).parents[1])]),
            "LEFT_THE_MACHINE": str(left),
        },
        # Where the tests run in the background, their children would not hear of Ctrl+C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("review on http://127.0.0.1:"), errors.read_text()
        address = line.split()[2]
        with urllib.request.urlopen(address, timeout=SECONDS) as answer:
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(urllib.request.Request(address, headers={"Host": "evil.example"}), timeout=SECONDS)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "review stopped\n"
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
    assert not left.exists(), left.read_text()
    assert "Traceback" not in errors.read_text()
