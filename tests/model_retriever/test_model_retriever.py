"""Filters come before ranking; what cannot be had is not offered; a named model is taken or refused with a reason."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from servers.hub_like import nobody_there, point_at

from prompt2model.catalogue.card_file import CardFile, default_card_file
from prompt2model.catalogue.card_vectors import card_vectors
from prompt2model.catalogue.model_cards import ModelCard
from prompt2model.component import Option, RunContext
from prompt2model.console import AutomaticChooser, ConsoleProgress, SilentProgress
from prompt2model.errors import ConfigError, WeightsNotFoundError
from prompt2model.model_retriever import ModelRetriever, ModelRetrieverConfig
from prompt2model.model_retriever import retriever as retriever_module
from prompt2model.model_retriever.filters import memory_of, usable
from prompt2model.model_retriever.ranking import ModelRanking, ModelScoring, shared_words
from prompt2model.model_retriever.retriever import ModelRetrieverInputs as Inputs
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.cost import LIBRARIES, training_cost
from prompt2model.records import ChosenModel, ModelCandidate, Source, TaskSpec, make_example
from prompt2model.teacher.scripted import ScriptedClient

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
SMOLLM = "HuggingFaceTB/SmolLM2-135M-Instruct"
Maker = Callable[..., RunContext]


def task(kind: str = "classification", language: str = "en") -> TaskSpec:
    labels = ("good", "bad") if kind == "classification" else ()
    return TaskSpec("Judge the review.", (), kind, labels, language, "Judge the review.")  # type: ignore[arg-type]


def cards() -> list[ModelCard]:
    return [
        ModelCard("a/small", "encoder", bytes=10, licence="mit", languages=("en",), downloads=10),
        ModelCard("a/large", "encoder", bytes=10_000, licence="mit", languages=("en",)),
        ModelCard("a/unknown-size", "encoder", licence="mit", languages=("en",)),
        ModelCard("a/closed", "encoder", bytes=10, licence="other", languages=("en",)),
        ModelCard("a/german", "encoder", bytes=10, licence="mit", languages=("de",)),
        ModelCard("a/many", "encoder", bytes=10, licence="mit", languages=("multilingual",)),
        ModelCard("a/writer", "decoder", bytes=10, licence="mit", languages=("en",)),
        ModelCard("a/away", "encoder", bytes=10, licence="mit", languages=("en",)),
    ]


def test_every_filter_counts_what_it_refused() -> None:
    kept, refused = usable(
        cards(),
        families=("encoder",),
        max_bytes=100,
        licences=("mit",),
        commercial=False,
        language="en",
        obtainable=lambda card: card.id != "a/away",
    )
    assert [card.id for card in kept] == ["a/small", "a/many"]
    assert refused == {
        "larger than the limit": 1,
        "size unknown": 1,
        "licence not allowed": 1,
        "other language": 1,
        "family does not fit the task": 1,
        "cannot be had from here": 1,
    }


def test_for_commercial_use_only_what_allows_it_is_offered() -> None:
    given = [ModelCard(f"a/{number}", "encoder", bytes=1, licence=licence)
             for number, licence in enumerate(("mit", "cc-by-nc-4.0", None, "other"))]  # fmt: skip
    kept, refused = usable(
        given,
        families=("encoder",),
        max_bytes=100,
        licences=(),
        commercial=True,
        language=None,
        obtainable=lambda card: True,
    )
    assert [card.licence for card in kept] == ["mit"]
    assert refused == {"licence not known to allow commercial use": 3}


@pytest.mark.parametrize(("wanted", "kept"), [(None, 3), (True, 1), (False, 1)])
def test_instruction_tuned_or_plain_as_asked(wanted: bool | None, kept: int) -> None:
    known = [replace(cards()[0], instruction_tuned=tuned) for tuned in (True, False, None)]
    found, refused = usable(
        known,
        families=("encoder",),
        max_bytes=100,
        licences=(),
        commercial=False,
        language="en",
        obtainable=lambda card: True,
        instruction_tuned=wanted,
    )
    assert (len(found), sum(refused.values())) == (kept, 3 - kept)
    assert all(wanted is None or card.instruction_tuned is wanted for card in found)


@pytest.mark.parametrize("method", ["auto", "full", "lora", "qlora"])
@pytest.mark.parametrize(
    ("family", "parameters"), [("decoder", 135_000_000), ("encoder", 22_000_000), ("encoder", 2_000_000_000)]
)
def test_the_memory_that_is_shown_is_the_trainers_estimate(method: Any, family: Any, parameters: int) -> None:
    candidate = ModelCandidate("a/b", family, parameters, None, None, 0.0, ())
    rows = (make_example("in", ("out",), Source("gold")),)
    estimate = training_cost(
        rows, rows, ChosenModel("a/b", family, (candidate,), {}), ModelTrainerConfig(method=method), 8
    )
    shown = memory_of(ModelCard("a/b", family, parameters=parameters), method)
    assert shown is not None
    assert shown + LIBRARIES == estimate.memory


def test_a_model_that_cannot_be_trained_in_the_memory_there_is_is_not_offered(make_context: Maker) -> None:
    inputs = Inputs(task(), ("good", "bad"))
    # MiniLM's 22.7 million parameters take 454 MB whole and 136 MB with LoRA.
    for method in ("auto", "full"):
        little = ModelRetriever(ModelRetrieverConfig(max_memory=300_000_000, train_method=method))
        with pytest.raises(WeightsNotFoundError, match="training does not fit in memory"):
            little.run(inputs, make_context())
    enough = ModelRetrieverConfig(max_memory=300_000_000, train_method="lora")
    chosen = ModelRetriever(enough).run(inputs, make_context())
    assert chosen.id == MINILM
    assert "training with LoRA takes memory of about 0.1 GB" in chosen.candidates[0].reasons


def test_a_named_model_that_does_not_fit_is_taken_with_a_warning(make_context: Maker) -> None:
    said: list[str] = []

    class Heard(SilentProgress):
        def say(self, message: str) -> None:
            said.append(message)

    named = ModelRetriever(ModelRetrieverConfig(model=MINILM, max_memory=300_000_000))
    assert named.run(Inputs(task(), ("good", "bad")), replace(make_context(), progress=Heard())).id == MINILM
    assert "takes about 0.5 GB of memory, and there are 0.3 GB" in said[0]


def test_meaning_finds_a_model_that_shares_no_word(make_context: Maker) -> None:
    films = ModelCard("x/one", "encoder", description="verdicts on cinema and movies", downloads=5)
    boats = ModelCard("x/two", "encoder", description="opinion of boats", downloads=5)
    other = [ModelCard(f"x/other{number}", "encoder", description="weather reports") for number in range(5)]
    ranking, query = ModelRanking([films, boats, *other]), "an opinion about a film"
    vectors = card_vectors(make_context())

    def first(how: str, shortlist: int = 7) -> str:
        scoring = ModelScoring(how, False, shortlist)  # type: ignore[arg-type]
        return ranking.rank(query, [films, boats, *other], scoring, vectors)[0][0].id

    assert [first("bm25"), first("dense")] == ["x/two", "x/one"]
    assert first("dense", shortlist=1) == "x/two", "only the shortlist is scored by meaning"
    with pytest.raises(ValueError, match="vectors"):
        ranking.rank(query, [films, boats], ModelScoring("fused"))


def test_without_the_encoder_words_rank_models_and_it_is_said(
    make_context: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    class Heard(SilentProgress):
        def say(self, message: str) -> None:
            said.append(message)

    def missing(*_: object) -> None:
        raise WeightsNotFoundError("the encoder is not installed")

    monkeypatch.setattr(retriever_module, "card_vectors", missing)
    context = replace(make_context(), progress=Heard())
    retriever = ModelRetriever()
    assert retriever.run(Inputs(task(), ("good", "bad")), context).id == MINILM
    assert any("by words, not by meaning: the encoder is not installed" in line for line in said)
    with pytest.raises(WeightsNotFoundError):
        ModelRetriever(ModelRetrieverConfig(ranking="dense")).run(Inputs(task(), ("good", "bad")), context)


def test_no_hypothetical_card_is_asked_for_unasked(make_context: Maker) -> None:
    teacher = ScriptedClient(lambda request: "A model.")
    retriever = ModelRetriever()
    context = make_context({"teacher": teacher})
    assert retriever.estimate(Inputs(task(), ()), context).calls == 0
    retriever.run(Inputs(task(), ("good", "bad")), context)
    assert teacher.calls == 0


def test_the_score_is_bm25_weighted_by_popularity() -> None:
    popular = ModelCard("x/popular", "encoder", description="sentiment of film reviews", downloads=98)
    rare = ModelCard("x/rare", "encoder", description="sentiment of film reviews", downloads=8)
    other = [ModelCard(f"x/other{number}", "encoder", description="weather reports") for number in range(5)]
    ranking = ModelRanking([popular, rare, *other])
    ranked = ranking.rank("film reviews sentiment", [rare, popular], ModelScoring(popularity=True))
    assert [card.id for card, _ in ranked] == ["x/popular", "x/rare"]
    assert ranked[0][1] / ranked[1][1] == pytest.approx(math.log10(100) / math.log10(10), rel=0.05)


def test_offline_a_classifier_gets_the_packaged_encoder(make_context: Maker) -> None:
    chosen = ModelRetriever().run(Inputs(task(), ("good", "bad")), make_context())
    assert chosen.id == MINILM
    assert chosen.family == "encoder"
    assert [candidate.id for candidate in chosen.candidates] == [MINILM]
    assert "is on this machine" in chosen.candidates[0].reasons
    assert chosen.filtered["cannot be had from here"] > 10


def test_offline_a_writer_gets_the_packaged_decoder(make_context: Maker) -> None:
    assert ModelRetriever().run(Inputs(task("generation"), ()), make_context()).id == SMOLLM


def test_the_hypothetical_card_is_asked_of_the_teacher(make_context: Maker) -> None:
    teacher = ScriptedClient(lambda request: "A model for judging reviews of films.")
    retriever = ModelRetriever(ModelRetrieverConfig(hypothetical_card=True))
    chosen = retriever.run(Inputs(task(), ("good", "bad")), make_context({"teacher": teacher}))
    assert chosen.id == MINILM
    assert teacher.calls == 1


def test_the_person_picks(make_context: Maker) -> None:
    asked: list[tuple[str, list[Option]]] = []

    class Person(AutomaticChooser):
        interactive = True

        def choose_one(self, key: str, question: str, options: list[Option], default: str) -> str:  # type: ignore[override]
            asked.append((key, options))
            return options[-1].value

    retriever = ModelRetriever(ModelRetrieverConfig(families=("encoder", "decoder")))
    chosen = retriever.run(Inputs(task(), ("good", "bad")), make_context(chooser=Person()))
    assert [key for key, _ in asked] == ["model"]
    assert chosen.id == asked[0][1][-1].value
    assert {option.value for option in asked[0][1]} == {MINILM, SMOLLM}


@pytest.mark.parametrize("model", ["nobody/no-such-model", "google/flan-t5-xxl"])
def test_a_named_model_that_cannot_be_had_is_refused(make_context: Maker, model: str) -> None:
    retriever = ModelRetriever(ModelRetrieverConfig(model=model))
    with pytest.raises(WeightsNotFoundError, match=model):
        retriever.run(Inputs(task(), ("good", "bad")), make_context())
    with pytest.raises(WeightsNotFoundError, match=model):
        retriever.check(hub_allowed=False)


def test_what_can_be_had_passes_the_check() -> None:
    ModelRetriever().check(hub_allowed=False)
    ModelRetriever(ModelRetrieverConfig(model=MINILM)).check(hub_allowed=False)


@pytest.mark.parametrize(("kind", "model"), [("classification", MINILM), ("generation", SMOLLM)])
def test_in_a_language_that_nothing_here_speaks_others_are_offered_with_a_warning(
    make_context: Maker, kind: str, model: str
) -> None:
    said: list[str] = []

    class Heard(SilentProgress):
        def say(self, message: str) -> None:
            said.append(message)

    context = replace(make_context(), progress=Heard())
    chosen = ModelRetriever().run(Inputs(task(kind, language="fi"), ()), context)
    assert chosen.id == model
    assert "another language (en) than the task's (fi)" in chosen.candidates[0].reasons[0]
    (note,) = chosen.notes
    assert model in note
    assert "another language (en)" in note
    assert "--base-model" in note
    assert "--hub" in note
    assert "warning: no base model made for the task's language (fi)" in said[0]


def test_in_a_language_that_is_spoken_here_nothing_is_to_be_said(make_context: Maker) -> None:
    assert ModelRetriever().run(Inputs(task(), ("good", "bad")), make_context()).notes == ()


def test_a_language_that_was_demanded_is_kept_to(make_context: Maker) -> None:
    retriever = ModelRetriever(ModelRetrieverConfig(require_language=True))
    with pytest.raises(WeightsNotFoundError, match=r"other language.*--base-model ID_or_FOLDER.*--hub") as caught:
        retriever.run(Inputs(task(language="fi"), ("good", "bad")), make_context())
    assert "weights --install" not in str(caught.value)  # they are installed


def test_where_nothing_can_be_had_it_is_said_before_anything_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    ModelRetriever().check(hub_allowed=False)
    monkeypatch.setattr(retriever_module, "is_obtainable", lambda *_, **__: False)
    monkeypatch.setattr(retriever_module, "packaged_installed", lambda: {MINILM: False})
    with pytest.raises(WeightsNotFoundError, match=r"cannot be had.*--base-model.*--hub.*weights --install"):
        ModelRetriever().check(hub_allowed=False)
    ModelRetriever().check(hub_allowed=True)


def test_where_cards_were_crawled_they_are_searched_and_not_the_hub(
    make_context: Maker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    context = replace(make_context(hub_allowed=True), progress=ConsoleProgress())
    card = ModelCard("x/judge", "encoder", bytes=10, languages=("en",), description="judge the review", origin="hub")
    with CardFile(default_card_file(context.cache_folder), make=True) as file:
        file.models.put([(card, "2026-01-01")])
        file.models.index.connection.execute("UPDATE text_indices SET version = 2")
    chosen = ModelRetriever(ModelRetrieverConfig(top=200)).run(Inputs(task(), ("good", "bad")), context)
    assert "x/judge" in {candidate.id for candidate in chosen.candidates}
    assert "was made by an older version; its cards are indexed anew" in "".join(capsys.readouterr())


def test_where_the_hub_does_not_answer_what_is_here_is_offered(
    make_context: Maker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    point_at(nobody_there(), tmp_path, monkeypatch)
    chosen = ModelRetriever().run(Inputs(task(), ("good", "bad")), make_context(hub_allowed=True))
    assert chosen.id == MINILM
    assert "The hub did not answer" in chosen.notes[0]


def test_a_word_that_says_nothing_is_no_reason() -> None:
    card = ModelCard("x/a", "encoder", description="A model for reviews with labels that are short.")
    assert shared_words("A model with which reviews get labels that help", card) == ["reviews", "labels"]


def test_a_local_folder_is_known_by_its_config(make_context: Maker, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "t5", "is_encoder_decoder": True}))
    import numpy as np

    save_file({"w": np.zeros((2, 2), dtype="float32")}, folder / "model.safetensors")
    chosen = ModelRetriever(ModelRetrieverConfig(model=str(folder))).run(Inputs(task("generation"), ()), make_context())
    assert (chosen.id, chosen.family) == (str(folder), "encoder_decoder")
    for_sale = ModelRetriever(ModelRetrieverConfig(model=str(folder), use="commercial"))
    for refused in (
        lambda: for_sale.run(Inputs(task("generation"), ()), make_context()),
        lambda: for_sale.check(False),
    ):
        with pytest.raises(ConfigError, match=r"licence \(unknown\).* leave out --use commercial"):
            refused()
    (folder / "config.json").write_text(json.dumps({"model_type": "wav2vec2"}))
    with pytest.raises(ConfigError, match="family"):
        ModelRetriever(ModelRetrieverConfig(model=str(folder))).run(Inputs(task("generation"), ()), make_context())
