"""The passages found for an option are those that speak for it, in any script; the baseline answers by them."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest
from evidence.corpora import ANSWERS, QUESTIONS, VITAMINS, opened, write

from prompt2model.errors import NoAnswerError
from prompt2model.evidence import EvidenceRetriever, OptionRetrievalPredictor, with_evidence
from prompt2model.records import Item, Source, make_example


@pytest.fixture
def vitamins(tmp_path: Path) -> EvidenceRetriever:
    return opened(write(tmp_path / "texts", VITAMINS), tmp_path)


def test_the_answer_has_the_passage_that_tells_it(vitamins: EvidenceRetriever) -> None:
    for item, answer in zip(QUESTIONS, ANSWERS, strict=True):
        evidence = vitamins.evidence_for(item)
        assert len(evidence) == len(item.choices)
        assert answer in evidence[item.choices.index(answer)]
    found = vitamins.passages_for(QUESTIONS[0])[1][0]
    assert found.origin == "scurvy.txt"
    assert found.score > 0


def test_the_baseline_answers_by_the_best_passage(vitamins: EvidenceRetriever) -> None:
    predictor = OptionRetrievalPredictor(vitamins)
    assert tuple(prediction.text for prediction in predictor.predict(QUESTIONS)) == ANSWERS
    assert list(predictor.stream(QUESTIONS[0])) == ["vitamin C"]


def test_scores_are_those_of_question_and_option_together(vitamins: EvidenceRetriever) -> None:
    """As if each option had been asked for with the question, one after the other."""
    index = vitamins._corpus.index
    for item in QUESTIONS:
        for option, found in zip(item.choices, vitamins.passages_for(item), strict=True):
            (hit,) = index.search(f"{item.input} {option}", 1, exact=True)
            assert found[0].score == pytest.approx(hit.score, rel=1e-5)
            assert vitamins._text(hit.key) == found[0].text


def test_several_passages_for_an_option_are_summed_and_joined(tmp_path: Path) -> None:
    texts = {
        "1.txt": "The heart pumps blood.",
        "2.txt": "Blood leaves the heart by the aorta.",
        "3.txt": "The liver makes bile.",
        "4.txt": "Kidneys filter.",
        "5.txt": "Lungs breathe.",
    }
    corpus = write(tmp_path / "texts", texts)
    item = Item("Where does blood go?", ("heart", "bile"))
    one, two = opened(corpus, tmp_path), opened(corpus, tmp_path, per_option=2)
    assert len(two.evidence_for(item)[0].splitlines()) == 2
    assert two.evidence_for(item)[0].startswith(one.evidence_for(item)[0])
    assert [len(found) for found in two.passages_for(item)] == [2, 2]
    assert two.corpus.per_option == 2


def test_what_nothing_is_found_for_is_no_answer(vitamins: EvidenceRetriever) -> None:
    lost = Item("Quid est veritas?", ("vir", "femina"))
    assert vitamins.evidence_for(lost) == ("", "")
    predictor = OptionRetrievalPredictor(vitamins)
    first, second = predictor.predict([lost, Item("Which lack makes bones soft?")])
    assert (first.text, first.failure) == (None, "refused")
    assert (second.text, second.failure) == (None, "refused")
    with pytest.raises(NoAnswerError):
        list(predictor.stream(lost))


def test_an_item_without_choices_has_the_best_passages_for_its_input(vitamins: EvidenceRetriever) -> None:
    (passage,) = vitamins.evidence_for(Item("Why do gums bleed?"))
    assert passage.startswith("Scurvy")


def test_a_long_question_does_not_drown_its_options(vitamins: EvidenceRetriever) -> None:
    """Of a question the first 256 different words count; each option has its own."""
    filler = " ".join(f"word{number}" for number in range(300))
    evidence = vitamins.evidence_for(Item(f"{filler} lack", ("polished rice", "sunlight")))
    assert "rice" in evidence[0]
    assert "sunlight" in evidence[1]


@pytest.mark.parametrize(
    ("texts", "question", "choices", "answer"),
    [
        (
            (
                "يأتي داء الإسقربوط من نقص فيتامين سي.",
                "يأتي الكساح من نقص فيتامين دي.",
                "الكبد عضو كبير.",
                "الماء سائل.",
            ),
            "ما سبب الكساح؟",
            ("فيتامين سي", "فيتامين دي"),
            "فيتامين دي",
        ),
        (
            (
                "壊血病はビタミンCの不足で起こる。",
                "くる病はビタミンDの不足で起こる。",
                "肝臓は大きい。",
                "水は液体だ。",
            ),
            "くる病の原因は何か",
            ("ビタミンC", "ビタミンD"),
            "ビタミンD",
        ),
        (
            ("坏血病由维生素丙缺乏引起。", "佝偻病由维生素丁缺乏引起。", "肝脏很大。", "水是液体。"),
            "佝偻病的病因",
            ("维生素丙", "维生素丁"),
            "维生素丁",
        ),
        (
            ("צפדינה נגרמת ממחסור בוויטמין סי.", "רככת נגרמת ממחסור בוויטמין די.", "הכבד גדול.", "מים הם נוזל."),
            "מה גורם לרככת?",
            ("וויטמין סי", "וויטמין די"),
            None,
        ),
    ],
)
def test_every_script_is_read(
    tmp_path: Path, texts: tuple[str, ...], question: str, choices: tuple[str, ...], answer: str | None
) -> None:
    corpus = write(tmp_path / "texts", {f"{number}.txt": text for number, text in enumerate(texts)})
    retriever = opened(corpus, tmp_path)
    evidence = retriever.evidence_for(Item(question, choices))
    assert all(passage in texts for passage in evidence)
    if answer is not None:
        (prediction,) = OptionRetrievalPredictor(retriever).predict([Item(question, choices)])
        assert prediction.text == answer
        assert evidence[choices.index(answer)] == texts[1]


def test_rows_keep_all_but_their_evidence(vitamins: EvidenceRetriever) -> None:
    item = QUESTIONS[0]
    row = make_example(item.input, ("vitamin C",), Source("user", row=3), item.choices, ("old",), None)
    (found,) = with_evidence([row], vitamins)
    assert found.evidence == vitamins.evidence_for(item)
    assert (found.id, found.input, found.references, found.choices) == (row.id, row.input, row.references, row.choices)


def test_the_answer_plays_no_part(vitamins: EvidenceRetriever) -> None:
    item = QUESTIONS[0]
    rows = [make_example(item.input, (choice,), Source("user"), item.choices) for choice in item.choices]
    assert len({row.evidence for row in with_evidence(rows, vitamins)}) == 1


def test_threads_share_it(vitamins: EvidenceRetriever) -> None:
    expected = [vitamins.evidence_for(item) for item in QUESTIONS]
    found: list[list[tuple[str, ...]]] = []
    threads = [
        Thread(target=lambda: found.append([vitamins.evidence_for(item) for item in QUESTIONS])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4
