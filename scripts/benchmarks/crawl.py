"""A crawl of synthetic cards from a hub on loopback that breaks down, changes meanwhile, and whose client is killed.

`prompt2model index build` runs in a process of its own. One answer in twenty goes wrong: too many requests with and
without a time to wait, a broken server, half an answer, a page that is no JSON. Every tenth request the hub changes a
card or gets a new one. The command is killed (SIGKILL) twice, within 0.3 s after a random request, and started again;
`index update` follows when the hub has come to rest.

  missing           cards that the hub offers and the file lacks
  duplicated        rows in the file, and entries of its index, beyond one a card
  stale             cards that the hub changed after the state in the file
  found_by_search   share of 200 random cards that a search for their own word finds, first and alone
  cards_per_second  cards stored, by the wall clock of all commands together, with their starts and waits
  cpu_seconds       processor time of all commands
  requests          by the hub's books; pages, faults, and what a kill lost
  faults            answers that went wrong, of these
"""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from record import ROOT, Figure, Record, options

from prompt2model.catalogue.card_file import CardFile
from prompt2model.sqlite_file import open_database

sys.path.insert(0, str(ROOT / "tests"))
from servers.hub_like import Fault, HubLikeServer, hub_like
from servers.synthetic_cards import SyntheticCards

PAGE = 100
KILLS = 2
FAULTS = (
    Fault(429, {"Retry-After": "1"}),
    Fault(429),
    Fault(500),
    Fault(cut=True),
    Fault(nonsense=True),
)


class Trouble:
    """The hub's side: what goes wrong, what changes, and when the client is killed."""

    def __init__(self, server: HubLikeServer, seed: int) -> None:
        self._server, self._rng, self._lock = server, random.Random(seed), threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._left = 0
        self.faults = 0
        self.restless = True

    def aim(self, process: subprocess.Popen[bytes], requests: int) -> None:
        """Kill the process a moment after so many requests from now."""
        with self._lock:
            self._process, self._left = process, requests

    def __call__(self, path: str) -> Fault | None:
        with self._lock:
            self._left -= 1
            if self._process is not None and self._left <= 0:
                threading.Timer(self._rng.uniform(0, 0.3), self._process.send_signal, [signal.SIGKILL]).start()
                self._process = None
            if self.restless and self._rng.random() < 0.1:
                cards = self._server.cards[self._rng.choice(("datasets", "models"))]
                if self._rng.random() < 0.3:
                    cards.add()
                else:
                    cards.touch(self._rng.randrange(cards.count))
            if self._rng.random() < 0.05:
                self.faults += 1
                return self._rng.choice(FAULTS)
            return None


def start(server: HubLikeServer, command: str, file: Path) -> subprocess.Popen[bytes]:
    """The real command, in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return subprocess.Popen(
        [sys.executable, "-m", "prompt2model.cli", "index", command, "--file", str(file)],
        env={**kept, "HF_ENDPOINT": server.address, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def crawl(server: HubLikeServer, trouble: Trouble, file: Path, seed: int) -> float:
    """Build with kills, then update. Returns the seconds that the commands took."""
    rng, began = random.Random(seed), time.perf_counter()
    pages = sum(cards.count for cards in server.cards.values()) // PAGE
    for number in range(KILLS):
        process = start(server, "build", file)
        trouble.aim(process, rng.randint(1, pages // (KILLS + 1)))
        if process.wait() != -signal.SIGKILL:
            raise SystemExit("the crawl came to its end before it could be killed")
        print(f"kill {number + 1} after {len(server.requests):,} requests", flush=True)
    for command in ("build", "update"):
        code = start(server, command, file).wait()
        if code != 0:
            raise SystemExit(f"`index {command}` ended with code {code}")
        trouble.restless = False
    return time.perf_counter() - began


def judge(record: Record, server: HubLikeServer, file: Path, seconds: float, faults: int) -> None:
    """Compare the file with the hub."""
    missing, stale, duplicated, stored, found = 0, 0, 0, 0, 0
    rng, tried = random.Random(0), 0
    with CardFile(file) as cards, closing(open_database(file)) as database:
        for kind, listed in ((cards.datasets, server.cards["datasets"]), (cards.models, server.cards["models"])):
            offered = {listed.id(n): listed.modified(n) for n in range(listed.count) if listed.is_offered(n)}
            name = kind.index.name
            (rows,) = database.execute(f"SELECT count(*) FROM {name}_documents").fetchone()  # noqa: S608
            ids = kind.ids()
            stored += len(ids)
            missing += len(offered.keys() - set(ids))
            duplicated += rows - len(set(ids)) + len(kind) - rows + len(set(ids) - offered.keys())
            stale += sum((kind.modified(key) or "")[:19] != offered[key][:19] for key in set(ids) & offered.keys())
            for key in rng.sample(sorted(offered), 100):
                tried += 1
                hits = kind.search(f"{'Number' if name == 'datasets' else ''}{key.rpartition('-')[2]}", 3)
                found += [card.id for card, _ in hits] == [key]
        megabytes = cards.info().bytes / 1e6
    requests = len(server.requests)
    record.add("missing", Figure(missing, stored, unit="cards", note=f"of {stored + missing:,}; killed {KILLS} times"))
    record.add("duplicated", Figure(duplicated, stored, unit="rows"))
    record.add("stale", Figure(stale, stored, unit="cards", note="the hub changed while it was crawled"))
    record.add("found_by_search", Figure(found / tried, tried))
    record.add("cards_per_second", Figure(stored / seconds, stored, note=f"{seconds:.0f} s in all"))
    record.add("requests", Figure(requests, requests, note=f"pages of {PAGE}"))
    record.add("faults", Figure(faults, requests, unit="answers"))
    record.add("file_mb", Figure(megabytes, stored, unit="MB"))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    record.add("cpu_seconds", Figure(used.ru_utime + used.ru_stime, KILLS + 2, unit="s", note="of all commands"))
    record.add("rss_mb", Figure(used.ru_maxrss / 1000, KILLS + 2, unit="MB", note="largest of the commands"))


def main() -> None:
    """Run it."""
    arguments = options(__doc__ or "", needs_data=False).parse_args()
    record = Record("crawl", arguments)
    counts = (1_200, 800) if arguments.quick else (60_000, 40_000)
    with tempfile.TemporaryDirectory() as temporary, hub_like(Path(temporary) / "hub") as server:
        folder = arguments.work or Path(temporary)
        file = folder / "cards.sqlite"
        if file.exists():
            raise SystemExit(f"{file} is there already; give another --work")
        server.page_size = PAGE
        server.cards = dict(
            zip(("datasets", "models"), map(SyntheticCards, ("datasets", "models"), counts), strict=True)
        )
        trouble = Trouble(server, 0)
        server.fault = trouble
        seconds = crawl(server, trouble, file, 0)
        judge(record, server, file, seconds, trouble.faults)
    record.finish(["missing", "duplicated", "stale", "cards_per_second", "requests", "file_mb"])


if __name__ == "__main__":
    main()
