"""Which cards are acceptable for a prompt of model_retrieval_prompts.json: the rule written there, carried out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prompt2model.catalogue.card_text import languages_of, text_list

FILE = Path(__file__).with_name("model_retrieval_prompts.json")
_MANY = {"multilingual", "multi", "mul"}


@dataclass(frozen=True)
class Facts:
    """What is judged of a card: its id, the words of its front matter, and the languages that it names."""

    id: str
    words: tuple[str, ...]
    languages: frozenset[str]


def facts_of(card_id: str, front: Mapping[str, Any]) -> Facts:
    """The id and the words are lower-cased, with hyphens for underscores and spaces."""
    named = [
        *text_list(front.get("tags")), *text_list(front.get("datasets")), *text_list(front.get("pipeline_tag")),
        *_of_results(front.get("model-index")),
    ]  # fmt: skip
    words = tuple(_plain(word) for word in (*named, *text_list(front.get("language"))))
    return Facts(_plain(card_id), words, frozenset(code.split("-")[0].split("_")[0] for code in languages_of(front)))


def _of_results(index: Any) -> list[str]:
    """Names and types of tasks and data sets."""
    found = []
    for model in index if isinstance(index, list) else ():
        results = model.get("results") if isinstance(model, dict) else None
        for result in results if isinstance(results, list) else ():
            parts = (result.get(key) for key in ("task", "dataset")) if isinstance(result, dict) else ()
            found += [
                str(part[key]) for part in parts if isinstance(part, dict) for key in ("name", "type") if key in part
            ]
    return found


def _plain(text: str) -> str:
    return re.sub(r"[_\s]", "-", text.casefold())


class Rule:
    """The prompts and the rule of the file."""

    def __init__(self) -> None:
        content = json.loads(FILE.read_text(encoding="utf-8"))
        self.prompts: list[dict[str, Any]] = content["prompts"]
        self._languages: dict[str, str] = content["languages"]
        self._multilingual: str = content["multilingual"]

    def accepts(self, prompt: Mapping[str, Any], facts: Facts) -> bool:
        """Whether a card with these facts is acceptable."""
        if _matches(prompt["refuse"], facts.id):
            return False
        does_task = any(_matches(prompt["task"], text) for text in (facts.id, *facts.words))
        if does_task and prompt["any_language"]:
            return True
        fits = does_task or _matches(prompt["models"], facts.id) or _matches(prompt["base"], facts.id)
        return fits and self._speaks(facts, prompt["language"])

    def _speaks(self, facts: Facts, language: str) -> bool:
        if facts.languages:
            return language in facts.languages or bool(facts.languages & _MANY)
        if _matches(self._languages[language], facts.id) or _matches(self._multilingual, facts.id):
            return True
        others = (pattern for code, pattern in self._languages.items() if code != "en")
        return language == "en" and not any(_matches(pattern, facts.id) for pattern in others)


def _matches(pattern: str, text: str) -> bool:
    return bool(pattern) and re.search(pattern, text) is not None
