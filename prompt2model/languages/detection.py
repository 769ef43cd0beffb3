"""The language of a text, by its script and its stop words. Short or mixed texts are left undecided."""

from __future__ import annotations

import re
from collections import Counter

from prompt2model.languages.words import CYRILLIC_WORDS, LATIN_LETTERS, SCRIPT_VARIANTS, SCRIPTS, STOP_WORDS

_MOST_CHARACTERS = 20_000


def detect_language(text: str, least_words: int = 1) -> str | None:
    """The ISO 639-1 code of the text's language, or None when the text does not tell.

    In Latin letters at least `least_words` different words of the language must stand in the text.
    """
    sample = text[:_MOST_CHARACTERS]
    script, share = _main_script(sample)
    if script is None:
        return None
    if script != "latin" and share >= 0.2:
        return _script_variant(script, sample)
    return _detect_latin(sample, least_words)


def _main_script(text: str) -> tuple[str | None, float]:
    counts: Counter[str] = Counter()
    for letter in text:
        if letter.isalpha():
            counts[_script_of(letter)] += 1
    total = counts.total()
    if not total:
        return None, 0.0
    if counts["ja"] >= 0.05 * (counts["ja"] + counts["zh"]) and counts["ja"]:
        # Japanese mixes kana with the ideographs that Chinese uses.
        counts["ja"] += counts.pop("zh", 0)
    others = {code: count for code, count in counts.items() if code not in ("latin", "other")}
    if others:
        code = max(sorted(others), key=lambda key: others[key])
        # An ideograph or syllable says as much as several letters.
        weight = 3 if code in ("ja", "zh", "ko") else 1
        if others[code] * weight >= counts["latin"]:
            return code, others[code] / total
    return ("latin", counts["latin"] / total) if counts["latin"] else (None, 0.0)


def _script_of(letter: str) -> str:
    if letter < "\u0250" or "\u1e00" <= letter <= "\u1eff":
        return "latin"
    for first, last, code in SCRIPTS:
        if first <= letter <= last:
            return code
    return "other"


def _script_variant(code: str, text: str) -> str:
    letters = Counter(text.casefold())
    total = sum(count for letter, count in letters.items() if letter.isalpha())
    best, most = code, 0
    for base, variant, own in SCRIPT_VARIANTS:
        count = sum(letters[letter] for letter in own)
        if base == code and count > most and count >= 0.01 * total:
            best, most = variant, count
    if best == "ru":
        words = re.findall(r"\w+", text.casefold())
        hits = {name: sum(word in known for word in words) for name, known in CYRILLIC_WORDS.items()}
        hits["ru"] += letters["ы"] + letters["э"] + letters["ё"]
        hits["bg"] += letters["ъ"] if letters["ъ"] >= 0.008 * total and not letters["ы"] else 0
        best = max(("ru", "uk", "bg"), key=lambda name: hits[name])
    return best


def _detect_latin(text: str, least_words: int) -> str | None:
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", text.casefold().replace("’", "'"))
    if not words:
        return None
    counts = Counter(words)
    special = Counter(letter for letter in text.casefold() if letter.isalpha() and not letter.isascii())
    scores: dict[str, float] = {}
    different: dict[str, int] = {}
    for code, stop_words in STOP_WORDS.items():
        hits = sum(count for word, count in counts.items() if word in stop_words)
        kinds = different[code] = sum(word in stop_words for word in counts)
        own = LATIN_LETTERS.get(code, "")
        fitting = sum(count for letter, count in special.items() if letter in own)
        foreign = sum(special.values()) - fitting
        scores[code] = hits + kinds + 0.7 * fitting - 1.5 * min(foreign, hits + kinds + 2)
    ranked = sorted(scores, key=lambda code: (-scores[code], code))
    best, second = ranked[0], ranked[1]
    if different[best] < least_words or scores[best] < 2 or scores[best] < 0.12 * len(words):
        return None
    if scores[best] - scores[second] < (0.5 if scores[best] < 8 else 0.05 * scores[best]):
        return None
    return best
