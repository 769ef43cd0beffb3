"""The plan: what the steps still to come will cost, before anything is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from prompt2model.chain import Step, lookup, wiring
from prompt2model.component import Component, Estimate, RunContext
from prompt2model.console import SilentProgress, minutes
from prompt2model.errors import BudgetExceededError, Prompt2ModelError
from prompt2model.records import CostLine
from prompt2model.teacher.budget import Limit, about_dollars
from prompt2model.teacher.client import ChatClient
from prompt2model.teacher.prices import AS_OF, FREE, Price, list_price
from prompt2model.teacher.speed import is_embedded, likely_seconds

State = Literal["finished", "planned", "unknown"]
GetPrice = Callable[[ChatClient], Price | None]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step: finished, planned, or unknown where it depends on what nobody can tell yet.

    Money in US dollars, None where a price is not known; seconds with the teacher's answers.
    """

    id: str
    state: State
    estimate: Estimate = field(default_factory=Estimate)
    money: float | None = 0.0
    seconds: float | None = None
    unpriced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps in order. `left` is what the run's budget leaves for them, where it has one."""

    steps: tuple[PlannedStep, ...]
    left: Limit | None = None

    @property
    def calls(self) -> int:
        """Calls of the teacher."""
        return sum(step.estimate.calls for step in self.steps)

    @property
    def prompt_tokens(self) -> int:
        """Tokens that the teacher reads."""
        return sum(step.estimate.prompt_tokens for step in self.steps)

    @property
    def completion_tokens(self) -> int:
        """Tokens that the teacher writes."""
        return sum(step.estimate.completion_tokens for step in self.steps)

    @property
    def money(self) -> float | None:
        """US dollars; None where a price is not known."""
        amounts = [step.money for step in self.steps]
        return None if None in amounts else sum(amount or 0.0 for amount in amounts)

    @property
    def seconds(self) -> float:
        """Of the steps that can tell."""
        return sum(step.seconds or 0.0 for step in self.steps)

    @property
    def memory(self) -> int | None:
        """Bytes of the step that needs most."""
        return max((step.estimate.memory for step in self.steps if step.estimate.memory is not None), default=None)

    @property
    def disk(self) -> int:
        """Bytes of everything that is kept or downloaded."""
        return sum(step.estimate.disk or 0 for step in self.steps)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Models whose price is not known."""
        return tuple(dict.fromkeys(model for step in self.steps for model in step.unpriced))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the figures rest on, each with its step."""
        return tuple(
            f"{step.id.replace('_', ' ')}: {line}" for step in self.steps for line in step.estimate.assumptions
        )

    def headline(self) -> str:
        """The plan in one line."""
        if all(step.state == "finished" for step in self.steps):
            return "every step is finished"
        price = "a price is not known"
        if self.money is not None:
            price = f"about {about_dollars(self.money)}" if self.money else "no money"
        parts = [
            f"{self.calls:,} teacher call{'s' if self.calls != 1 else ''}",
            f"{_thousands(self.prompt_tokens)} + {_thousands(self.completion_tokens)} tokens",
            price,
            f"about {minutes(self.seconds)}",
        ]
        open_steps = [step.id.replace("_", " ") for step in self.steps if step.state == "unknown"]
        unknown = f"; not known yet: {', '.join(open_steps)}" if open_steps else ""
        return (
            ", ".join(parts)
            + unknown
            + (f"; more than the budget leaves for it ({self.left})" if self._too_much else "")
        )

    @property
    def _too_much(self) -> bool:
        """Whether the plan passes what the budget leaves."""
        if self.left is None:
            return False
        if self.left.tokens is not None:
            return self.prompt_tokens + self.completion_tokens > self.left.tokens
        return self.money is not None and self.money > (self.left.money or 0.0)


def make_plan(
    steps: Sequence[Step],
    components: Mapping[str, Component],
    values: Mapping[str, Any],
    context: RunContext,
    price: GetPrice,
    finished: int = 0,
) -> Plan:
    """Estimate the steps in order; the first `finished` of them are done and cost nothing.

    `values` are the artifacts there are; what is missing is stood for by what the estimates say will be made.
    """
    context = replace(context, progress=SilentProgress())
    known = dict(values)
    lines: list[PlannedStep] = []
    for number, step in enumerate(steps):
        component = components[step.id]
        if number < finished:
            lines.append(PlannedStep(step.id, "finished"))
            continue
        estimate = _estimate(step, component, known, context)
        if estimate is None:
            lines.append(PlannedStep(step.id, "unknown"))
            continue
        if estimate.makes is not None:
            known[component.produces] = estimate.makes
        lines.append(_planned(step, estimate, context, price))
    return Plan(tuple(lines))


def _estimate(step: Step, component: Component, known: Mapping[str, Any], context: RunContext) -> Estimate | None:
    paths = wiring(step, component)
    if any(path.partition(".")[0] not in known for path in paths.values()):
        return None
    inputs = component.Inputs(**{name: lookup(path, known) for name, path in paths.items()})
    try:
        return component.estimate(inputs, context)
    except Prompt2ModelError as error:
        # The run will say it where it stands; the plan goes on without.
        return Estimate(assumptions=(f"cannot be estimated: {error}",))


def _planned(step: Step, estimate: Estimate, context: RunContext, price: GetPrice) -> PlannedStep:
    money: float | None = 0.0
    seconds = estimate.seconds or 0.0
    unpriced: list[str] = []
    assumptions = list(estimate.assumptions)
    for use in estimate.teacher:
        client = context.teachers.get(use.role) or context.teachers.get("teacher")
        if client is None or not use.calls:
            continue
        found = price(client)
        if found is None:
            unpriced.append(client.model)
        money = None if money is None or found is None else money + found.of(use.prompt_tokens, use.completion_tokens)
        seconds += likely_seconds(client, use.calls, use.prompt_tokens, use.completion_tokens)
        if not is_embedded(client):
            assumptions.append(f"{client.model} answers 2 requests a second")
        if found not in (None, FREE):
            assumptions.append(f"{client.model} costs {_spoken(client, found)}")
    estimate = replace(estimate, assumptions=tuple(dict.fromkeys(assumptions)))
    return PlannedStep(step.id, "planned", estimate, money, seconds, tuple(unpriced))


def _spoken(client: ChatClient, price: Price) -> str:
    amounts = f"{price.prompt:g} and {price.completion:g} US dollars per million tokens read and written"
    return amounts + (f" (list price of {AS_OF})" if price == list_price(client) else "")


def with_offer(error: BudgetExceededError, rest: Plan, costs: Iterable[CostLine]) -> BudgetExceededError:
    """The error, and what by the plan finishes the run: `rest` plans the stopped step and all later ones.

    `costs` are those of the run; what the stopped step has spent is taken off.
    """
    stopped = next(step.id for step in rest.steps if step.state != "finished")
    spent = [line for line in costs if line.step == stopped]
    tokens = rest.prompt_tokens + rest.completion_tokens
    tokens -= sum(line.prompt_tokens + line.completion_tokens for line in spent)
    amount = f"{_thousands(tokens)} tokens"
    if error.money is not None:
        money = (rest.money or 0.0) - sum(line.money or 0.0 for line in spent)
        amount, tokens = about_dollars(money), round(money * 1e6)
    if tokens <= 0:
        return error
    return BudgetExceededError(f"{error}; by the plan about {amount} more finish the run", error.tokens, error.money)


def _thousands(count: int) -> str:
    return f"{count:,}" if count < 10_000 else f"{round(count / 1000):,}k"
