"""Whether batches are worth it: a rule of arithmetic first, then a small pilot.

The rule: a batch of N pays its instruction once instead of N times, and with it writes every question again. With the
instruction I, the mean question q and the output price as a multiple ρ of the input price, it can only save where
I · (1 - 1/N) > ρ · q. Here I of the single and of the batch prompt are counted each for itself: I - I'/N > ρ · q.
Discounts of an endpoint for prompts that begin alike are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, inf

from prompt2model.errors import ConfigError
from prompt2model.labelling.auto_demo import TEACHERS_FAULT, AutoDemoPredictor
from prompt2model.labelling.batch_prompt import shown_text
from prompt2model.records import Item, Prediction
from prompt2model.teacher.client import ChatClient
from prompt2model.teacher.prices import Price, Prices
from prompt2model.teacher.tokens import likely_prompt_tokens, likely_tokens
from prompt2model.text_index.near_duplicates import normalise_text

PILOT_ITEMS = 32
AGREEMENT = 0.9
UNPAID_RATIO = 8.0
"""ρ of a model that costs time and no money: writing a token takes about eight times as long as reading one (measured
for the embedded model on one core: 80 and 700 tokens a second)."""


@dataclass(frozen=True, slots=True)
class Pilot:
    """Items that were asked both ways. `read`: how many were answered by a batch rather than again singly.

    `agreement` is the share of those with the same answer both ways. Tokens are what was used, prompt and completion;
    costs are means per item in prompt tokens' worth. Those of the batch include what was asked again singly.
    """

    items: int
    read: int
    agreement: float
    single_tokens: tuple[int, int]
    batch_tokens: tuple[int, int]
    single_cost: float
    batch_cost: float


@dataclass(frozen=True, slots=True)
class BatchDecision:
    """How many inputs to ask about in one call, and why. `batch_size` 1: singly. `text` is one line to print.

    Tokens are estimates (`likely_tokens`): the shared prompts of both ways, and the mean question. `price_ratio` is
    None where the price is not known. `pilot` is None where the rule settled it.
    """

    batch_size: int
    text: str
    instruction_tokens: int
    batch_instruction_tokens: int
    question_tokens: float
    price_ratio: float | None
    pilot: Pilot | None = None


def decide_batching(
    predictor: AutoDemoPredictor,
    sample: Sequence[Item],
    *,
    total: int | None = None,
    prices: Prices | None = None,
    price_ratio: float | None = None,
    agreement: float = AGREEMENT,
    pilot_items: int = PILOT_ITEMS,
) -> BatchDecision:
    """Ask singly, or by `predictor`'s batches? `sample`: the inputs to come, or some thousand of them, of `total`.

    `price_ratio` (ρ) is taken from the prices unless given. Where the rule leaves it open, whole batches of about
    `pilot_items` of the sample are asked both ways: batches are taken when they cost less, what had to be asked again
    included, and at least the share `agreement` of their answers is that of asking singly. With a ledger the pilot's
    calls are reused when the same sample is labelled. Raises ConfigError for a ratio that is none, TeacherError as the
    client does.
    """
    ratio = _price_ratio(predictor.client, prices or Prices()) if price_ratio is None else price_ratio
    if ratio is not None and not ratio >= 0:
        raise ConfigError(f"the price ratio {ratio} is none; give output price / input price, such as 4")
    weighing = _Weighing(predictor, sample, ratio)
    if ratio is None:
        return weighing.decide(
            1,
            f"single: the price of {predictor.client.model} is not known, so nobody can say whether batches cost less; "
            "give it among the prices, or set the labeller to batch",
        )
    if weighing.gain <= 0:
        return weighing.decide(1, f"single: {weighing.account}")
    batches = [batch for batch in predictor.batches(sample) if len(batch) > 1]
    if not batches:
        return weighing.decide(1, "single: no two inputs go into one batch")
    count = len(sample) if total is None else total
    if count * weighing.gain <= min(pilot_items, len(sample)) * weighing.single:
        return weighing.decide(1, f"single: on {count:,} inputs batches would save less than it costs to try them")
    pilot = _try_both(predictor, _spread(batches, ceil(pilot_items / predictor.batch_size)), ratio)
    return weighing.decide(*_judge(pilot, predictor.batch_size, agreement), pilot)


class _Weighing:
    """The figures of the rule, in prompt tokens' worth per input."""

    def __init__(self, predictor: AutoDemoPredictor, sample: Sequence[Item], ratio: float | None) -> None:
        self._ratio = ratio
        size = predictor.batch_size
        self._shared = likely_prompt_tokens(predictor.single.prompt.shared)
        self._batch_shared = likely_prompt_tokens(predictor.prompt.shared)
        lengths = [likely_tokens(shown_text(item)) for item in sample]
        self._question = sum(lengths) / len(lengths) if lengths else 0.0
        saved = self._shared - self._batch_shared / size
        repeated = (ratio or 0.0) * self._question if predictor.echo and self._question else 0.0
        self.single = self._shared + self._question
        self.gain = saved - repeated
        self.account = (
            f"a batch of {size} saves {saved:.0f} prompt tokens an input, repeating it costs as much as {repeated:.0f}"
            if repeated < inf
            else "its prompts cost nothing, so a batch has nothing to save"
        )

    def decide(self, batch_size: int, text: str, pilot: Pilot | None = None) -> BatchDecision:
        """The decision with these figures."""
        return BatchDecision(batch_size, text, self._shared, self._batch_shared, self._question, self._ratio, pilot)


