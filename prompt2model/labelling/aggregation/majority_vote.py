"""Self-consistency: the most frequent answer (Wang et al., arXiv 2203.11171)."""

from __future__ import annotations

import numpy as np

from prompt2model.labelling.aggregation.patterns import VotePatterns
from prompt2model.labelling.aggregation.result import Aggregation
from prompt2model.labelling.aggregation.votes import Votes


class MajorityVote:
    """Every vote counts the same; P(label) is the label's share of the votes, so tied labels are equally likely.

    The answer to a tie is the label that was asked for, else the shortest, then the first in the alphabet. Answers
    that are texts are aggregated one input at a time, with the different texts as the labels.
    """

    name = "majority"

    def aggregate(self, votes: Votes) -> Aggregation:
        """The belief about each input. A voter's accuracy is its mean agreement with all votes, its own included."""
        patterns = VotePatterns.of(votes)
        return patterns.aggregation(patterns.shares(), self.name, np.arange(patterns.voters))
