"""`prompt2model benchmark` as a person runs it, on a file of a few questions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from evidence.corpora import ANSWERS, QUESTIONS, VITAMINS, padded, told_only_by_evidence, write, write_rows
from integration.command_line import Ended, command
from model_trainer.tiny_models import tiny_model, word_tokenizer
from servers.openai_like import OpenAILikeServer

from prompt2model.statistics.shares import wilson_interval
from prompt2model.weights import save_model


def questions(path: Path) -> Path:
    rows = [
        {
            "question": item.input,
            "options": dict(zip("ABCD", item.choices, strict=False)),
            "answer": answer,
            "answer_idx": "ABCD"[item.choices.index(answer)],
        }
        for item, answer in zip(QUESTIONS, ANSWERS, strict=True)
    ]
    return write_rows(path, rows)


def report(ended: Ended, path: Path) -> dict:
    assert ended.code == 0, ended.err
    assert str(path.name) in ended.out
    return json.loads(path.read_text())


def test_retrieval_alone(tmp_path: Path) -> None:
    source, corpus = questions(tmp_path / "dev.jsonl"), write(tmp_path / "texts", VITAMINS)
    ended = command(
        *("benchmark", "medqa", "--source", source, "--corpus", corpus, "--teacher", "none"),
        *("--out", tmp_path / "here.json"),
        cwd=tmp_path,
    )
    said = report(ended, tmp_path / "here.json")
    (line,) = said["scores"]
    assert (line["predictor"], line["n"], line["correct"], line["wrong"]) == ("retrieval", 4, 4, 0)
    assert (line["unparsed"], line["failed"]) == (0, {})
    assert [line["low"], line["high"]] == list(wilson_interval(4, 4))
    assert said["chance"] == pytest.approx(1 / 3)
    assert said["corpus"]["passages"] == 4
    assert "100.0 %" in ended.out
    assert "guessing would be right on 33.3 %" in ended.out
    assert "Not medical advice" in ended.out
    kept = (tmp_path / "runs" / "benchmark-medqa" / "predictions" / "retrieval.jsonl").read_text().splitlines()
    assert [json.loads(answer)["text"] for answer in kept] == list(ANSWERS)


def test_readers_trained_by_the_line_with_and_without_evidence(tmp_path: Path) -> None:
    rows, facts = told_only_by_evidence(132, padded)
    written = [{"question": row.input, "options": list(row.choices), "answer": row.target} for row in rows]
    train, test = write_rows(tmp_path / "train.jsonl", written[24:]), write_rows(tmp_path / "test.jsonl", written[:24])
    corpus = write_rows(tmp_path / "facts.jsonl", facts)
    tokenizer = word_tokenizer("encoder")
    base = save_model(tiny_model("encoder", len(tokenizer)), tokenizer, tmp_path / "base")
    ended = command(
        *("benchmark", "medqa", "--source", test, "--corpus", corpus, "--train", train, "--base-model", base),
        *("--teacher", "none", "--limit", "20"),
        cwd=tmp_path,
    )
    said = report(ended, tmp_path / "runs" / "benchmark-medqa" / "report.json")
    names = [line["predictor"] for line in said["scores"]]
    assert names == ["retrieval", "reader", "reader with evidence"]
    for line in said["scores"][1:]:
        assert line["n"] == line["correct"] + line["wrong"] + line["unparsed"] + sum(line["failed"].values()) == 20
    plain, grounded = map(Path, said["runs"])
    demo = json.loads((tmp_path / grounded / "9_demo" / "artifact.json").read_text())
    assert demo["notice"].startswith("Not medical advice")
    spec = json.loads((tmp_path / grounded / "7_trained" / "student" / "prompt2model.json").read_text())
    assert spec["evidence"]["path"] == str(corpus)
    spec = json.loads((tmp_path / plain / "7_trained" / "student" / "prompt2model.json").read_text())
    assert spec["evidence"] is None
    # A second time nothing is trained.
    again = command(
        *("benchmark", "medqa", "--source", test, "--corpus", corpus, "--train", train, "--base-model", base),
        *("--teacher", "none", "--limit", "20"),
        cwd=tmp_path,
    )
    assert again.code == 0
    assert "7/9" not in again.err


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("medqa", "--source", "nowhere.jsonl"), "there is no file nowhere.jsonl"),
        (("medqa",), "source"),
        (("medqa", "--source", "dev.jsonl", "--corpus", "nowhere", "--teacher", "none"), "there is no corpus"),
        (("medqa", "--source", "dev.jsonl", "--train", "nowhere.jsonl"), "there is no file nowhere.jsonl"),
        (("medmcqa", "--source", "dev.jsonl"), "in the format of medmcqa"),
        (("medqa", "--source", "dev.jsonl", "--teacher", "oracle"), "oracle"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, arguments: tuple[str, ...], fault: str) -> None:
    questions(tmp_path / "dev.jsonl")
    assert fault in command("benchmark", *arguments, cwd=tmp_path).fault()


def test_the_hub_out_of_reach_is_one_line_after_what_would_be_fetched(tmp_path: Path) -> None:
    # Port 9 of this machine: nobody answers there.
    ended = command("benchmark", "medqa", "--source", "hub", cwd=tmp_path, env={"HF_ENDPOINT": "http://127.0.0.1:9"})
    assert "--source FILE" in ended.fault()
    assert "fetching GBaker/MedQA-USMLE-4-options" in ended.err
    assert "1,273" in ended.err


def test_a_written_answer_that_is_no_option_is_unparsed(tmp_path: Path) -> None:
    """Beside a right one; the evidence is asked about too."""
    source, corpus = questions(tmp_path / "dev.jsonl"), write(tmp_path / "texts", VITAMINS)

    def answer(body: dict) -> str:
        return "vitamin C" if "Sailors" in body["messages"][-1]["content"] else "I cannot say"

    with OpenAILikeServer(answer) as server:
        ended = command(
            *("benchmark", "medqa", "--source", source, "--corpus", corpus, "--teacher", "openai:small"),
            *("--base-url", server.base_url, "--budget", "100000tokens"),
            cwd=tmp_path,
            env={"OPENAI_API_KEY": "k"},
        )
    said = report(ended, tmp_path / "runs" / "benchmark-medqa" / "report.json")
    lines = {line["predictor"]: line for line in said["scores"]}
    for name in ("teacher", "teacher with evidence"):
        assert (lines[name]["correct"], lines[name]["unparsed"], lines[name]["n"]) == (1, 3, 4)
    asked = [entry.body["messages"][-1]["content"] for entry in server.books]
    assert sum("Evidence:" in text for text in asked) == 4
    assert len(asked) == 8
