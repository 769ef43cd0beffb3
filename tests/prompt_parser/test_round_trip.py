"""Any pairs, written in any layout, come back exactly; and nothing comes back that does not stand in the prompt."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prompt2model.prompt_parser.demonstrations import find_demonstrations, stands_in

Pair = tuple[str, str]
Pairs = Sequence[Pair]

WORDS = (
    "parcel late blue Tuesday coffee machine broken river 42 very quick brown reply Größe façade señor naïve emoji🙂 "
    "東京 駅 жизнь x+1 don't e.g Müller 3.5% tomorrow light heavy garden window engine A-7 (old) half/full #12 C++ why?"
).split()


def phrases(most: int) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(WORDS), min_size=1, max_size=most).map(" ".join)


def several_lines(most: int) -> st.SearchStrategy[str]:
    return st.lists(phrases(6), min_size=1, max_size=most).map("\n".join)


def pairs_of(inputs: st.SearchStrategy[str], outputs: st.SearchStrategy[str]) -> st.SearchStrategy[list[Pair]]:
    return st.lists(st.tuples(inputs, outputs), min_size=2, max_size=6, unique_by=lambda pair: pair[0])


def labelled(first: str, second: str, between: str = "\n\n", slot: str = "{{text}}") -> Callable[[Pairs], str]:
    def render(pairs: Pairs) -> str:
        blocks = [f"{first}: {a}\n{second}: {b}" for a, b in pairs]
        return between.join([*blocks, f"{first}: {slot}\n{second}:"])

    return render


def headings(pairs: Pairs) -> str:
    return "\n\n".join(f"### Input\n{a}\n\n### Output\n{b}" for a, b in pairs)


def bold(pairs: Pairs) -> str:
    return "\n\n".join(f"**Input:** {a}\n**Output:** {b}" for a, b in pairs)


def numbered(pairs: Pairs) -> str:
    return "\n\n".join(f"Example {n}:\nInput: {a}\nOutput: {b}" for n, (a, b) in enumerate(pairs, start=1))


def listed(pairs: Pairs) -> str:
    return "\n".join(f"{n}. Input: {a}\n   Output: {b}" for n, (a, b) in enumerate(pairs, start=1))


def tags(pairs: Pairs) -> str:
    return "\n".join(f"<example>\n<input>{a}</input>\n<output>{b}</output>\n</example>" for a, b in pairs)


def fenced(pairs: Pairs) -> str:
    return "\n\n".join(f"Task: {a}\nCode:\n```python\n{b}\n```" for a, b in pairs).replace("Task:", "Request:")


def json_lines(pairs: Pairs) -> str:
    return "\n".join(json.dumps({"input": a, "output": b}) for a, b in pairs)


def json_list(pairs: Pairs) -> str:
    return json.dumps([{"text": a, "label": b} for a, b in pairs], ensure_ascii=False, indent=2)


def table(pairs: Pairs) -> str:
    rows = "\n".join(f"| {a} | {b} |" for a, b in pairs)
    return f"| Input | Output |\n|:--|:--|\n{rows}"


def comma_separated(pairs: Pairs) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerows([("text", "label"), *pairs])
    return text.getvalue()


def arrows(mark: str) -> Callable[[Pairs], str]:
    return lambda pairs: "\n".join(f"{a} {mark} {b}" for a, b in pairs)


def arrow_below(pairs: Pairs) -> str:
    return "\n\n".join(f"{a}\n→ {b}" for a, b in pairs)


def quoted_arrows(pairs: Pairs) -> str:
    return "\n".join(f'- "{a}" -> "{b}"' for a, b in pairs)


def in_one_line(pairs: Pairs) -> str:
    return "\n".join(f"Input: {a} Output: {b}" for a, b in pairs)


ONE_LINE: dict[str, Callable[[Pairs], str]] = {
    "input/output": labelled("Input", "Output"),
    "message/label without blank lines": labelled("Message", "Label", "\n", "{message}"),
    "q/a": labelled("Q", "A", slot="..."),
    "question/answer": labelled("Question", "Answer", slot="[question]"),
    "sentence/category": labelled("Sentence", "Category"),
    "unknown names": labelled("Japanese", "Python", slot="<japanese>"),
    "eingabe/ausgabe": labelled("German Eingabe", "Ausgabe"),
    "entrada/salida": labelled("Entrada", "Salida"),
    "separators": labelled("Text", "Sentiment", "\n---\n"),
    "headings": headings,
    "bold": bold,
    "numbered": numbered,
    "listed": listed,
    "tags": tags,
    "json lines": json_lines,
    "json list": json_list,
    "table": table,
    "csv": comma_separated,
    "->": arrows("->"),
    "→": arrows("→"),
    "=>": arrows("=>"),
    "arrow below": arrow_below,
    "quoted arrows": quoted_arrows,
    "one line": in_one_line,
}
MULTI_LINE = {
    name: ONE_LINE[name]
    for name in ("input/output", "unknown names", "separators", "headings", "bold", "numbered", "tags", "json lines")
}

INSTRUCTION = "Rewrite the text so that a child understands it.\n\n"
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def assert_round_trip(pairs: list[Pair], text: str) -> None:
    prompt = INSTRUCTION + text
    found = find_demonstrations(prompt)
    assert [(pair.input, pair.output) for pair in found.demonstrations] == pairs, prompt
    assert found.instruction == INSTRUCTION.strip(), prompt
    for pair in found.demonstrations:
        assert stands_in(pair.input, prompt)
        assert stands_in(pair.output, prompt)


@pytest.mark.parametrize("layout", ONE_LINE)
@given(pairs=pairs_of(phrases(8), phrases(5)))
@QUICK
def test_pairs_of_one_line_come_back(layout: str, pairs: list[Pair]) -> None:
    assert_round_trip(pairs, ONE_LINE[layout](pairs))


@pytest.mark.parametrize("layout", MULTI_LINE)
@given(pairs=pairs_of(several_lines(3), several_lines(3)))
@QUICK
def test_pairs_of_several_lines_come_back(layout: str, pairs: list[Pair]) -> None:
    assert_round_trip(pairs, MULTI_LINE[layout](pairs))


@given(pairs=pairs_of(phrases(8), st.lists(phrases(4), min_size=1, max_size=3).map("\n\n    ".join)))
@QUICK
def test_code_in_fences_comes_back(pairs: list[Pair]) -> None:
    assert_round_trip(pairs, fenced(pairs))


@pytest.mark.parametrize("layout", ONE_LINE)
@given(pairs=pairs_of(phrases(6), st.sampled_from(["yes", "no", "not sure"])))
@settings(QUICK, max_examples=15)
def test_windows_line_ends_make_no_difference(layout: str, pairs: list[Pair]) -> None:
    from prompt2model.prompt_parser.parser import clean_text

    prompt = INSTRUCTION + ONE_LINE[layout](pairs)
    assert find_demonstrations(clean_text(prompt.replace("\n", "\r\n"))) == find_demonstrations(prompt)


PIECES = [
    *"Input:|Output:|->|[|<input>|</input>|```|Example 1:|- |1. |{{text}}|word|Label: a|a,b|: |…|（|**|#".split("|"),
    *("|", "|---|---|", '{"a": "b"}', '"x" is y', "\n", "\n\n", "\t"),
]


@given(text=st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
@settings(max_examples=400, deadline=None)
def test_whatever_is_read_stands_in_the_prompt(text: str) -> None:
    for pair in find_demonstrations(text).demonstrations:
        assert pair.input.strip() and pair.output.strip()
        assert stands_in(pair.input, text)
        assert stands_in(pair.output, text)
