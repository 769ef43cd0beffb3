"""A small server on loopback that speaks the hub's API to the real client libraries.

Repositories are folders: `<root>/datasets/<owner>/<name>/…` and `<root>/models/<owner>/<name>/…`. A file `.gated` in
one makes it gated; a file `.broken` makes its files answer with status 500; a file `.elsewhere` makes them answer with
a redirect, as the hub's large files do.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from servers.synthetic_cards import SyntheticCards

COMMIT = "a" * 40
DAY = "2026-01-01T00:00:00.000Z"
"""When a repository was last changed, unless `facts` say otherwise."""


@dataclass(frozen=True)
class Fault:
    """An answer that goes wrong: a status, or status 200 with half of the bytes or with bytes that are no JSON."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    nonsense: bool = False


class HubLikeServer(ThreadingHTTPServer):
    """Serves the repositories below `root`.

    `requests` lists what was asked for, `statuses` counts the answers; `facts` adds to a repository's info.
    `list_answer` (status, body) is sent in place of every list; `page_size` bounds a page of one. `cards` are lists
    made from numbers, by kind, in place of folders. `fault` is asked, with the path, before each answer; `cuts`
    counts those cut. `store` is the address of another server for the bytes that a redirect leads to; `tokens` are
    those that were sent here.
    """

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.requests: list[str] = []
        self.facts: dict[str, dict[str, Any]] = {}
        self.list_answer: tuple[int, bytes] | None = None
        self.page_size = 1000
        self.cards: dict[str, SyntheticCards] = {}
        self.statuses: Counter[int] = Counter()
        self.fault: Callable[[str], Fault | None] = lambda path: None
        self.cuts = 0
        self.store = ""
        self.tokens: set[str] = set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no fault of the server's."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def hub_like(root: Path) -> Iterator[HubLikeServer]:
    """The server, for as long as the block lasts."""
    server = HubLikeServer(root)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: HubLikeServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self._posted = self.rfile.read(length)
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        self.server.requests.append(f"{self.command} {self.path}")
        if "Authorization" in self.headers:
            self.server.tokens.add(self.headers["Authorization"])
        self._fault = self.server.fault(self.path)
        if self._fault is not None and not self._fault.cut:
            self._misbehave(self._fault)
        elif parts[0] == "api" and parts[1] not in ("datasets", "models"):
            self._refuse(404, "")
        elif parts[0] == "api" and len(parts) == 2:
            self._list(parts[1], query)
        elif parts[0] == "api":
            self._api(parts[1], "/".join(parts[2:4]), parts[4:], query)
        elif parts[0] == "elsewhere":
            self._send_file((self.server.root / "/".join(parts[1:])).read_bytes(), body)
        elif parts[0] == "datasets":
            self._resolve("datasets", "/".join(parts[1:3]), parts[3:], body)
        else:
            self._resolve("models", "/".join(parts[:2]), parts[2:], body)

    def _list(self, kind: str, query: dict[str, list[str]]) -> None:
        if self.server.list_answer is not None:
            self._send(*self.server.list_answer)
            return
        limit = min(self.server.page_size, int(query.get("limit", ["100000"])[0]))
        cursor = query.get("cursor", [""])[0]
        place = tuple(json.loads(base64.urlsafe_b64decode(cursor))) if cursor else None
        cards = self.server.cards.get(kind)
        infos, last = cards.page(place, limit) if cards else self._folder_page(kind, query, place, limit)
        headers = {}
        if last is not None:
            cursor = base64.urlsafe_b64encode(json.dumps(last).encode()).decode()
            others = [(name, value) for name, values in query.items() for value in values if name != "cursor"]
            link = f"{self.server.address}/api/{kind}?{urlencode([*others, ('cursor', cursor)])}"
            headers["Link"] = f'<{link}>; rel="next"'
        facts = {*query["expand"], "id", "_id"} if "expand" in query else None
        shown = [{name: info[name] for name in info if facts is None or name in facts} for info in infos]
        self._send(200, json.dumps(shown).encode(), headers)

    def _folder_page(
        self, kind: str, query: dict[str, list[str]], place: tuple[Any, ...] | None, limit: int
    ) -> tuple[list[dict[str, Any]], tuple[Any, ...] | None]:
        """The folders' entries behind a place, in the order that was asked for."""
        wanted = query.get("search", [""])[0].casefold()
        infos = [self._info(kind, folder) for folder in sorted((self.server.root / kind).glob("*/*"))]
        found = [info for info in infos if wanted in info["id"].casefold()]
        for tag in query.get("filter", []):
            found = [info for info in found if tag in info["tags"]]
        if query.get("sort") == ["lastModified"]:
            found.sort(key=lambda info: info["lastModified"], reverse=True)
        ids = [info["id"] for info in found]
        start = ids.index(place[1]) + 1 if place is not None else 0
        page = found[start : start + limit]
        last = page[-1] if page and start + limit < len(found) else None
        return page, None if last is None else (last["lastModified"], last["id"])

    def _api(self, kind: str, id: str, rest: list[str], query: dict[str, list[str]]) -> None:
        folder = self.server.root / kind / id
        if not folder.is_dir():
            self._refuse(404, "RepoNotFound")
        elif not rest or rest[0] == "revision":
            self._send_json(self._info(kind, folder))
        elif rest[0] == "tree":
            self._tree(folder, folder / "/".join(rest[2:]), query.get("recursive", ["false"])[0].casefold() == "true")
        elif rest[0] == "paths-info":
            self._paths_info(folder)
        else:
            self._refuse(404, "EntryNotFound")

    def _tree(self, folder: Path, below: Path, recursive: bool) -> None:
        paths = sorted(below.rglob("*") if recursive else below.iterdir()) if below.is_dir() else []
        if not below.is_dir():
            self._refuse(404, "EntryNotFound")
        else:
            self._send_json([self._entry(folder, path) for path in paths if not path.name.startswith(".")])

    def _paths_info(self, folder: Path) -> None:
        posted = self._posted.decode()
        paths = json.loads(posted)["paths"] if posted.startswith("{") else parse_qs(posted)["paths"]
        self._send_json([self._entry(folder, folder / path) for path in paths if (folder / path).exists()])

    def _info(self, kind: str, folder: Path) -> dict[str, Any]:
        repository = folder.relative_to(self.server.root / kind).as_posix()
        readme = folder / "README.md"
        text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
        front = (yaml.safe_load(text.split("---")[1]) or {}) if text.startswith("---") else {}
        tags = list(front.get("tags", []))
        for name in ("task_categories", "language", "license"):
            values = front.get(name, [])
            tags += [f"{name}:{value}" for value in (values if isinstance(values, list) else [values])]
        info = {
            "id": repository,
            "sha": COMMIT,
            "lastModified": DAY,
            "private": False,
            "gated": "manual" if (folder / ".gated").exists() else False,
            "downloads": 100,
            "tags": tags,
            "cardData": front,
            "description": text.split("---")[-1].strip(),
            "siblings": [{"rfilename": path} for path in self._files(folder, folder)],
        }
        return {**info, **self.server.facts.get(repository, {})}

    @staticmethod
    def _files(below: Path, folder: Path) -> list[str]:
        names = (path for path in sorted(below.rglob("*")) if path.is_file() and not path.name.startswith("."))
        return [path.relative_to(folder).as_posix() for path in names]

    @staticmethod
    def _entry(folder: Path, path: Path) -> dict[str, Any]:
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            return {"type": "directory", "path": name, "oid": COMMIT, "size": 0}
        content = path.read_bytes()
        return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha256(content).hexdigest()[:40]}

    def _resolve(self, kind: str, id: str, rest: list[str], body: bool) -> None:
        cards = self.server.cards.get(kind)
        if cards is not None:
            text = cards.readme(id) if rest[2:] == ["README.md"] else None
            self._refuse(404, "EntryNotFound") if text is None else self._send_file(text.encode(), body)
            return
        folder = self.server.root / kind / id
        path = folder / "/".join(rest[2:])
        if not folder.is_dir():
            self._refuse(404, "RepoNotFound")
        elif (folder / ".gated").exists():
            self._refuse(403, "GatedRepo")
        elif not path.is_file():
            self._refuse(404, "EntryNotFound")
        elif (folder / ".broken").exists() and path.name != "README.md":
            self._refuse(500, "")
        elif (folder / ".elsewhere").exists() and path.name != "README.md":
            self._redirect(path)
        else:
            self._send_file(path.read_bytes(), body)

    def _redirect(self, path: Path) -> None:
        """What the hub says of a large file: its size and hash, and where its bytes are."""
        content = path.read_bytes()
        self._begin(302)
        place = quote(path.relative_to(self.server.root).as_posix())
        self.send_header("Location", f"{self.server.store}/elsewhere/{place}")
        self.send_header("X-Linked-Size", str(len(content)))
        self.send_header("X-Linked-ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_file(self, content: bytes, body: bool) -> None:
        asked = self.headers.get("Range")
        start, end, status = 0, len(content) - 1, 200
        if asked and body:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end, status = int(first), min(int(last or end), end), 206
        self._begin(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
        self.send_header("Content-Length", str(end - start + 1))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()[:40]}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if body:
            self._write(content[start : end + 1])

    def _misbehave(self, fault: Fault) -> None:
        content = b"<html>a page for people" if fault.nonsense else b""
        self._send(fault.status, content, fault.headers)

    def _begin(self, status: int) -> None:
        self.server.statuses[status] += 1
        self.send_response(status)

    def _write(self, content: bytes) -> None:
        """The body; of an answer that is cut, the half of it."""
        if self._fault is not None and self._fault.cut:
            self.server.cuts += 1
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        else:
            self.wfile.write(content)

    def _refuse(self, status: int, code: str) -> None:
        self._begin(status)
        if code:
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_json(self, content: Any) -> None:
        self._send(200, json.dumps(content).encode())

    def _send(self, status: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        self._begin(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self._write(content)


CARD = """---
license: {licence}
language: [en]
task_categories: [text-classification]
pretty_name: {name}
dataset_info:
  features:
  - name: text
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': 'no'
          '1': 'yes'
  splits:
  - name: train
    num_bytes: 900
    num_examples: 40
  - name: test
    num_bytes: 300
    num_examples: 10
---
# {name}

{about}
"""


def make_dataset(root: Path, id: str, about: str, licence: str = "mit") -> Path:
    """A data set as the hub holds it: Parquet with label ids and their names in the metadata, a test split."""
    folder = root / "datasets" / id
    (folder / "data").mkdir(parents=True)
    features = {"text": {"dtype": "string", "_type": "Value"}, "label": {"names": ["no", "yes"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    for split, count in (("train", 40), ("test", 10)):
        table = pa.table({"text": [f"{split} text {n}" for n in range(count)], "label": [n % 2 for n in range(count)]})
        path = folder / "data" / f"{split}-00000-of-00001.parquet"
        pq.write_table(table.replace_schema_metadata(metadata), path)
    name = id.split("/")[1].replace("-", " ")
    (folder / "README.md").write_text(CARD.format(name=name, about=about, licence=licence))
    return folder


def nobody_there() -> str:
    """An address on loopback at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def point_at(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT and HF_HOME set in a new process; this one has imported the client libraries already."""
    import datasets.config
    from huggingface_hub import HfFileSystem, constants

    cache = tmp_path / "hub-cache"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache / "hub"))
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", address)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(cache / "datasets"))
    monkeypatch.setattr(datasets.config, "HF_MODULES_CACHE", str(cache / "modules"))
    HfFileSystem.clear_instance_cache()
