"""How much a run may spend: in money or in tokens, over all its steps and resumes.

What was spent stands in the ledger; a `Budget` only says whether the next call still fits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from prompt2model.errors import BudgetExceededError, ConfigError
from prompt2model.teacher.prices import Prices

_MONEY = re.compile(r"(?:\$\s*(?P<before>\d+(?:\.\d+)?)|(?P<after>\d+(?:\.\d+)?)\s*(?:usd|\$))", re.IGNORECASE)
_TOKENS = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[km]?)\s*(?:tokens?|tok)", re.IGNORECASE)
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many US dollars, or so many tokens (prompt and answer together). One of them is None."""

    money: float | None = None
    tokens: int | None = None

    def __str__(self) -> str:
        return dollars(self.money) if self.money is not None else f"{self.tokens:,} tokens"


@dataclass(frozen=True, slots=True)
class Spent:
    """What is charged: tokens, US dollars, and the number of calls."""

    calls: int = 0
    tokens: int = 0
    money: float = 0.0


def parse_budget(text: str) -> Limit:
    """`2usd`, `2.50 usd`, `$2`, `500000tokens`, `500k tokens`. Raises ConfigError for anything else, and for zero."""
    text = text.strip()
    if found := _MONEY.fullmatch(text):
        limit = Limit(money=float(found["before"] or found["after"]))
    elif found := _TOKENS.fullmatch(text):
        limit = Limit(tokens=round(float(found["number"]) * _UNITS[found["unit"].lower()]))
    else:
        raise ConfigError(f"the budget {text!r} cannot be read; write it like 2.50usd or 500000tokens")
    if not (limit.money or limit.tokens):
        raise ConfigError(f"the budget {text!r} allows nothing; write an amount above zero, like 2.50usd")
    return limit


class Budget:
    """A limit, and the prices by which money is counted. A limit in tokens counts every model, free or not."""

    def __init__(self, limit: Limit, prices: Prices | None = None) -> None:
        self.limit = limit
        self.prices = prices or Prices()

    def check(self, charged: Spent, next_call: Spent) -> None:
        """Raise BudgetExceededError where what is charged and the next call together pass the limit."""
        if self.limit.money is not None:
            # Sums of floats: a billionth of a cent is no excess.
            fits = charged.money + next_call.money <= self.limit.money + 1e-11
        else:
            fits = self.limit.tokens is None or charged.tokens + next_call.tokens <= self.limit.tokens
        if not fits:
            raise BudgetExceededError(
                f"the budget of {self.limit} does not cover the next call (at most {self._amount(next_call)}): "
                f"{self._amount(charged)} are spent in {charged.calls:,} calls; everything made so far is kept, "
                "so raise the budget and resume",
                charged.tokens,
                charged.money if self.limit.money is not None else None,
            )

    def _amount(self, spent: Spent) -> str:
        return dollars(spent.money) if self.limit.money is not None else f"{spent.tokens:,} tokens"


def about_dollars(money: float) -> str:
    """An estimated amount: two digits, no less than cents above a dollar."""
    return dollars(float(f"{money:.2g}") if money < 1 else money)


def dollars(money: float) -> str:
    """An amount with as many digits as it takes to see it."""
    return f"{money:.2f} USD" if money >= 1 or money == 0 else f"{money:.6f}".rstrip("0") + " USD"
