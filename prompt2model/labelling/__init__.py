"""Predictors made of a teacher.

labeller = teacher_predictor(client, task)
for prediction in labeller.predict([Item("Where is my parcel?")]): ...
"""

from prompt2model.labelling.auto_demo import AutoDemoPredictor
from prompt2model.labelling.batch_decision import BatchDecision, Pilot, decide_batching
from prompt2model.labelling.calibration import choose_calibration
from prompt2model.labelling.chain_cost import ChainCost, chain_cost
from prompt2model.labelling.chains import Chain, chains_fit, task_chains
from prompt2model.labelling.few_shot import FewShotPredictor
from prompt2model.labelling.program_predictor import ProgramPredictor
from prompt2model.labelling.prompted_teachers import PromptedTeacher, PromptedTeachers
from prompt2model.labelling.prompts import PROMPTS, speaks_plain
from prompt2model.labelling.reading import read_label
from prompt2model.labelling.scored import ScoredLabelPredictor
from prompt2model.labelling.scoring_forms import channel_fits
from prompt2model.labelling.teacher_predictor import (
    Labeller,
    bulk_labeller,
    fastest_teacher,
    scored_tokens,
    teacher_predictor,
)
from prompt2model.labelling.voting import AggregatorName, VotingLabeller, chain_voters, chains_labeller

__all__ = [
    "PROMPTS",
    "AggregatorName",
    "AutoDemoPredictor",
    "BatchDecision",
    "Chain",
    "ChainCost",
    "FewShotPredictor",
    "Labeller",
    "Pilot",
    "ProgramPredictor",
    "PromptedTeacher",
    "PromptedTeachers",
    "ScoredLabelPredictor",
    "VotingLabeller",
    "bulk_labeller",
    "chain_cost",
    "chain_voters",
    "chains_fit",
    "chains_labeller",
    "channel_fits",
    "choose_calibration",
    "decide_batching",
    "fastest_teacher",
    "read_label",
    "scored_tokens",
    "speaks_plain",
    "task_chains",
    "teacher_predictor",
]
