"""The base model before training, asked as its student is: what training adds is what lies between the two."""

from __future__ import annotations

from prompt2model.predictor.input_format import input_format_for
from prompt2model.predictor.student import StudentPredictor, student_of_weights
from prompt2model.predictor.student_folder import StudentSpec
from prompt2model.records import ChosenModel, TaskSpec
from prompt2model.weights import locate

_MOST_INPUT_TOKENS = 512
_LEAST_ANSWER_TOKENS, _MOST_ANSWER_TOKENS = 16, 128


def untrained_predictor(
    base: ChosenModel, task: TaskSpec, labels: tuple[str, ...], longest_answer: int
) -> StudentPredictor:
    """An encoder-decoder or decoder with the instruction before each input; closed labels are scored where it can.

    `longest_answer`: characters of the longest training answer. Raises WeightsError where the weights are not here.
    """
    location = locate(base.id)
    spec = StudentSpec(
        format=1,
        family=base.family,
        base=base.id,
        method="full",
        kind=task.kind,
        instruction=task.instruction,
        input_format=input_format_for(base.family, task.instruction),
        labels=labels if task.kind == "classification" else (),
        max_input_tokens=_MOST_INPUT_TOKENS,
        max_new_tokens=min(_MOST_ANSWER_TOKENS, max(_LEAST_ANSWER_TOKENS, longest_answer)),
        language=task.language,
        layouts=(),
        adapter_of=None,
    )
    return student_of_weights(location, spec)
