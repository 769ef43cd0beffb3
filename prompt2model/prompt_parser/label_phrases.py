"""Lists of answers inside a sentence: after `one of`, in quotes or brackets, with slashes, `as a or b`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prompt2model.prompt_parser.answer_words import (
    ANSWER_CUE,
    INLINE_CUE,
    LEADS_ON,
    LIST_HEADER,
    NOT_LABELS,
    ONE_QUOTED,
    OR,
    OTHERWISE,
    QUOTED_ITEM,
    QUOTED_RUN,
)
from prompt2model.prompt_parser.label_list import (
    LabelList,
    can_be_labels,
    clean_label,
    is_filler,
    is_head,
    is_yes_no,
    make_list,
)

_BRACKETS = re.compile(r"[(\[{<]([^()\[\]{}<>\n]{3,300})[)\]}>]|（([^（）\n]{3,300})）")
_SLASHES = re.compile(r"(?<![\w/.:])([^\W_][\w'-]*(?:(?:[ ]?[/／][ ]?|\|)[^\W_][\w'-]*)+)(?![\w/])")
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)|[。！？\n]")


_CONDITIONAL = re.compile(
    rf"(?P<item>{QUOTED_ITEM}|(?<!\w)[0-9](?!\w)|(?<=answer )[A-Za-z]+|(?<=output )[A-Za-z]+|(?<=return )[A-Za-z]+|"
    rf"(?<=say )[A-Za-z]+|(?<=with )[A-Za-z]+)"
    r",?[ ](?:if|when|for (?:an? |the )?\w|otherwise|wenn|falls|sonst|si|cuando|sinon|se|если)(?!\w)",
    re.IGNORECASE,
)
_EITHER_OR = r"(?:or|oder|o|u|ou|of|eller|tai|lub|nebo|или|veya|atau)"
_WORD = r"[^\W_][\w'’&+-]*"
_LISTING = re.compile(
    rf"(?:(?:an?|the|ein|eine|un|une|una)[ ])?(?P<first>{_WORD}(?:[ ]{_WORD}){{0,2}}?)"
    rf"(?P<middle>(?:,[ ](?!{OR}[ ])(?:(?:an?|the|un|une|"
    rf"una)[ ])?{_WORD}(?:[ ]{_WORD}){{0,2}}?){{0,30}}),?[ ](?P<or>{OR})[ ]"
    rf"(?:(?:as|als|como|comme|an?|the|ein|eine|un|une|una)[ ])*(?P<last>{_WORD}(?:[ ]{_WORD}){{0,3}})",
    re.IGNORECASE,
)
_ANSWERS = re.compile(
    r"(?<!\w)(?:answers?|respond|reply|output|outputs|return|say|print|write|use|antworte|responde|réponds|"
    r"rispondi|responda|"
    r"antwoord|svara|odpowiedz|ответь|ответьте)(?:[ ](?:only|just|strictly|simply|exactly|with|either|the|word|"
    r"words|nur|mit|"
    r"entweder|solo|sólo|con|seulement|par|uniquement|soit|apenas|com|alleen|met))*[ :]+",
    re.IGNORECASE,
)
_SORTS = re.compile(
    r"(?<!\w)(?:as(?: being)?|into|with|between|als|como|comme|en|come|in|as either|into either|как|entweder|soit|"
    r"mit)[ ](?:either )?",
    re.IGNORECASE,
)
_WHETHER = re.compile(
    r"(?<!\w)(?:whether|if|ob|si|se|of)[ ](?:it['’]s|(?:[\w'’-]+[ ]){1,8}?(?:is|are|was|were|expresses|has|have|sounds|"
    r"seems|shows|describes|"
    r"represents|contains|supports|belongs to|ist|sind|es|est|è|é))[ ](?:either |a |an )?",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"^(?:about|regarding|concerning|related to)\s(?:an?\s|the\s)?", re.IGNORECASE)
_QUESTION_WORDS = re.compile(
    r"(?<!\w)(?:yes|true|ja|sí|oui|sì|sim|да)[ ](?:or|oder|o|ou|of|или)[ ](?:no|false|nein|non|não|nee|нет)(?!\w)",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"not \w+(?: \w+)?$", re.IGNORECASE)
_HARD = frozenset("hard difficult impossible not unable".split())
_MOST_ITEMS = 400
_RATING = (
    r"(?:rate|rating|score|scores|scale|grade|stars?|points?|number|bewerte|bewertung|punkte|sterne|note[rz]?|zahl|"
    r"skala|puntúa|puntuación|número|estrellas|étoiles)"
)
_RANGE = (
    r"(?<![\w.,])(?P<low>[01])(?:[ ]?\([^()\n]{1,30}\))?[ ]?(?:to|-|–|bis|a|à|through|and|und|y|et)[ ]?"
    r"(?P<high>\d{1,2})(?![\w%]|[.,:/-]\d)"
)
_SCALES = (
    re.compile(rf"(?<!\w){_RATING}(?!\w)[^.\n]{{0,60}}?{_RANGE}", re.IGNORECASE),
    re.compile(rf"{_RANGE}[ ](?:stars?|points?|punkten?|sternen?|estrellas|étoiles|stelle)(?!\w)", re.IGNORECASE),
)


def announced_lists(text: str) -> Iterator[LabelList]:
    """`one of: a, b, c`, `possible categories are a, b and c`."""
    for match in INLINE_CUE.finditer(text):
        if match.start() > 0 and text[match.start() - 1].isalnum() and text[match.start()].isascii():
            continue
        colon = match["colon"] or match["colon2"]
        rest = text[match.end() : match.end() + 3000]
        if not colon and not LEADS_ON.search(text[max(0, match.start() - 4) : match.end()]):
            continue
        for items in _split_items(rest, bool(colon)):
            yield make_list(items, 3 if colon else 2)


def _split_items(rest: str, colon: bool) -> list[list[str]]:
    """The items at the beginning of `rest`, as far as they follow each other; see `_with_last`."""
    rest = rest.lstrip(" \t[(")
    first_word = re.match(r"\w+(?!['’]\w)", rest)
    if first_word and is_filler(first_word[0]):
        return []
    quoted = QUOTED_RUN.match(rest) or ONE_QUOTED.match(rest)
    if quoted:
        return [[clean_label(item) for item in ONE_QUOTED.findall(quoted[0])]]
    end = _SENTENCE_END.search(rest)
    sentence = rest[: end.start()] if end else rest
    sentence = re.split(r"(?<!\d)[)\]）]|\s[-–—]\s|[:：]", sentence, maxsplit=1)[0]
    separator = next((mark for mark in (",", ";", "|", "、", "，", "/", "／", "・") if mark in sentence), ",")
    parts = [part.strip() for part in sentence.split(separator)]
    items = [*parts[:-1], *re.split(rf"\s+{OR}\s+|または|もしくは|或者?|또는", parts[-1][:400])]
    if len(items) > _MOST_ITEMS:
        return []
    items = [re.sub(rf"^(?:{OR})\s+|^\(?\d{{1,3}}[.)]\s*", "", item).strip() for item in items if item.strip()]
    if len(items) < 2 or any(is_filler(item.split()[0]) for item in items if not _NEGATED.match(item)):
        return []
    if any(len(item.split()) > 5 or len(item) > 60 for item in items[:-1]):
        return []
    return _with_last(items[:-1], items[-1].split(), 2 if colon else 0)


def _with_last(items: list[str], words: list[str], more: int) -> list[list[str]]:
    """The items with the last one, whose end nothing marks: as long as the longest other one, and longer forms of it.

    `more` words beyond that length are taken for the item's own when nothing follows them.
    """
    longest = max(len(item.split()) for item in items)
    negated = words and words[0].casefold() in ("not", "non", "nicht", "no", "kein", "keine")
    if negated and len(words) > 1 and not is_filler(words[1]):
        longest += 1
    if all(item.isupper() for item in items):
        capitals = next((place for place, word in enumerate(words) if not word.isupper()), len(words))
        longest = max(longest, capitals)
    lengths = [len(words)] if len(words) <= longest + more else []
    lengths += [length for length in range(longest, min(longest + 3, len(words)) + 1) if length not in lengths]
    lengths = [length for length in lengths if not is_filler(words[length - 1]) and not _is_cut(words, length)]
    return [[clean_label(item) for item in (*items, " ".join(words[:length]))] for length in lengths]


def _is_cut(words: list[str], length: int) -> bool:
    """Whether the item goes on after its first `length` words: `out of stock`, `hard to tell`."""
    following = words[length].casefold() if length < len(words) else ""
    return following == "of" or (following == "to" and words[length - 1].casefold() in _HARD)


def quoted_runs(text: str) -> Iterator[LabelList]:
    """`"a", "b" or "c"`."""
    for match in QUOTED_RUN.finditer(text):
        before = text[max(0, match.start() - 100) : match.start()]
        sentence = re.split(r"[.!?]\s|\n\n|。", before)[-1]
        items = [clean_label(item) for item in ONE_QUOTED.findall(match[0])]
        cue = ANSWER_CUE.search(sentence) or LIST_HEADER.search(sentence)
        after = ANSWER_CUE.search(re.split(r"[.!?\n。]", text[match.end() : match.end() + 60])[0])
        yield make_list([item for item in items if is_head(item)], 3 if cue else 2 if after else 1)


def bracketed(text: str) -> Iterator[LabelList]:
    """`(a/b/c)`, `[a, b, c]`."""
    for match in _BRACKETS.finditer(text):
        inner = match[1] or match[2]
        separators = re.findall(r"[/|／、,，;]", inner)
        if not separators and not re.search(rf"\s{OR}\s", inner):
            continue
        if re.search(r"e\.\s?g\.|i\.e\.|such as|for example|z\. ?B\.|etc|\.\.\.|…", inner, re.IGNORECASE):
            continue
        items = [
            clean_label(re.sub(rf"^(?:{OR})\s+", "", part.strip()))
            for part in re.split(rf"\s*[/|／、,，;]\s*|\s+{OR}\s+", inner)
        ]
        items = [item for item in items if item]
        if not all(is_head(item) and len(item.split()) <= 3 for item in items):
            continue
        before = text[max(0, match.start() - 40) : match.start()]
        noun = LIST_HEADER.search(before) or re.search(
            r"(?:sentiment|polarity|stance|priority|severity|tone|mood|stimmung|sentimiento|感情|情感)\W*$",
            before,
            re.IGNORECASE,
        )
        slashed = any(mark in "/|／" for mark in separators)
        yield make_list(items, 3 if noun else 2 if slashed or is_yes_no(items) else 1)


def slashed(text: str) -> Iterator[LabelList]:
    """`a/b/c` without brackets."""
    for match in _SLASHES.finditer(text):
        items = [clean_label(part) for part in re.split(r"[/|／]", match[1])]
        if any(item.casefold() in NOT_LABELS or item.isdigit() for item in items):
            continue
        sentence = re.split(r"[.!?]\s|\n\n", text[max(0, match.start() - 100) : match.start()])[-1]
        cue = ANSWER_CUE.search(sentence) or LIST_HEADER.search(sentence)
        yield make_list(items, 2 if cue or len(items) > 2 or is_yes_no(items) else 1)


def answer_lists(text: str) -> Iterator[LabelList]:
    """`answer yes or no`, `classify as a, b or c`, `whether it is a or b`."""
    for pattern, sure in ((_ANSWERS, 3), (_SORTS, 2), (_WHETHER, 2)):
        for match in pattern.finditer(text):
            found = _LISTING.match(text, match.end(), min(len(text), match.end() + 800))
            if found is None or (pattern is not _SORTS and not re.fullmatch(_EITHER_OR, found["or"], re.IGNORECASE)):
                continue
            sentence = re.split(r"[.!?]\s|\n\n|。", text[max(0, match.start() - 160) : match.end()])[-1]
            likely = pattern is _ANSWERS or ANSWER_CUE.search(sentence)
            for items in _listed(found):
                yield make_list(items, sure if likely else 1)
    for match in _QUESTION_WORDS.finditer(text):
        yield make_list(match[0].split()[::2], 2)


def _listed(found: re.Match[str]) -> list[list[str]]:
    """The items of `a, b or c`; see `_with_last`. Empty when they cannot be labels."""
    middle = [
        re.sub(r"^(?:an?|the|une?|una)\s", "", part.strip()) for part in found["middle"].split(",") if part.strip()
    ]
    items = [_ABOUT.sub("", item) for item in (found["first"], *middle)]
    last = _ABOUT.sub("", found["last"]).split()
    return [listed for listed in _with_last(items, last, 0) if can_be_labels(listed)]


def scales(text: str) -> Iterator[LabelList]:
    """`rate from 1 to 5`: the whole numbers of a short scale."""
    for pattern in _SCALES:
        for match in pattern.finditer(text):
            low, high = int(match["low"]), int(match["high"])
            if 1 <= high - low <= 10:
                yield make_list([str(number) for number in range(low, high + 1)], 2)


def conditionals(text: str) -> Iterator[LabelList]:
    """`"spam" if it advertises, "ham" otherwise`."""
    for paragraph in re.split(r"\n\s*\n", text):
        if not ANSWER_CUE.search(paragraph[:20000]):
            continue
        items = [clean_label(match["item"]) for match in _CONDITIONAL.finditer(paragraph)]
        items += [clean_label(match["item"]) for match in OTHERWISE.finditer(paragraph)]
        items = [item for item in items if item.casefold() not in NOT_LABELS | {"it", "you", "the", "them"}]
        yield make_list(items, 2)
