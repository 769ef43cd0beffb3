"""Dawid-Skene models of votes, fitted by variational Bayes.

Dawid and Skene (1979), doi 10.2307/2346806: each input has a latent label y ~ balance, each voter answers by its own
confusion matrix P(vote | y), independently given y. Maximum likelihood by EM falls apart where votes are few: it
declares one voter perfect, or a label certain. So all parameters have priors and are integrated out approximately
(Kim and Ghahramani, "Bayesian Classifier Combination", 2012; Simpson et al., arXiv 1206.1831), and the evidence
lower bound (ELBO, nats) says how well a model explains the votes net of its number of parameters. Votes that may
repeat another voter's (`VotePatterns.leaders`) do so as `copying` says; only a voter's own votes tell how good it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from prompt2model.labelling.aggregation.copying import Copying
from prompt2model.labelling.aggregation.dirichlet import divergence, expected_log
from prompt2model.labelling.aggregation.patterns import Floats, VotePatterns
from prompt2model.labelling.aggregation.result import Probabilities

_ITERATIONS = 200
_CHANGE = 1e-3
"""Largest change of a probability at which a fit is done."""
_SHARED_PRIOR = np.array([2.0, 1.0])
"""Beta(right, wrong) of voters of whom nothing is known: rather right than wrong."""
_SURE = 0.98


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted model. probabilities: float64 [u, L]; accuracy: float64 [m], the posterior mean of each voter's;
    `cost` is the part of the ELBO that was paid for the voters' parameters, nats."""

    name: str
    estimated_balance: bool
    probabilities: Probabilities
    accuracy: Floats
    elbo: float
    cost: float


@dataclass(frozen=True, eq=False)
class _VoterPosterior:
    """log_votes: float64 [u, L], the expected log-probability of each pattern's votes given each label.

    The parameters' Dirichlet distributions, over the last axis; `spent`: nats for what their prior was taken from.
    """

    log_votes: Floats
    accuracy: Floats
    posterior: Floats
    prior: Floats
    spent: float = 0.0


_Update = Callable[[Probabilities], _VoterPosterior]


def fit_shared(patterns: VotePatterns, start: Probabilities, estimate_balance: bool) -> Fit:
    """All voters have one accuracy; a wrong vote falls on any other label. With equal classes this is the majority."""
    # Where no two votes meet, nothing tells how good they are: the prior stands.
    meet = bool(((patterns.choices >= 0).sum(axis=1) > 1).any())
    copying = Copying(patterns)

    def update(probabilities: Probabilities) -> _VoterPosterior:
        right, total = patterns.right(probabilities, copying.own)
        seen = np.array([right.sum(), (total - right).sum()]) if meet else np.zeros(2)
        posterior = (_SHARED_PRIOR + seen)[None]
        return _coin_posterior(patterns, copying, posterior, _SHARED_PRIOR[None])

    return _fit("equal voters", patterns, copying, start, estimate_balance, update)


def fit_accuracies(
    patterns: VotePatterns, start: Probabilities, estimate_balance: bool, centre: float, strength: float
) -> Fit:
    """Each voter has its own accuracy, Beta-distributed about `centre` with `strength` votes' worth of prior."""
    prior = np.repeat(strength * np.array([[centre, 1 - centre]]), patterns.voters, axis=0)
    copying = Copying(patterns)

    def update(probabilities: Probabilities) -> _VoterPosterior:
        right, total = patterns.right(probabilities, copying.own)
        posterior = prior + np.stack([right, total - right], axis=1)
        return _coin_posterior(patterns, copying, posterior, prior)

    return _fit("accuracies", patterns, copying, start, estimate_balance, update)


def fit_confusions(patterns: VotePatterns, accuracies: Fit, strength: float) -> Fit:
    """Each voter has its own confusion matrix; the prior of a row is the voter's accuracy, `strength` votes strong.

    The prior was estimated from the same votes, so its cost is charged too. The classes are as in that fit.
    """
    prior = strength * one_coin(accuracies.accuracy, patterns.labels)
    copying = Copying(patterns)

    def update(probabilities: Probabilities) -> _VoterPosterior:
        posterior = prior + patterns.confusions(probabilities, copying.own)
        right, total = patterns.right(probabilities, copying.own)
        log_theta = expected_log(posterior)
        log_votes = np.zeros((len(patterns.choices), patterns.labels))
        for voter in range(patterns.voters):
            rows = patterns.voted(voter)
            explained = copying.explained(voter, log_theta[voter].T[patterns.choices[rows, voter]])
            log_votes[rows] += patterns.weights[rows, voter, None] * explained
        accuracy = right / np.where(total > 0, total, 1)
        return _VoterPosterior(log_votes, accuracy, posterior, prior, accuracies.cost)

    return _fit("confusions", patterns, copying, accuracies.probabilities, accuracies.estimated_balance, update)


def one_coin(accuracy: Floats, labels: int) -> Floats:
    """Confusion matrices of voters whose errors fall on any other label alike: float64 [m, L, L]."""
    right = np.clip(accuracy, 1 - _SURE, _SURE)[:, None, None]
    same = np.eye(labels)
    return np.where(same > 0, right, (1 - right) / max(labels - 1, 1))


def _fit(
    name: str, patterns: VotePatterns, copying: Copying, start: Probabilities, estimate_balance: bool, update: _Update
) -> Fit:
    probabilities = start
    even = np.ones(patterns.labels)
    for _ in range(_ITERATIONS):
        balance = even + patterns.counts @ probabilities
        log_balance = expected_log(balance) if estimate_balance else np.full(patterns.labels, -np.log(patterns.labels))
        copying.learn(probabilities)
        voters = update(probabilities)
        log_joint = log_balance + voters.log_votes
        top = log_joint.max(axis=1, keepdims=True)
        mass = np.exp(log_joint - top)
        total = mass.sum(axis=1, keepdims=True)
        before, probabilities = probabilities, mass / total
        if np.abs(probabilities - before)[patterns.counts > 0].max(initial=0.0) < _CHANGE:
            break
    evidence = float(patterns.counts @ (np.log(total) + top)[:, 0])
    cost = divergence(voters.posterior, voters.prior) + voters.spent
    if estimate_balance:
        evidence -= divergence(balance, even)
    named = f"{name}, {'estimated' if estimate_balance else 'equal'} classes"
    elbo = evidence - cost - copying.cost()
    return Fit(named, estimate_balance, probabilities, voters.accuracy, elbo, cost)


def _coin_posterior(patterns: VotePatterns, copying: Copying, posterior: Floats, prior: Floats) -> _VoterPosterior:
    """posterior: float64 [m, 2], Beta(right, wrong) of each voter, or [1, 2] of all."""
    log_right, log_wrong = np.broadcast_to(expected_log(posterior), (patterns.voters, 2)).T
    log_wrong = log_wrong - np.log(max(patterns.labels - 1, 1))
    log_votes = np.zeros((len(patterns.choices), patterns.labels))
    for voter in range(patterns.voters):
        rows = patterns.voted(voter)
        own = np.full((len(rows), patterns.labels), log_wrong[voter])
        own[np.arange(len(rows)), patterns.choices[rows, voter]] = log_right[voter]
        log_votes[rows] += patterns.weights[rows, voter, None] * copying.explained(voter, own)
    accuracy = np.broadcast_to(posterior[:, 0] / posterior.sum(axis=1), patterns.voters)
    return _VoterPosterior(log_votes, accuracy, posterior, prior)
