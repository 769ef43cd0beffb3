"""Predictors made of a teacher.

labeller = teacher_predictor(client, task)
for prediction in labeller.predict([Item("Where is my parcel?")]): ...
"""

from prompt2model.labelling.few_shot import FewShotPredictor
from prompt2model.labelling.prompts import PROMPTS
from prompt2model.labelling.reading import read_label
from prompt2model.labelling.scored import ScoredLabelPredictor
from prompt2model.labelling.teacher_predictor import teacher_predictor

__all__ = ["PROMPTS", "FewShotPredictor", "ScoredLabelPredictor", "read_label", "teacher_predictor"]
