"""Prompt programs: prompt blocks wired into one serialised record, run per input. Data, never code.

program = PromptProgram.from_json(text)
for state in ProgramRunner(program, client).run([Item("Where is my parcel?")]): ...

`labelling.ProgramPredictor` makes a Predictor of a program.
"""

from prompt2model.prompt_program.guarding import as_data, guarded, without_mark
from prompt2model.prompt_program.item_texts import choice_letter, item_text
from prompt2model.prompt_program.program import Answer, Block, PromptProgram, Shown
from prompt2model.prompt_program.running import BlockState, ProgramRunner
from prompt2model.prompt_program.slots import without_slots

__all__ = [
    "Answer",
    "Block",
    "BlockState",
    "ProgramRunner",
    "PromptProgram",
    "Shown",
    "as_data",
    "choice_letter",
    "guarded",
    "item_text",
    "without_mark",
    "without_slots",
]
