"""The chain: build it from a config, check that it fits together, run it, resume it."""

from __future__ import annotations

import hashlib
import importlib
import json
import time
import typing
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from prompt2model.artifacts import content_hash, encode_record
from prompt2model.component import Chooser, Component, Progress, RunContext
from prompt2model.config import PipelineConfig, changed_settings, load_config, make_config, resolve_paths, validate
from prompt2model.console import AutomaticChooser, RecordingChooser, SilentProgress
from prompt2model.errors import ConfigError, PipelineError, RunFolderError
from prompt2model.prompts import prompt_hash
from prompt2model.records import CostLine, DataRequest, EvaluationReport, TrainedModel
from prompt2model.run_store import FinishedStep, JsonlRows, RunStore
from prompt2model.teacher.roster import TeacherRoster, TeacherSettings


@dataclass(frozen=True, slots=True)
class Step:
    """A place in the chain: who plays it by default, and where inputs come from that are not named like artifacts."""

    id: str
    component: str
    folder: str
    wiring: Mapping[str, str]


# Wiring by dotted path is how test rows are kept from whoever must not see them: only the reserver, the assembler,
# the evaluator and the demo are ever handed any.
DEFAULT_CHAIN = (
    Step("parse_prompt", "prompt2model.prompt_parser:PromptParser", "1_task", {}),
    Step("retrieve_data", "prompt2model.dataset_retriever:DatasetRetriever", "2_retrieved", {}),
    Step("reserve_tests", "prompt2model.test_reserver:TestReserver", "3_reserved", {}),
    Step(
        "generate_data",
        "prompt2model.dataset_generator:DatasetGenerator",
        "4_generated",
        {"available": "reserved.remaining"},
    ),
    Step("assemble_data", "prompt2model.dataset_assembler:DatasetAssembler", "5_dataset", {}),
    Step(
        "retrieve_models",
        "prompt2model.model_retriever:ModelRetriever",
        "6_base_model",
        {"labels": "dataset.labels"},
    ),
    Step(
        "train",
        "prompt2model.model_trainer:ModelTrainer",
        "7_trained",
        {"train": "dataset.train", "validation": "dataset.validation", "labels": "dataset.labels"},
    ),
    Step(
        "evaluate",
        "prompt2model.model_evaluator:ModelEvaluator",
        "8_report",
        {"tests": "dataset.tests", "train": "dataset.train"},
    ),
    Step("create_demo", "prompt2model.demo_creator:DemoCreator", "9_demo", {"tests": "dataset.tests"}),
)
INITIAL_ARTIFACTS: Mapping[str, type] = {"prompt": str, "request": DataRequest}


@dataclass(frozen=True)
class RunResult:
    """What a run made: the folder, the report, and which steps were executed rather than found finished."""

    folder: Path
    trained: TrainedModel
    report: EvaluationReport
    executed: tuple[str, ...]
    costs: tuple[CostLine, ...]

    @property
    def report_page(self) -> Path:
        """The page that says how good the model is."""
        return self.folder / "report.html"


