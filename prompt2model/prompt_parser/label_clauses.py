"""Lists of answers whose beginning nothing marks: at the end of a question, before `ist`, before `のいずれか`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prompt2model.prompt_parser.answer_words import OR
from prompt2model.prompt_parser.label_list import LabelList, can_be_labels, clean_label, is_yes_no, make_list

_ARTICLE = r"(?:an?|eine?[rnms]?|une?|una|uno|um|uma|een|en|ett)"
_EITHER = re.compile(r"\s(?:or|oder|o|u|ou|of|eller|tai|vai|lub|nebo|или|veya|atau)\s", re.IGNORECASE)
_QUESTION = re.compile(
    r"(?:^|(?<=[.!?:。]\s)|(?<=\n))(?:is|are|was|ist|sind|war|est|es|è|é|handelt es sich|onko|ovatko)[ ]"
    r"(?P<clause>[^.!?:;\n]{3,300})\?",
    re.IGNORECASE,
)
_VERB_LAST = re.compile(
    r"(?<!\w)ob[ ](?P<clause>[^.!?:;\n]{3,300}?)[ ](?:ist|sind|sei|handelt|geht|war|enthält|ausdrückt)(?!\w)",
    re.IGNORECASE,
)
_AFTER_COLON = re.compile(
    r"(?<!\w)(?:which|what|welche[rsmn]?|was|quel(?:le)?s?|cuál|qué|quale|qual)[ ][^?:.!\n]{1,80}[:：][ ]?"
    r"(?P<clause>[^.!?:;\n]{3,300})\?",
    re.IGNORECASE,
)
_AFTER_ORDER = re.compile(
    r"(?<!\w)(?:classify|categori[sz]e|label|sort|tag|decide|determine|entscheide|klassifiziere|ordne|bestimme|"
    r"clasifica|classe[rz]?|classifica|classifique|classificeer|luokittele|päätä)(?: [^.:?!\n]{1,60})?: "
    r"(?P<clause>[^.!?:;\n]{3,300})(?=[.!?\n]|$)",
    re.IGNORECASE,
)
_ANY = r"(?:いずれか|どれか|どちらか|(?:1|１|一|ひと)つ|之一|选择?一[个種种類类項项]|中的?一[个個种種类類])"
_ONE_OF = re.compile(rf"(?:の(?:うち|中)?(?:から|の)?|中的?|这几类)?{_ANY}")
_ANY_BEFORE = re.compile(rf"{_ANY}[^。、，：:\n]{{0,24}}[：:][ 　]*(?P<clause>[^。！？\n]{{3,300}})")
_EAST_ASIAN = re.compile(r"、|，|,|／|/|・|または|もしくは|あるいは|或者?|还是|還是")
_PARTICLE = re.compile(r"^.+(?:を|は(?!い)|が(?!い)|分为|分為|归为|是|为|為)")


def closing_lists(text: str) -> Iterator[LabelList]:
    """`Is the review a, b or c?`, `ob es a oder b ist`, `Which team: a, b or c?`, `Decide: a or b`."""
    for pattern, marked in ((_QUESTION, False), (_VERB_LAST, False), (_AFTER_COLON, True), (_AFTER_ORDER, True)):
        for match in pattern.finditer(text):
            items = _items(match["clause"], marked)
            if items:
                yield make_list(items, 3 if marked else 2)


def _items(clause: str, marked: bool) -> list[str]:
    """The items at the end of the clause: nothing but its last words can tell where the first one begins."""
    parts = [part.strip() for part in re.split(rf",(?:\s+{OR})?\s+|\s+{OR}\s+", clause)]
    if len(parts) < 2 or not _EITHER.search(clause) or not all(parts):
        return []
    if is_yes_no(parts[-2:]):
        return parts[-2:]
    first, rest = (
        parts[0],
        [re.sub(rf"^(?:um\s+)?(?:{_ARTICLE}\s+)?", "", part, flags=re.IGNORECASE) for part in parts[1:]],
    )
    if not marked:
        begun = re.search(rf"(?:^|\s){_ARTICLE}\s+(\S+(?:\s\S+){{0,2}})$", first, re.IGNORECASE)
        first = begun[1] if begun else first.split()[-1]
    items = [clean_label(item) for item in (first, *rest)]
    if any(not item or len(item.split()) > 3 for item in items) or not can_be_labels(items):
        return []
    return items


def east_asian_lists(text: str) -> Iterator[LabelList]:
    """`a、b、cのいずれか`, `次のいずれかに分類：a、b、c`."""
    clauses = [match["clause"] for match in _ANY_BEFORE.finditer(text)]
    for match in _ONE_OF.finditer(text):
        before = re.split(r"[。！？!?：:\n]", text[max(0, match.start() - 200) : match.start()])[-1]
        first, *others = _EAST_ASIAN.split(before)
        clauses.append("、".join(part for part in (_PARTICLE.sub("", first), *others) if part))
    for clause in clauses:
        items = [clean_label(part) for part in _EAST_ASIAN.split(clause)]
        if len(items) >= 2 and all(0 < len(item) <= 15 for item in items):
            yield make_list(items, 3)
