"""A language model as judge of two answers, each pair asked twice with the places swapped (arXiv 2306.05685).

A pair is won only where both orders say so: a judge that prefers a place says "a" both times, which is a tie. How often
the two orders agree stands beside the result; a judge that is near chance there says nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Literal

from prompt2model.measures.answers import AnsweredRow
from prompt2model.prompt_program.guarding import without_mark
from prompt2model.prompts import render
from prompt2model.records import Example, JudgeResult, Metric, Role, TaskSpec
from prompt2model.statistics.shares import wilson_interval
from prompt2model.teacher.asking_again import complete_readable, json_fault
from prompt2model.teacher.client import ChatClient, ChatRequest, Message
from prompt2model.teacher.schemas import one_of, schema_text

PROMPT = "judge_pair"
Choice = Literal["a", "b", "same"]
_ANSWER_TOKENS = 24
_MARKS = ("input", "expected", "answer_a", "answer_b")


def judge_pairs(
    client: ChatClient,
    task: TaskSpec,
    rows: Sequence[Example],
    ours: Sequence[AnsweredRow],
    theirs: Sequence[AnsweredRow],
    other: Role,
) -> JudgeResult:
    """Our answers against theirs, row by row. Equal answers are ties and are not asked about; an answer that is missing
    loses. A reply that cannot be read, or that failed, leaves its pair `unread`.
    """
    won = lost = tied = unread = agreed = 0
    asked: list[tuple[ChatRequest, ChatRequest]] = []
    for row, one, two in zip(rows, ours, theirs, strict=True):
        if one.text == two.text:
            tied += 1
        elif not one.text or not two.text:
            won, lost = won + bool(one.text), lost + bool(two.text)
        else:
            asked.append((_request(task, row, one.text, two.text), _request(task, row, two.text, one.text)))
    replies = complete_readable(client, list(dict.fromkeys(request for pair in asked for request in pair)), json_fault)
    for straight, swapped in asked:
        choices = [read_choice(replies[request].response.text) for request in (straight, swapped)]
        if None in choices:
            unread += 1
            continue
        first, second = choices[0], {"a": "b", "b": "a", "same": "same"}[choices[1] or "same"]
        agreed += first == second
        won += first == second == "a"
        lost += first == second == "b"
        tied += first != second or first == "same"
    judged = len(asked) - unread
    return JudgeResult(
        model=client.model,
        other=other,
        n=len(rows),
        won=won,
        lost=lost,
        tied=tied,
        unread=unread,
        agreement=_share("agreement of both orders", agreed, judged) if judged else None,
        wins=_share("wins of decided pairs", won, won + lost) if won + lost else None,
    )


def read_choice(reply: str) -> Choice | None:
    """The choice in a judge's reply, None where there is none."""
    found = re.search(r"\{.*?\}", reply, re.DOTALL)
    try:
        content = json.loads(found.group()) if found else None
    except (json.JSONDecodeError, RecursionError):
        return None
    said = content.get("better") if isinstance(content, dict) else None
    said = said.strip().lower() if isinstance(said, str) else None
    return said if said in ("a", "b", "same") else None  # type: ignore[return-value]


def _request(task: TaskSpec, row: Example, first: str, second: str) -> ChatRequest:
    prompt = render(
        PROMPT,
        instruction=task.instruction,
        input=_data(row.input),
        expected=_data(row.references[0]) if row.references else "",
        answer_a=_data(first),
        answer_b=_data(second),
    )
    schema = schema_text(better=one_of("a", "b", "same"))
    return ChatRequest((Message("user", prompt),), max_tokens=_ANSWER_TOKENS, purpose="judge", schema=schema)


def _data(text: str) -> str:
    """The text without anything that ends the tags around it."""
    for mark in _MARKS:
        text = without_mark(text, mark)
    return text


def _share(name: str, count: int, rows: int) -> Metric:
    low, high = wilson_interval(count, rows)
    return Metric(name, round(count / rows, 6), round(low, 6), round(high, 6), rows, "wilson")
