"""How our pages look: a theme of system fonts, so that nothing is loaded, and a few rules of style."""

from __future__ import annotations

import html
from typing import Any

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "monospace")

STYLE = """
.gradio-container {width: 100%; max-width: 980px !important; margin: 0 auto !important}
.gradio-container .main {width: 100%; padding: 1.75rem 1.25rem 2.5rem}
footer {display: none !important}
#about .html-container {padding: 0}
#about h1 {font-size: 1.4rem; line-height: 1.3; font-weight: 600; margin: 0; overflow-wrap: anywhere}
@media (max-width: 640px) {
  .gradio-container .main {padding: 1rem .9rem 2rem}
  #about h1 {font-size: 1.15rem}
}
"""


def as_text(text: str) -> str:
    """Text as text: nothing of it becomes markup, nor a slot of the page's template (`${…}`, `{{…}}`)."""
    escaped = html.escape(text)
    for character in "${}":
        escaped = escaped.replace(character, f"&#{ord(character)};")
    return escaped


def theme() -> Any:
    """A calm theme: one colour, dark enough to read on; no font from outside."""
    import gradio as gr

    soft = gr.themes.Soft(
        primary_hue="teal",
        font=[gr.themes.Font(name) for name in _FONTS],
        font_mono=[gr.themes.Font(name) for name in _MONO],
    )
    quiet = "*neutral_600"
    return soft.set(
        body_text_color_subdued=quiet,
        body_text_color_subdued_dark="*neutral_300",
        block_border_width="1px",
        block_shadow="none",
        block_label_background_fill="none",
        block_label_background_fill_dark="none",
        block_label_border_width="0px",
        block_label_shadow="none",
        block_label_text_color=quiet,
        block_label_text_color_dark="*neutral_300",
        block_label_text_weight="400",
        block_title_background_fill="none",
        block_title_background_fill_dark="none",
        block_title_padding="0px",
        block_title_text_color=quiet,
        block_title_text_color_dark="*neutral_300",
        block_title_text_weight="400",
        input_shadow="none",
        input_shadow_focus="none",
        input_border_width="1px",
        input_border_color="*neutral_200",
        input_border_color_focus="*primary_600",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_600",
        button_primary_border_color="*primary_700",
        button_primary_border_color_dark="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_shadow="none",
        button_primary_shadow_hover="none",
        link_text_color="*primary_700",
        link_text_color_hover="*primary_800",
        link_text_color_visited="*primary_700",
        link_text_color_dark="*primary_300",
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited_dark="*primary_300",
    )
