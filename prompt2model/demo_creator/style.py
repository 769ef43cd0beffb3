"""What the demo page adds to the look of our pages."""

from prompt2model.local_page.look import STYLE

DEMO_STYLE = (
    STYLE
    + """
#evidence .html-container {padding: 0}
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
#notice .html-container, #passages .html-container {padding: 0}
#notice p {margin: 0; font-size: .92rem; font-weight: 600}
#passages p {margin: 0 0 .6rem; font-size: .88rem; line-height: 1.5; overflow-wrap: anywhere; white-space: pre-line}
#passages .choice {margin-bottom: .1rem; color: var(--body-text-color-subdued)}
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
)
