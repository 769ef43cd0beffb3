"""The language of a task's inputs.

The task's language is that of its inputs: the demonstrations' inputs decide first, then what the instruction says
about them (`translate the German sentence`), then the language of the instruction itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from prompt2model.languages import detect_language
from prompt2model.languages.words import LANGUAGE_NAMES

_MOST_CHARACTERS = 20_000
_CJK_NAME = re.compile("|".join(re.escape(name) for name in LANGUAGE_NAMES if not name.isascii()))
_NAME = "(" + "|".join(sorted(map(re.escape, LANGUAGE_NAMES), key=len, reverse=True)) + ")"
_THING = (
    r"(?:source |input |customer |user |product |short |original )?(?:sentences?|texts?|messages?|questions?|"
    r"reviews?|tweets?|articles?|words?|"
    r"emails?|documents?|inputs?|paragraphs?|phrases?|passages?|comments?|posts?|descriptions?|intents?|tickets?|"
    r"statements?|utterances?|"
    r"sätze?n?|satz|texte?|nachricht(?:en)?|wörter|wort|fragen?|frases?|textos?|oraci[oó]n(?:es)?|mensajes?|"
    r"phrases?|textes?)"
)
_INPUT_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<!\w)(?:from|aus dem|vom|de l'|del|du|dal|do)[ ]{_NAME}(?!\w)",
        rf"(?<!\w){_NAME}[ -](?:in)?to[- ]{_NAME}(?!\w)",
        rf"{_NAME}(?:の\w{{0,8}})?(?:から|を)",
        rf"(?<!into )(?<!to )(?<!an )(?<!a )(?<!as )(?<!\w){_NAME}[ ](?:\w+[ ])?{_THING}(?!\w)",
        rf"(?<!\w){_THING}(?:[ ](?:is|are|that is|which is|will be|written|asked))+[ ](?:in|auf|en)[ ]{_NAME}(?!\w)",
        rf"(?<!\w)(?:given|get|receive|read|see)[ ]an?[ ](?:\w+[ ])?{_THING}[ ]in[ ]{_NAME}(?!\w)",
        rf"(?<!\w)(?:given|get|receive|read|see|translate|convert|of)[ ]an?[ ]{_NAME}[ ]{_THING}(?!\w)",
        rf"(?:translate|übersetze)[ ](?:the |this |each |these |den |die |das |der )?(?:following |"
        rf"folgenden? )?{_NAME}(?!\w)",
    )
)


def detect_inputs_language(inputs: Sequence[str], instruction: str) -> str | None:
    """The language of the task's inputs, or None when neither they nor the instruction tell."""
    # One word tells nothing: `may` is English, a month, and Tagalog.
    together = detect_language("\n".join(inputs), 2) if inputs else None
    each = Counter(code for text in inputs if (code := detect_language(text, 2)))
    if each and (together is None or each[together] < each.most_common(1)[0][1] > 1):
        # Inputs in several languages: the most frequent one, the first of equals.
        together = each.most_common(1)[0][0]
    return together or named_language(instruction) or detect_language(instruction)


def named_language(instruction: str) -> str | None:
    """The language that the instruction says the inputs have, when it names exactly one."""
    shown = instruction[:_MOST_CHARACTERS]
    if not any(word in LANGUAGE_NAMES for word in re.findall(r"\w+", shown.casefold())) and not _CJK_NAME.search(shown):
        return None
    for pattern in _INPUT_PATTERNS:
        named = {LANGUAGE_NAMES[match[1].casefold()] for match in pattern.finditer(shown)}
        if len(named) == 1:
            return named.pop()
        if named:
            return None
    return None
