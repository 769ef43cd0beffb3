"""The teacher looks at the first data sets that were found and says which do the task, the best first.

Listwise, as RankGPT asks (arXiv 2304.09542), but of the head only, with "none of them" as an answer, and in several
orders of the list, because a model prefers places in a list (arXiv 2310.07712).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.component import RunContext, TeacherUse
from prompt2model.prompts import render
from prompt2model.records import TaskSpec
from prompt2model.teacher.asking_again import complete_readable, json_fault
from prompt2model.teacher.client import ChatClient, ChatRequest, Message
from prompt2model.teacher.schemas import list_of, one_of, schema_text

PROMPT = "retrieve_data_rerank"
_ABOUT = 400
_SAMPLE = 300
_DEMONSTRATIONS = 3
_SHUFFLES = 50
_TOKENS_OF_A_CARD = 220
_TOKENS_OF_THE_QUESTION = 400
_TOKENS_OF_AN_ANSWER = 60


@dataclass(frozen=True, slots=True)
class Judged:
    """The cards in their new order. `refused` are the ids that no vote named; `votes` the replies that counted."""

    cards: tuple[DatasetCard, ...]
    refused: frozenset[str]
    votes: int


def rerank(task: TaskSpec, cards: Sequence[DatasetCard], orders: int, context: RunContext) -> Judged:
    """Ask about the same cards in `orders` orders and sort them by their mean rank; equals keep the order given.

    In a vote a card's rank is its place in the reply; those not named share the place behind. A reply that cannot be
    read, that failed, or that names only ids which were not shown is no vote. Without a vote the order stays.
    """
    requests = [_request(task, shown) for shown in _orders(cards, orders, context)]
    replies = complete_readable(context.teacher("retriever"), requests, json_fault)
    shown = {card.id for card in cards}
    read = (_read(reply.response.text, shown) for reply in replies.values() if reply.response.failure is None)
    votes = [vote for vote in read if vote is not None]
    if not votes:
        return Judged(tuple(cards), frozenset(), 0)
    named = {one for vote in votes for one in vote}
    ranks = {one: sum(vote.index(one) if one in vote else len(cards) for vote in votes) for one in shown}
    ordered = sorted(cards, key=lambda card: ranks[card.id])
    return Judged(tuple(ordered), frozenset(shown - named), len(votes))


def is_wanted(rerank: str, client: ChatClient) -> bool:
    """Whether this teacher is asked; not of itself the embedded one, which is too small to tell."""
    return rerank == "yes" or (rerank == "auto" and not client.model.startswith("embedded:"))


def likely_use(cards: int, orders: int) -> TeacherUse:
    """What reranking so many cards asks at most."""
    return TeacherUse(
        "retriever",
        orders,
        orders * (_TOKENS_OF_THE_QUESTION + cards * _TOKENS_OF_A_CARD),
        orders * _TOKENS_OF_AN_ANSWER,
    )


def _orders(cards: Sequence[DatasetCard], orders: int, context: RunContext) -> list[list[DatasetCard]]:
    """As found, reversed, then shuffled; each order once, so few cards have fewer."""
    made = [list(cards), list(reversed(cards))]
    for number in range(_SHUFFLES):
        shuffled = list(cards)
        context.rng("rerank", number).shuffle(shuffled)
        if len(made) < orders and shuffled not in made:
            made.append(shuffled)
    return made[:orders]


def _request(task: TaskSpec, cards: Sequence[DatasetCard]) -> ChatRequest:
    prompt = render(
        PROMPT,
        instruction=task.instruction,
        labels=task.labels,
        language=task.language,
        demonstrations=[
            f"{_one_line(demo.input, _SAMPLE)} → {_one_line(demo.output, _SAMPLE)}"
            for demo in task.demonstrations[:_DEMONSTRATIONS]
        ],
        cards=[
            {
                "id": card.id,
                "about": _one_line(card.text or card.description, _ABOUT),
                "columns": _one_line(", ".join(card.columns), _SAMPLE),
                "sample": _one_line(card.sample, _SAMPLE),
            }
            for card in cards
        ],
    )
    # Sorted, so that the schema does not tell the order of the search.
    schema = schema_text(fitting=list_of(one_of(*sorted(card.id for card in cards))))
    longest = 40 + sum(len(card.id) for card in cards)
    return ChatRequest((Message("user", prompt),), max_tokens=longest, purpose="rerank data sets", schema=schema)


def _read(reply: str, shown: set[str]) -> list[str] | None:
    """The ids that a reply names, each once; None where it is no vote."""
    start = re.search(r"\{", reply)
    if start is None:
        return None
    try:
        content, _ = json.JSONDecoder(strict=False).raw_decode(reply, start.start())
    except (json.JSONDecodeError, RecursionError):
        return None
    named = content.get("fitting") if isinstance(content, dict) else None
    if not isinstance(named, list):
        return None
    ids = list(dict.fromkeys(one for one in named if isinstance(one, str) and one in shown))
    return None if named and not ids else ids


def _one_line(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
