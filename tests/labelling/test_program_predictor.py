"""A program as a Predictor: written and read strictly, scored where the client can; abstentions and failures apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from prompt2model.errors import NoAnswerError
from prompt2model.labelling import ProgramPredictor
from prompt2model.labelling.each_label import EachLabelPredictor
from prompt2model.prompt_program import Answer, Block, PromptProgram
from prompt2model.records import Item
from prompt2model.teacher import ChatRequest, ChatResponse, ScoreRequest, ScriptedClient

ANSWERS = (
    Answer(word="money", label="billing"),
    Answer(word="parcel", label="shipping"),
    Answer(word="unsure", label=None),
)
SORT = PromptProgram(name="sort", blocks=(Block(name="answer", prompt="{{input}}\nWhat is it?"),), answers=ANSWERS)


def last(request: ChatRequest | ScoreRequest) -> str:
    return request.messages[-1].content


def test_a_written_answer_is_read_strictly_and_an_abstention_is_no_answer() -> None:
    said = {"a bill": "Money.", "a box": "parcel", "hm": "unsure", "odd": "money or parcel", "gone": ""}

    def answer(request: ChatRequest) -> str | ChatResponse:
        text = last(request).splitlines()[0]
        return ChatResponse("", failure="refused") if text == "bomb" else said[text]

    predictor = ProgramPredictor(ScriptedClient(answer), SORT)
    found = list(predictor.predict(map(Item, [*said, "bomb"])))
    assert predictor.labels == ("billing", "shipping")
    assert [one.text for one in found] == ["billing", "shipping", None, None, None, None]
    assert [one.failure for one in found] == [None, None, "unparsable", "unparsable", "empty", "refused"]
    assert [one.raw for one in found[2:4]] == ["unsure", "money or parcel"]
    assert predictor.calls == 6
    assert list(predictor.stream(Item("a box"))) == ["shipping"]
    with pytest.raises(NoAnswerError):
        list(predictor.stream(Item("hm")))


def test_a_cut_answer_counts_only_where_it_begins_with_a_word_and_an_end_to_it() -> None:
    said = {"a bill": "Money. Because the", "hm": "This may be about money, but"}
    cut = ScriptedClient(lambda request: ChatResponse(said[last(request).splitlines()[0]], finish="length"))
    found = list(ProgramPredictor(cut, SORT).predict(map(Item, said)))
    assert [(one.text, one.failure) for one in found] == [("billing", None), (None, "truncated")]


def habit(request: ScoreRequest) -> Sequence[float]:
    """Likes "parcel" for itself; the input counts less."""
    text = last(request)
    return [-3.0 + ("bill" in text), -1.0, -9.0 + 8.5 * ("hm" in text)]


def test_scores_are_taken_less_what_the_words_score_without_the_input() -> None:
    client = ScriptedClient(lambda request: "", score=habit)
    predictor = ProgramPredictor(client, SORT)
    bill, unsure = predictor.predict([Item("a bill"), Item("hm")])
    # Against inputs without content, "money" has gained one nat, the others nothing.
    assert bill.text == "billing"
    assert bill.probabilities == pytest.approx((math.e / (math.e + 1), 1 / (math.e + 1)))
    assert (unsure.text, unsure.failure, unsure.raw) == (None, "unparsable", "unsure")
    assert {request.answers for request in client.score_requests} == {("money", "parcel", "unsure")}
    assert not client.requests


def test_calibration_inputs_stand_for_the_mean_and_are_scored_once() -> None:
    client = ScriptedClient(lambda request: "", score=habit)
    predictor = ProgramPredictor(client, SORT, calibration=[Item("a bill"), Item("a bill too"), Item("the bill")])
    first = next(predictor.predict([Item("a bill")]))
    # All calibration inputs speak of bills: what is left says nothing.
    assert first.probabilities == pytest.approx((0.5, 0.5))
    assert next(predictor.predict([Item("a box")])).text == "shipping"
    assert predictor.calls == len(client.score_requests) == 4


def test_words_of_one_label_share_its_probability() -> None:
    answers = (Answer(word="cash", label="billing"), *ANSWERS[:2])
    program = PromptProgram(name="sort", blocks=SORT.blocks, answers=answers)
    scores = {"a box": [math.log(0.3), math.log(0.3), math.log(0.4)]}
    client = ScriptedClient(
        lambda request: "", score=lambda request: scores.get(last(request).split("\n")[0], [0.0] * 3)
    )
    found = next(ProgramPredictor(client, program).predict([Item("a box")]))
    assert found.text == "billing"
    assert found.probabilities == pytest.approx((0.6, 0.4))


def test_what_an_earlier_block_could_not_write_is_not_scored() -> None:
    blocks = (Block(name="gist", prompt="{{input}}"), Block(name="answer", prompt="{{gist}}?"))
    program = PromptProgram(name="two", blocks=blocks, answers=ANSWERS)

    def write(request: ChatRequest) -> str | ChatResponse:
        return ChatResponse("", failure="context_too_long") if "long" in last(request) else "short"

    client = ScriptedClient(write, score=habit)
    failed, whole = ProgramPredictor(client, program).predict([Item("long"), Item("a box")])
    assert (failed.text, failed.failure) == (None, "context_too_long")
    assert whole.text is not None
    assert {last(request) for request in client.score_requests} == {"short?"}
    assert whole.completion_tokens > 0


def test_a_draw_is_written_though_the_client_could_score() -> None:
    client = ScriptedClient(lambda request: "money", score=habit)
    assert next(ProgramPredictor(client, SORT, temperature=0.7).predict([Item("x")])).text == "billing"
    assert not client.score_requests


CHOOSE = PromptProgram(name="quiz", blocks=(Block(name="answer", prompt="{{input}}\n{{choices}}"),))


def test_choices_of_an_item_are_read_by_text_and_letter_and_can_be_scored() -> None:
    item = Item("The sky is", ("red", "blue"))
    said: list[str] = []
    client = ScriptedClient(lambda request: said[-1])
    for text, answer in (("B", "blue"), ("B. blue", "blue"), ("red", "red"), ("a dog", None)):
        said.append(text)
        assert next(ProgramPredictor(client, CHOOSE).predict([item])).text == answer
    client = ScriptedClient(lambda request: "", score=lambda request: [-1.0, -3.0 + 4 * ("sky" in last(request))])
    found = next(ProgramPredictor(client, CHOOSE).predict([item]))
    assert found.text == "blue"
    assert found.probabilities and found.probabilities[1] > 0.9


def test_a_program_without_answers_writes_text_and_a_cut_one_is_no_answer() -> None:
    program = PromptProgram(name="title", blocks=(Block(name="title", prompt="{{input}}", max_tokens=5),))
    assert (
        next(ProgramPredictor(ScriptedClient(lambda request: " A title "), program).predict([Item("x")])).text
        == "A title"
    )
    cut = ScriptedClient(lambda request: ChatResponse("A tit", finish="length"))
    assert next(ProgramPredictor(cut, program).predict([Item("x")])).failure == "truncated"


def asking(label: str) -> PromptProgram:
    answers = (Answer(word="yes", label=label), Answer(word="no", label=None))
    return PromptProgram(
        name=label, blocks=(Block(name="answer", prompt=f"{{{{input}}}}\nIs it {label}?"),), answers=answers
    )


def test_the_label_that_alone_gets_a_yes_is_the_answer() -> None:
    yes = {"one": {"red"}, "two": {"red", "blue"}, "none": set(), "part": {"red"}}

    def answer(request: ChatRequest) -> str | ChatResponse:
        text, question = last(request).split("\n")
        if text == "part" and "green" in question:
            return ChatResponse("", failure="unavailable")
        return "Yes." if question[6:-1] in yes[text] else "no"

    predictor = EachLabelPredictor(ScriptedClient(answer), list(map(asking, ("red", "blue", "green"))), "yes/no")
    found = list(predictor.predict(map(Item, yes)))
    assert [one.text for one in found] == ["red", None, None, None]
    assert [one.failure for one in found] == [None, "unparsable", "unparsable", "unavailable"]
    assert predictor.calls == 12


def test_scored_questions_give_the_label_with_the_best_odds_of_yes() -> None:
    def score(request: ScoreRequest) -> Sequence[float]:
        text, question = last(request).split("\n")
        # "red" always looks likelier; the input decides all the same.
        return [2.0 * ("red" in question) + 3.0 * (text == question[6:-1]), 0.0]

    predictor = EachLabelPredictor(
        ScriptedClient(lambda request: "", score=score), list(map(asking, ("red", "blue"))), "yes/no"
    )
    red, blue, other = predictor.predict([Item("red"), Item("blue"), Item("green")])
    assert (red.text, blue.text) == ("red", "blue")
    assert blue.probabilities == pytest.approx((1 / (1 + math.e**3), math.e**3 / (1 + math.e**3)))
    assert other.probabilities == pytest.approx((0.5, 0.5))
