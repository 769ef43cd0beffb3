"""Demonstrations of one line each: arrows, quoted pairs, numbered or bulleted `text: label`, and two-line examples."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prompt2model.prompt_parser.markers import Line, is_header, skip_lead, split_lines
from prompt2model.prompt_parser.reading import Reading, find_quote_end, make_pairs
from prompt2model.prompt_parser.slots import is_slot
from prompt2model.prompt_parser.words import LEAD, MENTIONS_EXAMPLES

_ARROW = re.compile(r"-{1,2}>|={1,2}>|[→⇒⟶➔➜➡⟹⮕]️?|↦|>>>")
_CONDITION = re.compile(
    r"(?:if|when|whenever|in case|unless|wenn|falls|si|cuando|quand|lorsque|se|quando|als|om|hvis|jeśli|если|"
    r"もし|如果)\b",
    re.IGNORECASE,
)
_LABEL_HEADER = re.compile(
    r"(?<!\w)(?:labels|categories|classes|options|intents|meanings|teams|tags|topics|kategorien|klassen|"
    r"etiquetas|categorías|"
    r"étiquettes|catégories|categorie|ラベル|カテゴリ|标签|类别)[^\n]{0,60}[:：]\s*$",
    re.IGNORECASE,
)
_CONNECTOR = (
    r"(?P<arrow>-{1,2}>|={1,2}>|[→⇒⟶➔➜➡])|(?:is|are|becomes?|gives|returns|yields|maps to|should (?:be|become|"
    r"return|give)|"
    r"would (?:be|become)|(?:is|are|would be|should be) (?:labell?ed|classified|tagged|marked)(?: as)?|translates to|"
    r"(?P<means>means)|ist|sind|wird(?: zu)?|es|est|devient|è|diventa|é|vira|wordt|を|は|是)(?![\w])|=|"
    r"(?P<colon>[:：])"
)
_ANSWER = re.compile(
    r"[ \t]*(?:" + _CONNECTOR + r")[ \t]*(?:"
    r"\"(?P<a>[^\"\n]{1,300})\"|“(?P<b>[^”\n]{1,300})”|„(?P<c>[^“”\n]{1,300})[“”]|«(?P<d>[^»\n]{1,300})»|"
    r"「(?P<e>[^」\n]{1,300})」|『(?P<f>[^』\n]{1,300})』|‘(?P<g>[^’\n]{1,300})’|'(?P<h>[^'\n]{1,300})'(?!\w)|"
    r"`(?P<i>[^`\n]{1,300})`|"
    r"(?P<bare>[^\s\"“”„«».,;:()\n`][^\"“”„«»,;:()\n`]{0,60}?)(?=[ \t]*(?:[,;)\n]|\.(?:\s|$)|$|"
    r"[ \t](?:and|or|while|but|whereas|und|oder|y|et|e|en)[ \t])))"
)
_OPENING = re.compile(r"(?<![\w\"'“„«「『‘`])[\"'“„«「『‘`]")
_LONGEST_QUOTE = 400
_GLUE = re.compile(
    r"(?:for (?:example|instance)|e\.?g\.?|such as|examples?|like|and|or|but|while|whereas|so|here|are|some|"
    r"z\. ?b\.|zum beispiel|und|por ejemplo|y|"
    r"par exemple|et|per esempio|ad esempio|e|por exemplo|bijvoorbeeld|en|例えば|たとえば|例如|[\W_])*",
    re.IGNORECASE,
)
_BEFORE_PAIRS = re.compile(
    r"[\s,;(–—-]*(?:(?<!\w)(?:for (?:example|instance)|e\. ?g\.|such as|like|z\. ?b\.|zum beispiel|por ejemplo|"
    r"p\. ?ej\.|"
    r"par exemple|p\. ?ex\.|per esempio|ad esempio|por exemplo|bijvoorbeeld|examples?|beispiele?|ejemplos?|"
    r"exemples?)[\s,:]*)?"
    r"(?:[-*•+]|\(?\d{1,3}[.)])?[\s]*$",
    re.IGNORECASE,
)
_AFTER_PAIRS = re.compile(r"[ \t]*[).,;!。]*[ \t]*(?=$|[A-ZÀ-Þ])")
_WEAK = (r"[ \t]*\|[ \t]*", r"\t+", r"[ \t]+(?:=|≈|~)[ \t]+", r"[ \t]+[—–-][ \t]+", r"[ \t]*[:：](?:[ \t]+|(?<=：))")
_IN_BRACKETS = re.compile(r"(?P<input>.+?)[ \t]*[(\[](?P<output>[^()\[\]\n]{1,40})[)\]][.]?$")
_BULLET = re.compile(r"[ \t>]*(?:[-*•+·‣–]|\(?\d{1,3}[.):]\)?|\[\d{1,3}\]|[①-⑳])[ \t]+")


@dataclass(frozen=True, slots=True)
class _Row:
    """One line (or, for multi-line inputs, a few) read as a pair."""

    start: int
    end: int
    input: str
    output: str
    lead: str = ""


def read_arrows(text: str) -> list[Reading]:
    """Lines `input -> output`, or an output on its own line that begins with an arrow."""
    lines = split_lines(text)
    arrows = Counter(
        match[0] for line in lines if "\n" not in text[line.start : line.end] for match in _first_arrow(text, line)
    )
    readings = []
    for arrow, _ in arrows.most_common(3):
        rows, slots = _arrow_rows(text, lines, arrow)
        if not all(row.lead for row in rows):
            # `30. Lithuania` among lines without numbers is no bullet.
            rows = [_Row(row.start, row.end, row.lead + row.input, row.output) for row in rows]
        rules = sum(bool(_CONDITION.match(row.input)) for row in rows)
        if not rows or 2 * rules >= len(rows) or _under_label_header(text, rows[0].start):
            continue
        quoted = all(find_quote_end(row.input[:1]) for row in rows)
        if len(rows) < 2 and not (slots or quoted or _announced(text, rows[0].start)):
            continue
        spans = tuple(sorted((row.start, row.end) for row in (*rows, *slots)))
        pairs = make_pairs([row.input for row in rows], [row.output for row in rows])
        readings.append(Reading("arrow", pairs, spans, 3))
    return readings


def _first_arrow(text: str, line: Line) -> list[re.Match[str]]:
    match = _ARROW.search(text, line.start, line.end)
    return [match] if match else []


def _arrow_rows(text: str, lines: Sequence[Line], arrow: str) -> tuple[list[_Row], list[_Row]]:
    rows: list[_Row] = []
    slots: list[_Row] = []
    taken = -1
    for number, line in enumerate(lines):
        # `->` also stands inside `-->`.
        found = next((match for match in _ARROW.finditer(text, line.start, line.end) if match[0] == arrow), None)
        if found is None or number <= taken:
            continue
        top = number
        if not text[min(skip_lead(text, line), found.start()) : found.start()].strip():
            # The arrow begins the line: the input is the paragraph above it.
            while top - 1 > taken and text[lines[top - 1].start : lines[top - 1].end].strip():
                if is_header(text, lines[top - 1]):
                    break
                top -= 1
            if top == number:
                continue
        begin = min(skip_lead(text, lines[top]), found.start())
        first = text[begin : found.start()].strip()
        second, end, taken = text[found.end() : line.end].strip(), line.end, number
        if not second and number + 1 < len(lines):
            below = text[lines[number + 1].start : lines[number + 1].end].strip()
            if below and arrow not in below:
                second, end, taken = below, lines[number + 1].end, number + 1
        row = _Row(lines[top].start, end, first, second, text[lines[top].start : begin].lstrip())
        (slots if is_slot(first) or is_slot(second) else rows).append(row)
    return rows, slots


@dataclass(frozen=True, slots=True)
class _Quoted:
    """`"input" is output`: its range, both texts, and the match of what follows the input."""

    start: int
    end: int
    input: str
    output: str
    rest: re.Match[str]


def read_quoted(text: str) -> list[Reading]:
    """`"some text" is label`, also several of them in one sentence."""
    found = list(_find_quoted(text))
    if not found:
        return []
    announced = bool(MENTIONS_EXAMPLES.search(text, max(0, found[0].start - 80), found[0].start))
    repeated = len({pair.output for pair in found}) < len(found)
    means = any(pair.rest["means"] for pair in found)
    arrows = all(pair.rest["arrow"] for pair in found)
    whole_lines = all(_fills_line(text, pair) for pair in found)
    convincing = len(found) >= 2 and (repeated or arrows or whole_lines) and not means
    single_words = all(len(pair.input.split()) == 1 for pair in found)
    if not announced and (not convincing or (single_words and not (repeated or arrows))):
        return []
    pairs = make_pairs([pair.input for pair in found], [pair.output for pair in found])
    spans = tuple(_sentence_spans(text, [(pair.start, pair.end) for pair in found]))
    return [Reading("quoted", pairs, spans, 3 if whole_lines else 2)]


def _find_quoted(text: str) -> Iterator[_Quoted]:
    position = 0
    while (opening := _OPENING.search(text, position)) is not None:
        begin = opening.end()
        limit = min(begin + _LONGEST_QUOTE, len(text))
        closing = find_quote_end(opening[0]) or ""
        shut = text.find(closing, begin, limit)
        position = begin
        if shut <= begin or "\n" in text[begin:shut]:
            continue
        rest = _ANSWER.match(text, shut + 1)
        if rest is None:
            continue
        bare = rest["bare"] or ""
        quoted = next((rest[name] for name in "abcdefghi" if rest[name] is not None), "")
        first, second = text[begin:shut].strip(), (quoted or bare).strip()
        in_object = rest["colon"] and quoted and text[: opening.start()][-40:].rstrip(" \t\n")[-1:] in ("{", ",", "[")
        if in_object or len(bare.split()) > 5 or is_slot(first) or is_slot(second):
            continue
        yield _Quoted(opening.start(), rest.end(), first, second, rest)
        position = rest.end()


def _fills_line(text: str, pair: _Quoted) -> bool:
    start, end = text.rfind("\n", 0, pair.start) + 1, text.find("\n", pair.end)
    after = text[pair.end : len(text) if end < 0 else end]
    return not LEAD.sub("", text[start : pair.start]).strip() and not after.strip(" \t.,;")


def _sentence_spans(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Runs of pairs with nothing but words like `and` between them, with the `for example` before them."""
    kept: list[tuple[int, int]] = []
    number = 0
    while number < len(spans):
        last = number
        while last + 1 < len(spans) and _GLUE.fullmatch(text, spans[last][1], spans[last + 1][0]):
            last += 1
        start, end = spans[number][0], spans[last][1]
        line = text.rfind("\n", 0, start) + 1
        begin = line + _BEFORE_PAIRS.search(text[line:start]).start()  # type: ignore[union-attr]
        stop = text.find("\n", end)
        finish = _AFTER_PAIRS.match(text[end : len(text) if stop < 0 else stop])
        if finish:
            # The sentence that the examples were part of keeps its full stop.
            whole = not text[line:begin].strip() or text[:begin].rstrip().endswith((".", "!", "?", "。", ":"))
            kept.append(
                (
                    begin,
                    end + len(finish[0].rstrip()) if whole else end + len(finish[0]) - len(finish[0].lstrip("\"'”»)")),
                )
            )
        number = last + 1
    return kept


