"""`prompt2model review RUN --page`: serve the page on 127.0.0.1."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from prompt2model.local_page.look import STYLE
from prompt2model.local_page.serving import HOST, listen, mount, new_app, serve
from prompt2model.review.page import build_page
from prompt2model.review.review import open_review
from prompt2model.review.sheet import Sheet
from prompt2model.review.write_table import refuse_edited

if TYPE_CHECKING:
    from fastapi import FastAPI

_REVIEW_STYLE = (
    STYLE
    + """
.gradio-container {max-width: 1200px !important}
#about p {color: var(--body-text-color-subdued); line-height: 1.5; margin: .4rem 0 0; overflow-wrap: anywhere}
#filters {max-width: 34rem}
#rows .body-cell, #rows .sizing-body, #rows .header-cell {font-family: var(--font); font-size: .92rem}
/* Nothing can be added to the table or taken out of it. */
.cell-menu, #rows .cell-menu-button, #rows .selection-button {display: none !important}
#deciding, #paging {align-items: center; flex-wrap: nowrap}
#deciding button, #paging button {flex: 0 0 auto; min-width: 5rem}
#chosen, #position {flex: 1 1 auto; min-width: 0; color: var(--body-text-color-subdued); overflow-wrap: anywhere}
#position {text-align: center}
#status p {margin: 0; line-height: 1.55; overflow-wrap: anywhere}
#status ul {margin: .4rem 0 0; padding-left: 1.1rem; list-style: disc}
#status li {line-height: 1.5; overflow-wrap: anywhere}
"""
)


def launch_review(run: Path, port: int = 7861, open_browser: bool = False) -> None:
    """Serve the rows of a run until interrupted. Port 0 takes any that is free.

    Raises DataFileError when the table of the run was edited and not applied, ServerError when the port is in use,
    and whatever `open_review` raises.
    """
    review = open_review(run)
    refuse_edited(review)
    try:
        with listen(port) as listener:
            app = build_app(Sheet(review, run.resolve().name))
            address = f"http://{HOST}:{listener.getsockname()[1]}"
            print(f"review on {address} (stop with Ctrl+C)", flush=True)
            if open_browser:
                webbrowser.open(address)
            serve(app, listener)
    except KeyboardInterrupt:
        print("review stopped")


def build_app(sheet: Sheet) -> FastAPI:
    """The page at `/`."""
    app = new_app()
    return mount(app, build_page(sheet), _REVIEW_STYLE)