def _price_ratio(client: ChatClient, prices: Prices) -> float | None:
    """What a token of the answer costs, as a multiple of one of the prompt; None where the price is not known."""
    price = prices.find(client)
    if price is None:
        return None
    if price == Price(0.0, 0.0):
        return UNPAID_RATIO
    return price.completion / price.prompt if price.prompt else inf


def _spread(batches: Sequence[list[Item]], count: int) -> list[list[Item]]:
    """At most `count` of the batches, from all over: the first hold close neighbours, the last what was left over."""
    count = min(count, len(batches))
    return [batches[place * len(batches) // count] for place in range(count)]


def _try_both(predictor: AutoDemoPredictor, batches: Sequence[list[Item]], ratio: float) -> Pilot:
    items = [item for batch in batches for item in batch]
    singly = dict(zip(items, predictor.single.predict(items), strict=True))
    answers = predictor.answer(batches)
    # An item that the teacher could not be asked says nothing of batches.
    asked = [item for item in items if singly[item].failure not in TEACHERS_FAULT]
    read = [item for item in asked if answers[item].batched and answers[item].prediction.text is not None]
    same = sum(_same(answers[item].prediction, singly[item]) for item in read)
    single_tokens = _tokens(singly[item] for item in items)
    batch_tokens = _tokens(answers[item].prediction for item in items)
    single_cost, batch_cost = (
        (prompt + ratio * completion) / len(items) for prompt, completion in (single_tokens, batch_tokens)
    )
    agreement = same / len(read) if read else 0.0
    return Pilot(len(items), len(read), agreement, single_tokens, batch_tokens, single_cost, batch_cost)


def _same(first: Prediction, second: Prediction) -> bool:
    if first.text is None or second.text is None:
        return False
    return normalise_text(first.text) == normalise_text(second.text)


def _tokens(predictions: Iterable[Prediction]) -> tuple[int, int]:
    """Prompt and completion tokens of all."""
    pairs = [(prediction.prompt_tokens, prediction.completion_tokens) for prediction in predictions]
    return sum(prompt for prompt, _ in pairs), sum(completion for _, completion in pairs)


def _judge(pilot: Pilot, size: int, agreement: float) -> tuple[int, str]:
    """The batch size that a pilot speaks for, and the line that says why."""
    found = f"in a pilot of {pilot.items} inputs"
    if not pilot.read:
        return 1, f"single: {found} no answer could be read out of a batch of {size}"
    share = pilot.batch_cost / pilot.single_cost if pilot.single_cost else inf
    same = f"{pilot.agreement:.0%} of {pilot.read} batch answers were those of asking singly"
    cost = f"at {share:.0%} of the cost"
    if pilot.agreement < agreement:
        return 1, f"single: {found} only {same} ({agreement:.0%} are needed), {cost}"
    if share >= 1:
        return 1, f"single: {found} batches of {size} cost {share:.0%} of asking singly; {same}"
    return size, f"batches of {size}: {found} {same}, {cost}"
