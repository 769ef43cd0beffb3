"""The settings of a run: TOML in and out, unknown keys refused with the nearest known name.

The settings of a step stand in a section of the step's name; which keys a section has is said by the component that
plays the step (`prompt2model settings` prints them all).
"""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from prompt2model.errors import ConfigError, PromptError

SectionSettings = dict[str, Any]
ModelT = TypeVar("ModelT", bound=BaseModel)
HubUse = Literal["ask", "yes", "no"]


class PipelineConfig(BaseModel):
    """Everything that decides what a run does. Paths are absolute once loaded from a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str | None = Field(None, description="The prompt itself; or give `prompt_file`.")
    prompt_file: Path | None = Field(None, description="A text file (UTF-8) with the prompt.")
    name: str | None = Field(None, description="Name of the run's folder; made from the prompt when absent.")
    runs_folder: Path = Field(Path("runs"), description="Where run folders are kept.")
    seed: int = Field(0, ge=0, description="Seed of everything random.")
    teacher: str = Field(
        "embedded", description="Who teaches: `embedded`, `openai:NAME` (any OpenAI-compatible endpoint) or `none`."
    )
    teachers: dict[str, str] = Field(
        default_factory=dict, description="Another teacher for a role: parser, generator, labeller, retriever, judge."
    )
    base_url: str | None = Field(None, description="Address of the OpenAI-compatible endpoint, up to and with /v1.")
    key_variable: str = Field("OPENAI_API_KEY", description="Name of the environment variable that holds the key.")
    budget: str | None = Field(None, description="Most that teacher calls may use: `2usd` or `500000 tokens`.")
    prices: dict[str, tuple[float, float]] = Field(
        default_factory=dict, description="US dollars per million prompt and completion tokens, by model name."
    )
    hub: HubUse = Field("ask", description="Use the Hugging Face hub: `yes`, `no`, or `ask` (no, where nobody is).")
    parse_prompt: SectionSettings = Field(default_factory=dict)
    retrieve_data: SectionSettings = Field(default_factory=dict)
    reserve_tests: SectionSettings = Field(default_factory=dict)
    generate_data: SectionSettings = Field(default_factory=dict)
    assemble_data: SectionSettings = Field(default_factory=dict)
    retrieve_models: SectionSettings = Field(default_factory=dict)
    train: SectionSettings = Field(default_factory=dict)
    evaluate: SectionSettings = Field(default_factory=dict)
    create_demo: SectionSettings = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_prompt(self) -> PipelineConfig:
        if self.prompt is not None and self.prompt_file is not None:
            raise ValueError("give `prompt` or `prompt_file`, not both")
        if self.name is not None and not re.fullmatch(r"[\w][\w.-]*", self.name):
            raise ValueError(f"`name` is a folder's name (letters, digits, . _ -), not {self.name!r}")
        return self

    def prompt_text(self) -> str:
        """The prompt. Raises PromptError when there is none, or it is empty or not UTF-8."""
        if self.prompt_file is not None:
            try:
                text = self.prompt_file.read_text(encoding="utf-8-sig")
            except FileNotFoundError as error:
                raise PromptError(f"there is no prompt file {self.prompt_file}; correct the path") from error
            except UnicodeDecodeError as error:
                raise PromptError(
                    f"{self.prompt_file} is not UTF-8 text (byte {error.start}); save it as UTF-8"
                ) from error
            except OSError as error:
                raise PromptError(
                    f"{self.prompt_file} cannot be read ({error.strerror}); give a text file with --prompt-file"
                ) from error
        else:
            text = self.prompt or ""
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise PromptError(
                    f"the prompt is not UTF-8 text (character {error.start + 1}); save it as UTF-8 in a file and give "
                    "that with --prompt-file"
                ) from error
        if not text.strip():
            raise PromptError("the prompt is empty; give it as an argument or with --prompt-file task.txt")
        return text

    def run_name(self) -> str:
        """The name of the run's folder."""
        if self.name:
            return self.name
        text = self.prompt_text()
        words = re.findall(r"[a-z0-9]+", text.casefold())[:5]
        return "-".join([*words, hashlib.sha256(text.encode()).hexdigest()[:6]])

    def to_toml(self) -> str:
        """The config as TOML; what has its default is left out."""
        import tomli_w

        return tomli_w.dumps(_without_none(self.model_dump(mode="json", exclude_defaults=True)))


