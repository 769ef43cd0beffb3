"""Prompt chains for questions that bring their choices along.

Ask Me Anything (Arora et al., arXiv 2210.02441). No demonstrations are shown: those of a prompt have their choices
inside their text, and would show another form than the one that is asked for.
"""

from __future__ import annotations

from typing import Literal, get_args

from prompt2model.labelling.prompts import brief
from prompt2model.prompt_program import Block, PromptProgram
from prompt2model.prompts import render
from prompt2model.records import TaskSpec

ChoiceStyle = Literal["choices", "cloze", "described"]
CHOICE_STYLES: tuple[ChoiceStyle, ...] = get_args(ChoiceStyle)
_FORM = "Answer with the text of the right choice, copied letter by letter, and nothing else."
_SENTENCE = "Answer with one short sentence, and nothing else."
_TEMPLATES: dict[ChoiceStyle, str] = {
    "choices": "chain_choices",
    "cloze": "chain_choice_cloze",
    "described": "chain_choice_described",
}
_ANSWER_TOKENS, _DESCRIPTION_TOKENS = 256, 48


def choice_program(task: TaskSpec, style: ChoiceStyle, plain: bool) -> PromptProgram:
    """The program of one of `CHOICE_STYLES`; its answer is one of the item's choices. `plain` as for all chains."""
    slots = {"input": "{{input}}", "choices": "{{choices}}"}
    blocks = []
    if style == "described":
        prompt = render("chain_choice_describe", plain=plain, **slots).strip()
        blocks.append(_block("description", task, prompt, _SENTENCE, _DESCRIPTION_TOKENS, plain))
        slots["description"] = "{{description}}"
    prompt = render(_TEMPLATES[style], plain=plain, **slots).strip()
    blocks.append(_block("answer", task, prompt, _FORM, _ANSWER_TOKENS, plain))
    return PromptProgram(name=style, blocks=tuple(blocks))


def _block(name: str, task: TaskSpec, prompt: str, form: str, max_tokens: int, plain: bool) -> Block:
    system = render(
        "chain_system",
        plain=plain,
        instruction=brief(task.instruction) if plain else task.instruction,
        labels=(),
        label_notes={},
        form=form,
    ).strip()
    return Block(name=name, system=system, prompt=prompt, max_tokens=max_tokens, stop=("\n",) if plain else ())
