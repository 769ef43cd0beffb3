"""What the rules leave open: the teacher's answer is checked, a person is asked, and nobody there stops the run."""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from prompt2model.command_options import assign
from prompt2model.component import Option, RunContext
from prompt2model.errors import ConfigError, NotSettledError, PromptError
from prompt2model.prompt_parser import GivenDemonstration, ParserInputs, PromptParser, PromptParserConfig
from prompt2model.records import Demonstration, TaskSpec
from prompt2model.teacher.client import ChatRequest, ChatResponse
from prompt2model.teacher.scripted import ScriptedClient

MakeContext = Callable[..., RunContext]

PROSE = """Guess where the animal lives. For example, somebody who writes camel should get desert, \
and whoever writes whale should get ocean."""
OPEN_LABELS = "Detect whether the forum post contains hate speech."
OPEN_KIND = "Rare birds of the northern coast, and the sounds that they make at night."


class Person:
    """Answers questions from a list and keeps them."""

    interactive = True

    def __init__(self, **answers: Sequence[str]) -> None:
        self.answers = {key: list(values) for key, values in answers.items()}
        self.asked: list[tuple[str, str, str | None]] = []

    def ask(self, key: str, question: str, default: str | None, config_line: str) -> str:
        self.asked.append((key, question, default))
        return self.answers[key].pop(0) or str(default)

    def choose_one(self, key: str, question: str, options: Sequence[Option], default: str) -> str:
        self.asked.append((key, question, default))
        answer = self.answers[key].pop(0)
        assert answer in [option.value for option in options]
        return answer

    def choose_many(self, key: str, question: str, options: Sequence[Option], default: Sequence[str]) -> list[str]:
        raise AssertionError("the parser asks for one thing at a time")

    def confirm(self, key: str, question: str, default: bool) -> bool:
        raise AssertionError("the parser has no yes-or-no question")


def teacher_says(**answer: Any) -> ScriptedClient:
    content = {"kind": "generation", "labels": [], "demonstrations": [], "language": "en", **answer}
    return ScriptedClient(lambda request: json.dumps(content, ensure_ascii=False), model="big")


def parse(prompt: str, context: RunContext, **config: Any) -> TaskSpec:
    return PromptParser(PromptParserConfig(**config)).run(ParserInputs(prompt), context)


# The teacher --------------------------------------------------------------------------------------------------------


def test_no_call_when_rules_settle_everything(make_context: MakeContext) -> None:
    teacher = teacher_says(kind="generation")
    context = make_context(teachers={"teacher": teacher})
    parse("Classify the film review as positive or negative.\n\nText: I laughed a lot\nLabel: positive", context)
    assert teacher.calls == 0


def test_teacher_reads_demonstrations_that_rules_cannot(make_context: MakeContext) -> None:
    teacher = teacher_says(
        demonstrations=[{"input": "camel", "output": "desert"}, {"input": "whale", "output": "ocean"}]
    )
    task = parse(PROSE, make_context(teachers={"teacher": teacher}))
    assert task.demonstrations == (Demonstration("camel", "desert"), Demonstration("whale", "ocean"))
    assert task.instruction == PROSE
    assert teacher.calls == 1
    assert PROSE in teacher.requests[0].messages[0].content
    assert teacher.requests[0].temperature == 0


def test_lines_that_the_teacher_read_leave_the_instruction(make_context: MakeContext) -> None:
    prompt = "Guess where the animal lives.\n\nSome examples:\nthe camel: in the desert\nwhales: the ocean, mostly\n"
    pairs = [{"input": "camel", "output": "desert"}, {"input": "whales", "output": "ocean"}]
    task = parse(prompt, make_context(teachers={"teacher": teacher_says(demonstrations=pairs)}))
    assert task.demonstrations == (Demonstration("camel", "desert"), Demonstration("whales", "ocean"))
    assert task.instruction == "Guess where the animal lives."


def test_parser_role_goes_before_the_general_teacher(make_context: MakeContext) -> None:
    general, special = teacher_says(), teacher_says(kind="generation")
    parse(OPEN_KIND, make_context(teachers={"teacher": general, "parser": special}))
    assert (general.calls, special.calls) == (0, 1)


