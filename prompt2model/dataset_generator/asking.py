"""The requests that make a teacher write new inputs."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

from prompt2model.dataset_generator.config import DatasetGeneratorConfig
from prompt2model.dataset_generator.reading import (
    Candidate,
    read_continuation,
    read_inputs,
    read_pairs,
    read_plain_pair,
    read_questions,
)
from prompt2model.dataset_generator.reply_forms import INPUTS, PAIRS, QUESTIONS, ReplyForm
from prompt2model.dataset_generator.written_pairs import plain_pair, with_labels
from prompt2model.labelling.prompts import brief, readable, speaks_plain
from prompt2model.prompt_program import guarded
from prompt2model.prompts import render
from prompt2model.records import DataRequest, Demonstration, Example, TaskSpec
from prompt2model.teacher.asking_again import PROMPTS as ASKING_AGAIN_PROMPTS
from prompt2model.teacher.client import ChatClient, ChatRequest, Message
from prompt2model.teacher.tokens import likely_tokens

PROMPTS = (
    "generate_inputs", "generate_questions", "generate_plain", "generate_pairs", "generate_pairs_plain",
    "generate_topics", *ASKING_AGAIN_PROMPTS,
)  # fmt: skip

_MAX_DEMONSTRATIONS = 24
_SHOWN_CHARACTERS = 6000
"""Most characters of demonstrations, and of earlier generations, in one prompt; of longer lists the end is left out."""
_PLAIN_TOKENS = 128
"""Longest reply of the embedded model; where the demonstrations are short, a reply much longer has lost its way."""
SAME_LIST = 8
"""Requests for a label in a row that show the embedded model the same list: it is read once for all of them."""
_OPENING_SHARE = 0.5
"""Share of the embedded model's requests that give the first words (measured: .79 of such inputs fit, else .49)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, the label it asks for (None without closed labels) and how many examples it asks for.

    `opening` are first words that the request gives and the reply does not repeat.
    """

    request: ChatRequest
    label: str | None
    count: int
    opening: str = ""


class Writer:
    """Builds the requests of one run and reads their replies.

    `form` is the JSON that is asked for; None for the embedded model, whose reply is one input and nothing else.
    """

    def __init__(self, client: ChatClient, task: TaskSpec, wishes: DataRequest, config: DatasetGeneratorConfig) -> None:
        self.plain = speaks_plain(client)
        self.per_request = 1 if self.plain else config.per_request
        self.pairs = config.writes == "pairs" and task.kind != "multiple_choice"
        # The reference shows every request a list of its own.
        self.shares_lists = self.plain and not self.pairs
        self.template = "generate_pairs" if self.pairs else "generate_inputs"
        self.form: ReplyForm | None = PAIRS if self.pairs else INPUTS
        if self.plain:
            self.template, self.form = "generate_pairs_plain" if self.pairs else "generate_plain", None
        elif task.kind == "multiple_choice":
            self.template, self.form = "generate_questions", QUESTIONS
        self._longest_reply = config.max_tokens
        if self.plain:
            written = [
                plain_pair(shown.input, shown.output) if self.pairs else shown.input for shown in task.demonstrations
            ]
            self._longest_reply = min(config.max_tokens, _plain_tokens(written))
        self._task = task
        self._wishes = wishes
        self._config = config

    def ask(
        self,
        label: str | None,
        count: int,
        temperature: float,
        draw: int,
        earlier: Sequence[Example],
        rng: random.Random,
        list_rng: random.Random,
        attributes: Sequence[str] = (),
        overused: Sequence[str] = (),
    ) -> Asked:
        """A request for `count` inputs: the user's demonstrations, 1 to 10 random earlier generations, the wish.

        `list_rng` draws what is shown, `rng` the rest: plain requests with equal lists begin alike. `attributes` say
        what the inputs shall be like, `overused` which outputs they shall not have.
        """
        shown = list(self._task.demonstrations)
        list_rng.shuffle(shown)
        if self.plain and label is not None:
            earlier = [row for row in earlier if row.target == label]
        limit = min(self._config.max_earlier, len(earlier))
        before = list_rng.sample(list(earlier), list_rng.randint(1, limit)) if limit else []
        opening = ""
        if self.plain and self.pairs:
            messages = self._plain_pair_messages(shown, before, rng)
        elif self.plain:
            messages, opening = self._plain_messages(label, shown, before, list_rng, rng)
        else:
            messages = self._chat_messages(label, count, shown, before, rng, attributes, overused)
        request = ChatRequest(
            messages,
            temperature=temperature,
            max_tokens=self._longest_reply,
            stop=self._stop(),
            draw=draw,
            purpose="generate",
            schema=self.form.schema if self.form is not None else "",
        )
        return Asked(request, label, count, opening)

    def fault(self, reply: str) -> str:
        """What is wrong with the form of a reply; "" where anything can be read."""
        return self.form.fault(reply) if self.form is not None else ""

    def read(self, asked: Asked, reply: str) -> list[Candidate]:
        """The candidates in a reply, at most as many as were asked for."""
        if self.pairs:
            found = read_plain_pair(reply) if self.plain else read_pairs(reply)[: asked.count]
            return with_labels(found, self._task.labels)
        if self.plain:
            return read_continuation(f"{asked.opening} {reply.strip()}" if asked.opening else reply)
        read = read_questions if self._task.kind == "multiple_choice" else read_inputs
        return read(reply)[: asked.count]

    def _stop(self) -> tuple[str, ...]:
        if not self.plain:
            return ()
        return ("\n\n",) if self.pairs else ("\n",)

    def _chat_messages(
        self,
        label: str | None,
        count: int,
        shown: Sequence[Demonstration],
        earlier: Sequence[Example],
        rng: random.Random,
        attributes: Sequence[str],
        overused: Sequence[str],
    ) -> tuple[Message, ...]:
        task = self._task
        common: dict[str, object] = {
            "instruction": task.instruction,
            "attributes": attributes,
            "demonstrations": demonstration_lines(shown),
            "earlier": _fitting([_line(row.input, row.target, row.choices) for row in earlier]),
            "notes": self._wishes.notes,
            "count": count,
            # Three lengths of the same prompt, so that not all requests read alike.
            "detail": rng.randrange(3),
        }
        if task.kind == "multiple_choice":
            choices = max((len(row.choices) for row in earlier), default=4)
            return (Message("user", render(self.template, choices=choices, **common)),)
        common |= {"labels": task.labels, "label_notes": dict(task.label_notes)}
        if self.pairs:
            del common["attributes"]
        else:
            common |= {"label": label or "", "overused": overused}
        return (Message("user", render(self.template, **common)),)

    def _plain_messages(
        self,
        label: str | None,
        shown: Sequence[Demonstration],
        earlier: Sequence[Example],
        list_rng: random.Random,
        rng: random.Random,
    ) -> tuple[tuple[Message, ...], str]:
        """A list of inputs of the one label, to be continued: a small model keeps to what stands right before.

        `SAME_LIST` requests share a list: measured with 20,000 tokens a task, 1.3 to 1.7 times as many examples.
        Half of the requests give the first words too, taken from a listed input: so small a model strays from the
        label less when it is led in. Returns the messages and these words.
        """
        own = [item.input for item in shown if label is None or item.output == label][:_MAX_DEMONSTRATIONS]
        listed = [*own, *(row.input for row in earlier)]
        lines = _fitting([guarded(" ".join(text.split())) for text in listed])
        list_rng.shuffle(lines)
        opening = _opening(rng.choice(lines), rng) if lines and rng.random() < _OPENING_SHARE else ""
        task = self._task
        what = task.label_notes.get(label, readable(label, task.labels)) if label is not None else ""
        ask = render(self.template, instruction=brief(task.instruction), what=what, notes=self._wishes.notes)
        continued = "".join(f"- {line}\n" for line in lines) + f"- {opening}".rstrip()
        return (Message("user", guarded(ask)), Message("assistant", continued)), opening

    def _plain_pair_messages(
        self, shown: Sequence[Demonstration], earlier: Sequence[Example], rng: random.Random
    ) -> tuple[Message, ...]:
        """A list of inputs with their outputs, to be continued: the demonstrations and earlier pairs in any order."""
        labels = self._task.labels
        given = [(item.input, item.output) for item in shown[:_MAX_DEMONSTRATIONS]]
        listed = _fitting(
            [plain_pair(*pair, labels) for pair in [*given, *((row.input, row.target) for row in earlier)]]
        )
        rng.shuffle(listed)
        ask = render(self.template, instruction=brief(self._task.instruction), notes=self._wishes.notes)
        return (
            Message("user", guarded(ask)),
            Message("assistant", "".join(f"{pair}\n\n" for pair in listed) + "Input:"),
        )


def demonstration_lines(shown: Sequence[Demonstration]) -> list[str]:
    """The demonstrations as lines of JSON, as many as fit into a prompt."""
    return _fitting([_line(item.input, item.output) for item in shown[:_MAX_DEMONSTRATIONS]])


def _plain_tokens(written: Sequence[str]) -> int:
    """Twice the longest of what the demonstrations show, with room for a rambling one; the most where none is shown."""
    longest = max(map(likely_tokens, written), default=_PLAIN_TOKENS)
    return min(_PLAIN_TOKENS, 2 * longest + 16)


def _opening(text: str, rng: random.Random) -> str:
    """The first one or two words of a text that has more."""
    words = text.split()
    return " ".join(words[: rng.randint(1, 2)]) if len(words) > 3 else ""


def _line(text: str, output: str, choices: Sequence[str] = ()) -> str:
    """An example as one line of JSON: nothing in it can end the line or the list."""
    content: dict[str, object] = {"input": text}
    if choices:
        content["choices"] = list(choices)
    return json.dumps({**content, "output": output}, ensure_ascii=False)


def _fitting(lines: Sequence[str]) -> list[str]:
    """The first lines that fit together; always one."""
    kept, room = list(lines[:1]), _SHOWN_CHARACTERS - sum(map(len, lines[:1]))
    for line in lines[1:]:
        room -= len(line)
        if room < 0:
            break
        kept.append(line)
    return kept