class Pipeline:
    """A chain of components that fit together.

    Example:
        pipeline = Pipeline.from_config("demos/ticket_triage/config.toml")
        result = pipeline.run()
    """

    def __init__(self, config: PipelineConfig, components: Mapping[str, Component]) -> None:
        self.config = config
        self.components = components
        self._run_folder: Path | None = None
        check_chain(components)

    @classmethod
    def from_config(
        cls, config: PipelineConfig | Mapping[str, Any] | str | Path, folder: Path | None = None
    ) -> Pipeline:
        """Build the chain from a config, a mapping or a TOML file.

        Relative paths are taken from `folder`: by default the TOML file's own, else the working folder.
        Raises ConfigError for unknown keys and values, PipelineError when the components do not fit together.
        """
        if isinstance(config, (str, Path)):
            folder = folder or Path(config).parent.resolve()
            config = load_config(Path(config))
        elif isinstance(config, Mapping):
            config = make_config(config)
        folder = folder or Path.cwd()
        components = {step.id: build_component(step, getattr(config, step.id), folder) for step in DEFAULT_CHAIN}
        # The stored config must mean the same from any folder.
        sections = {name: _section(component, getattr(config, name)) for name, component in components.items()}
        return cls(config.model_copy(update=sections), components)

    @classmethod
    def from_run(cls, folder: Path, changes: Mapping[str, Any] | None = None) -> Pipeline:
        """The chain of an existing run, wherever its folder is now and whatever it is called; `run()` goes on with it.

        `changes` are laid over the stored config. Raises RunFolderError, ConfigError.
        """
        config = load_config(
            RunStore.open(folder).config_file, {**(changes or {}), "runs_folder": str(folder.resolve().parent)}
        )
        pipeline = cls.from_config(config, folder=folder.resolve())
        # `.` and `..` have no parent that could be named.
        pipeline._run_folder = folder if folder.name not in {"", ".."} else folder.resolve()
        return pipeline

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self._run_folder or self.config.runs_folder / self.config.run_name()

    def run(
        self,
        prompt: str | None = None,
        *,
        chooser: Chooser | None = None,
        progress: Progress | None = None,
        teachers: Mapping[str, Any] | None = None,
        request: DataRequest | None = None,
        replace: bool = False,
    ) -> RunResult:
        """Run every step that is not finished yet, and write the report page.

        `teachers` replaces the clients that the config names, by role. `replace` allows a run with other settings in
        the same folder to be redone, as far as these change it. Raises Prompt2ModelError; what was finished before
        stays.
        """
        if prompt is not None:
            self.config = self.config.model_copy(update={"prompt": prompt, "prompt_file": None})
        text = self.config.prompt_text()
        store = RunStore(self.folder)
        chooser, progress = chooser or AutomaticChooser(), progress or SilentProgress()
        with ExitStack() as stack:
            stack.enter_context(store.locked())
            config = self.config.model_copy(update={"prompt": text, "prompt_file": None}).to_toml()
            store.manifest()
            recorder = RecordingChooser(store, "run", chooser)
            roster = stack.enter_context(TeacherRoster(self._teacher_settings(), store.ledger_file, recorder, teachers))
            hub_allowed = self._hub_allowed(recorder)
            execution = _Execution(self, store, roster, chooser, progress, hub_allowed, config, replace)
            values: dict[str, Any] = {"prompt": text, "request": request or DataRequest()}
            for step in DEFAULT_CHAIN:
                component = self.components[step.id]
                values[component.produces] = execution.step(step, component, values)
            store.save_config(config)
            costs = roster.costs()
            if execution.executed or not store.report_file.exists():
                from prompt2model.model_evaluator.report_page import ReportPage, write_report_page

                page = ReportPage.from_artifacts(values, costs=costs, seconds=store.seconds(), name=self.folder.name)
                write_report_page(page, store.report_file)
        return RunResult(self.folder, values["trained"], values["report"], tuple(execution.executed), costs)

    def _teacher_settings(self) -> TeacherSettings:
        config = self.config
        return TeacherSettings(
            specs={"teacher": config.teacher, **config.teachers},
            base_url=config.base_url,
            concurrency=config.concurrency,
            key_variable=config.key_variable,
            budget=config.budget,
            prices=config.prices,
        )

    def _hub_allowed(self, chooser: Chooser) -> bool:
        if self.config.hub != "ask":
            return self.config.hub == "yes"
        return chooser.confirm(
            "hub", "Search the Hugging Face hub too (sends search words, downloads what you pick)?", False
        )