def test_invented_demonstrations_are_refused(make_context: MakeContext) -> None:
    teacher = teacher_says(
        demonstrations=[
            {"input": "camel", "output": "desert"},
            {"input": "penguin", "output": "ice"},
            {"input": "whale", "output": "the deep blue sea"},
            {"input": 5, "output": "ocean"},
            "whale",
        ]
    )
    task = parse(PROSE, make_context(teachers={"teacher": teacher}))
    assert task.demonstrations == (Demonstration("camel", "desert"),)


def test_teacher_labels_must_all_stand_in_the_prompt(make_context: MakeContext) -> None:
    prompt = "Detect the mood of the diary entry; the reader knows glad and the reader knows gloomy."
    good = teacher_says(kind="classification", labels=[{"label": "glad"}, {"label": "gloomy"}])
    assert parse(prompt, make_context(teachers={"teacher": good}), kind="classification").labels == ("glad", "gloomy")
    for labels in (["glad", "furious"], ["gla", "gloomy"], ["glad"], [], ["glad", "gloomy", "x" * 80], "glad"):
        lying = teacher_says(kind="classification", labels=labels)
        with pytest.raises(NotSettledError, match="labels"):
            parse(prompt, make_context(teachers={"teacher": lying}), kind="classification")


def test_invented_notes_are_left_out(make_context: MakeContext) -> None:
    prompt = "Detect the mood of the diary entry: glad means sunny days, the opposite word is gloomy."
    labels = [{"label": "glad", "note": "sunny days"}, {"label": "gloomy", "note": "rain and tears"}]
    teacher = teacher_says(kind="classification", labels=labels)
    task = parse(prompt, make_context(teachers={"teacher": teacher}), kind="classification")
    assert task.label_notes == {"glad": "sunny days"}


def test_teacher_settles_the_kind(make_context: MakeContext) -> None:
    assert parse(OPEN_KIND, make_context(teachers={"teacher": teacher_says(kind="generation")})).kind == "generation"
    multiple = teacher_says(kind="multiple_choice")
    assert parse(OPEN_KIND, make_context(teachers={"teacher": multiple})).kind == "multiple_choice"


@pytest.mark.parametrize(
    "reply",
    [
        "I would rather not.",
        '{"kind": "poem"}',
        "[1, 2]",
        '{"kind": "classification", "labels": [',
        "",
        ChatResponse("", failure="rate_limited"),
        ChatResponse("", failure="context_too_long"),
    ],
)
def test_useless_replies_settle_nothing(reply: str | ChatResponse, make_context: MakeContext) -> None:
    teacher = ScriptedClient(lambda request: reply, model="big")
    with pytest.raises(NotSettledError, match='kind = "classification"'):
        parse(OPEN_KIND, make_context(teachers={"teacher": teacher}))


def test_json_in_a_fence_with_talk_around_is_read(make_context: MakeContext) -> None:
    reply = 'Sure!\n```json\n{"kind": "generation", "labels": [], "demonstrations": [], "language": "en"}\n```\nBye.'
    teacher = ScriptedClient(lambda request: reply, model="big")
    assert parse(OPEN_KIND, make_context(teachers={"teacher": teacher})).kind == "generation"


def test_demonstrations_against_the_labels_are_refused(make_context: MakeContext) -> None:
    prompt = PROSE.replace("Guess where", "Classify as wet or dry where")
    teacher = teacher_says(demonstrations=[{"input": "camel", "output": "desert"}])
    task = parse(prompt, make_context(teachers={"teacher": teacher}))
    assert (task.labels, task.demonstrations) == (("wet", "dry"), ())


def test_embedded_model_is_asked_in_plain_forms_and_only_what_can_be_checked(make_context: MakeContext) -> None:
    def answer(request: ChatRequest) -> str:
        text = request.messages[0].content
        assert "JSON" not in text
        return "- glad\n- gloomy\n" if "Possible answers:" in text else ""

    teacher = ScriptedClient(answer, model="embedded:small")
    prompt = "Detect the mood of the diary entry; the reader knows glad and the reader knows gloomy."
    task = parse(prompt, make_context(teachers={"teacher": teacher}), kind="classification")
    assert task.labels == ("glad", "gloomy")
    teacher.requests.clear()
    with pytest.raises(NotSettledError, match="kind"):
        parse(OPEN_KIND, make_context(teachers={"teacher": teacher}))
    assert all("Possible answers:" in request.messages[0].content for request in teacher.requests)


