"""How the demo page looks: a theme of system fonts, so that nothing is loaded, and a few rules of style."""

from __future__ import annotations

from typing import Any

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "monospace")

STYLE = """
.gradio-container {width: 100%; max-width: 980px !important; margin: 0 auto !important}
.gradio-container .main {width: 100%; padding: 1.75rem 1.25rem 2.5rem}
footer {display: none !important}
#about .html-container, #evidence .html-container {padding: 0}
#about h1 {font-size: 1.4rem; line-height: 1.3; font-weight: 600; margin: 0; overflow-wrap: anywhere}
#about .instruction {white-space: pre-wrap; overflow-wrap: anywhere; color: var(--body-text-color-subdued);
  line-height: 1.5; margin-top: .4rem; max-height: 15rem; overflow: auto}
#about details {margin-top: .4rem}
#about summary {cursor: pointer; color: var(--body-text-color-subdued); font-size: .92rem}
#answer {min-height: 9.25rem}
#answer .empty {min-height: 7.5rem}
#answer .output-class {font-size: 1.4rem; font-weight: 600; line-height: 1.3; padding: 1.9rem .5rem .9rem;
  overflow-wrap: anywhere}
#answer .confidence-set {font-family: var(--font); font-size: .95rem}
#answer .confidence-set .text {overflow-wrap: anywhere}
#examples > .label {color: var(--body-text-color-subdued); font-weight: 400; font-size: .92rem; margin-bottom: .5rem}
#work > *, #asking > * {min-width: 0; max-width: 100%}
#examples .gallery-item {max-width: 100%}
#examples .gallery-item > div {white-space: nowrap !important; overflow: hidden; text-overflow: ellipsis}
#evidence {border-top: 1px solid var(--border-color-primary); border-radius: 0; padding-top: 1rem; margin-top: .5rem}
#evidence p {margin: 0; line-height: 1.55; overflow-wrap: anywhere}
#evidence a {color: var(--link-text-color); text-decoration: underline; white-space: nowrap}
#evidence ul {margin: .6rem 0 0; padding-left: 1.1rem; list-style: disc}
#evidence li {color: var(--body-text-color-subdued); font-size: .88rem; line-height: 1.5; margin: 0;
  overflow-wrap: anywhere}
@media (max-width: 640px) {
  .gradio-container .main {padding: 1rem .9rem 2rem}
  #about h1 {font-size: 1.15rem}
  #answer, #answer .empty {min-height: 5rem}
  /* On a narrow screen the answer stands between the button and the examples. */
  #work {flex-direction: column}
  #asking {display: contents}
  #asking > * {order: 1}
  #answering {order: 2; width: 100%}
  #asking > #examples {order: 3}
  #examples .gallery-item > div {white-space: normal !important; text-align: left}
}
"""


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
