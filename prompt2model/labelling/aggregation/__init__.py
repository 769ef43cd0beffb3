"""Many imperfect votes on each input, one P(label).

votes = Votes.from_answers(("yes", "no"), {"chain 1": ["yes", None, "no"], "chain 2": ["yes", "no", "no"]})
for belief in DependentLabelModel().aggregate(votes): ...  # None where nobody voted
"""

from prompt2model.labelling.aggregation.dependent_label_model import DependentLabelModel
from prompt2model.labelling.aggregation.label_model import LabelModel
from prompt2model.labelling.aggregation.majority_vote import MajorityVote
from prompt2model.labelling.aggregation.result import Aggregation, Aggregator, LabelBelief, VoterEstimate
from prompt2model.labelling.aggregation.votes import ABSTAINED, Votes

__all__ = [
    "ABSTAINED",
    "Aggregation",
    "Aggregator",
    "DependentLabelModel",
    "LabelBelief",
    "LabelModel",
    "MajorityVote",
    "VoterEstimate",
    "Votes",
]
