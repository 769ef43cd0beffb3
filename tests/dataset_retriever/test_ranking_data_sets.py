"""Data sets in the order of meaning and mentions; the teacher's look at the head, averaged over orders."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers.openai_like import OpenAILikeServer

from prompt2model.catalogue.card_vectors import card_vectors
from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.component import RunContext
from prompt2model.dataset_retriever import DatasetRetriever, DatasetRetrieverConfig
from prompt2model.dataset_retriever import searching as searching_module
from prompt2model.dataset_retriever.ranking import rank_cards
from prompt2model.dataset_retriever.reranking import rerank
from prompt2model.dataset_retriever.searching import find_datasets
from prompt2model.errors import WeightsNotFoundError
from prompt2model.records import Demonstration, TaskSpec
from prompt2model.teacher import ChatRequest, ScriptedClient
from prompt2model.teacher.client import ChatResponse
from prompt2model.teacher.openai_compatible import OpenAICompatibleClient

Make = Callable[..., RunContext]
TASK = TaskSpec(
    "Say whether a review of a film is good or bad.",
    (Demonstration("Two hours of my life.", "bad"),),
    "classification",
    ("good", "bad"),
    "en",
    "p",
)
CARDS = tuple(DatasetCard(name, "local", name, f"About {name}.") for name in ("ants", "bees", "cats", "dogs"))
SHOWN = re.compile(r"^id: (\S+)$", re.M)


def sets(folder: Path, **about: str) -> Path:
    for name, text in about.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "data.csv").write_text("text,label\none,good\ntwo,bad\n")
        (folder / name / "README.md").write_text(f"---\nlicense: mit\n---\n{text}\n")
    return folder


def found_ids(context: RunContext, folder: Path, **settings: Any) -> list[str]:
    config = DatasetRetrieverConfig(data_dirs=(folder,), **settings)
    return [card.id for card, _ in find_datasets(TASK, config, context).cards]


def test_meaning_finds_what_shares_no_word(make_context: Make, tmp_path: Path) -> None:
    folder = sets(
        tmp_path / "sets",
        movies="Opinions of cinema visitors on movies, positive and negative.",
        weather="Say whether a day is good or bad for sailing, a review of winds.",
        cars="Prices.",
    )
    assert found_ids(make_context(), folder, ranking="bm25")[0] == "weather"
    assert found_ids(make_context(), folder, ranking="dense")[0] == "movies"
    assert set(found_ids(make_context(), folder, ranking="fused")) == {"movies", "weather", "cars"}


def test_what_others_name_stands_higher(make_context: Make) -> None:
    cards = [
        DatasetCard("x/plain", "hub", "plain", text="Film reviews with their verdicts."),
        DatasetCard("x/FilmBank", "hub", "FilmBank", text="Film reviews with their verdicts."),
        DatasetCard("x/a", "hub", "a", text="Harder than FilmBank."),
        DatasetCard("x/b", "hub", "b", text="FilmBank in German."),
    ]
    hits = [(card, 0.0) for card in cards]
    ranked = rank_cards("film reviews", hits, "fused", card_vectors(make_context()))
    assert [card.id for card, _ in ranked][:2] == ["x/FilmBank", "x/plain"]
    assert rank_cards("film reviews", hits, "fused", None)[0][0].id == "x/FilmBank"
    assert rank_cards("film reviews", hits, "bm25", None) == hits


def test_without_the_encoder_words_are_left_and_it_is_said(
    make_context: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> Any:
        raise WeightsNotFoundError("the encoder is not installed; install it")

    monkeypatch.setattr(searching_module, "card_vectors", missing)
    folder = sets(tmp_path / "sets", films="Reviews of a film.", cars="Prices.")
    found = find_datasets(TASK, DatasetRetrieverConfig(data_dirs=(folder,)), make_context())
    assert found.cards[0][0].id == "films"
    assert "not by meaning: the encoder is not installed; install it" in found.notes[-1]
    with pytest.raises(WeightsNotFoundError):
        find_datasets(TASK, DatasetRetrieverConfig(data_dirs=(folder,), ranking="dense"), make_context())


def replying(*replies: Any) -> ScriptedClient:
    """Gives the n-th reply to the n-th order."""
    given = iter(replies)

    def answer(request: ChatRequest) -> str | ChatResponse:
        reply = next(given)
        return reply if isinstance(reply, (str, ChatResponse)) else json.dumps({"fitting": reply})

    return ScriptedClient(answer)


def judged(make_context: Make, client: ScriptedClient, orders: int = 3) -> tuple[list[str], set[str], int]:
    result = rerank(TASK, CARDS, orders, make_context({"teacher": client}))
    return [card.id for card in result.cards], set(result.refused), result.votes


def test_ranks_are_averaged_over_orders_that_differ(make_context: Make) -> None:
    client = replying(["dogs", "bees"], ["bees", "cats"], ["bees", "dogs"])
    assert judged(make_context, client) == (["bees", "dogs", "cats", "ants"], {"ants"}, 3)
    orders = [SHOWN.findall(request.messages[0].content) for request in client.requests]
    assert all(sorted(order) == ["ants", "bees", "cats", "dogs"] for order in orders)
    assert orders[1] == orders[0][::-1]
    assert len({request.schema for request in client.requests}) == 1


def test_a_teacher_that_always_takes_the_first_changes_little(make_context: Make) -> None:
    client = ScriptedClient(lambda request: json.dumps({"fitting": SHOWN.findall(request.messages[0].content)}))
    assert judged(make_context, client, orders=2)[0] == ["ants", "bees", "cats", "dogs"]


def test_none_of_them_is_an_answer(make_context: Make) -> None:
    assert judged(make_context, replying([], [], [])) == (
        ["ants", "bees", "cats", "dogs"],
        set("ants bees cats dogs".split()),
        3,
    )


@pytest.mark.parametrize(
    "broken", [ChatResponse("", failure="server_error"), '{"fitting": "ants"}', '{"best": []}', ["lions"]]
)
def test_what_went_wrong_is_no_vote(make_context: Make, broken: Any) -> None:
    assert judged(make_context, replying(broken, ["cats"], broken)) == (
        ["cats", "ants", "bees", "dogs"], {"ants", "bees", "dogs"}, 1,
    )  # fmt: skip
    assert judged(make_context, replying(broken, broken, broken)) == (["ants", "bees", "cats", "dogs"], set(), 0)


def test_an_unknown_id_beside_known_ones_is_passed_over(make_context: Make) -> None:
    assert judged(make_context, replying(["lions", "dogs", "dogs"]), orders=1)[0][0] == "dogs"


def test_the_teacher_sees_card_columns_and_rows_and_what_it_refuses_is_not_taken(
    make_context: Make, tmp_path: Path
) -> None:
    folder = sets(tmp_path / "sets", films="Reviews of a film, good or bad.", posts="Whether a review is good or bad.")
    for refused in (False, True):
        answers = [] if refused else ["films"]
        with OpenAILikeServer(lambda body, answers=answers: json.dumps({"fitting": answers})) as server:
            client = OpenAICompatibleClient("any", server.base_url)
            context = make_context({"teacher": client}, folder=tmp_path / f"step{refused}")
            retriever = DatasetRetriever(DatasetRetrieverConfig(data_dirs=(folder,), datasets="auto", rerank="yes"))
            estimate = retriever.estimate(retriever.Inputs(TASK), context)
            data = retriever.run(retriever.Inputs(TASK), context)
            bodies = [book.body for book in server.books]
        # Two data sets have two orders.
        assert len(bodies) == 2 < estimate.calls == 3
        prompt = bodies[0]["messages"][0]["content"]
        assert "Reviews of a film, good or bad." in prompt
        assert "columns: text, label" in prompt
        assert "one" in prompt[prompt.index("first rows:") :]
        schema = bodies[0]["response_format"]["json_schema"]["schema"]
        assert schema["properties"]["fitting"]["items"]["enum"] == ["films", "posts"]
        assert "posts" not in {chosen.id for chosen in data.chosen}
        assert any("none of the first 2" in note for note in data.notes) == refused
        assert not data.chosen if refused else True


@pytest.mark.parametrize(("model", "hub", "calls"), [("embedded:small", True, 0), ("any", False, 0), ("any", True, 3)])
def test_of_itself_only_a_large_teacher_is_asked_and_only_with_the_hub(
    make_context: Make, tmp_path: Path, model: str, hub: bool, calls: int
) -> None:
    context = make_context({"teacher": ScriptedClient(lambda request: "", model=model)}, hub_allowed=hub)
    retriever = DatasetRetriever(DatasetRetrieverConfig(data_dirs=(tmp_path,)))
    assert retriever.estimate(retriever.Inputs(TASK), context).calls == calls


def test_the_embedded_teacher_is_asked_where_that_is_wanted(make_context: Make, tmp_path: Path) -> None:
    folder = sets(tmp_path / "sets", films="Reviews.", cars="Prices.")
    client = ScriptedClient(lambda request: '{"fitting": []}', model="embedded:small")
    context = make_context({"teacher": client})
    found_ids(context, folder)
    assert client.calls == 0
    retriever = DatasetRetriever(DatasetRetrieverConfig(data_dirs=(folder,)))
    assert retriever.estimate(retriever.Inputs(TASK), context).calls == 0
    found_ids(context, folder, rerank="yes", rerank_orders=2)
    assert client.calls == 2
