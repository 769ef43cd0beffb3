"""Serve the demo page and the report on 127.0.0.1."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from prompt2model.console import ConsoleProgress
from prompt2model.demo_creator.page import build_page
from prompt2model.demo_creator.style import DEMO_STYLE
from prompt2model.errors import RunFolderError
from prompt2model.evidence import EvidenceRetriever, evidence_of_student
from prompt2model.local_page.serving import HOST, listen, mount, new_app, serve
from prompt2model.predictor import StudentPredictor, load_predictor
from prompt2model.records import Demo
from prompt2model.run_store import RunStore

if TYPE_CHECKING:
    from fastapi import FastAPI


def launch_demo(run: Path, port: int = 7860, open_browser: bool = False, evidence: Path | None = None) -> None:
    """Serve the demo of a finished run until interrupted. Port 0 takes any that is free.

    A model that reads evidence finds it where it did in training, or in `evidence`. Raises RunFolderError when the run
    has no demo yet, ServerError when the port is in use, ConfigError, DataFileError or EvidenceError for the evidence.
    """
    store = RunStore.open(run)
    demo = _load_demo(store)
    try:
        with listen(port) as listener:
            print("loading the model …", file=sys.stderr, flush=True)
            student = load_predictor(demo.model_folder)
            retriever = evidence_of_student(student.spec.evidence, run, evidence, ConsoleProgress())
            app = build_app(demo, student, store.report_file, retriever)
            address = f"http://{HOST}:{listener.getsockname()[1]}"
            print(f"demo on {address} (stop with Ctrl+C)", flush=True)
            if open_browser:
                webbrowser.open(address)
            serve(app, listener)
    except KeyboardInterrupt:
        print("demo stopped")


def build_app(
    demo: Demo, predictor: StudentPredictor, report: Path, evidence: EvidenceRetriever | None = None
) -> FastAPI:
    """The page at `/` and, where there is one, the report at `/report`."""
    from fastapi.responses import FileResponse

    app = new_app()
    has_report = report.is_file()
    if has_report:
        app.get("/report", include_in_schema=False)(lambda: FileResponse(report, media_type="text/html"))
    return mount(app, build_page(demo, predictor, "report" if has_report else None, evidence), DEMO_STYLE)


def _load_demo(store: RunStore) -> Demo:
    entry = store.manifest().get("create_demo")
    if entry is None:
        raise RunFolderError(f"{store.folder} has no demo: it {store.unfinished()}")
    demo: Demo = store.load(entry, Demo)
    return demo