def load_config(path: Path, changes: Mapping[str, Any] | None = None) -> PipelineConfig:
    """The config in a TOML file, with `changes` (as from the command line) laid over it.

    Paths in the file are relative to the file. Raises ConfigError.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"there is no config file {path}; correct the path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}; correct that place") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); give a TOML file with --config") from error
    folder = path.parent.resolve()
    if isinstance(content.get("prompt_file"), str):
        content["prompt_file"] = str(folder / content["prompt_file"])
    return make_config(merge(content, changes or {}), str(path))


def make_config(content: Mapping[str, Any], where: str = "config") -> PipelineConfig:
    """A config from plain values. Raises ConfigError, one line, naming the key and the nearest known one."""
    return validate(PipelineConfig, content, where)


def validate(model: type[ModelT], content: Mapping[str, Any], where: str) -> ModelT:
    """Build a pydantic model, with the first fault as a ConfigError of one line."""
    try:
        return model(**content)
    except ValidationError as error:
        faults = error.errors()
        # A misspelt key is also a missing one; the spelling is what the person can see.
        fault = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            raise ConfigError(f"{where}: unknown key `{key}`; {_hint(fault['loc'], faults, model)}") from error
        message = fault["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{where}: {f'`{key}`: ' if key else ''}{message}") from error


def _hint(place: tuple[int | str, ...], faults: Sequence[Mapping[str, Any]], model: type[BaseModel]) -> str:
    """The known key that an unknown one is near; inside a value, one that is missing beside it."""
    *outer, key = place
    beside = [str(one["loc"][-1]) for one in faults if one["type"] == "missing" and [*one["loc"][:-1]] == outer]
    near = difflib.get_close_matches(str(key), beside if outer else list(model.model_fields), n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    return "see `prompt2model settings`" if outer else f"known keys: {', '.join(model.model_fields)}"


def resolve_paths(settings: ModelT, folder: Path) -> ModelT:
    """A component's settings with every relative path taken from `folder`."""
    changes: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, Path):
            changes[name] = folder / value
        elif isinstance(value, (list, tuple)) and Path in _inner_types(field.annotation):
            changes[name] = type(value)(folder / item if isinstance(item, Path) else item for item in value)
    return settings.model_copy(update=changes)


_OF_NO_RESULT = {"name", "runs_folder", "budget", "prices", "base_url", "key_variable", "hub"}
"""Settings that may change while finished work stays what it is."""


def changed_settings(stored: Path, wanted: str) -> tuple[str, ...]:
    """The names of the settings in which a stored config and the TOML text `wanted` differ.

    Left out are those on which no result depends. Empty when there is no stored config; what cannot be read of one
    counts as different.
    """
    if not stored.is_file():
        return ()
    try:
        before = tomllib.loads(stored.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        before = {}
    old, new = _flat(before), _flat(tomllib.loads(wanted))
    return tuple(key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key))


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if key in _OF_NO_RESULT:
            continue
        flat.update(
            {f"{key}.{name}": inner for name, inner in value.items()} if isinstance(value, Mapping) else {key: value}
        )
    return flat


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`changes` laid over `base`, section by section. A prompt in `changes` replaces either form of it in `base`."""
    merged = dict(base)
    if changes.get("prompt") is not None or changes.get("prompt_file") is not None:
        merged.pop("prompt", None)
        merged.pop("prompt_file", None)
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = {**merged[key], **value}
        elif value is not None:
            merged[key] = value
    return merged


def _inner_types(annotation: Any) -> set[Any]:
    inner = {annotation}
    for argument in get_args(annotation):
        inner |= _inner_types(argument)
    return inner


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value
