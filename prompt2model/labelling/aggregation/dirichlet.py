"""What variational Bayes needs of Dirichlet distributions."""

from __future__ import annotations

import numpy as np

from prompt2model.labelling.aggregation.patterns import Floats


def expected_log(dirichlet: Floats) -> Floats:
    """E[log theta] under Dirichlet distributions over the last axis."""
    from scipy.special import digamma

    return digamma(dirichlet) - digamma(dirichlet.sum(axis=-1, keepdims=True))


def divergence(posterior: Floats, prior: Floats) -> float:
    """The Kullback-Leibler divergence of Dirichlet distributions over the last axis, summed, nats."""
    from scipy.special import gammaln

    def normaliser(dirichlet: Floats) -> Floats:
        return gammaln(dirichlet.sum(axis=-1)) - gammaln(dirichlet).sum(axis=-1)

    moved = ((posterior - prior) * expected_log(posterior)).sum(axis=-1)
    return float(np.sum(normaliser(posterior) - normaliser(prior) + moved))
