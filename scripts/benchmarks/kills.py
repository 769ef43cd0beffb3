"""A generating run that is killed (SIGKILL) at random moments, against a real HTTP server that keeps its own books.

The command runs in a process of its own and writes examples of six labels; it is killed when the server has been asked
for a random number of further answers, resumed, killed again, and in the end left to finish. Beside it the same run is
made without any kill. Every answer depends on the request alone, and names it.

  kills           how often the run was killed
  repaid          requests that were sent again although their answer stood in the ledger at a kill
  in_flight_lost  requests that were sent again because their answer was not read at the kill; at most the concurrency
                  for each kill
  identical       1 where every step of the killed run holds the same bytes as that of the other
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from record import ROOT, Figure, Record, options

from prompt2model.artifacts import content_hash

sys.path.insert(0, str(ROOT / "tests"))
from servers.openai_like import OpenAILikeServer

CONCURRENCY = 8
LABELS = ("red", "green", "blue", "white", "black", "brown")
PROMPT = (
    f"Say which colour the text names. Answer with exactly one of these labels: {', '.join(LABELS)}.\n\n"
    "Input: the red car\nOutput: red\n\nInput: the leaf is green\nOutput: green\n"
)
WORDS = "boat lamp coat bell kite mug desk pipe rope vase fork tent sled drum cart hat old new big thin wet odd".split()


def reference(body: dict[str, Any]) -> str:
    """A request in sixteen letters, settings included."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def answer(body: dict[str, Any]) -> str:
    """New texts of the colour asked for, or the colour of a text; either names the request."""
    name, said = reference(body), body["messages"][-1]["content"]
    asked = re.search(r"exactly: (\w+)", said)
    if asked is None:
        named: list[str] = re.findall("|".join(LABELS), said)
        return f"{named[0] if named else 'red'}\n({name})"
    rng = random.Random(name)
    texts = [f"{' '.join(rng.choices(WORDS, k=6))} in {asked[1]}" for _ in range(5)]
    return f"{json.dumps(texts)}\n({name})"


class Victim:
    """The server's side: answers, and kills the process of the run when it has been asked often enough."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.left = 0
        self._lock = threading.Lock()

    def aim(self, process: subprocess.Popen[bytes], requests: int) -> None:
        """Kill the process at so many requests from now."""
        with self._lock:
            self.process, self.left = process, requests

    def __call__(self, body: dict[str, Any]) -> str:
        with self._lock:
            self.left -= 1
            if self.process is not None and self.left <= 0:
                self.process.send_signal(signal.SIGKILL)
                self.process = None
        return answer(body)


def start(folder: Path, name: str, server: Any, examples: int) -> subprocess.Popen[bytes]:
    """The command, in a process of its own. A run that is there goes on."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OPENAI")}
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "prompt2model.cli", "run", PROMPT, "--yes", "--name", name, "--datasets", "none"),
            *("--teacher", "openai:any", "--base-url", server.base_url, "--generate", str(examples)),
            # One vote, so that no two requests are alike; what comes after the generation is kept short.
            *("--set", "generate_data.votes=1", "--set", f"concurrency={CONCURRENCY}", "--set", "train.epochs=1"),
            *("--set", "evaluate.bootstrap=100", "--set", "evaluate.timing=false"),
        ],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def stored(run: Path) -> set[str]:
    """The requests whose answers stand in the ledger of a run that is not at work."""
    if not (run / "teacher_calls.sqlite").exists():
        return set()
    with sqlite3.connect(run / "teacher_calls.sqlite") as database:
        texts = [row[0] for row in database.execute("SELECT text FROM answers")]
    database.close()
    return {found[1] for text in texts if (found := re.search(r"\(([0-9a-f]{16})\)$", text))}


def steps(run: Path) -> dict[str, str]:
    """The content of every finished step, as hashes by folder."""
    return {path.parent.name: content_hash(path.parent) for path in sorted(run.glob("[1-9]*_*/artifact.json"))}


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a run that nobody kills."""
    if process.wait() != 0:
        raise SystemExit(f"the run ended with code {process.returncode}")


def measure(record: Record, kills: int, examples: int, folder: Path) -> None:
    """Both runs, and what the books say."""
    victim, rng = Victim(), random.Random(0)
    with OpenAILikeServer(victim) as server:
        finish(start(folder, "whole", server, examples))
        requests = [reference(entry.body) for entry in server.books]
    if len(set(requests)) != len(requests):
        raise SystemExit("two requests of the run are alike: the books cannot tell whether one was repeated")
    run, repaid, done = folder / "runs" / "killed", set[str](), 0
    with OpenAILikeServer(victim) as server:
        while done < kills:
            known, before = stored(run), len(server.books)
            process = start(folder, "killed", server, examples)
            # On average as much as leaves work for the kills to come; near the end every kill is at once.
            victim.aim(process, rng.randint(1, max(1, 2 * (len(requests) - len(known)) // (kills - done + 1))))
            if process.wait() != -signal.SIGKILL:
                raise SystemExit("the run came to its end before it could be killed; ask for more examples")
            repaid |= known & {reference(entry.body) for entry in server.books[before:]}
            done += 1
            print(f"kill {done}: {len(stored(run))} of {len(requests)} answers stored", flush=True)
        known, before = stored(run), len(server.books)
        finish(start(folder, "killed", server, examples))
        repaid |= known & {reference(entry.body) for entry in server.books[before:]}
        asked = Counter(reference(entry.body) for entry in server.books)
    again = asked.total() - len(asked)
    identical = float(steps(run) == steps(folder / "runs" / "whole"))
    record.add("kills", Figure(kills, kills))
    record.add("repaid", Figure(len(repaid), len(requests), unit="requests"))
    lost = Figure(again - len(repaid), kills, unit="requests", note=f"at most {CONCURRENCY * kills} under way at kills")
    record.add("in_flight_lost", lost)
    record.add("identical", Figure(identical, len(steps(run)), note="steps compared by the hash of their content"))


def main() -> None:
    """Run it."""
    arguments = options(__doc__ or "", needs_data=False).parse_args()
    record = Record("kills", arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.work or Path(temporary)
        measure(record, *((3, 40) if arguments.quick else (50, 1_200)), folder)
    record.finish(["kills", "repaid", "in_flight_lost", "identical"])


if __name__ == "__main__":
    main()
