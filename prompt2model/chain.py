"""The chain of steps: which component plays each, where its inputs come from, and whether it all fits together."""

from __future__ import annotations

import importlib
import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from prompt2model.component import Component
from prompt2model.config import resolve_paths, validate
from prompt2model.errors import ConfigError, PipelineError
from prompt2model.records import DataRequest


@dataclass(frozen=True, slots=True)
class Step:
    """A place in the chain: who plays it by default, and where inputs come from that are not named like artifacts.

    `shared` are settings that are those of another section unless the step's own section names them. `advises`: no
    later step builds on what this one makes; it is passed over where the next step is finished already.
    """

    id: str
    component: str
    folder: str
    wiring: Mapping[str, str]
    shared: Mapping[str, str] = field(default_factory=dict)
    advises: bool = False


# Wiring by dotted path is how test rows are kept from whoever must not see them: only the reserver, the check of the
# teacher (on which nothing is built), the assembler, the evaluator and the demo are ever handed any.
DEFAULT_CHAIN = (
    Step("parse_prompt", "prompt2model.prompt_parser:PromptParser", "1_task", {}),
    Step("retrieve_data", "prompt2model.dataset_retriever:DatasetRetriever", "2_retrieved", {}),
    Step("reserve_tests", "prompt2model.test_reserver:TestReserver", "3_reserved", {}),
    Step(
        "check_feasibility",
        "prompt2model.feasibility:FeasibilityCheck",
        "3b_feasibility",
        {"tests": "reserved.tests", "available": "reserved.remaining"},
        # What the teacher is asked here, it is asked in the evaluation.
        shared={
            "max_teacher_rows": "evaluate.max_teacher_rows",
            "wanted": "evaluate.wanted",
            "timing": "evaluate.timing",
            "evidence": "assemble_data.evidence",
            "evidence_passages": "assemble_data.evidence_passages",
        },
        advises=True,
    ),
    Step(
        "generate_data",
        "prompt2model.dataset_generator:DatasetGenerator",
        "4_generated",
        {"available": "reserved.remaining", "unlabelled": "reserved.unlabelled"},
        # What a teacher labels it reads with the evidence that the student will read.
        shared={"evidence": "assemble_data.evidence", "evidence_passages": "assemble_data.evidence_passages"},
    ),
    Step("assemble_data", "prompt2model.dataset_assembler:DatasetAssembler", "5_dataset", {}),
    Step(
        "retrieve_models",
        "prompt2model.model_retriever:ModelRetriever",
        "6_base_model",
        {"labels": "dataset.labels"},
        # A model must fit in memory as it will be trained.
        shared={"train_method": "train.method"},
    ),
    Step(
        "train",
        "prompt2model.model_trainer:ModelTrainer",
        "7_trained",
        {
            "train": "dataset.train",
            "validation": "dataset.validation",
            "labels": "dataset.labels",
            "layouts": "retrieved.layouts",
            "evidence": "dataset.evidence",
        },
    ),
    Step(
        "evaluate",
        "prompt2model.model_evaluator:ModelEvaluator",
        "8_report",
        {"tests": "dataset.tests", "train": "dataset.train", "validation": "dataset.validation"},
    ),
    Step(
        "create_demo",
        "prompt2model.demo_creator:DemoCreator",
        "9_demo",
        {"tests": "dataset.tests", "evidence": "dataset.evidence"},
    ),
)
INITIAL_ARTIFACTS: Mapping[str, type] = {"prompt": str, "request": DataRequest}


def missing_steps(finished: Collection[str]) -> list[str]:
    """The steps that are not finished, in order; without those that only advise, once a later one is finished."""
    last = max((number for number, step in enumerate(DEFAULT_CHAIN) if step.id in finished), default=-1)
    return [
        step.id
        for number, step in enumerate(DEFAULT_CHAIN)
        if step.id not in finished and not (step.advises and number < last)
    ]


def shared_settings(step: Step, sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Settings that a step has from other sections. A component of one's own has none, and gives none."""
    own = sections[step.id]
    shared = {}
    for name, path in step.shared.items():
        section, key = path.split(".")
        given = sections[section]
        if name not in own and key in given and "component" not in own and "component" not in given:
            shared[name] = given[key]
    return shared


def build_component(step: Step, section: Mapping[str, Any], folder: Path) -> Component:
    """The component that plays a step, with its settings. `component = "module:Class"` in the section replaces it."""
    settings = dict(section)
    component_type = load_component(settings.pop("component", step.component), step.id)
    config = validate(component_type.Config, settings, f"[{step.id}]")
    return component_type(resolve_paths(config, folder))


def load_component(reference: str, step_id: str) -> type[Component]:
    """The class named by `module:Class`. Raises ConfigError when it is none of ours or cannot be imported."""
    module_name, _, class_name = str(reference).partition(":")
    try:
        component_type = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"[{step_id}] component = {reference!r} cannot be loaded ({error}); write module:Class, or leave it out"
        ) from error
    if not (isinstance(component_type, type) and issubclass(component_type, Component)):
        raise ConfigError(
            f"[{step_id}] component = {reference!r} is not a subclass of Component; name one, or leave it out"
        )
    return component_type


def check_chain(components: Mapping[str, Component]) -> None:
    """Refuse a chain in which a step wants what no earlier step makes, or gets it in another type."""
    made: dict[str, Any] = dict(INITIAL_ARTIFACTS)
    for step in DEFAULT_CHAIN:
        component = components[step.id]
        wanted = typing.get_type_hints(component.Inputs)
        for name, path in wiring(step, component).items():
            given = type_of(path, made)
            if given is None:
                raise PipelineError(f"step {step.id} needs `{path}`, which no earlier step makes")
            if given != wanted[name]:
                raise PipelineError(f"step {step.id} wants `{name}` as {wanted[name]}, but `{path}` is {given}")
        made[component.produces] = component.Output


def wiring(step: Step, component: Component) -> dict[str, str]:
    """Where each input comes from: the path that the step names, else the artifact of the input's own name."""
    return {field.name: step.wiring.get(field.name, field.name) for field in fields(component.Inputs)}


def type_of(path: str, made: Mapping[str, Any]) -> Any:
    """The type at a dotted path, None when there is nothing."""
    name, *rest = path.split(".")
    found = made.get(name)
    for part in rest:
        found = typing.get_type_hints(found).get(part) if is_dataclass(found) else None
    return found


def lookup(path: str, values: Mapping[str, Any]) -> Any:
    """The value at a dotted path."""
    name, *rest = path.split(".")
    value = values[name]
    for part in rest:
        value = getattr(value, part)
    return value
