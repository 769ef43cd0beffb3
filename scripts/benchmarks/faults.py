"""Teacher calls against a real HTTP server on loopback that breaks down on order and keeps its own books.

10,000 requests for five examples each, of which 30 % meet a fault: 429 with and without Retry-After, 500, silence up to
the time limit, a cut connection, half a JSON, a wrong schema, an empty answer, a refusal, a context that is too long,
fewer examples than asked for. Attempts that are repeated meet faults again. After a 429 with Retry-After the server
answers nobody until that time is over. All times are a fifth of usual ones: an answer takes .2 s, Retry-After is .2 s,
the time limit 2 s, and so are the waits of the retry policy.

  lost              items without their right fate: all examples, or the failure that the server meant
  paid_twice        requests whose whole answer was sent more than once within the time limit, by the server's books;
                    a second pass over the same ledger included
  over_budget       tokens by which the server's bill passed a budget, at most, over the stages of a run of its own that
                    a too small budget stops and a larger one resumes
  throughput_ratio  items answered per second over those of a run without faults; of the time, what the server made its
                    callers wait divided by the concurrency is subtracted: silence up to the time limit, and the time of
                    every place that stood empty while the server answered nobody
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from record import ROOT, Figure, Record, options

from prompt2model.dataset_generator.reading import read_inputs
from prompt2model.errors import BudgetExceededError
from prompt2model.teacher import Budget, ChatRequest, ChatResponse, Ledger, LedgerClient, Limit, Message
from prompt2model.teacher.openai_compatible import OpenAICompatibleClient
from prompt2model.teacher.throttle import RetryPolicy

sys.path.insert(0, str(ROOT / "tests"))
from servers.openai_like import Entry, Fault, OpenAILikeServer, Reply

CONCURRENCY = 8
ANSWER_SECONDS = 0.2
RETRY_AFTER = 0.2
TIME_LIMIT = 2.0
POLICY = RetryPolicy(first_wait=0.1, longest_wait=6.0, patience=60.0, first_rest=0.2)
FAULTY = 0.3
EXAMPLES = 5
PASSING = ("told when", "told to wait", "500", "hang", "cut", "half", "schema")
LASTING = ("empty", "refused", "context_too_long", "short")
KINDS = PASSING + LASTING


def examples(item: int, first: int, count: int) -> list[str]:
    """What the server writes for an item: its examples from number `first` on."""
    words = "river stone lamp cloud violin harbour pepper glacier ribbon meadow".split()
    rng = random.Random(item)
    written = [f"{' '.join(rng.choices(words, k=6))} {item} {number}" for number in range(EXAMPLES)]
    return written[first : first + count]


def ask(item: int, first: int, count: int) -> ChatRequest:
    """The request for `count` examples of an item, after those that are there."""
    text = f"Item {item}: write {count} examples as a JSON array of strings, from number {first} on."
    return ChatRequest((Message("user", text),), temperature=1.0, max_tokens=128)


@dataclass
class Faults:
    """What happens to each attempt, by item and attempt number alone; and the books of what callers had to wait."""

    seed: int
    share: float
    scale: float
    attempts: Counter[str] = field(default_factory=Counter)
    silent: float = 0.0
    shut_out: float = 0.0
    closed_until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    _inside: int = 0
    _hangs: list[float] = field(default_factory=list)
    _looked: float = 0.0
    stopped: threading.Event = field(default_factory=threading.Event)

    def kind(self, item: int, attempt: int) -> str | None:
        """The fault of an item's n-th attempt; what lasts shows at the first and stays."""
        rng = random.Random(f"{self.seed} {item} {attempt}")
        if rng.random() >= self.share:
            return None
        kind = rng.choice(KINDS)
        return None if attempt and kind in LASTING else kind

    def lasting(self, item: int) -> str | None:
        """The fault by which the item ends, if it has one."""
        kind = self.kind(item, 0)
        return kind if kind in LASTING else None

    def __call__(self, body: dict[str, Any]) -> Reply | Fault:
        """The server's answer to a request."""
        with self.lock:
            left = self.closed_until - self._look()
            if left > 0:
                return Fault("rate_limited", retry_after=left)
            self._inside += 1
        try:
            return self._answer(body["messages"][-1]["content"])
        finally:
            with self.lock:
                self._look()
                self._inside -= 1

    def _look(self) -> float:
        """The time now; until now, every place that was not under way stood empty while nobody was answered."""
        now = time.monotonic()
        self._hangs = [end for end in self._hangs if end > now]
        empty = CONCURRENCY - self._inside - len(self._hangs)
        self.shut_out += max(0.0, min(now, self.closed_until) - self._looked) * max(0, empty)
        self._looked = now
        return now

    def _answer(self, text: str) -> Reply | Fault:
        item, count, first = (int(word) for word in text.replace(":", "").split() if word.isdigit())
        with self.lock:
            attempt = self.attempts[text]
            self.attempts[text] += 1
        # What follows a short answer is a request of its own, with passing faults only.
        kind = self.kind(item, attempt if not first else attempt + 1000)
        if not first and kind is None:
            kind = self.lasting(item)
        return self.answer(kind, examples(item, first, count))

    def answer(self, kind: str | None, written: list[str]) -> Reply | Fault:
        """An answer that takes its time, or the fault; those at the door take none."""
        if kind == "told when":
            with self.lock:
                self.closed_until = self._look() + RETRY_AFTER * self.scale
            return Fault("rate_limited", retry_after=RETRY_AFTER * self.scale)
        if kind in ("told to wait", "500", "context_too_long"):
            return Fault({"told to wait": "rate_limited", "500": "server_error"}.get(kind, "context_too_long"))
        words = len(json.dumps(written).split())
        if kind == "hang":
            with self.lock:
                self.silent += TIME_LIMIT
                self._hangs.append(self._look() + TIME_LIMIT)
            return Fault("hang", seconds=2 * TIME_LIMIT, words=words)
        self.stopped.wait(ANSWER_SECONDS * self.scale)
        if kind is None or kind == "short":
            return Reply(json.dumps(written if kind is None else written[: EXAMPLES - 2]))
        fault = {"cut": "cut", "half": "half_json", "schema": "wrong_schema", "empty": "empty", "refused": "refusal"}
        return Fault(fault[kind], words=words if kind in PASSING else 5)