class _Execution:
    """One pass through the chain."""

    def __init__(
        self,
        pipeline: Pipeline,
        store: RunStore,
        roster: TeacherRoster,
        chooser: Chooser,
        progress: Progress,
        hub_allowed: bool,
        config: str,
        replace: bool,
    ) -> None:
        self.pipeline, self.store, self.roster = pipeline, store, roster
        self.chooser, self.progress, self.hub_allowed = chooser, progress, hub_allowed
        self.hashes: dict[str, str] = {}
        self.executed: list[str] = []
        self._unchecked: list[FinishedStep] = []
        self._names_checked = False
        self._config = config
        self._changed = () if replace else changed_settings(store.config_file, config)

    def step(self, step: Step, component: Component, values: Mapping[str, Any]) -> Any:
        """The step's output: found finished, adopted after a kill, or made now."""
        files = self._files(step, component)
        fingerprint = self.fingerprint(step, component, values, files)
        entry = self.store.finished(step.id, fingerprint)
        entry = entry or self.store.adopt(step.id, step.folder, fingerprint, files)
        if entry is not None:
            self._unchecked.append(entry)
        else:
            # A step must not build on damaged files; hashing large weights is only worth it when one is made.
            while self._unchecked:
                self.store.check(self._unchecked.pop())
            self._ask_before_redoing(step)
            self._check_names(step)
            entry = self._execute(step, component, values, fingerprint, files)
        self.hashes[component.produces] = entry.content
        return self.store.load(entry, component.Output)

    def fingerprint(self, step: Step, component: Component, values: Mapping[str, Any], files: Mapping[str, str]) -> str:
        """Config, inputs, prompts, version and, for whoever uses prompts, the teacher: what decides the output."""
        parts = {
            "component": f"{type(component).__module__}:{type(component).__qualname__}",
            "version": component.version,
            "config": component.config.model_dump(mode="json"),
            "inputs": {name: self._hash(path, values) for name, path in wiring(step, component).items()},
            "files": dict(files),
            "prompts": {name: prompt_hash(name) for name in component.prompts},
            "teachers": self.roster.names() if component.prompts else {},
            "seed": self.pipeline.config.seed,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def _check_names(self, first: Step) -> None:
        """Let `first` and the steps after it refuse what they name, before the first of them spends anything."""
        if self._names_checked:
            return
        for step in DEFAULT_CHAIN[DEFAULT_CHAIN.index(first) :]:
            self.pipeline.components[step.id].check(self.hub_allowed)
        self._names_checked = True

    def _hash(self, path: str, values: Mapping[str, Any]) -> str:
        return self.hashes[path] if path in self.hashes else hash_value(lookup(path, values))

    def _files(self, step: Step, component: Component) -> dict[str, str]:
        """The hashes of the files that the step reads; of one that is gone, as it was when the step finished."""
        known = self.store.files_read(step.id)
        return {str(path): hash_path(path) or known.get(str(path), "") for path in component.input_files()}

    def _ask_before_redoing(self, first: Step) -> None:
        """Nothing that was made with other settings is redone without a yes. Raises RunFolderError."""
        steps = DEFAULT_CHAIN[DEFAULT_CHAIN.index(first) :]
        if not self._changed or not any(self.store.holds_work(step.id, step.folder) for step in steps):
            return
        holds = f"{self.store.folder} holds a run with other settings ({', '.join(self._changed)})"
        question = f"{holds}. Redo it with these, from `{first.id.replace('_', ' ')}` on?"
        if not (self.chooser.interactive and self.chooser.confirm("replace", question, False)):
            raise RunFolderError(
                f"{holds}; choose another --name, or add --replace to redo the steps that depend on them"
            )
        self._changed = ()

    def _execute(
        self, step: Step, component: Component, values: Mapping[str, Any], fingerprint: str, files: Mapping[str, str]
    ) -> FinishedStep:
        # Connected first: a teacher that cannot be had is said before anything is written or set aside.
        teachers = self.roster.clients(step.id)
        for path, known in self.store.files_read(step.id).items():
            if known and files.get(path, known) != known:
                self.progress.say(f"{path} changed since this run read it: the steps that depend on it run again")
        self.store.set_aside([later.id for later in DEFAULT_CHAIN[DEFAULT_CHAIN.index(step) :]])
        self.store.save_config(self._config)
        self.progress.say(f"{step.folder.partition('_')[0]}/{len(DEFAULT_CHAIN)} {step.id.replace('_', ' ')}")
        context = RunContext(
            folder=self.store.begin(step.folder, fingerprint),
            seed=self.pipeline.config.seed,
            progress=self.progress,
            chooser=RecordingChooser(self.store, step.id, self.chooser),
            teachers=teachers,
            cache_folder=self.store.folder.parent / ".cache",
            hub_allowed=self.hub_allowed,
        )
        inputs = component.Inputs(**{name: lookup(path, values) for name, path in wiring(step, component).items()})
        started = time.perf_counter()
        output = component.run(inputs, context)
        self.executed.append(step.id)
        return self.store.finish(step.id, step.folder, fingerprint, output, time.perf_counter() - started, files)


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


def hash_value(value: Any) -> str:
    """The content of a value as a hash: of rows their file, of a record its fields."""
    if isinstance(value, JsonlRows):
        return hash_path(value.path)
    if isinstance(value, (tuple, list)):
        return hashlib.sha256("".join(hash_value(item) for item in value).encode()).hexdigest()
    if is_dataclass(value) and not isinstance(value, type):
        if any(isinstance(getattr(value, field.name), JsonlRows) for field in fields(value)):
            return hash_value([getattr(value, field.name) for field in fields(value)])
        value = encode_record(value)
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def hash_path(path: Path) -> str:
    """The content of a file or folder as a hash; empty when there is nothing (the step will say so)."""
    if path.is_dir():
        return content_hash(path)
    if not path.is_file():
        return ""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _section(component: Component, section: Mapping[str, Any]) -> dict[str, Any]:
    settings = component.config.model_dump(mode="json", exclude_defaults=True)
    return {**settings, **({"component": section["component"]} if "component" in section else {})}
