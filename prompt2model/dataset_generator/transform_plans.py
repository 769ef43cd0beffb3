"""The plan by which the rows of one data set are rewritten: asked for once, then a file that a person can read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from prompt2model.artifacts import decode_record, encode_record, write_atomically
from prompt2model.component import RunContext
from prompt2model.errors import RunFolderError, TeacherError
from prompt2model.teacher.client import ChatClient, ChatRequest


@dataclass(frozen=True, slots=True)
class TransformPlan:
    """What the teacher said about the task and the rows. `file` is the plan's name in the step's folder."""

    dataset: str
    text: str
    file: str
    requests: int
    prompt_tokens: int
    completion_tokens: int


def kept_plan(
    context: RunContext, client: ChatClient, number: int, dataset: str, request: ChatRequest
) -> TransformPlan:
    """What the folder holds, else the teacher's answer to `request`, which is shown and kept there.

    Raises TeacherError when there is no whole answer, RunFolderError for a damaged file.
    """
    path = context.folder / f"transform_plan_{number}.json"
    if path.is_file():
        return _read(path, dataset)
    ((_, response),) = client.complete_many([request])
    failure = response.failure or ("truncated" if response.finish == "length" else None)
    if failure is not None:
        why = f"{failure.replace('_', ' ')}{f': {response.detail}' if response.detail else ''}"
        raise TeacherError(
            f"the teacher {client.model} gave no plan for rewriting {dataset} ({why}): resume the run, name another "
            f"teacher, or leave out --transform {dataset}"
        )
    text = response.text.encode("utf-8", "replace").decode().strip()
    plan = TransformPlan(dataset, text, path.name, 1, response.prompt_tokens, response.completion_tokens)
    write_atomically(path, json.dumps(encode_record(plan), ensure_ascii=False, indent=1) + "\n")
    context.progress.say(f"  how the rows of {dataset} are rewritten (kept as {path.name}):")
    for line in filter(None, map(str.rstrip, text.splitlines())):
        context.progress.say(f"    {line}")
    return plan


def _read(path: Path, dataset: str) -> TransformPlan:
    try:
        plan = decode_record(TransformPlan, json.loads(path.read_text(encoding="utf-8")))
        if plan.dataset != dataset:
            raise ValueError(f"it is for {plan.dataset}")
    except (ValueError, RunFolderError) as error:
        raise RunFolderError(
            f"{path} is damaged ({error}); delete it and resume: the answer is in the ledger"
        ) from error
    return plan