def test_embedded_demonstrations_are_checked(make_context: MakeContext) -> None:
    reply = "Input: camel\nOutput: desert\n\nInput: shark\nOutput: ocean"
    teacher = ScriptedClient(lambda request: reply, model="embedded:small")
    task = parse(PROSE, make_context(teachers={"teacher": teacher}), kind="generation")
    assert task.demonstrations == (Demonstration("camel", "desert"),)


def test_estimate_counts_the_calls(make_context: MakeContext) -> None:
    parser = PromptParser()
    context = make_context(teachers={"teacher": teacher_says()})
    assert parser.estimate(ParserInputs("Translate the sentence into French."), context).calls == 0
    estimate = parser.estimate(ParserInputs(OPEN_KIND), context)
    assert estimate.calls == 1
    assert estimate.prompt_tokens > 0
    assert "kind" in estimate.assumptions[0]
    assert parser.estimate(ParserInputs(OPEN_KIND), make_context()).calls == 0


# Nobody there -------------------------------------------------------------------------------------------------------


def test_open_kind_names_the_config_line(make_context: MakeContext) -> None:
    with pytest.raises(NotSettledError) as caught:
        parse(OPEN_KIND, make_context())
    assert str(caught.value) == (
        "What kind of task is this? The prompt does not tell, and nobody is there to answer: "
        "add --set parse_prompt.kind=classification (or generation, multiple_choice) to the command, "
        'or kind = "classification" under [parse_prompt] to the file of --config'
    )
    assert "\n" not in str(caught.value)


def test_open_labels_name_the_config_line(make_context: MakeContext) -> None:
    with pytest.raises(NotSettledError) as caught:
        parse(OPEN_LABELS, make_context())
    assert 'labels = ["…", "…"] under [parse_prompt]' in str(caught.value)
    assert "\n" not in str(caught.value)


def test_strange_demonstration_output_is_refused_with_the_whole_line(make_context: MakeContext) -> None:
    prompt = """Classify the message as one of: praise, complaint, question.

Message: You are the best!
Label: praise

Message: My order is wrong.
Label: complaint

Message: I want to work for you.
Label: application"""
    with pytest.raises(NotSettledError) as caught:
        parse(prompt, make_context())
    assert "'application'" in str(caught.value)
    assert 'labels = ["praise", "complaint", "question", "application"] under [parse_prompt]' in str(caught.value)
    given = ("praise", "complaint", "question", "application")
    assert parse(prompt, make_context(), labels=given).labels == given


def test_open_language_names_the_config_line(make_context: MakeContext) -> None:
    with pytest.raises(NotSettledError, match=r'language = "en" under \[parse_prompt\]'):
        parse("xyzzy → plugh\nfoo → bar\nqux → quux", make_context())


def test_the_named_settings_do_as_they_are_pasted(make_context: MakeContext) -> None:
    prompt = """Classify the message as one of: can't pay, lost, fine.

Message: Where is it?
Label: can't pay

Message: You said "soon".
Label: so \\ so"""
    with pytest.raises(NotSettledError) as caught:
        parse(prompt, make_context())
    shown = str(caught.value)
    words = shlex.split(shown[shown.index("--set") :])
    changes: dict[str, Any] = {}
    assign(changes, words[1])
    given = changes["parse_prompt"]["labels"]
    assert given == ["can't pay", "lost", "fine", "so \\ so"]
    assert parse(prompt, make_context(), labels=given).labels == tuple(given)
    line = shown[shown.rindex("labels = ") : shown.rindex(" under [parse_prompt]")]
    assert tomllib.loads(f"[parse_prompt]\n{line}")["parse_prompt"]["labels"] == given


def test_the_named_lines_settle_it(make_context: MakeContext) -> None:
    assert parse(OPEN_KIND, make_context(), kind="generation").kind == "generation"
    task = parse(OPEN_LABELS, make_context(), labels=("yes", "no"))
    assert (task.kind, task.labels) == ("classification", ("yes", "no"))
    assert parse("xyzzy → plugh\nfoo → bar\nqux → quux", make_context(), language="EN").language == "en"


# Somebody there -----------------------------------------------------------------------------------------------------


