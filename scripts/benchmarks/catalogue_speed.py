"""The catalogue's search beside rank-bm25 and bm25s, over the same cards in one run: at 11,320 and at 500,000.

The 11,320 are real model cards; the 500,000 are those and recombinations of them (`synthetic_cards.py`, seeded). Every
engine works in processes of its own (`search_arms.py`): one builds, a fresh one opens what was built and searches, so
its memory is that of a search. Queries: the first eight different words of real data-set descriptions; and texts as
long as HyDE's hypothetical cards, 65 words of a data set's description and 60 of a model card.

rank-bm25 keeps a dictionary for every card, some 9 KB: 500,000 need more memory than is fair to ask for, so its
second size is smaller (`--rank-bm25-cards`) and named in the figure.

bm25s is no dependency of the project: `pip install bm25s`.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from record import Figure, Record, options
from synthetic_cards import Card, cards, real_cards

KEYS = ("p50_ms_500k", "hyde_p50_ms_500k", "rank_bm25_p50_ms", "bm25s_p50_ms", "rss_mb", "recall50_500k")
SEED = 0
KINDS = {"8_terms": "", "hyde": "hyde_"}
_WORD = re.compile(r"[^\W_]+")


def queries(data: Path, real: Sequence[Card], count: int) -> dict[str, list[str]]:
    """`count` queries of each kind."""
    with gzip.open(data / "hub" / "datasets.jsonl.gz", "rt", encoding="utf-8") as lines:
        descriptions = [_WORD.findall(json.loads(line)["description"] or "") for line in lines]
    generator = random.Random(SEED)
    eight = [words for words in descriptions if len(set(words)) >= 8]
    long = [words for words in descriptions if len(words) >= 65]
    # What stands above the text of a card is no prose.
    bodies = [_WORD.findall(card.text.split("\n---\n")[-1]) for card in real]
    bodies = [words for words in bodies if len(words) >= 60]
    return {
        "8_terms": [" ".join(list(dict.fromkeys(words))[:8]) for words in generator.sample(eight, count)],
        "hyde": [
            " ".join(words[:65] + body[:60])
            for words, body in zip(generator.sample(long, count), generator.sample(bodies, count), strict=True)
        ],
    }


class Bench:
    """One run of the benchmark."""

    def __init__(self, record: Record, real: list[Card], asked: dict[str, list[str]], folder: Path) -> None:
        self.record, self.real, self.folder = record, real, folder
        self.queries = folder / "queries.json"
        self.queries.write_text(json.dumps(asked))
        self.count = len(asked["hyde"])

    def measure(self, engine: str, size: int, label: str) -> None:
        """Build and search with one engine at one size."""
        where = self.folder / f"{engine}-{size}"
        where.mkdir(parents=True, exist_ok=True)
        built, found = self._run(engine, "build", size, where), self._run(engine, "search", size, where)
        name = "" if engine == "ours" else f"{engine}_"
        for kind, prefix in KINDS.items():
            self._times(f"{name}{prefix}", label, found["ms"][kind], size)
        self._add(f"{name}build_s{label}", built["build_s"], size, "s")
        self._add(f"{name}build_peak_mb{label}", built["peak_mb"], size, "MB")
        self._add(f"{name}rss_mb{label}", found["peak_mb"], size, "MB", "a process that only searches, at its peak")
        if built["bytes"]:
            self._add(f"{name}file_mb{label}", built["bytes"] / 1e6, size, "MB")
        if engine == "ours":
            self._ours(found, size, label, where)

    def _ours(self, found: dict[str, Any], size: int, label: str, where: Path) -> None:
        if found["torch"]:
            raise SystemExit("a process that only searches has loaded torch")
        for kind, prefix in KINDS.items():
            compared = found["compared"][kind]
            note = "the pruned search against the one that reads every list"
            self._add(f"{prefix}recall50{label}", statistics.fmean(compared["recalls"]), self.count, "", note)
            unpruned = statistics.median(compared["unpruned_ms"])
            self._add(f"{prefix}unpruned_p50_ms{label}", unpruned, self.count, "ms")
        vectors = self._run("ours", "embed", size, where)
        shortlist = statistics.median(vectors["shortlist_ms"])
        note = "vectors of the 200 best by words, fetched and multiplied; the encoder's own time is not in it"
        self._add(f"shortlist_p50_ms{label}", shortlist, self.count, "ms", note)

    def _times(self, name: str, label: str, values: Sequence[float], size: int) -> None:
        ordered = sorted(values)
        note = f"{size} cards"
        for key, share in (("p50_ms", 0.5), ("p99_ms", 0.99)):
            self._add(f"{name}{key}{label}", ordered[int(share * (len(ordered) - 1))], len(values), "ms", note)

    def _add(self, key: str, value: float, n: int, unit: str, note: str = "") -> None:
        self.record.add(key, Figure(value, n, unit=unit, note=note))

    def _run(self, engine: str, task: str, size: int, where: Path) -> dict[str, Any]:
        script = Path(__file__).with_name("search_arms.py")
        index = where / ("files" if engine == "bm25s" else "index.sqlite")
        command = [sys.executable, script, engine, task, self._cards(size), index, self.queries]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{engine} failed to {task} {size} cards:\n{done.stderr}")
        return dict(json.loads(done.stdout))

    def _cards(self, size: int) -> Path:
        """The cards as JSON lines, written once."""
        file = self.folder / f"cards-{size}.jsonl"
        if not file.exists():
            partial = file.with_suffix(".partial")
            with partial.open("w", encoding="utf-8") as lines:
                for card in cards(self.real, size, SEED):
                    lines.write(json.dumps([card.name, card.text], ensure_ascii=False) + "\n")
            partial.rename(file)
        return file


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    if importlib.util.find_spec("bm25s") is None:
        raise SystemExit("bm25s is not installed, which this benchmark compares with: pip install bm25s")
    record = Record("catalogue_speed", arguments)
    real = real_cards(arguments.data)
    quick = arguments.quick
    small, large, rank_large = (1000, 4000, 2000) if quick else (len(real), 500_000, arguments.rank_bm25_cards)
    asked = queries(arguments.data, real, 20 if quick else 300)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(record, real, asked, folder)
        for engine in ("ours", "bm25s", "rank_bm25"):
            bench.measure(engine, small, "")
        for engine in ("ours", "bm25s"):
            bench.measure(engine, large, "_500k")
        bench.measure("rank_bm25", rank_large, f"_{rank_large // 1000}k")
    record.extra = {"cards": {"small": small, "large": large, "rank_bm25": rank_large}, "queries": len(asked["hyde"])}
    record.finish(KEYS)


if __name__ == "__main__":
    parser = options(__doc__ or "")
    parser.add_argument("--rank-bm25-cards", type=int, default=100_000, help="cards of rank-bm25's second size")
    main(parser.parse_args())