def read_weak_lines(text: str) -> list[Reading]:
    """Bulleted or numbered lines divided by `|`, a tab, ` = `, ` - `, `: ` or with the output in brackets.

    Such lines may as well explain labels, so they count only under a header such as `Examples:`, or when outputs
    repeat and inputs do not.
    """
    lines = split_lines(text)
    readings = []
    for run in _runs(text, lines):
        announced = _announced(text, lines[run[0]].start)
        for pattern in (*_WEAK, None):
            rows = [row for number in run if (row := _weak_row(text, lines[number], pattern))]
            filled = [row for row in rows if not (is_slot(row.input) or is_slot(row.output))]
            if len(rows) < len(run) or len(filled) < 2 or _under_label_header(text, rows[0].start):
                continue
            outputs = Counter(row.output.casefold() for row in filled)
            inputs = {row.input.casefold() for row in filled}
            closed = (
                len(outputs) >= 2
                and 2 * len(outputs) <= len(filled) + 1
                and len(inputs) == len(filled)
                and len(filled) >= 3
            )
            short = all(len(row.output.split()) <= 4 for row in filled)
            if not (short and closed) and not (announced and (short or pattern in _WEAK[:3])):
                continue
            pairs = make_pairs([row.input for row in filled], [row.output for row in filled])
            spans = tuple((row.start, row.end) for row in rows)
            readings.append(Reading("lines", pairs, spans, 2 if announced or closed else 1))
            break
    return readings


