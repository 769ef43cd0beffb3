"""The figures equal those of sacrebleu, scikit-learn and bert-score; the intervals hold what they say."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2model.measures.metrics import (
    Accuracy,
    BertScoreF1,
    ChrfPlusPlus,
    ExactMatch,
    IntervalMetric,
    MacroF1,
    choose_encoder,
)
from prompt2model.measures.metrics.overlap import (
    NormalisedExactMatch,
    RougeL,
    TokenF1,
    longest_common_subsequence,
)
from prompt2model.statistics.bootstrap import expanded_tail, mean_interval
from prompt2model.statistics.shares import wilson_interval

WORDS = "the cat sat on a mat while two dogs ran away from the big red house in summer".split()


def texts(count: int, seed: int = 0) -> tuple[list[str], list[list[str]]]:
    generator = random.Random(seed)
    references = [
        [" ".join(generator.choices(WORDS, k=8)) for _ in range(generator.choice([1, 2]))] for _ in range(count)
    ]
    predictions = [
        accepted[0] if generator.random() < 0.3 else " ".join(generator.choices(WORDS, k=7)) for accepted in references
    ]
    predictions[0] = ""
    return predictions, references


def test_every_metric_is_an_evaluate_metric_with_interval_and_n() -> None:
    predictions, references = texts(30)
    for kind in (ExactMatch, Accuracy, MacroF1, ChrfPlusPlus):
        found = kind().compute(predictions=predictions, references=references)
        assert found["low"] <= found[kind.key] <= found["high"]
        assert found["n"] == 30


def test_exact_match_takes_any_reference_and_ignores_white_space_at_the_ends() -> None:
    metric = ExactMatch().measure([" yes", "no\n", "Yes", ""], [["yes"], ["maybe", "no"], ["yes"], [""]])
    assert metric.value == 0.5
    assert metric.n == 4


def test_chrf_equals_sacrebleu() -> None:
    from sacrebleu.metrics.chrf import CHRF

    predictions, references = texts(60)
    most = max(len(accepted) for accepted in references)
    streams = [[accepted[i] if i < len(accepted) else None for accepted in references] for i in range(most)]
    expected = CHRF(word_order=2).corpus_score(predictions, streams).score
    assert ChrfPlusPlus().measure(predictions, references).value == pytest.approx(expected, abs=1e-6)


def test_chrf_interval_equals_resampling_with_sacrebleu() -> None:
    from sacrebleu.metrics.chrf import CHRF

    predictions, references = texts(40)
    references = [accepted[:1] for accepted in references]
    found = ChrfPlusPlus(resamples=400).measure(predictions, references)
    generator = np.random.default_rng(1)
    scores = []
    for _ in range(200):
        drawn = generator.integers(0, 40, 40)
        scores.append(
            CHRF(word_order=2).corpus_score([predictions[i] for i in drawn], [[references[i][0] for i in drawn]]).score
        )
    low, high = np.quantile(scores, [expanded_tail(40), 1 - expanded_tail(40)])
    assert found.low == pytest.approx(low, abs=3)
    assert found.high == pytest.approx(high, abs=3)


def test_macro_f1_and_accuracy_equal_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, f1_score

    generator = random.Random(3)
    gold = [generator.choice("aab") for _ in range(50)]
    said = [label if generator.random() < 0.6 else generator.choice("abc") for label in gold]
    said[7] = ""
    references = [[label] for label in gold]
    expected = f1_score(gold, said, labels=sorted(set(gold)), average="macro", zero_division=0)
    assert MacroF1().measure(said, references).value == pytest.approx(expected, abs=1e-6)
    assert Accuracy().measure(said, references).value == pytest.approx(accuracy_score(gold, said), abs=1e-6)


def test_bertscore_equals_bert_score_and_gives_nothing_for_an_empty_answer() -> None:
    from bert_score import BERTScorer

    encoder = choose_encoder(hub_allowed=False)
    predictions, references = texts(6)
    metric = BertScoreF1(encoder)
    scores = metric.row_scores(predictions, references)
    assert scores[0] == 0.0
    expected = BERTScorer(model_type=str(encoder.location.folder), num_layers=encoder.layers, device="cpu")
    _, _, f1 = expected.score(predictions[1:], references[1:])
    assert scores[1:] == pytest.approx(f1.tolist(), abs=1e-5)
    assert "MiniLM" in encoder.note
    assert "hub is not in use" in encoder.note
    assert metric.measure(predictions, references).value == pytest.approx(sum(scores) / 6, abs=1e-5)


def test_a_share_of_right_answers_has_wilsons_interval() -> None:
    for kind in (Accuracy, ExactMatch):
        metric = kind().measure(["a"] * 14 + ["b"] * 6, [["a"]] * 20)
        assert metric.interval == "wilson"
        assert (metric.low, metric.high) == pytest.approx(wilson_interval(14, 20), abs=1e-6)


def test_all_right_still_has_an_interval() -> None:
    metric = Accuracy().measure(["a"] * 20, [["a"]] * 20)
    assert metric.interval == "wilson"
    assert metric.low == pytest.approx(0.8389, abs=1e-3)
    assert metric.high == 1.0


@pytest.mark.parametrize("kind", [Accuracy, ExactMatch, MacroF1, ChrfPlusPlus, BertScoreF1])
@pytest.mark.parametrize("right", [True, False])
def test_no_metric_is_certain_where_all_rows_agree(kind: type[IntervalMetric], right: bool) -> None:
    metric = kind(choose_encoder(hub_allowed=False)) if kind is BertScoreF1 else kind()
    labels = ["a b", "c d", "e f", "g h"] * 3
    figure = metric.measure(labels if right else [""] * 12, [[label] for label in labels])
    assert figure.value == pytest.approx(metric.most if right else 0.0, abs=1e-3)
    assert figure.interval in ("wilson", "posterior")
    assert 0.1 * metric.most < figure.high - figure.low < 0.4 * metric.most


def test_one_row_says_nearly_nothing() -> None:
    found = ChrfPlusPlus().measure(["the cat sat"], [["the cat sat down"]])
    assert found.low < 20 < 80 < found.high


def test_macro_f1_of_all_right_is_less_sure_where_a_label_has_few_rows() -> None:
    even = MacroF1().measure(["a", "b"] * 50, [["a"], ["b"]] * 50)
    uneven = MacroF1().measure(["a"] * 98 + ["b"] * 2, [["a"]] * 98 + [["b"]] * 2)
    assert even.low == pytest.approx(wilson_interval(100, 100)[0], abs=0.02)
    assert uneven.low < even.low - 0.1
    assert even.high == uneven.high == 1.0


def test_same_seed_same_interval() -> None:
    predictions, references = texts(25)
    first, again, other = (ChrfPlusPlus(seed=seed).measure(predictions, references) for seed in (4, 4, 5))
    assert first == again
    assert first != other
    assert first.value == other.value


def test_the_interval_covers_the_truth() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for repeat in range(300):
        low, high = mean_interval(generator.random(100) < 0.8, seed=repeat)
        covered += low <= 0.8 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_wilson_interval_equals_the_published_example() -> None:
    low, high = wilson_interval(81, 263)
    assert (low, high) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))


@pytest.mark.parametrize("kind", [ExactMatch, MacroF1, ChrfPlusPlus])
@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["a", "b b", "", "γ 東京"]), st.sampled_from(["a", "b b", "γ 東京"])),
        min_size=1,
        max_size=12,
    )
)
def test_bounds_of_any_rows(kind: type[IntervalMetric], rows: list[tuple[str, str]]) -> None:
    metric = kind(resamples=100).measure([said for said, _ in rows], [[gold] for _, gold in rows])
    most = 100.0 if kind is ChrfPlusPlus else 1.0
    assert 0.0 <= metric.low <= metric.value <= metric.high <= most
    assert metric.n == len(rows)


def test_no_row_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        ExactMatch().measure([], [])


def plain_subsequence(one: list[str], other: list[str]) -> int:
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, word in enumerate(one):
        for j, counterpart in enumerate(other):
            longer = max(table[i][j + 1], table[i + 1][j])
            table[i + 1][j + 1] = table[i][j] + 1 if word == counterpart else longer
    return table[-1][-1]


@given(st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12))
def test_the_longest_common_subsequence_is_that_of_the_plain_table(one: list[str], other: list[str]) -> None:
    assert longest_common_subsequence(one, other) == plain_subsequence(one, other)


@pytest.mark.parametrize(
    ("said", "wanted", "normalised", "token_f1", "rouge_l"),
    [
        ("The cat.", "a CAT", 1.0, 1.0, 0.5),
        ("the cat sat down", "the cat sat", 0.0, 0.8, 6 / 7),
        ("sat the cat", "the cat sat", 0.0, 1.0, 2 / 3),
        ("東京に行く。", "東京へ行く", 0.0, 0.8, 0.8),
        ("القاهرة", "القاهرة.", 1.0, 1.0, 1.0),
        ("", "the", 0.0, 0.0, 0.0),
        ("the", "a", 0.0, 0.0, 0.0),
        ("C++", "C", 0.0, 0.0, 1.0),
    ],
)
def test_words_are_compared_in_every_script(
    said: str, wanted: str, normalised: float, token_f1: float, rouge_l: float
) -> None:
    for kind, value in ((NormalisedExactMatch, normalised), (TokenF1, token_f1), (RougeL, rouge_l)):
        assert kind().measure([said], [[wanted]]).value == pytest.approx(value, abs=1e-6)


def test_the_best_reference_of_a_row_counts() -> None:
    assert TokenF1().measure(["red car"], [["blue", "red car"]]).value == 1.0
