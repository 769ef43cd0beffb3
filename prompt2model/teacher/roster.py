"""The teachers of one run, by role: connected when a step first needs one, behind the run's ledger and budget."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prompt2model.cluster import Workers
from prompt2model.component import Chooser
from prompt2model.errors import ConfigError
from prompt2model.records import CostLine
from prompt2model.teacher.address import addresses, is_loopback, silent_addresses
from prompt2model.teacher.budget import Budget, Limit, parse_budget
from prompt2model.teacher.client import ChatClient, is_scorer
from prompt2model.teacher.connect import DEFAULT_CONCURRENCY, DEFAULT_TIMEOUT, check_spec, connect
from prompt2model.teacher.ledger import Ledger, LedgerClient
from prompt2model.teacher.prices import FREE, Price, Prices, parse_price
from prompt2model.teacher.speed import is_embedded
from prompt2model.teacher.spread import SpreadClient

DEFAULT_BUDGET = "2usd"
EMBEDDED = "embedded"
NONE = "none"


@dataclass(frozen=True)
class TeacherSettings:
    """Who teaches: a spec by role (`teacher` for every role that has none), and where and for how much.

    `base_url`: an address, or several that serve the same model and share the work; at most `concurrency` requests
    are under way at each, and each may be silent for `timeout` seconds.
    `prices`: model name → US dollars per million prompt and completion tokens.
    """

    specs: Mapping[str, str]
    base_url: str | Sequence[str] | None = None
    concurrency: int = DEFAULT_CONCURRENCY
    timeout: float = DEFAULT_TIMEOUT
    key_variable: str = "OPENAI_API_KEY"
    needs_key: bool = True
    budget: str | None = None
    prices: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class TeacherRoster:
    """Use as a context manager. `given` clients (by role) replace those that the settings name.

    What local weights answer is computed by `workers`, where these are elsewhere.
    """

    def __init__(
        self,
        settings: TeacherSettings,
        ledger_file: Path,
        chooser: Chooser,
        given: Mapping[str, ChatClient] | None = None,
        workers: Workers | None = None,
    ) -> None:
        self._settings, self._ledger_file, self._chooser = settings, ledger_file, chooser
        self._given = dict(given or {})
        self._workers = workers
        self._clients: dict[str, ChatClient] = {}
        self._ledger: Ledger | None = None
        self._unpriced: set[str] = set()
        self._prices = Prices({name: Price(*pair) for name, pair in settings.prices.items()})
        for spec in self._specs().values():
            check_spec(spec)
        if settings.base_url and not given and settings.specs.get("teacher") == EMBEDDED and not self._asks_endpoint():
            where = settings.base_url if isinstance(settings.base_url, str) else " and ".join(settings.base_url)
            raise ConfigError(
                f"nobody is asked at {where}, because the teacher is the embedded one; "
                "name the model there with --teacher openai:NAME, or leave out --base-url"
            )
        self._silent: set[str] = set()
        self._budget: Budget | None = Budget(parse_budget(settings.budget), self._prices) if settings.budget else None

    def __enter__(self) -> TeacherRoster:
        return self

    def __exit__(self, *_: object) -> None:
        if self._ledger is not None:
            self._ledger.close()

    def names(self) -> dict[str, str]:
        """Who plays each role: part of the fingerprint of every step that asks a teacher."""
        return {**self._specs(), **{role: client.model for role, client in self._given.items()}}

    def clients(self, step: str) -> dict[str, ChatClient]:
        """A client per role whose calls are counted under `step`.

        Raises TeacherKeyError, ConfigError, PriceUnknownError or NotSettledError before anything is sent.
        """
        if not self.unused():
            return {}
        if self._ledger is None:
            self._ledger = Ledger(self._ledger_file)
        if self._budget is None and any(self._is_paid(client) for client in self._clients.values()):
            self._budget = self._ask_for_budget()
        if self._budget is not None and self._budget.limit.money is not None:
            for client in self._clients.values():
                self.price(client)
            self._budget = Budget(self._budget.limit, self._prices)
        return {
            role: LedgerClient(client, self._ledger, step=step, role=role, budget=self._budget, prices=self._prices)
            for role, client in self._clients.items()
        }

    def unused(self) -> Mapping[str, ChatClient]:
        """A client per role that nothing is asked of: for estimates. Raises TeacherKeyError, ConfigError."""
        if not self._clients:
            # One client per spec: two roles of the embedded teacher share its weights.
            by_spec = {spec: self._connect(spec) for spec in self._specs().values()}
            self._clients = {**{role: by_spec[spec] for role, spec in self._specs().items()}, **self._given}
        return self._clients

    def is_free(self) -> bool:
        """Whether every client is known to cost nothing."""
        return all(self._prices.find(client) == FREE for client in self.unused().values())

    def price(self, client: ChatClient) -> Price | None:
        """What a client costs; a person is asked where it is not known, once. None where nobody knows."""
        known = self._prices.find(client)
        if known is None and self._chooser.interactive and client.model not in self._unpriced:
            text = self._chooser.ask(
                f"price:{client.model}",
                f"What does {client.model} cost, in US dollars per million tokens of prompt and of answer "
                "(two amounts, like 0.40 1.60)? Return alone if you do not know",
                "",
                f'"{client.model.removeprefix("openai:")}" = [0.40, 1.60] under [prices]',
                parse_price,
            )
            if not text:
                self._unpriced.add(client.model)
                return None
            known = parse_price(text)
            self._prices = self._prices.with_price(client.model, known)
        return known

    def left_for(self, steps: Collection[str]) -> Limit | None:
        """What the budget leaves for these steps after all that other ones were charged; None without a budget."""
        if self._budget is None:
            return None
        limit, costs = self._budget.limit, [line for line in self.costs() if line.step not in steps]
        if limit.money is not None:
            return Limit(money=max(0.0, limit.money - sum(line.money or 0.0 for line in costs)))
        spent = sum(line.prompt_tokens + line.completion_tokens for line in costs)
        return Limit(tokens=max(0, (limit.tokens or 0) - spent))

    def costs(self) -> tuple[CostLine, ...]:
        """What the run's teachers were asked for so far, over all resumes."""
        if self._ledger is None and not self._ledger_file.exists():
            return ()
        if self._ledger is None:
            self._ledger = Ledger(self._ledger_file)
        return self._ledger.summary()

    def newly_silent(self) -> tuple[str, ...]:
        """Addresses that do not answer, and were not named by an earlier call; the others do their share."""
        silent = {address for client in self._clients.values() for address in silent_addresses(client)}
        new = sorted(silent - self._silent)
        self._silent |= silent
        return tuple(new)

    def _specs(self) -> dict[str, str]:
        return {role: spec for role, spec in self._settings.specs.items() if spec != NONE and role not in self._given}

    def _asks_endpoint(self) -> bool:
        return any(spec.startswith("openai:") for spec in self._settings.specs.values())

    def _connect(self, spec: str) -> ChatClient:
        settings = self._settings
        address = settings.base_url if spec.startswith("openai:") else None
        client = connect(
            spec,
            base_url=address,
            key_variable=settings.key_variable,
            needs_key=settings.needs_key,
            concurrency=settings.concurrency,
            timeout=settings.timeout,
        )
        if self._workers is not None and self._workers.distributed and is_embedded(client) and is_scorer(client):
            return SpreadClient(client, spec, self._workers)
        return client

    def _is_paid(self, client: ChatClient) -> bool:
        return not all(map(is_loopback, addresses(client)))

    def _ask_for_budget(self) -> Budget:
        text = self._chooser.ask(
            "budget",
            "The teacher costs money. How much may this run spend at most (2usd, 500000tokens)?",
            DEFAULT_BUDGET,
            f'budget = "{DEFAULT_BUDGET}"',
            parse_budget,
        )
        return Budget(parse_budget(text), self._prices)