@dataclass
class Result:
    """What became of the items: their examples so far, and the failure of those that have one."""

    written: dict[int, list[str]] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)

    def take(self, request: ChatRequest, response: ChatResponse) -> ChatRequest | None:
        """Read an answer as the generator does; what it lacks is asked for."""
        item = int(request.messages[0].content.split()[1].rstrip(":"))
        if response.failure is not None:
            self.failed[item] = response.failure
            return None
        there = self.written.setdefault(item, [])
        there += [candidate.input for candidate in read_inputs(response.text)]
        return ask(item, len(there), EXAMPLES - len(there)) if len(there) < EXAMPLES else None

    def lost(self, items: int, faults: Faults) -> int:
        """Items without their right fate."""
        return sum(not self._right(item, faults.lasting(item)) for item in range(items))

    def _right(self, item: int, lasting: str | None) -> bool:
        if lasting in (None, "short"):
            return item not in self.failed and self.written.get(item) == examples(item, 0, EXAMPLES)
        return self.failed.get(item) == lasting and item not in self.written


def run(client: LedgerClient, items: Iterable[int]) -> Result:
    """Ask for all items, and then for what short answers lack."""
    result = Result()
    todo: Iterable[ChatRequest] = (ask(item, 0, EXAMPLES) for item in items)
    while todo:
        lacking = (result.take(request, response) for request, response in client.complete_many(todo))
        todo = [request for request in lacking if request is not None]
    return result


@dataclass
class Bench:
    """One server, one ledger, one client."""

    folder: Path
    faults: Faults
    server: Any = None

    def __enter__(self) -> Bench:
        self.server = OpenAILikeServer(self.faults).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.faults.stopped.set()
        self.server.stop()

    def client(self, ledger: Ledger, budget: Budget | None = None) -> LedgerClient:
        """A client as a run has it."""
        endpoint = OpenAICompatibleClient(
            "m", self.server.base_url, concurrency=CONCURRENCY, timeout=TIME_LIMIT, policy=POLICY
        )
        return LedgerClient(endpoint, ledger, step="generate_data", budget=budget)

    def billed(self) -> int:
        """Tokens on the server's bill, of answers that were lost on the way too."""
        return sum(entry.prompt_tokens + entry.completion_tokens for entry in self.entries())

    def paid_twice(self) -> int:
        """Requests whose whole answer was sent more than once."""
        sent = Counter(entry.prompt for entry in self.entries() if whole(entry))
        return sum(count > 1 for count in sent.values())

    def entries(self) -> Iterator[Entry]:
        """The server's books."""
        with self.server.lock:
            yield from self.server.books


