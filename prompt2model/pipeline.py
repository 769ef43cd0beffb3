"""The pipeline: build the chain from a config, run it, resume it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prompt2model.artifacts import hash_of_path, hash_of_value
from prompt2model.chain import DEFAULT_CHAIN, Step, build_component, check_chain, lookup, shared_settings, wiring
from prompt2model.cluster import Cluster, HereWorkers, connect
from prompt2model.component import Chooser, Component, Progress, RunContext
from prompt2model.config import PipelineConfig, changed_settings, load_config, make_config, with_own_review
from prompt2model.console import AutomaticChooser, RecordingChooser, SilentProgress
from prompt2model.errors import BudgetExceededError, PlanDeclinedError, RunFolderError
from prompt2model.planning import Plan, make_plan, with_offer
from prompt2model.prompts import prompt_hash
from prompt2model.records import CostLine, DataRequest, EvaluationReport, TrainedModel
from prompt2model.run_store import FinishedStep, RunStore, cache_folder_of
from prompt2model.teacher.roster import TeacherRoster, TeacherSettings

_ONLY_LOOKS = ("parse_prompt", "retrieve_data", "reserve_tests")
"""Steps that look at what is there: a plan carries them out."""
_LAST_NUMBER = DEFAULT_CHAIN[-1].folder.partition("_")[0]


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
        config = with_own_review(config)
        given = {step.id: getattr(config, step.id) for step in DEFAULT_CHAIN}
        shared = {step.id: shared_settings(step, given) for step in DEFAULT_CHAIN}
        # From the last one back: a wrong setting is named where it stands, not where it is shared.
        built = {
            step.id: build_component(step, {**shared[step.id], **given[step.id]}, folder)
            for step in reversed(DEFAULT_CHAIN)
        }
        components = {step.id: built[step.id] for step in DEFAULT_CHAIN}
        # The stored config must mean the same from any folder.
        sections = {name: _section(component, given[name], shared[name]) for name, component in components.items()}
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
        with self._opened(prompt, chooser, progress, teachers, request, replace, spends=True) as execution:
            values, store = execution.values, execution.store
            for step in DEFAULT_CHAIN:
                execution.step(step)
            store.save_config(execution.config)
            costs = execution.roster.costs()
            if execution.executed or not store.report_file.exists():
                from prompt2model.model_evaluator.report_page import ReportPage, write_report_page

                page = ReportPage.from_artifacts(values, costs=costs, seconds=store.seconds(), name=self.folder.name)
                write_report_page(page, store.report_file)
        return RunResult(self.folder, values["trained"], values["report"], tuple(execution.executed), costs)

    def plan(
        self,
        prompt: str | None = None,
        *,
        chooser: Chooser | None = None,
        progress: Progress | None = None,
        teachers: Mapping[str, Any] | None = None,
        request: DataRequest | None = None,
        replace: bool = False,
    ) -> Plan:
        """What the run will cost, step by step; nothing is spent.

        Reading the prompt and the data at hand costs nothing, so this much of the run is done and kept in its folder.
        Where a paid teacher has to read the prompt first, the plan ends there. Raises Prompt2ModelError.
        """
        with self._opened(prompt, chooser, progress, teachers, request, replace, spends=False) as execution:
            for number, step in enumerate(DEFAULT_CHAIN):
                if not execution.is_done(step) and not execution.is_free(step):
                    return execution.plan(number)
                execution.step(step)
            return execution.plan(len(DEFAULT_CHAIN))

    @contextmanager
    def _opened(
        self,
        prompt: str | None,
        chooser: Chooser | None,
        progress: Progress | None,
        teachers: Mapping[str, Any] | None,
        request: DataRequest | None,
        replace: bool,
        spends: bool,
    ) -> Iterator[_Execution]:
        """The run folder, locked, and everything a pass through the chain needs; no key where nothing is spent."""
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
            cluster = self._cluster()
            workers = stack.enter_context(cluster) if cluster is not None and spends else None
            roster = stack.enter_context(
                TeacherRoster(self._teacher_settings(spends), store.ledger_file, recorder, teachers, workers)
            )
            hub_allowed = self._hub_allowed(recorder)
            execution = _Execution(self, store, roster, chooser, progress, hub_allowed, config, replace)
            execution.cluster = workers
            execution.spends = spends
            execution.values.update(prompt=text, request=request or DataRequest())
            yield execution

    def _cluster(self) -> Cluster | None:
        """The cluster that the config names, not asked for anything yet. Raises ConfigError."""
        if self.config.cluster in (None, "none"):
            return None
        return connect(self.config.cluster, key_variables=[self.config.key_variable])

    def _teacher_settings(self, spends: bool) -> TeacherSettings:
        config = self.config
        return TeacherSettings(
            specs={"teacher": config.teacher, **config.teachers},
            base_url=config.base_url,
            concurrency=config.concurrency,
            timeout=config.timeout,
            key_variable=config.key_variable,
            needs_key=spends,
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
        self.config = config
        self.values: dict[str, Any] = {}
        self.hashes: dict[str, str] = {}
        self.executed: list[str] = []
        self.spends = True
        self.cluster: Cluster | None = None
        self._marks: dict[str, tuple[dict[str, str], str]] = {}
        self._announced = False
        self._unchecked: list[FinishedStep] = []
        self._names_checked = False
        self._changed = () if replace else changed_settings(store.config_file, config)

    def found(self, step: Step) -> FinishedStep | None:
        """The step as it was finished before, or adopted after a kill; None when it has to be made."""
        files, fingerprint = self._mark(step)
        entry = self.store.finished(step.id, fingerprint)
        return entry or self.store.adopt(step.id, step.folder, fingerprint, files)

    def is_done(self, step: Step) -> bool:
        """Whether nothing is to be made: it was finished before, or it only advises on what has been made since."""
        if self.found(step) is not None:
            return True
        return step.advises and self.found(DEFAULT_CHAIN[DEFAULT_CHAIN.index(step) + 1]) is not None

    def is_free(self, step: Step) -> bool:
        """Whether the step only looks at what is there, and asks nobody who is paid."""
        if step.id not in _ONLY_LOOKS:
            return False
        return self._plan([step]).money == 0

    def plan(self, finished: int) -> Plan:
        """What the steps from number `finished` on will cost."""
        return self._plan(DEFAULT_CHAIN, finished)

    def _plan(self, steps: Sequence[Step], finished: int = 0) -> Plan:
        context = self._context(steps[min(finished, len(steps) - 1)])
        plan = make_plan(steps, self.pipeline.components, self.values, context, self.roster.price, finished)
        return replace(plan, left=self.roster.left_for({step.id for step in steps[finished:]}))

    def step(self, step: Step) -> None:
        """Enter the step's output in `values`: found, or made now. Advice that comes too late is not made."""
        component = self._component(step)
        entry = self.found(step)
        if entry is None and self.is_done(step):
            return
        if entry is not None:
            self._unchecked.append(entry)
        else:
            # A step must not build on damaged files; hashing large weights is only worth it when one is made.
            while self._unchecked:
                self.store.check(self._unchecked.pop())
            self._ask_before_redoing(step)
            self._check_names(step)
            self._announce(step)
            entry = self._execute(step)
        self.hashes[component.produces] = entry.content
        self.values[component.produces] = self.store.load(entry, component.Output)

    def _component(self, step: Step) -> Component:
        return self.pipeline.components[step.id]

    def _mark(self, step: Step) -> tuple[dict[str, str], str]:
        """The hashes of the files that the step reads, and its fingerprint, as of the first look."""
        if step.id not in self._marks:
            files = self._files(step)
            self._marks[step.id] = files, self.fingerprint(step, files)
        return self._marks[step.id]

    def fingerprint(self, step: Step, files: Mapping[str, str]) -> str:
        """Config, inputs, prompts, version and, for whoever uses prompts, the teacher: what decides the output."""
        component, values = self._component(step), self.values
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
        if self.cluster is not None:
            self.cluster.check()
        self._names_checked = True

    def _hash(self, path: str, values: Mapping[str, Any]) -> str:
        return self.hashes[path] if path in self.hashes else hash_of_value(lookup(path, values))

    def _files(self, step: Step) -> dict[str, str]:
        """The hashes of the files that the step reads; of one that is gone, as it was when the step finished."""
        known = self.store.files_read(step.id)
        paths = self._component(step).input_files()
        return {str(path): hash_of_path(path) or known.get(str(path), "") for path in paths}

    def _announce(self, step: Step) -> None:
        """Say once what the steps that spend time or money will cost; at a terminal, ask. Raises PlanDeclinedError."""
        if self._announced or step.id in _ONLY_LOOKS:
            return
        self._announced = True
        self.progress.say(f"plan: {self.plan(DEFAULT_CHAIN.index(step)).headline()}")
        if self.chooser.interactive and not self.chooser.confirm("plan", "Go on?", True):
            raise PlanDeclinedError(
                f"stopped before it began; `prompt2model plan` shows more, `prompt2model resume {self.store.folder}` "
                "goes on"
            )

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

    def _context(self, step: Step) -> RunContext:
        """For estimates: clients of which nothing is asked, and nothing is written."""
        return RunContext(
            folder=self.store.folder / step.folder,
            seed=self.pipeline.config.seed,
            progress=self.progress,
            chooser=self.chooser,
            teachers=self.roster.unused(),
            cache_folder=cache_folder_of(self.store.folder.parent),
            hub_allowed=self.hub_allowed,
        )

    def _execute(self, step: Step) -> FinishedStep:
        component, (files, fingerprint) = self._component(step), self._mark(step)
        # Connected first: a teacher that cannot be had is said before anything is written or set aside.
        teachers = self.roster.clients(step.id) if self.spends or self.roster.is_free() else {}
        for path, known in self.store.files_read(step.id).items():
            if known and files.get(path, known) != known:
                self.progress.say(f"{path} changed since this run read it: the steps that depend on it run again")
        self.store.set_aside([later.id for later in DEFAULT_CHAIN[DEFAULT_CHAIN.index(step) :]])
        self.store.save_config(self.config)
        self.progress.say(f"{step.folder.partition('_')[0]}/{_LAST_NUMBER} {step.id.replace('_', ' ')}")
        context = replace(
            self._context(step),
            folder=self.store.begin(step.folder, fingerprint),
            chooser=RecordingChooser(self.store, step.id, self.chooser),
            teachers=teachers,
            workers=self.cluster or HereWorkers(),
        )
        paths = wiring(step, component)
        inputs = component.Inputs(**{name: lookup(path, self.values) for name, path in paths.items()})
        started = time.perf_counter()
        try:
            output = component.run(inputs, context)
        except BudgetExceededError as error:
            raise with_offer(error, self.plan(DEFAULT_CHAIN.index(step)), self.roster.costs()) from None
        for address in self.roster.newly_silent():
            self.progress.say(f"  {address} does not answer; the other addresses do its share")
        self.executed.append(step.id)
        return self.store.finish(step.id, step.folder, fingerprint, output, time.perf_counter() - started, files)


def _section(component: Component, section: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """What the stored config says of a step: its own settings, with whole paths."""
    settings = component.config.model_dump(mode="json", exclude_defaults=True, exclude=set(shared))
    return {**settings, **({"component": section["component"]} if "component" in section else {})}