def test_person_settles_kind_and_labels(make_context: MakeContext) -> None:
    person = Person(kind=["classification"], labels=["owl, gull , tern"])
    task = parse(OPEN_KIND, make_context(chooser=person))
    assert (task.kind, task.labels) == ("classification", ("owl", "gull", "tern"))
    assert [key for key, *_ in person.asked] == ["kind", "labels"]


def test_person_is_asked_again_until_the_labels_do(make_context: MakeContext) -> None:
    person = Person(labels=["hate", '["hate", "no hate"]'])
    assert parse(OPEN_LABELS, make_context(chooser=person)).labels == ("hate", "no hate")
    with pytest.raises(NotSettledError, match="two are needed"):
        parse(OPEN_LABELS, make_context(chooser=Person(labels=["a", "b", "c"])))


def test_person_sees_the_labels_found_so_far(make_context: MakeContext) -> None:
    prompt = "Classify as praise or complaint.\n\nMessage: Hi\nLabel: greeting\n\nMessage: Great shop\nLabel: praise"
    person = Person(labels=[""])
    task = parse(prompt, make_context(chooser=person))
    assert task.labels == ("praise", "complaint", "greeting")
    assert "'greeting'" in person.asked[0][1]


def test_person_gives_language_and_instruction(make_context: MakeContext) -> None:
    person = Person(language=["klingon", "eo"], instruction=["Turn the word into another."])
    task = parse("xyzzy → plugh\nfoo → bar\nqux → quux", make_context(chooser=person))
    assert (task.language, task.instruction) == ("eo", "Turn the word into another.")


# Settings and bad input ---------------------------------------------------------------------------------------------


def test_every_setting_overrides_what_was_read(make_context: MakeContext) -> None:
    task = parse(
        "Translate the sentence.\n\nInput: Guten Tag\nOutput: Good day",
        make_context(),
        kind="classification",
        labels=("greeting", "question"),
        language="de",
        instruction="Sort the sentence.",
        demonstrations=(GivenDemonstration(input="Wie geht es dir?", output="question"),),
    )
    assert task == TaskSpec(
        instruction="Sort the sentence.",
        demonstrations=(Demonstration("Wie geht es dir?", "question"),),
        kind="classification",
        labels=("greeting", "question"),
        language="de",
        original_prompt="Translate the sentence.\n\nInput: Guten Tag\nOutput: Good day",
    )


def test_kind_setting_wins_over_the_prompt(make_context: MakeContext) -> None:
    prompt = "Classify the film review as positive or negative."
    task = parse(prompt, make_context(), kind="generation")
    assert (task.kind, task.labels) == ("generation", ())


def test_label_setting_against_a_demonstration_is_refused(make_context: MakeContext) -> None:
    with pytest.raises(ConfigError, match=r"'maybe' is none of the labels yes, no"):
        parse("Is it true?\n\nQ: Is grass red?\nA: maybe", make_context(), labels=("yes", "no"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": ["spam"]}, "at least two labels"),
        ({"labels": ["spam", "spam"]}, "stands twice"),
        ({"labels": ["spam", " "]}, "empty"),
        ({"labels": ["a", "b"], "kind": "generation"}, "labels are for a classification"),
        ({"language": "english"}, "ISO 639-1"),
        ({"kind": "poetry"}, "generation"),
        ({"instruction": "  "}, "instruction is empty"),
        ({"label": ["a", "b"]}, "label"),
        ({"demonstrations": [{"input": "a"}]}, "output"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    from prompt2model.config import validate

    with pytest.raises(ConfigError, match=message) as caught:
        validate(PromptParserConfig, settings, "[parse_prompt]")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("prompt", ["", "   \n\t\r\n ", "\ufeff", "\u3000\u200b"])
def test_empty_prompts_are_refused(prompt: str, make_context: MakeContext) -> None:
    with pytest.raises(PromptError, match="empty"):
        parse(prompt, make_context())


def test_text_that_is_none_is_refused(make_context: MakeContext) -> None:
    with pytest.raises(PromptError, match="NUL byte at character 5"):
        parse("Trans\x00late", make_context())
    with pytest.raises(PromptError, match="damaged at character 2"):
        parse("ab\ud800", make_context())


def test_byte_order_mark_is_dropped(make_context: MakeContext) -> None:
    assert parse("\ufeffTranslate the word into French.", make_context()).instruction.startswith("Translate")
