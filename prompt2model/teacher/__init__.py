"""Talking to a language model: one protocol, and clients for an endpoint, the embedded model and a script.

    client = LedgerClient(connect("openai:gpt-4.1-mini"), Ledger(path), step="generate_data", budget=budget)
    for request, response in client.complete_many(requests): ...

Importing this package is cheap: openai and torch are loaded when a client is made or first asked.
"""

from prompt2model.teacher.budget import Budget, Limit, Spent, parse_budget
from prompt2model.teacher.client import (
    ChatClient,
    ChatRequest,
    ChatResponse,
    Message,
    Scorer,
    ScoreRequest,
    ScoreResponse,
    is_scorer,
)
from prompt2model.teacher.connect import connect
from prompt2model.teacher.ledger import Ledger, LedgerClient
from prompt2model.teacher.prices import Price, Prices
from prompt2model.teacher.scripted import ScriptedClient

__all__ = [
    "Budget",
    "ChatClient",
    "ChatRequest",
    "ChatResponse",
    "Ledger",
    "LedgerClient",
    "Limit",
    "Message",
    "Price",
    "Prices",
    "ScoreRequest",
    "ScoreResponse",
    "Scorer",
    "ScriptedClient",
    "Spent",
    "connect",
    "is_scorer",
    "parse_budget",
]
