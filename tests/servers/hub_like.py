"""A small server on loopback that speaks the hub's API to the real client libraries.

Repositories are folders: `<root>/datasets/<owner>/<name>/…` and `<root>/models/<owner>/<name>/…`. A file `.gated` in
one makes it gated; a file `.broken` makes its files answer with status 500.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

COMMIT = "a" * 40


class HubLikeServer(ThreadingHTTPServer):
    """Serves the repositories below `root`.

    `requests` lists what was asked for; `facts` adds to a repository's info; `list_answer` (status, body) is sent in
    place of every list.
    """

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.requests: list[str] = []
        self.facts: dict[str, dict[str, Any]] = {}
        self.list_answer: tuple[int, bytes] | None = None

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
        if parts[0] == "api" and parts[1] not in ("datasets", "models"):
            self._refuse(404, "")
        elif parts[0] == "api" and len(parts) == 2:
            self._list(parts[1], query)
        elif parts[0] == "api":
            self._api(parts[1], "/".join(parts[2:4]), parts[4:], query)
        elif parts[0] == "datasets":
            self._resolve("datasets", "/".join(parts[1:3]), parts[3:], body)
        else:
            self._resolve("models", "/".join(parts[:2]), parts[2:], body)

    def _list(self, kind: str, query: dict[str, list[str]]) -> None:
        if self.server.list_answer is not None:
            self._send(*self.server.list_answer)
            return
        wanted = query.get("search", [""])[0].casefold()
        infos = [self._info(kind, folder) for folder in sorted((self.server.root / kind).glob("*/*"))]
        found = [info for info in infos if wanted in info["id"].casefold()]
        for tag in query.get("filter", []):
            found = [info for info in found if tag in info["tags"]]
        self._send_json(found[: int(query.get("limit", ["1000"])[0])])

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
        name = folder.relative_to(self.server.root / kind).as_posix()
        readme = folder / "README.md"
        text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
        front = (yaml.safe_load(text.split("---")[1]) or {}) if text.startswith("---") else {}
        tags = list(front.get("tags", []))
        for field in ("task_categories", "language", "license"):
            values = front.get(field, [])
            tags += [f"{field}:{value}" for value in (values if isinstance(values, list) else [values])]
        info = {
            "id": name,
            "sha": COMMIT,
            "private": False,
            "gated": "manual" if (folder / ".gated").exists() else False,
            "downloads": 100,
            "tags": tags,
            "cardData": front,
            "description": text.split("---")[-1].strip(),
            "siblings": [{"rfilename": path} for path in self._files(folder, folder)],
        }
        return {**info, **self.server.facts.get(name, {})}

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
        else:
            self._send_file(path.read_bytes(), body)

    def _send_file(self, content: bytes, body: bool) -> None:
        asked = self.headers.get("Range")
        start, end, status = 0, len(content) - 1, 200
        if asked and body:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end, status = int(first), min(int(last or end), end), 206
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
        self.send_header("Content-Length", str(end - start + 1))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()[:40]}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if body:
            self.wfile.write(content[start : end + 1])

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_json(self, content: Any) -> None:
        self._send(200, json.dumps(content).encode())

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


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
