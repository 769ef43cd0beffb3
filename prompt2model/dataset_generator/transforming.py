"""Rows of a data set, rewritten by the teacher into inputs of the task.

The data-set transformer of DataTune (arXiv 2404.14361): explain the task, plan from five rows, rewrite row by row at
temperature 0, drop what stands in the user's demonstrations, stop when a third of the rows fail. What differs: only
the input is rewritten. Its output comes from the labelling room, as for every input without an answer. It is done
here, after tests were reserved, so that no row near a test is ever shown to anybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from prompt2model.catalogue.whole_rows import row_cells, row_text
from prompt2model.component import RunContext
from prompt2model.dataset_generator.asking import demonstration_lines
from prompt2model.dataset_generator.config import DatasetGeneratorConfig
from prompt2model.dataset_generator.growing import SeenInputs
from prompt2model.dataset_generator.reading import Candidate, read_rewritten
from prompt2model.dataset_generator.reply_forms import REWRITTEN, REWRITTEN_QUESTION
from prompt2model.dataset_generator.sums import of_shard, together
from prompt2model.dataset_generator.transform_plans import TransformPlan, kept_plan
from prompt2model.dataset_generator.waves import Wave, read_waves, write_wave
from prompt2model.errors import TeacherError
from prompt2model.labelling import speaks_plain
from prompt2model.prompt_program import without_mark
from prompt2model.prompts import prompt_hash, render
from prompt2model.records import Example, GeneratedData, Rows, TaskSpec, make_example
from prompt2model.teacher.asking_again import PROMPTS as ASKING_AGAIN_PROMPTS
from prompt2model.teacher.asking_again import complete_readable
from prompt2model.teacher.client import ChatClient, ChatRequest, ChatResponse, Message
from prompt2model.text_index.near_duplicates import normalise_text

PROMPTS = ("transform_plan", "transform_rules", "transform_row", *ASKING_AGAIN_PROMPTS)
SHARD = "rewritten"
"""Name of the files of rewritten inputs, beside the waves."""
FIRST_ROWS = 30
"""Rows of a data set that are rewritten before it is first judged whether to go on."""
LONGEST_ROW = 6000
"""Most characters of a row that the teacher is shown; of longer cells the end is left out."""

_SHARD_ROWS = 240
_PLANNED_ROWS = 5
_UNCHANGED = "unchanged"
_NO_INPUT = "no input in it"


def rewriter_of(context: RunContext) -> ChatClient:
    """Who rewrites. Raises TeacherError where the run has nobody, or only the embedded model."""
    client = context.teacher("generator")
    if speaks_plain(client):
        raise TeacherError(
            "the embedded teacher is too small a model to rewrite rows: name another one with --teacher, such as "
            "openai:NAME, or leave out --transform"
        )
    return client


def rewrite_rows(rows: Rows, task: TaskSpec, config: DatasetGeneratorConfig, context: RunContext) -> GeneratedData:
    """Inputs without answers, made of all rows of kind `transformed`, data set by data set; the rest is counted.

    What a killed run left is found again. Raises TeacherError when nobody can rewrite or there is no plan,
    RunFolderError for damaged files.
    """
    by_dataset: dict[str, list[Example]] = {}
    for row in rows:
        if row.source.kind == "transformed":
            by_dataset.setdefault(row.source.dataset, []).append(row)
    transformer = _Transformer(task, config, context)
    for number, (dataset, group) in enumerate(by_dataset.items(), start=1):
        transformer.rewrite(number, dataset, group)
    return transformer.made


def shown_row(row: Example) -> str:
    """The row as the teacher is shown it: in one line, its marks broken, its long cells cut."""
    text = row.input
    if len(text) > LONGEST_ROW:
        cells = row_cells(text)
        room = max(1, LONGEST_ROW // len(cells))
        text = row_text({name: cell if len(cell) <= room else f"{cell[:room]}…" for name, cell in cells.items()})
    return without_mark(text, "row")


class _Transformer:
    """Rewrites data sets in shards of rows; a request depends on its row, the plan and the task alone."""

    def __init__(self, task: TaskSpec, config: DatasetGeneratorConfig, context: RunContext) -> None:
        self.made = GeneratedData((), {}, 0, {}, 0, 0)
        self._client = rewriter_of(context)
        self._task, self._config, self._context = task, config, context
        self._form = REWRITTEN_QUESTION if task.kind == "multiple_choice" else REWRITTEN
        self._finished = {shard.number: shard for shard in read_waves(context.folder, SHARD)}
        self._shards = 0
        self._seen = SeenInputs(task, config.near_duplicate)
        self._prompt_hash = prompt_hash("transform_rules")

    def rewrite(self, number: int, dataset: str, rows: Sequence[Example]) -> None:
        """Rewrite one data set, until it is done or a third of its rows came to nothing."""
        plan = self._plan(number, dataset, rows)
        paid = GeneratedData((), {}, plan.requests, {}, plan.prompt_tokens, plan.completion_tokens)
        self.made = together(self.made, paid)
        rules = Message("system", self._rules(plan.text))
        done, kept, lost = 0, 0, Counter[str]()
        chunks = list(_chunks(rows))
        for chunk in self._context.progress.track(chunks, f"rewriting {dataset}", total=len(chunks)):
            shard = self._next_shard(chunk, rules)
            self.made = together(self.made, of_shard(shard))
            done += len(chunk)
            kept += len(shard.rows)
            lost.update({reason.removeprefix("rewriting: "): count for reason, count in shard.dropped.items()})
            lost.update(shard.failed)
            # A reply that was asked for again is no row: what became of the row is counted apart.
            lost["unparsable"] -= shard.asked_again
            if 3 * (done - kept) >= done:
                break
        self._note(dataset, len(rows), done, kept, lost, plan)

    def _plan(self, number: int, dataset: str, rows: Sequence[Example]) -> TransformPlan:
        rng = self._context.rng("transform plan", dataset)
        chosen = [rows[place] for place in sorted(rng.sample(range(len(rows)), min(_PLANNED_ROWS, len(rows))))]
        prompt = render(
            "transform_plan", dataset=dataset, rows=[shown_row(row) for row in chosen], **self._task_variables()
        )
        request = ChatRequest((Message("user", prompt),), max_tokens=self._config.max_tokens, purpose="transform")
        return kept_plan(self._context, self._client, number, dataset, request)

    def _rules(self, plan: str) -> str:
        choices = self._task.kind == "multiple_choice"
        return render("transform_rules", plan=plan, multiple_choice=choices, **self._task_variables())

    def _task_variables(self) -> dict[str, object]:
        task = self._task
        return {
            "instruction": task.instruction,
            "labels": task.labels,
            "label_notes": dict(task.label_notes),
            "demonstrations": demonstration_lines(task.demonstrations),
        }

    def _next_shard(self, chunk: Sequence[Example], rules: Message) -> Wave:
        """The next shard: found, or made now."""
        self._shards += 1
        found = self._finished.get(self._shards)
        if found is not None:
            for row in found.rows:
                self._seen.refuse_input(row.input)
            return found
        shard = self._make_shard(chunk, rules)
        write_wave(self._context.folder, shard, SHARD)
        return shard

    def _make_shard(self, chunk: Sequence[Example], rules: Message) -> Wave:
        requests = [self._request(row, rules) for row in chunk]
        # Equal rows are one request.
        replies = complete_readable(self._client, requests, self._form.fault)
        asked_again = sum(reply.unreadable is not None for reply in replies.values())
        rows: list[Example] = []
        dropped, failed = Counter[str](), Counter[str](unparsable=asked_again)
        for row, request in zip(chunk, requests, strict=True):
            said = self._read(replies[request].response)
            if isinstance(said, str):
                failed[said] += 1
            elif reason := self._refuse(said, row):
                dropped[f"rewriting: {reason}"] += 1
            else:
                source = replace(row.source, prompt_hash=self._prompt_hash, temperature=0.0)
                rows.append(make_example(said.input, (), source, choices=said.choices))
        responses = [response for reply in replies.values() for response in reply.responses]
        return Wave(
            self._shards,
            tuple(rows),
            dropped=dict(dropped),
            failed=dict(+failed),
            asked_again=asked_again,
            requests=len(responses),
            prompt_tokens=sum(response.prompt_tokens for response in responses),
            completion_tokens=sum(response.completion_tokens for response in responses),
        )

    def _request(self, row: Example, rules: Message) -> ChatRequest:
        turn = Message("user", render("transform_row", row=shown_row(row)))
        return ChatRequest(
            (rules, turn), max_tokens=self._config.max_tokens, purpose="transform", schema=self._form.schema
        )

    def _read(self, response: ChatResponse) -> Candidate | str:
        """The input, or the kind of failure."""
        if response.failure is not None:
            return response.failure
        read = read_rewritten(response.text, self._task.kind == "multiple_choice")
        if read is None:
            return "truncated" if response.finish == "length" else "unparsable"
        return read

    def _refuse(self, said: Candidate, row: Example) -> str | None:
        """Why what came of a row is no new input of the task; None when it is, and then it is remembered."""
        if not said.input:
            return _NO_INPUT
        if normalise_text(said.input) in {normalise_text(text) for text in (row.input, *row_cells(row.input).values())}:
            return _UNCHANGED
        return self._seen.refuse_input(said.input)

    def _note(self, dataset: str, rows: int, done: int, kept: int, lost: Counter[str], plan: TransformPlan) -> None:
        line = f"data set {dataset}: {kept:,} of {done:,} rows rewritten into inputs of the task"
        if lost := +lost:
            line += "; not used: " + ", ".join(
                f"{reason.replace('_', ' ')} ({n:,})" for reason, n in lost.most_common()
            )
        if done < rows:
            line += (
                f"; a third or more came to nothing, so the other {rows - done:,} rows are left as they are: read "
                f"{plan.file}, name other columns, or leave out --transform {dataset}"
            )
        self.made = replace(self.made, notes=(*self.made.notes, line))
        self._context.progress.say(f"  {line}")


def _chunks(rows: Sequence[Example]) -> Iterator[Sequence[Example]]:
    """The first rows, by which a data set is judged, then the rest in shards."""
    yield rows[:FIRST_ROWS]
    for start in range(FIRST_ROWS, len(rows), _SHARD_ROWS):
        yield rows[start : start + _SHARD_ROWS]
