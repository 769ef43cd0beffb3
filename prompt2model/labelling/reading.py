"""Reading a label out of what a model said. Strict: what cannot be read for sure is no label."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

_LEAD = re.compile(r"^\s*(?:output|label|answer|category|class|the (?:answer|label|category) is)\s*[:=]?\s+", re.I)
_LEAD_COLON = re.compile(r"^\s*(?:output|label|answer|category|class)\s*[:=]\s*", re.I)
_CLOSES = re.compile(r"[\n\r.;:!?()\u2014]|\s[-\u2013]\s")
"""What closes a label at the start of an answer."""
_NEGATION = re.compile(r"\b(?:not|no|never|neither|nor|without|than|isn t|doesn t|cannot|can t)(?: an?| the)?$")


def read_label(text: str, labels: Sequence[str], *, cut: bool = False) -> str | None:
    """The label that `text` gives, or None.

    Taken are, after case, punctuation and quotes are put aside: the label alone (also after "Output:" and the like);
    a label at the start that a line end or a punctuation mark follows; the only label that is mentioned at all,
    unless it is denied ("not spam"). Of labels that contain one another, the longest that fits is the one mentioned.
    Of a text that was `cut` off only a label that is its first line is, or that something closes at the start, or one
    that is all of the text; and not where another label may have been begun: what is lost may have said more.
    """
    forms = _forms(tuple(labels))
    if cut:
        return _of_cut(text, labels, forms)
    for candidate in (text, _LEAD_COLON.sub("", text, count=1), _LEAD.sub("", text, count=1)):
        for part in (candidate, _first_line(candidate)):
            exact = _exact(part, labels, forms)
            if exact is not None:
                return exact
    if forms is None:
        return None
    body = _LEAD_COLON.sub("", text, count=1)
    return _at_start(body, labels, forms) or _only_mentioned(body, labels, forms)


def closed_start(text: str) -> str:
    """What stands before the first line end or closing mark; empty where there is none."""
    body = text.lstrip()
    end = _CLOSES.search(body)
    return body[: end.start()] if end else ""


def plain_form(text: str) -> str:
    """Letters and digits only, casefolded, single spaces."""
    kept = "".join(c if c.isalnum() or unicodedata.category(c).startswith("M") else " " for c in folded(text))
    return " ".join(kept.split())


def folded(text: str) -> str:
    """NFKC, casefolded."""
    return unicodedata.normalize("NFKC", text).casefold()


def _of_cut(text: str, labels: Sequence[str], forms: tuple[str, ...] | None) -> str | None:
    for candidate in (text, _LEAD_COLON.sub("", text, count=1), _LEAD.sub("", text, count=1)):
        # A line that ended is whole, whatever was lost after it.
        line = _exact(_first_line(candidate), labels, forms) if "\n" in candidate.strip() else None
        if line is not None:
            return line
        for start in (closed_start(candidate), candidate):
            found = _exact(start, labels, forms)
            if found is not None and not _may_be_longer(candidate, found, labels):
                return found
    return None


def _may_be_longer(text: str, found: str, labels: Sequence[str]) -> bool:
    """Whether the text, as far as it goes, is as well the beginning of another label that begins with `found`."""
    said, short = folded(text).strip(), folded(found)
    longer = (folded(label) for label in labels if label != found)
    return any(one.startswith(short) and (said.startswith(one) or one.startswith(said)) for one in longer)


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")


@lru_cache(maxsize=64)
def _forms(labels: tuple[str, ...]) -> tuple[str, ...] | None:
    """The plain forms of the labels; None where they would no longer differ (labels such as `+` and `-`)."""
    forms = tuple(plain_form(label) for label in labels)
    return forms if all(forms) and len(set(forms)) == len(forms) else None


def _exact(text: str, labels: Sequence[str], forms: tuple[str, ...] | None) -> str | None:
    if forms is None:
        bare = " ".join(folded(text).split())
        matches = [label for label in labels if " ".join(folded(label).split()) == bare.strip("\"'`") or label == bare]
        return matches[0] if len(matches) == 1 else None
    form = plain_form(text)
    return labels[forms.index(form)] if form in forms else None


def _at_start(text: str, labels: Sequence[str], forms: tuple[str, ...]) -> str | None:
    """The label that the text begins with, when a line end or a punctuation mark closes it."""
    head = _CLOSES.split(folded(text).lstrip(" \t\r\n\"'`*([{"), maxsplit=1)[0]
    form = plain_form(head)
    return labels[forms.index(form)] if form in forms else None


def _only_mentioned(text: str, labels: Sequence[str], forms: tuple[str, ...]) -> str | None:
    """The one label that the text speaks of, if it speaks of exactly one and does not deny it."""
    left = f" {plain_form(text)} "
    found: set[str] = set()
    for form in sorted(forms, key=len, reverse=True):
        needle = f" {form} "
        while needle in left:
            before = left[: left.index(needle)]
            if _NEGATION.search(before.strip()):
                return None
            found.add(labels[forms.index(form)])
            # Blanked out, so that a label inside a longer one is not counted as well.
            left = left.replace(needle, " \x00 ", 1)
    return found.pop() if len(found) == 1 else None
