"""The dataset generator: the teacher writes new inputs, answers them several times, and what agrees is kept.

Prompt2Model, arXiv 2308.12261: temperature rising with progress, few-shot prompts of the user's demonstrations and of
earlier generations, self-consistency. What differs stands in PAPERS.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prompt2model.component import Component, Estimate, RunContext
from prompt2model.dataset_generator.asking import PROMPTS as ASKING_PROMPTS
from prompt2model.dataset_generator.asking import SAME_LIST, Asked, Writer, demonstration_lines
from prompt2model.dataset_generator.balance import ANY, quotas
from prompt2model.dataset_generator.calibrating import kept_calibration
from prompt2model.dataset_generator.config import DatasetGeneratorConfig
from prompt2model.dataset_generator.consistency import RELABELLED, Electorate, Verdict, judge
from prompt2model.dataset_generator.cost import as_if_labelled, generation_cost, transforming_cost
from prompt2model.dataset_generator.given_inputs import label_given, to_rewrite
from prompt2model.dataset_generator.growing import GrowingSet
from prompt2model.dataset_generator.reading import Candidate
from prompt2model.dataset_generator.steering import ask_topics, draw_attributes, keep_topics, kept_topics
from prompt2model.dataset_generator.sums import spoken_counts, together
from prompt2model.dataset_generator.transforming import PROMPTS as TRANSFORM_PROMPTS
from prompt2model.dataset_generator.transforming import rewriter_of
from prompt2model.dataset_generator.wave_tally import WaveTally
from prompt2model.dataset_generator.waves import Wave, read_waves, write_wave
from prompt2model.errors import BudgetExceededError, TeacherError
from prompt2model.labelling import PROMPTS as LABELLING_PROMPTS
from prompt2model.labelling.prompts import speaks_plain
from prompt2model.prompts import prompt_hash
from prompt2model.records import (
    DataRequest,
    Demonstration,
    Example,
    GeneratedData,
    Rows,
    Source,
    TaskSpec,
    make_example,
)
from prompt2model.teacher.asking_again import Reply, complete_readable
from prompt2model.teacher.budget import about_dollars
from prompt2model.teacher.client import ChatClient, ChatRequest, is_scorer

_DRAWS_PER_WAVE = 10_000
_ENOUGH_WITHOUT_TEACHER = 8


@dataclass(frozen=True)
class GeneratorInputs:
    """What the generator works on: the task, the rows at hand, what a parent run asks for, inputs without answers."""

    task: TaskSpec
    available: Rows
    request: DataRequest
    unlabelled: Rows = ()


class DatasetGenerator(Component[GeneratorInputs, GeneratedData]):
    """Writes new examples in numbered waves; a request depends only on finished waves and the seed."""

    name = "generate_data"
    produces = "generated"
    Config = DatasetGeneratorConfig
    Inputs = GeneratorInputs
    Output = GeneratedData
    version = 3
    prompts = (*ASKING_PROMPTS, *LABELLING_PROMPTS, *TRANSFORM_PROMPTS)

    def input_files(self) -> Sequence[Path]:
        """The corpus of evidence, where there is one."""
        return () if self.config.evidence is None else (self.config.evidence,)

    def run(self, inputs: GeneratorInputs, context: RunContext) -> GeneratedData:
        """Raises TeacherError when examples are needed and nobody can write them, or inputs labelled and nobody can."""
        labelled = label_given(inputs.unlabelled, inputs.task, self.config, context)
        if labelled is None:
            return self._write(inputs, context)
        inputs = replace(inputs, available=(*inputs.available, *labelled.rows))
        return together(labelled, self._write(inputs, context))

    def _write(self, inputs: GeneratorInputs, context: RunContext) -> GeneratedData:
        """New examples, as many as are still wanted."""
        wanted = self._wanted(inputs, inputs.available)
        total = sum(wanted.values())
        if not total:
            context.progress.say(f"  {len(inputs.available)} rows at hand; nothing is generated")
            return GeneratedData((), {}, 0, {}, 0, 0)
        lack = self._lack_of_teacher(inputs.task, context)
        if lack:
            return self._without_teacher(inputs, total, lack, context)
        session = _Session(inputs, wanted, self.config, context)
        rows = list(context.progress.track(session.grow(), "writing examples", total=total))
        return session.result(session.consistent(rows))

    def estimate(self, inputs: GeneratorInputs, context: RunContext) -> Estimate:
        """Calls and tokens if about two thirds of what is written are kept."""
        rewriting = Estimate()
        if to_rewrite(inputs.unlabelled) and {"teacher", "generator"} & context.teachers.keys():
            rewriting = transforming_cost(inputs.unlabelled, inputs.task, rewriter_of(context))
        given = as_if_labelled(inputs.unlabelled, inputs.task)
        wanted = self._wanted(inputs, (*inputs.available, *given))
        if self._lack_of_teacher(inputs.task, context):
            wanted = {}
        rest = generation_cost(inputs.task, wanted, given, self.config, context)
        uses, assumptions = (*rewriting.teacher, *rest.teacher), (*rewriting.assumptions, *rest.assumptions)
        return replace(rest, teacher=uses, assumptions=assumptions)

    def _wanted(self, inputs: GeneratorInputs, available: Rows) -> dict[str, int]:
        """Examples wanted of each label; in one sum where no label is wished for."""
        wanted = quotas(inputs.task, available, inputs.request, self.config)
        return wanted if self.config.writes == "inputs" else {ANY: sum(wanted.values())}

    @staticmethod
    def _lack_of_teacher(task: TaskSpec, context: RunContext) -> str:
        """Why nobody can write examples; empty when somebody can."""
        if not ({"teacher", "generator"} & context.teachers.keys()):
            return "the run has no teacher"
        if task.kind == "multiple_choice" and speaks_plain(context.teacher("generator")):
            return "the embedded teacher cannot write multiple-choice questions"
        return ""

    def _without_teacher(self, inputs: GeneratorInputs, total: int, lack: str, context: RunContext) -> GeneratedData:
        """With `auto`, rows that can be trained on are enough to go on; else somebody has to write."""
        rows = len(inputs.available)
        present = {row.target for row in inputs.available}
        several = not inputs.task.labels or len(present) > 1
        if self.config.examples == "auto" and not several and rows > 1:
            raise TeacherError(
                f"all {rows} rows to learn from have one label ({present.pop()}) and {lack}: give rows of the other "
                "labels with --data, or name a teacher who can write them with --teacher, such as openai:NAME"
            )
        if self.config.examples != "auto" or rows < _ENOUGH_WITHOUT_TEACHER or not several:
            raise TeacherError(
                f"{total} examples have to be written and {lack}: give more rows with --data, "
                "or name another teacher with --teacher, such as openai:NAME"
            )
        note = f"{total} more examples would help, but {lack}; the run goes on with the {rows} rows at hand"
        context.progress.say(f"  {note}")
        return GeneratedData((), {}, 0, {}, 0, 0, (note,))


class _Session:
    """One run of the generator."""

    def __init__(
        self, inputs: GeneratorInputs, wanted: Mapping[str, int], config: DatasetGeneratorConfig, context: RunContext
    ) -> None:
        self._task = inputs.task
        self._config = config
        self._context = context
        self._client: ChatClient = context.teacher("generator")
        self._writer = Writer(self._client, inputs.task, inputs.request, config)
        self._available = inputs.available
        self._electorate: Electorate | None = None
        self._grown = GrowingSet(inputs.task, wanted, config)
        self._prompt_hash = prompt_hash(self._writer.template)

    def grow(self) -> Iterator[Example]:
        """All rows, wave by wave: first the finished waves that a killed run left, then new ones."""
        for wave in read_waves(self._context.folder):
            self._grown.add(wave, from_disk=True)
            yield from wave.rows
        while labels := self._grown.next_labels():
            try:
                wave = self._make_wave(self._grown.waves + 1, labels)
            except BudgetExceededError as error:
                raise BudgetExceededError(f"{error}; {self._rest(error)}", error.tokens, error.money) from None
            write_wave(self._context.folder, wave)
            self._grown.add(wave, from_disk=False)
            yield from wave.rows

    def consistent(self, rows: Sequence[Example]) -> list[Example]:
        """Pairs with the output that most writings of their input gave; other rows as they are."""
        return self._grown.written.settle(rows) if self._writer.pairs else list(rows)

    def result(self, rows: Sequence[Example]) -> GeneratedData:
        """What came of it, with what a person should know."""
        grown, say = self._grown, self._context.progress.say
        notes = tuple(self._notes())
        again = f"; {grown.asked_again} of these asked for again" if grown.asked_again else ""
        failed = f": {spoken_counts(grown.failed)}{again}" if grown.failed else ""
        say(
            f"  {len(rows)} examples from {grown.requests} requests; {grown.dropped.total()} dropped, "
            f"{grown.failed.total()} failed{failed}"
        )
        for note in notes:
            say(f"  {note}")
        return GeneratedData(
            tuple(rows),
            dict(sorted(grown.dropped.items())),
            grown.requests,
            dict(sorted(grown.failed.items())),
            grown.prompt_tokens,
            grown.completion_tokens,
            notes,
        )

    def _rest(self, error: BudgetExceededError) -> str:
        """What is made, and what the examples that are missing would cost at the rate so far."""
        grown = self._grown
        made, missing = len(grown.rows), sum(max(0, grown.missing(label)) for label in grown.wanted)
        if not made:
            return f"none of {grown.total:,} examples is finished yet"
        tokens = (grown.prompt_tokens + grown.completion_tokens) / made * missing
        amount = f"{tokens:,.0f} tokens"
        if error.money is not None and error.tokens:
            amount = about_dollars(error.money / error.tokens * tokens)
        return f"{made:,} of {grown.total:,} examples are made, and about {amount} more would buy the other {missing:,}"

    def _notes(self) -> Iterator[str]:
        grown = self._grown
        if grown.relabelled:
            yield f"{grown.relabelled} examples carry another label than the one they were asked for"
        lacking = {label: grown.missing(label) for label in grown.wanted if grown.missing(label) > 0}
        if not lacking:
            return
        why = "as many were asked for as `attempts` allows" if grown.out_of_attempts else "nothing new came any more"
        short = ", ".join(f"{label} ({lack} missing)" for label, lack in lacking.items())
        yield f"{len(grown.rows)} of {grown.total} examples: {why}" + (f"; {short}" if self._task.labels else "")

    def _make_wave(self, number: int, labels: Sequence[str]) -> Wave:
        tally = WaveTally()
        asked = self._requests(number, labels, tally)
        replies = complete_readable(self._client, [one.request for one in asked], self._writer.fault)
        candidates = self._new_candidates(asked, replies, tally)
        rows: list[Example] = []
        rejected: list[str] = []
        for (candidate, origin), verdict in zip(candidates, self._verdicts(candidates, tally), strict=True):
            row = self._accept(candidate, origin, verdict, rows, tally)
            if row is None:
                rejected.append(candidate.input)
            else:
                rows.append(row)
        return tally.wave(number, rows, rejected, Counter(labels))

    def _verdicts(self, candidates: Sequence[tuple[Candidate, _Origin]], tally: WaveTally) -> list[Verdict]:
        """What the votes say of each candidate; a pair keeps the output that it was written with."""
        if self._config.writes == "pairs":
            return [Verdict(candidate.answer) for candidate, _ in candidates]
        electorate = self._electorate = self._electorate or self._elect(candidates)
        wished = [origin.label or candidate.answer for candidate, origin in candidates]
        answers = electorate.answer([candidate for candidate, _ in candidates], wished)
        for said in answers:
            tally.answers(said)
        return [judge(said, wish, self._task, self._config) for said, wish in zip(answers, wished, strict=True)]

    def _elect(self, candidates: Sequence[tuple[Candidate, _Origin]]) -> Electorate:
        """The voters; where they score labels, calibrated on what was written for each label and on rows at hand."""
        calibration: tuple[Demonstration, ...] = ()
        labeller = self._context.teacher("labeller")
        if self._task.labels and is_scorer(labeller):
            written = (Demonstration(candidate.input, origin.label or "") for candidate, origin in candidates)
            at_hand = (Demonstration(row.input, row.target) for row in self._available)
            folder, rng = self._context.folder, self._context.rng("calibration")
            calibration = kept_calibration(folder, self._task, written, at_hand, rng)
        return Electorate(labeller, self._task, self._config, self._context.rng("votes"), calibration)

    def _requests(self, number: int, labels: Sequence[str], tally: WaveTally) -> list[Asked]:
        """The requests of a wave, from finished waves and the seed alone."""
        grown, most = self._grown, self._writer.per_request
        wishes = [
            (label, min(most, count - start))
            for label, count in Counter(labels).items()
            for start in range(0, count, most)
        ]
        self._context.rng("wave", number).shuffle(wishes)
        steered = self._config.attributes and not self._writer.plain and not self._writer.pairs
        topics = self._wave_topics(number, tally) if steered and self._config.topics else ()
        overused = grown.overused_outputs()
        done = float(len(grown.rows))
        # Inside a wave progress is only expected: how many will be kept is not known yet.
        step = min(1.0, (grown.total - done) / max(len(labels), 1))
        asked = []
        asked_of: Counter[str] = Counter()
        for index, (label, count) in enumerate(wishes):
            temperature = self._config.temperature(done, grown.total)
            draw = number * _DRAWS_PER_WAVE + index
            rng = self._context.rng("wave", number, "request", index)
            list_rng = rng
            if self._writer.shares_lists:
                list_rng = self._context.rng("wave", number, "list", label, asked_of[label] // SAME_LIST)
            asked_of[label] += 1
            attributes = draw_attributes(rng, topics, self._config.attribute_values) if steered else ()
            asked.append(
                self._writer.ask(
                    label or None, count, temperature, draw, grown.rows, rng, list_rng, attributes, overused
                )
            )
            done += count * step
        return asked

    def _wave_topics(self, number: int, tally: WaveTally) -> tuple[str, ...]:
        """Topics to draw from: asked for in the first wave, kept for all others."""
        folder = self._context.folder
        if number > 1:
            return kept_topics(folder)
        lines = demonstration_lines(self._task.demonstrations)
        topics, reply = ask_topics(self._client, self._task, lines, self._config.topics)
        tally.reply(reply)
        if not topics:
            cut = reply.response.finish == "length"
            tally.failed[reply.response.failure or ("truncated" if cut else "unparsable")] += 1
        keep_topics(folder, topics)
        return topics

    def _new_candidates(
        self, asked: Sequence[Asked], replies: Mapping[ChatRequest, Reply], tally: WaveTally
    ) -> list[tuple[Candidate, _Origin]]:
        """Inputs that are read, new and not nearly there already, in the order of the requests."""
        found: list[tuple[Candidate, _Origin]] = []
        for one in asked:
            reply = replies[one.request]
            response = reply.response
            tally.reply(reply)
            if response.failure is not None:
                tally.failed[response.failure] += 1
                continue
            cut = response.finish == "length"
            # A single input that was cut has no end; of a JSON array, only the whole elements are read.
            read = [] if cut and self._writer.plain else self._writer.read(one, response.text)
            if not read:
                tally.failed["truncated" if cut else "unparsable"] += 1
            origin = _Origin(one.label, reply.request.temperature)
            for candidate in read:
                reason = self._grown.seen.refuse_input(candidate.input)
                if reason is None:
                    found.append((candidate, origin))
                else:
                    tally.dropped[reason] += 1
                    if self._writer.pairs and candidate.answer is not None:
                        tally.repeated.append((candidate.input, candidate.answer))
        return found

    def _accept(
        self, candidate: Candidate, origin: _Origin, verdict: Verdict, earlier: Sequence[Example], tally: WaveTally
    ) -> Example | None:
        """The example, unless the votes, its label's quota or an earlier pair of input and output speak against it."""
        if verdict.output is None:
            tally.dropped[verdict.reason] += 1
            return None
        label = self._grown.group(verdict.output)
        in_this_wave = sum(1 for row in earlier if self._grown.group(row.target) == label)
        reason = None
        if self._grown.missing(label) <= in_this_wave:
            otherwise = "answered otherwise than asked for, and that " if verdict.reason == RELABELLED else ""
            reason = f"{otherwise}label already full"
        if reason is None and self._grown.is_output_full(verdict.output, earlier):
            reason = "output too frequent"
        reason = reason or self._grown.seen.refuse_pair(candidate.input, verdict.output)
        if reason is not None:
            tally.dropped[reason] += 1
            return None
        tally.relabelled += verdict.reason == RELABELLED
        tally.kept[origin.label or ANY] += 1
        source = Source(
            "generated", teacher=self._client.model, prompt_hash=self._prompt_hash, temperature=origin.temperature
        )
        return make_example(
            candidate.input, (verdict.output,), source, choices=candidate.choices, soft_label=verdict.soft_label
        )


@dataclass(frozen=True, slots=True)
class _Origin:
    """The label that an input was asked for, and the temperature at which it was written."""

    label: str | None
    temperature: float
