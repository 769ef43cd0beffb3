"""The page in a real browser, and the server behind it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from demo_creator.conftest import HOSTILE, CommandLineDemo
from demo_creator.run_folders import HEADLINE, NOTE
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from prompt2model.predictor import load_predictor

SECONDS = 30


def wait(browser: Any, condition: Callable[[], Any]) -> Any:
    """Until the condition gives something; the page builds itself and may take an element away under the look at it."""
    from selenium.common.exceptions import StaleElementReferenceException

    return WebDriverWait(browser, SECONDS, 0.05, [StaleElementReferenceException, IndexError]).until(
        lambda _: condition()
    )


def find(browser: Any, selector: str) -> list[Any]:
    return browser.find_elements(By.CSS_SELECTOR, selector)


def open_page(browser: Any, address: str) -> None:
    browser.get(address)
    wait(browser, lambda: find(browser, "#answer-button") and find(browser, "#evidence p"))


def ask(browser: Any, text: str, choices: str = "") -> None:
    find(browser, "#input textarea")[0].send_keys(text)
    if choices:
        find(browser, "#choices textarea")[0].send_keys(choices)
    find(browser, "#answer-button")[0].click()


def label(browser: Any) -> str:
    return wait(browser, lambda: find(browser, "#answer .output-class")[0].text)


def probabilities(browser: Any) -> dict[str, str]:
    lines = find(browser, "#answer .confidence-set")
    return {line.find_element(By.CSS_SELECTOR, ".text").text: line.text.split()[-1] for line in lines}


def page_text(browser: Any) -> str:
    return browser.execute_script("return document.body.innerText")


def test_the_page_says_what_the_student_says(browser: Any, classification: CommandLineDemo) -> None:
    open_page(browser, classification.address)
    ask(browser, "the green shirt")
    student = load_predictor(classification.run)
    expected = student("the green shirt")
    assert label(browser) == expected.text == "green"
    assert expected.probabilities is not None
    assert probabilities(browser) == {
        name: f"{100 * share:.0f}%" for name, share in zip(student.labels, expected.probabilities, strict=True)
    }


def test_an_example_answers_at_a_click(browser: Any, classification: CommandLineDemo) -> None:
    open_page(browser, classification.address)
    examples = find(browser, "#examples button")
    assert [button.text for button in examples][:2] == ["the red car", "the green car"]
    examples[1].click()
    assert label(browser) == "green"
    assert find(browser, "#input textarea")[0].get_property("value") == "the green car"


def test_an_empty_input_is_said_at_the_box(browser: Any, classification: CommandLineDemo) -> None:
    open_page(browser, classification.address)
    ask(browser, "  ")
    wait(browser, lambda: "Please type an input first." in find(browser, "#input")[0].text)
    ask(browser, "the red car")
    assert label(browser) == "red"


def test_headline_facts_and_report(browser: Any, classification: CommandLineDemo) -> None:
    open_page(browser, classification.address)
    assert find(browser, "h1")[0].text == "Say the colour"
    evidence = find(browser, "#evidence")[0].text
    assert HEADLINE in evidence
    assert NOTE in evidence
    first = browser.current_window_handle
    find(browser, "#report-link")[0].click()
    wait(browser, lambda: len(browser.window_handles) == 2)
    browser.switch_to.window(next(handle for handle in browser.window_handles if handle != first))
    wait(browser, lambda: browser.title == "How good it is")
    assert browser.current_url == f"{classification.address}/report"
    browser.close()
    browser.switch_to.window(first)


def test_the_answer_is_seen_without_scrolling_on_a_phone(browser: Any, classification: CommandLineDemo) -> None:
    screen = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    try:
        open_page(browser, classification.address)
        ask(browser, "the red car")
        label(browser)
        box = browser.execute_script(
            "let box = document.querySelector('#answer').getBoundingClientRect();"
            "return [box.left, box.right, box.bottom, document.documentElement.scrollWidth, window.scrollY]"
        )
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    left, right, bottom, width, scrolled = box
    assert 0 <= left < right <= 400
    assert bottom <= 800
    assert width <= 400
    assert scrolled == 0


def test_a_written_answer(browser: Any, generation: str, generation_run: Path) -> None:
    open_page(browser, generation)
    ask(browser, "the blue door")
    answer = wait(browser, lambda: find(browser, "#answer textarea")[0].get_property("value"))
    expected = load_predictor(generation_run)("the blue door").text
    assert expected is not None
    assert len(expected.split()) > 1
    wait(browser, lambda: find(browser, "#answer textarea")[0].get_property("value") == expected)
    assert expected.startswith(answer)


def test_a_long_instruction_is_folded_and_opens(browser: Any, generation: str) -> None:
    open_page(browser, generation)
    assert "nobody reads first" not in page_text(browser)
    find(browser, "#about summary")[0].click()
    wait(browser, lambda: "nobody reads first" in page_text(browser))


def test_a_written_answer_comes_in_pieces(generation: str) -> None:
    call = urllib.request.Request(
        f"{generation}/gradio_api/call/predict",
        json.dumps({"data": ["the blue door"]}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(call, timeout=SECONDS) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{generation}/gradio_api/call/predict/{event}", timeout=SECONDS) as answer:
        stream = answer.read().decode()
    pieces = [json.loads(data)[0] for data in re.findall(r"event: generating\ndata: (.*)", stream)]
    assert len(pieces) > 1
    assert all(later.startswith(earlier) for earlier, later in pairwise(pieces))


def test_no_answer_is_said_as_such(browser: Any, silent: str) -> None:
    open_page(browser, silent)
    ask(browser, "the blue door")
    wait(browser, lambda: "The model wrote an empty answer to this input." in page_text(browser))


def test_a_cut_answer_is_said_as_such(browser: Any, short_of_room: str) -> None:
    open_page(browser, short_of_room)
    ask(browser, "the blue door")
    sentence = "The answer is not whole: the model ran out of room before it came to an end."
    wait(browser, lambda: sentence in page_text(browser))
    assert find(browser, "#answer textarea")[0].get_property("value") == "the colour"


def test_a_failure_is_one_sentence(browser: Any, broken: str, capfd: pytest.CaptureFixture[str]) -> None:
    open_page(browser, broken)
    ask(browser, "the blue door")
    sentence = "The model failed on this input. The terminal that runs this page says why."
    wait(browser, lambda: sentence in page_text(browser))
    assert "out of memory" not in page_text(browser)
    assert "Traceback" not in page_text(browser)
    assert "RuntimeError: at <b>0x7f</b>" in capfd.readouterr().err


def test_choices(browser: Any, multiple_choice: str) -> None:
    open_page(browser, multiple_choice)
    ask(browser, "the blue door", "blue\nblue\n")
    wait(browser, lambda: "Please type at least two choices, one per line." in find(browser, "#choices")[0].text)
    find(browser, "#choices textarea")[0].send_keys("red")
    find(browser, "#answer-button")[0].click()
    assert label(browser) in {"blue", "red"}
    assert set(probabilities(browser)) == {"blue", "red"}
    find(browser, "#examples button")[0].click()
    wait(browser, lambda: len(probabilities(browser)) == 6)
    assert find(browser, "#choices textarea")[0].get_property("value").splitlines()[:2] == ["red", "green"]


def test_an_input_that_is_cut_is_said(browser: Any, classification: CommandLineDemo) -> None:
    open_page(browser, classification.address)
    ask(browser, "the red car " * 30)
    assert label(browser) == "red"
    wait(browser, lambda: "The input is longer than the model reads. Its end was cut." in page_text(browser))


def test_hostile_text_stays_text(browser: Any, hostile: str) -> None:
    open_page(browser, hostile)
    find(browser, "#about summary")[0].click()
    find(browser, "#examples button")[0].click()
    label(browser)
    places = ("#about .instruction", "#evidence p", "#evidence ul", "#examples", "#answer")
    for place in places:
        shown = find(browser, place)[0].text
        for text in HOSTILE:
            # Buttons show the beginning of a long text.
            assert text[:40] in shown, (place, text)
    assert find(browser, "h1")[0].text == HOSTILE[0]
    assert browser.title == HOSTILE[0]
    assert browser.execute_script("return window.hacked") is None
    assert [link.get_attribute("id") for link in find(browser, ".gradio-container a")] == ["report-link"]


def test_nothing_leaves_the_machine(browser: Any, classification: CommandLineDemo, generation: str) -> None:
    for address in (classification.address, generation):
        open_page(browser, address)
        find(browser, "#examples button")[0].click()
        wait(browser, lambda: page_text(browser))
    hosts = {urlsplit(url).hostname for url, _ in requests(browser)}
    assert hosts == {"127.0.0.1"}
    assert not classification.left_the_machine.exists(), classification.left_the_machine.read_text()


def test_nothing_is_missing_and_nothing_is_left_behind(browser: Any, classification: CommandLineDemo) -> None:
    requests(browser)
    open_page(browser, classification.address)
    find(browser, "#examples button")[0].click()
    label(browser)
    assert {status for _, status in requests(browser) if status is not None} <= {200, 204, 304}
    assert list(classification.working_folder.iterdir()) == []


def requests(browser: Any) -> list[tuple[str, int | None]]:
    """Addresses that pages asked for since the last call (with the status of the answers that came)."""
    found: list[tuple[str, int | None]] = []
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            found.append((message["params"]["request"]["url"], None))
        elif message["method"] == "Network.webSocketCreated":
            found.append((message["params"]["url"], None))
        elif message["method"] == "Network.responseReceived":
            found.append((message["params"]["response"]["url"], message["params"]["response"]["status"]))
    return [(url, status) for url, status in found if urlsplit(url).scheme in {"http", "https", "ws", "wss"}]


def test_only_this_machine_can_connect(classification: CommandLineDemo) -> None:
    port = urlsplit(classification.address).port
    assert port is not None
    # Every address of 127.0.0.0/8 is this machine; a server bound to all interfaces answers on each of them.
    with socket.socket() as other, pytest.raises(ConnectionRefusedError):
        other.connect(("127.0.0.2", port))


def test_a_foreign_name_for_this_machine_is_refused(classification: CommandLineDemo) -> None:
    request = urllib.request.Request(classification.address, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request, timeout=SECONDS)


def run_demo(run: Path, port: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "prompt2model.cli", "demo", str(run), "--port", port]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_port_in_use_is_one_line(generation: str, generation_run: Path) -> None:
    port = str(urlsplit(generation).port)
    done = run_demo(generation_run, port)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: port {port} on 127.0.0.1 cannot be used (Address already in use); "
        "choose another with --port, or --port 0 for any free one\n"
    )


def test_a_port_that_does_not_exist_is_one_line(generation_run: Path) -> None:
    done = run_demo(generation_run, "70000")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: port 70000")


def test_a_run_without_a_demo_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('prompt = "x"\n')
    done = run_demo(tmp_path, "0")
    assert done.returncode == 2
    assert (
        done.stderr
        == f"error: {tmp_path} has no demo: it is not finished yet; go on with `prompt2model resume {tmp_path}`\n"
    )


# Last, because it stops the server.
def test_ctrl_c_ends_it_cleanly(browser: Any, classification: CommandLineDemo) -> None:
    open_page(browser, classification.address)  # the page keeps a connection open
    classification.process.send_signal(signal.SIGINT)
    assert classification.process.stdout is not None
    assert classification.process.stdout.read() == "demo stopped\n"
    assert classification.process.wait(SECONDS) == 0
    stderr = (classification.working_folder.parent / "stderr.txt").read_text()
    assert "Traceback" not in stderr
    assert "rror" not in stderr


def test_evidence_stands_under_the_answer_beside_the_notice(browser: Any, grounded: str) -> None:
    open_page(browser, grounded)
    assert find(browser, "#notice")[0].text == "Not medical advice."
    ask(browser, "colour : the lamp zz", "red\ngreen")
    label(browser)
    shown = wait(browser, lambda: find(browser, "#passages p"))
    assert [line.text for line in shown] == ["red, green", f"the lamp zz is {HOSTILE[0]} ."]
    assert not browser.execute_script("return window.hacked")
    assert len(find(browser, "#examples button")) > 1, "questions of the test are offered, and read with evidence too"