def _runs(text: str, lines: Sequence[Line]) -> list[list[int]]:
    """Neighbouring content lines: all with a bullet or number, or all without."""
    runs: list[list[int]] = []
    bulleted = None
    for number, line in enumerate(lines):
        content = text[line.start : line.end]
        if not content.strip() or is_header(text, line):
            if is_header(text, line) or not bulleted:
                bulleted = None
            continue
        kind = bool(_BULLET.match(content))
        if bulleted is None or kind != bulleted:
            runs.append([])
        bulleted = kind
        runs[-1].append(number)
    return [run for run in runs if len(run) >= 2]


def _weak_row(text: str, line: Line, pattern: str | None) -> _Row | None:
    content = text[skip_lead(text, line) : line.end].strip()
    if pattern is None:
        match = _IN_BRACKETS.match(content) if len(content) < 2000 else None
        return _Row(line.start, line.end, match["input"].strip(), match["output"].strip()) if match else None
    places = list(re.finditer(pattern, content))
    if not places or not content[places[-1].end() :].strip():
        return None
    first, second = content[: places[-1].start()].strip(), content[places[-1].end() :].strip()
    return _Row(line.start, line.end, first, second) if first else None


def read_two_line_examples(text: str) -> list[Reading]:
    """`Example 1:` or `1.` followed by exactly two lines: the input and the output."""
    lines = split_lines(text)
    rows: list[_Row] = []
    blocks = 0
    number = 0
    while number < len(lines):
        header = is_header(text, lines[number]) and bool(
            re.search(r"\d", text[lines[number].start : lines[number].end])
        )
        listed = re.match(r"[ \t]*\(?\d{1,3}[.)][ \t]+\S", text[lines[number].start : lines[number].end])
        if not header and not listed:
            number += 1
            continue
        first = number + 1 if header else number
        last = first
        while (
            last < len(lines)
            and text[lines[last].start : lines[last].end].strip()
            and not (last > first and is_header(text, lines[last]))
        ):
            last += 1
        blocks += 1
        if last - first == 2:
            content = [text[skip_lead(text, line) : line.end].strip() for line in lines[first:last]]
            rows.append(_Row(lines[number].start, lines[last - 1].end, content[0], content[1]))
        number = max(last, number + 1)
    filled = [row for row in rows if not (is_slot(row.input) or is_slot(row.output))]
    if len(filled) < 2 or len(rows) < blocks:
        return []
    pairs = make_pairs([row.input for row in filled], [row.output for row in filled])
    return [Reading("two lines", pairs, tuple((row.start, row.end) for row in rows), 2)]


def _announced(text: str, position: int) -> bool:
    """Whether the last line before `position` that is not empty speaks of examples and ends with a colon."""
    line = _line_before(text, position)
    return bool(MENTIONS_EXAMPLES.search(line)) and (line.rstrip("*_ ").endswith((":", "：")) or len(line) < 40)


def _under_label_header(text: str, position: int) -> bool:
    line = _line_before(text, position).strip("*_ ")
    return bool(_LABEL_HEADER.search(line)) and not MENTIONS_EXAMPLES.search(line)


def _line_before(text: str, position: int) -> str:
    """The end of the last line before `position` that is not empty."""
    before = text[max(0, position - 400) : position].rstrip()
    return before[before.rfind("\n") + 1 :][-200:]
