"""The prompt parser: prompt text → TaskSpec (Prompt2Model, arXiv 2308.12261, section 3.1).

Rules read the usual layouts without any call; the teacher is asked only for what they cannot settle, and its answer
is checked against the prompt; what is open after that is asked of the person.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from prompt2model.component import Component, Estimate, Option, RunContext, TeacherUse
from prompt2model.errors import ConfigError, NotSettledError, PromptError
from prompt2model.languages.words import ISO_639_1
from prompt2model.prompt_parser.demonstrations import find_demonstrations, instruction_without, locate
from prompt2model.prompt_parser.label_list import clean_label
from prompt2model.prompt_parser.language import detect_inputs_language
from prompt2model.prompt_parser.settings import PromptParserConfig
from prompt2model.prompt_parser.task_kind import KindReading, match_label, read_kind
from prompt2model.prompt_parser.teacher_reading import TeacherReading, ask_teacher, askable, follows_json
from prompt2model.records import Demonstration, Kind, TaskSpec
from prompt2model.teacher.asking_again import PROMPTS as ASKING_AGAIN_PROMPTS

_SECTION = "under [parse_prompt]"
_MOST_ATTEMPTS = 3
_LONGEST_BLANK = 120
_LONG_BLANK = re.compile(rf"[ \t]{{{_LONGEST_BLANK},}}")


@dataclass(frozen=True, slots=True)
class ParserInputs:
    """The prompt as the user wrote it."""

    prompt: str


@dataclass(frozen=True, slots=True)
class _Draft:
    """The task as far as it is known."""

    text: str
    instruction: str
    demonstrations: tuple[Demonstration, ...]
    reading: KindReading
    language: str | None
    names: tuple[str, str]
    unread: bool

    def questions(self) -> tuple[str, ...]:
        """What is still open."""
        kind_open = self.reading.kind is None
        labels_open = not self.reading.settled and self.reading.kind in (None, "classification")
        opened = {
            "demonstrations": self.unread,
            "kind": kind_open,
            "labels": labels_open,
            "language": self.language is None,
        }
        return tuple(name for name, is_open in opened.items() if is_open)


class PromptParser(Component[ParserInputs, TaskSpec]):
    """Reads instruction, demonstrations, kind, labels and language out of a prompt."""

    name = "prompt_parser"
    produces = "task"
    Config = PromptParserConfig
    Inputs = ParserInputs
    Output = TaskSpec
    prompts = ("parse_task", "parse_labels", "parse_demonstrations", *ASKING_AGAIN_PROMPTS)

    config: PromptParserConfig

    def run(self, inputs: ParserInputs, context: RunContext) -> TaskSpec:
        """The task that the prompt describes.

        Raises PromptError for a prompt that is empty or no text, ConfigError when a setting contradicts the prompt,
        NotSettledError when a question is open and nobody is there to answer.
        """
        draft = self._read(clean_text(inputs.prompt))
        if draft.questions():
            draft = self._with_teacher(draft, context)
        if draft.unread:
            context.progress.say(
                "The prompt speaks of examples, but none could be read as input and output; they stay part of the "
                f"instruction. Give them as demonstrations {_SECTION}, or as lines Input: … and Output: …"
            )
        draft = _with_person(draft, context)
        labels = draft.reading.labels if draft.reading.kind == "classification" else ()
        demonstrations = _spelled(draft.demonstrations, labels) if labels else draft.demonstrations
        instruction = draft.instruction or _ask_instruction(draft, labels, context)
        return TaskSpec(
            instruction=instruction,
            demonstrations=demonstrations,
            kind=cast(Kind, draft.reading.kind),
            labels=labels,
            language=cast(str, draft.language),
            original_prompt=inputs.prompt,
            label_notes={label: draft.reading.notes[label] for label in labels if label in draft.reading.notes},
        )

    def estimate(self, inputs: ParserInputs, context: RunContext) -> Estimate:
        """No call when the rules settle everything, else one (two short ones at most for the embedded model)."""
        draft = self._read(clean_text(inputs.prompt))
        client = context.teachers.get("parser") or context.teachers.get("teacher")
        questions = askable(client, draft.questions()) if client is not None else ()
        if not questions or client is None:
            return Estimate(seconds=0.1, assumptions=("the rules read the prompt without a call",))
        assumptions = (f"the rules leave open: {', '.join(questions)}",)
        tokens = len(draft.text) // 3 + 300
        if follows_json(client):
            use = TeacherUse("parser", 1, tokens, 300 + len(draft.text) // 6)
        else:
            use = TeacherUse("parser", len(questions), len(questions) * min(tokens, 1500), 200 * len(questions))
        return Estimate((use,), assumptions=assumptions)

    def _read(self, text: str) -> _Draft:
        """The draft by rules and settings alone."""
        config = self.config
        found = find_demonstrations(text)
        if config.demonstrations is not None:
            given = tuple(Demonstration(pair.input, pair.output) for pair in config.demonstrations)
            found = replace(found, demonstrations=given, unread=False)
        instruction = config.instruction or found.instruction
        reading = self._read_kind(text, instruction, found.demonstrations)
        language = config.language or detect_inputs_language([pair.input for pair in found.demonstrations], instruction)
        return _Draft(text, instruction, found.demonstrations, reading, language, found.names, found.unread)

    def _read_kind(self, text: str, instruction: str, demonstrations: tuple[Demonstration, ...]) -> KindReading:
        config = self.config
        if config.labels is None:
            return read_kind(text, instruction, demonstrations, config.kind)
        for pair in demonstrations:
            if match_label(pair.output, config.labels) is None:
                raise ConfigError(
                    f"parse_prompt: the demonstration output {_short(pair.output)} is none of the labels "
                    f"{', '.join(config.labels)}; add it to labels or set demonstrations"
                )
        read = read_kind(text, instruction, demonstrations, "classification")
        notes = {label: read.notes[head] for head in read.notes if (label := match_label(head, config.labels))}
        return KindReading("classification", config.labels, notes)

    def _with_teacher(self, draft: _Draft, context: RunContext) -> _Draft:
        client = context.teachers.get("parser") or context.teachers.get("teacher")
        questions = askable(client, draft.questions()) if client is not None else ()
        if client is None or not questions:
            return draft
        answer = ask_teacher(client, draft.text, draft.instruction, questions)
        for reason in answer.refused:
            context.progress.say(f"Refused from the teacher's reading of the prompt: {reason}.")
        if draft.unread and answer.demonstrations:
            draft = self._with_demonstrations(draft, answer.demonstrations, context)
        reading = _settled_by(answer, draft)
        language = draft.language or answer.language
        return replace(draft, reading=reading, language=language)

    def _with_demonstrations(
        self, draft: _Draft, demonstrations: tuple[Demonstration, ...], context: RunContext
    ) -> _Draft:
        """The draft with the demonstrations that the teacher found, unless they contradict a settled label set."""
        reading = draft.reading
        if reading.settled and reading.kind == "classification":
            strange = [pair.output for pair in demonstrations if match_label(pair.output, reading.labels) is None]
            if strange:
                context.progress.say(
                    f"Refused from the teacher's reading of the prompt: the output {_short(strange[0])} is no label."
                )
                return draft
        instruction = self.config.instruction or instruction_without(draft.text, locate(draft.text, demonstrations))
        reading = self._read_kind(draft.text, instruction, demonstrations)
        language = self.config.language or detect_inputs_language([pair.input for pair in demonstrations], instruction)
        return replace(
            draft,
            demonstrations=demonstrations,
            instruction=instruction,
            reading=reading,
            language=language,
            unread=False,
        )


def clean_text(prompt: str) -> str:
    """The prompt with line ends as \\n and no endless runs of blanks. Raises PromptError for what is no text."""
    if not prompt.strip("\ufeff \t\r\n\f\v\u00a0\u200b\u3000"):
        raise PromptError("the prompt is empty; describe the task in words, best with one or two examples")
    if (place := prompt.find("\x00")) >= 0:
        raise PromptError(f"the prompt has a NUL byte at character {place}: it is no plain text; save it as UTF-8")
    try:
        prompt.encode("utf-8")
    except UnicodeEncodeError as error:
        raise PromptError(f"the prompt is damaged at character {error.start}; save it as UTF-8 text") from error
    text = prompt.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    return _LONG_BLANK.sub(lambda run: run[0][:_LONGEST_BLANK], text)


def _settled_by(answer: TeacherReading, draft: _Draft) -> KindReading:
    """The kind and labels with the teacher's answer, as far as it fits the demonstrations."""
    reading = draft.reading
    kind = reading.kind or answer.kind
    if reading.settled or kind is None:
        return reading
    if kind != "classification":
        return KindReading(kind)
    outputs = [pair.output for pair in draft.demonstrations]
    labels = answer.labels
    if len(labels) >= 2 and all(match_label(output, labels) for output in outputs):
        return KindReading("classification", labels, {**dict(answer.notes), **reading.notes})
    if reading.kind is None and any(len(output.split()) > 8 for output in outputs):
        return reading
    return replace(reading, kind="classification", settled=False)


