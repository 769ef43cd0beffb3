"""Serve a page on 127.0.0.1. Nothing is shared, nothing is loaded from outside."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from prompt2model.errors import ServerError
from prompt2model.local_page.look import theme

if TYPE_CHECKING:
    import gradio as gr
    from fastapi import FastAPI

HOST = "127.0.0.1"
# Gradio's own page needs inline styles and scripts and builds functions from text; nothing may come from elsewhere.
_CONTENT_POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self'"
_SECONDS_TO_CLOSE = 1


def new_app() -> FastAPI:
    """An app that only this machine can ask, under its own names. To be called before gradio is imported."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    from fastapi import FastAPI
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(_ContentPolicy)
    # A page elsewhere whose name is made to point at this machine is answered with an error.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    return app


def mount(app: FastAPI, page: gr.Blocks, style: str) -> FastAPI:
    """The app with a Gradio page at `/`."""
    import gradio as gr

    return gr.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=HOST,
        theme=theme(),
        css=style,
        ssr_mode=False,
        footer_links=[],
        show_error=True,
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
    )


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


def serve(app: FastAPI, listener: socket.socket) -> None:
    """Answer until interrupted."""
    import uvicorn

    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_SECONDS_TO_CLOSE)
    uvicorn.Server(config).run(sockets=[listener])