def whole(entry: Entry) -> bool:
    """Whether the server sent an answer that a caller can read in full and in time, an empty one and a refusal too."""
    in_time = entry.ended - entry.started < TIME_LIMIT
    return bool(in_time and (entry.answered or entry.outcome in ("empty", "refusal")))


def measure(record: Record, items: int, folder: Path) -> None:
    """Throughput, fates and double payments of one long run."""
    per_second = {}
    for name, share in (("faultless", 0.0), ("faulty", FAULTY)):
        with Bench(folder, Faults(0, share, 1.0)) as bench, Ledger(folder / f"{name}.sqlite") as ledger:
            client = bench.client(ledger)
            start = time.perf_counter()
            result = run(client, range(items))
            seconds = time.perf_counter() - start
            asked = len(bench.server.books)
            again = run(bench.client(ledger), range(items))
            lost = result.lost(items, bench.faults) + again.lost(items, bench.faults)
            twice = bench.paid_twice() + len(bench.server.books) - asked
            silent, shut_out = bench.faults.silent / CONCURRENCY, bench.faults.shut_out / CONCURRENCY
            outcomes = bench.server.outcomes()
            print(
                f"{name}: {seconds:.1f} s, of them {silent:.1f} s of silence and {shut_out:.1f} s shut out; "
                f"{dict(outcomes)}",
                flush=True,
            )
        answered = len(result.written)
        per_second[name] = answered / (seconds - silent - shut_out)
        record.add(f"{name}_per_second", Figure(per_second[name], answered, unit="items answered per second"))
    requests = asked - outcomes["answered"]
    record.add("faulty_attempts", Figure(requests / asked, asked, unit="share of attempts without a usable answer"))
    record.add("lost", Figure(lost, items, unit="items"))
    record.add("paid_twice", Figure(twice, items, unit="requests"))
    record.add("throughput_ratio", Figure(per_second["faulty"] / per_second["faultless"], items, note="one run each"))


def spend(record: Record, items: int, folder: Path) -> None:
    """The same faults without waiting, under budgets that stop the run again and again."""
    with Bench(folder, Faults(1, FAULTY, 0.0)) as bench:
        excess, stops, budget = 0, 0, items * 12
        while True:
            with Ledger(folder / "budget.sqlite") as ledger:
                try:
                    result = run(bench.client(ledger, Budget(Limit(tokens=budget))), range(items))
                    done = True
                except BudgetExceededError:
                    done = False
                billed, charged = bench.billed(), ledger.spent().tokens
            print(f"budget {budget:,} tokens: billed {billed:,}, charged {charged:,}", flush=True)
            excess = max(excess, billed - budget, charged - budget)
            if done:
                break
            stops, budget = stops + 1, budget + items * 25
        record.add(
            "over_budget", Figure(max(0, excess), items, unit="tokens", note=f"the budget stopped it {stops} times")
        )
        lost, twice = result.lost(items, bench.faults), bench.paid_twice()
        record.add("lost_over_stops", Figure(lost, items, unit="items"))
        record.add("paid_twice_over_stops", Figure(twice, items, unit="requests"))


def main() -> None:
    """Run both parts."""
    arguments = options(__doc__ or "", needs_data=False).parse_args()
    record = Record("faults", arguments)
    record.extra["notes"] = [
        f"Concurrency {CONCURRENCY}; an answer takes {ANSWER_SECONDS} s, Retry-After is {RETRY_AFTER} s, the time "
        f"limit {TIME_LIMIT} s: a fifth of usual times, as are the waits of the retry policy.",
        "The figures of the budget and of the stops are of a run of their own, without waiting at the server.",
    ]
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.work or Path(temporary)
        measure(record, 300 if arguments.quick else 10_000, folder)
        spend(record, 100 if arguments.quick else 2_000, folder)
    record.finish(["lost", "paid_twice", "over_budget", "throughput_ratio"])


if __name__ == "__main__":
    main()
