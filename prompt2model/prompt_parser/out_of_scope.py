"""The answer for inputs that belong to no label."""

from __future__ import annotations

import re

from prompt2model.prompt_parser.answer_words import OTHERWISE, QUOTED_ITEM
from prompt2model.prompt_parser.label_list import clean_label

_NONE_FITS = re.compile(
    r"(?:none of (?:the|these|those)(?: \w+){0,3}|out[- ]of[- ]scope|no (?:label|category|class|intent) (?:fits|"
    r"applies|matches)|"
    r"(?:does not|doesn't|do not|don't) (?:fit|match|belong to)(?: into)? any|fits? (?:into )?(?:none|"
    r"no (?:category|label))|"
    r"keine[rs]? der|passt (?:zu |in )?kein|ninguna de las|aucune des|nessuna delle|nenhuma das|geen van de|"
    r"どれにも|いずれにも|以上都不)",
    re.IGNORECASE,
)
_SAYS = re.compile(
    rf"(?:answer|output|return|say|respond|reply|label|classify|choose|use|write|print|antworte|gib|responde|"
    rf"réponds|rispondi|responda)"
    rf"(?:[ ](?:it|with|as|the|label|them|simply|just|only|mit|con|par|those|these|"
    rf"this))*[ :]+(?P<item>{QUOTED_ITEM}|out[- ]of[- ]scope|none of the above|none of these|none|other|unknown|"
    rf"n/a)",
    re.IGNORECASE,
)


def find_out_of_scope(text: str) -> str | None:
    """The answer for inputs of no label, as the prompt spells it; "" where it names none, None where it has none."""
    for match in _NONE_FITS.finditer(text):
        sentence = text[match.start() : match.start() + 240]
        cut = re.search(r"\n\s*\n", sentence)
        sentence = sentence[: cut.start()] if cut else sentence
        said = _SAYS.search(sentence)
        if said:
            return clean_label(said["item"])
        before = _SAYS.search(text, max(0, match.start() - 60), match.end())
        if before and before.end() <= match.end():
            return clean_label(before["item"])
        spelled = re.match(r"out[- ]of[- ]scope", match[0], re.IGNORECASE)
        return spelled[0] if spelled else ""
    otherwise = OTHERWISE.search(text)
    if otherwise and otherwise["item"][:1] in "\"'“„«`「":
        return clean_label(otherwise["item"])
    return None
