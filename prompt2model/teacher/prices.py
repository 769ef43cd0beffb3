"""What a million tokens cost, for the budget and the cost table.

Only prices that their makers have published and that we are sure of; users add or correct theirs. Prices change:
`AS_OF` is the date of the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prompt2model.errors import ConfigError, PriceUnknownError
from prompt2model.teacher.address import addresses, is_loopback
from prompt2model.teacher.client import ChatClient

AS_OF = "2025-06-01"
"""The day for which the prices below were published (standard, not batch or cached, tokens)."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens of the prompt and of the answer."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """US dollars for so many tokens."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


FREE = Price(0.0, 0.0)

PUBLISHED: Mapping[str, Price] = {
    "gpt-4o-mini": Price(0.15, 0.60),
    "gpt-4o": Price(2.50, 10.00),
    "gpt-4.1": Price(2.00, 8.00),
    "gpt-4.1-mini": Price(0.40, 1.60),
    "gpt-4.1-nano": Price(0.10, 0.40),
    "gpt-3.5-turbo": Price(0.50, 1.50),
}
"""Model name at the OpenAI endpoint → its list price on `AS_OF`."""


def list_price(client: ChatClient) -> Price | None:
    """What OpenAI has published for a model of this name."""
    return PUBLISHED.get(client.model.removeprefix("openai:"))


def parse_price(text: str) -> Price:
    """`0.40 1.60`: US dollars per million tokens of the prompt and of the answer. Raises ConfigError."""
    try:
        prompt, completion = (float(part.strip("$")) for part in text.replace(",", " ").split())
    except ValueError:
        raise ConfigError(f"the price {text!r} cannot be read; write two amounts, like 0.40 1.60") from None
    return Price(prompt, completion)


class Prices:
    """The published prices, with the user's own (`overrides`: model name → price) first.

    Models on this machine cost no money unless an override says so.
    """

    def __init__(self, overrides: Mapping[str, Price] | None = None) -> None:
        self._overrides = {name.removeprefix("openai:"): price for name, price in (overrides or {}).items()}
        for name, price in self._overrides.items():
            if not (0 <= price.prompt < float("inf") and 0 <= price.completion < float("inf")):
                raise ConfigError(f"the price of {name} is no amount; give US dollars per million tokens, 0 or more")

    def with_price(self, model: str, price: Price) -> Prices:
        """These prices and one more."""
        return Prices({**self._overrides, model: price})

    def find(self, client: ChatClient) -> Price | None:
        """The price of what a client asks, or None where nobody has said it."""
        name = client.model.removeprefix("openai:")
        if name in self._overrides:
            return self._overrides[name]
        asked = addresses(client)
        if name.startswith(("embedded:", "scripted")) or (asked and all(map(is_loopback, asked))):
            return FREE
        # Where one address of several costs money, every call is counted as if it went there.
        paid = [url for url in asked if not is_loopback(url)]
        # The same name at another address may be another offer at another price.
        if not all(url.startswith("https://api.openai.com/") for url in paid):
            return None
        return list_price(client)

    def need(self, client: ChatClient) -> Price:
        """The price of what a client asks. Raises PriceUnknownError."""
        price = self.find(client)
        if price is None:
            raise PriceUnknownError(
                f"a budget in money needs the price of {client.model}, which is not known; give it under [prices], "
                f'for example "{client.model.removeprefix("openai:")}" = [0.40, 1.60] (US dollars per million tokens '
                "of prompt and answer), or set the budget in tokens, like --budget 500000tokens"
            )
        return price