# Questions to the person --------------------------------------------------------------------------------------------


def _with_person(draft: _Draft, context: RunContext) -> _Draft:
    reading = draft.reading
    if reading.kind is None:
        reading = KindReading(_ask_kind(context), reading.labels, reading.notes, settled=False)
    if reading.kind == "classification" and not reading.settled:
        reading = replace(reading, labels=_ask_labels(reading, draft.demonstrations, context), settled=True)
    language = draft.language or _ask_language(context)
    return replace(draft, reading=reading, language=language)


def _line(key: str, value: str | Sequence[str], *others: str) -> str:
    """What to add, and where: a setting on the command line, or a line of the config file."""
    toml = json.dumps(value, ensure_ascii=False)
    assignment = shlex.quote(f"parse_prompt.{key}={value if isinstance(value, str) else toml}")
    instead = f" (or {', '.join(others)})" if others else ""
    return f"add --set {assignment}{instead} to the command, or {key} = {toml} {_SECTION} to the file of --config"


def _ask_kind(context: RunContext) -> Kind:
    question = "What kind of task is this?"
    if context.chooser.interactive:
        options = [
            Option("classification", "classification: the answer is one of a fixed set of labels"),
            Option("multiple_choice", "multiple choice: every input brings its own options"),
            Option("generation", "generation: the answer is text"),
        ]
        return cast(Kind, context.chooser.choose_one("kind", question, options, "generation"))
    answer = context.chooser.ask(
        "kind", question, None, _line("kind", "classification", "generation", "multiple_choice")
    )
    if answer not in ("classification", "multiple_choice", "generation"):
        raise NotSettledError(
            f"{answer!r} is no kind of task; {_line('kind', 'classification', 'generation', 'multiple_choice')}"
        )
    return cast(Kind, answer)


