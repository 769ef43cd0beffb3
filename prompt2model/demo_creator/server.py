"""Serve the demo page and the report on 127.0.0.1. Nothing is shared, nothing is loaded from outside."""

from __future__ import annotations

import os
import socket
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt2model.demo_creator.look import STYLE, theme
from prompt2model.demo_creator.page import build_page
from prompt2model.errors import RunFolderError, ServerError
from prompt2model.predictor import StudentPredictor, load_predictor
from prompt2model.records import Demo
from prompt2model.run_store import RunStore

if TYPE_CHECKING:
    from fastapi import FastAPI

HOST = "127.0.0.1"
# Gradio's own page needs inline styles and scripts and builds functions from text; nothing may come from elsewhere.
_CONTENT_POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self'"
_SECONDS_TO_CLOSE = 1


def launch_demo(run: Path, port: int = 7860, open_browser: bool = False) -> None:
    """Serve the demo of a finished run until interrupted. Port 0 takes any that is free.

    Raises RunFolderError when the run has no demo yet, ServerError when the port is in use.
    """
    store = RunStore.open(run)
    demo = _load_demo(store)
    try:
        with listen(port) as listener:
            print("loading the model …", file=sys.stderr, flush=True)
            app = build_app(demo, load_predictor(demo.model_folder), store.report_file)
            address = f"http://{HOST}:{listener.getsockname()[1]}"
            print(f"demo on {address} (stop with Ctrl+C)", flush=True)
            if open_browser:
                webbrowser.open(address)
            _serve(app, listener)
    except KeyboardInterrupt:
        print("demo stopped")


def build_app(demo: Demo, predictor: StudentPredictor, report: Path) -> FastAPI:
    """The page at `/` and, where there is one, the report at `/report`."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr
    from fastapi import FastAPI
    from fastapi.responses import FileResponse
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(_ContentPolicy)
    # A page elsewhere whose name is made to point at this machine is answered with an error.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    has_report = report.is_file()
    if has_report:
        app.get("/report", include_in_schema=False)(lambda: FileResponse(report, media_type="text/html"))
    return gr.mount_gradio_app(
        app,
        build_page(demo, predictor, "report" if has_report else None),
        path="/",
        server_name=HOST,
        theme=theme(),
        css=STYLE,
        ssr_mode=False,
        footer_links=[],
        show_error=True,
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
    )


class _ContentPolicy:
    """Tells the browser to load nothing from outside."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", _CONTENT_POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                ]
            await send(message)

        await self.app(scope, receive, send_with_policy)


def _serve(app: FastAPI, listener: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_SECONDS_TO_CLOSE)
    uvicorn.Server(config).run(sockets=[listener])


def _load_demo(store: RunStore) -> Demo:
    entry = store.manifest().get("create_demo")
    if entry is None:
        raise RunFolderError(f"{store.folder} has no demo: it {store.unfinished()}")
    demo: Demo = store.load(entry, Demo)
    return demo


def listen(port: int) -> socket.socket:
    """A socket bound before anything is loaded, so that a port in use is said at once."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise ServerError(
            f"port {port} on {HOST} cannot be used ({reason}); choose another with --port, or --port 0 for any free one"
        ) from error
    return listener
