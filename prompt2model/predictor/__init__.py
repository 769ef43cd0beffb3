"""Whatever answers inputs: a trained student, a baseline; labellers made of a teacher keep the same protocol.

    predict = load_predictor("runs/tickets")     # a run folder or a student folder
    predict("Where is my parcel?").text

Importing this package is cheap: torch and transformers are loaded when a student is.
"""

from prompt2model.predictor.adapter_folder import adapter_base
from prompt2model.predictor.input_format import EncodedInput, encode_inputs, input_format_for, render_input
from prompt2model.predictor.majority import MajorityPredictor
from prompt2model.predictor.no_answer import no_answer
from prompt2model.predictor.protocol import Predictor
from prompt2model.predictor.student import StudentPredictor, load_predictor
from prompt2model.predictor.student_folder import StudentSpec, find_student, read_spec, write_spec

__all__ = [
    "EncodedInput",
    "MajorityPredictor",
    "Predictor",
    "StudentPredictor",
    "StudentSpec",
    "adapter_base",
    "encode_inputs",
    "find_student",
    "input_format_for",
    "load_predictor",
    "no_answer",
    "read_spec",
    "render_input",
    "write_spec",
]