def _ask_labels(reading: KindReading, demonstrations: Sequence[Demonstration], context: RunContext) -> tuple[str, ...]:
    known = tuple(dict.fromkeys((*reading.labels, *reading.refused)))
    question = "Which labels may the answers have (divided by commas)?"
    if reading.refused:
        question = (
            f"The demonstrations answer {_short(reading.refused[0])}, which is none of the labels that the prompt "
            "lists. Which labels may the answers have (divided by commas)?"
        )
    line = _line("labels", known if len(known) >= 2 else ("…", "…"))
    default = ", ".join(known) if context.chooser.interactive and len(known) >= 2 else None
    fault = ""
    for _ in range(_MOST_ATTEMPTS):
        labels = _split_labels(context.chooser.ask("labels", question, default, line))
        missing = [pair.output for pair in demonstrations if match_label(pair.output, labels) is None]
        if len(labels) >= 2 and not missing:
            return labels
        fault = f"{_short(missing[0])}, a demonstration's output, is not among them" if missing else "two are needed"
        context.progress.say(f"These labels do not do: {fault}.")
    raise NotSettledError(f"the labels are not settled: {fault}; {line}")


def _split_labels(answer: str) -> tuple[str, ...]:
    try:
        value = json.loads(answer)
    except ValueError:
        value = None
    parts = value if isinstance(value, list) else answer.replace("\n", ",").split(",")
    return tuple(dict.fromkeys(label for part in parts if (label := clean_label(str(part)))))


def _ask_language(context: RunContext) -> str:
    line = _line("language", "en")
    for _ in range(_MOST_ATTEMPTS):
        default = "en" if context.chooser.interactive else None
        code = context.chooser.ask("language", "In which language are the inputs (ISO 639-1 code)?", default, line)
        if code.strip().casefold() in ISO_639_1:
            return code.strip().casefold()
        context.progress.say(f"{code!r} is no ISO 639-1 code; use two letters such as en, de or ja.")
    raise NotSettledError(f"the language of the inputs is not settled; {line}")


def _ask_instruction(draft: _Draft, labels: tuple[str, ...], context: RunContext) -> str:
    """A prompt of demonstrations alone: the person words the instruction, or takes the plain one."""
    first, second = (name.strip() or other for name, other in zip(draft.names, ("input", "output"), strict=True))
    default = f"Read the {first.casefold()} and answer with the {second.casefold()}."
    if labels:
        default = f"Read the {first.casefold()} and answer with one of: {', '.join(labels)}."
    line = _line("instruction", "…")
    return context.chooser.ask("instruction", "What is to be done with an input?", default, line).strip() or default


def _spelled(demonstrations: tuple[Demonstration, ...], labels: tuple[str, ...]) -> tuple[Demonstration, ...]:
    """The demonstrations with each output spelled as its label."""
    return tuple(Demonstration(pair.input, cast(str, match_label(pair.output, labels))) for pair in demonstrations)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 60 else line[:57] + "…")
