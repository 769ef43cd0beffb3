"""The settings of a run: TOML in and out, unknown keys refused with the nearest known name.

The settings of a step stand in a section of the step's name; which keys a section has is said by the component that
plays the step (`prompt2model settings` prints them all).
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from prompt2model.component import ModelReference
from prompt2model.errors import ConfigError, PromptError
from prompt2model.run_store import RunStore

SectionSettings = dict[str, Any]
ModelT = TypeVar("ModelT", bound=BaseModel)
HubUse = Literal["ask", "yes", "no"]

_WANTED = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    "finite_number": "a finite number",
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "string_type": "a text in quotes",
    "string_too_short": "a text of at least {min_length} characters",
    "path_type": "a path in quotes",
    "literal_error": "{expected}",
    **dict.fromkeys(("tuple_type", "list_type"), "a list in square brackets"),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type"), "a table of keys and values"),
    "greater_than_equal": "a number of at least {ge:g}",
    "greater_than": "a number above {gt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "less_than": "a number below {lt:g}",
}
"""pydantic's names of what can be wrong with a value → what is wanted instead."""

_ROLES = re.compile(r"teacher|parser|retriever|generator|judge|labeller( ([2-9]|[1-9]\d+))?")
"""The roles in which steps ask teachers."""


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
        default_factory=dict,
        description="Another teacher for a role: parser, retriever, generator, labeller, judge; "
        "`labeller 2`, `labeller 3`, ... answer given inputs beside it.",
    )
    base_url: str | list[str] | None = Field(
        None,
        description="Address of the OpenAI-compatible endpoint, up to and with /v1; several in a list share the work.",
    )
    concurrency: int = Field(
        8, ge=1, description="Most requests under way at one address; fewer where it asks for fewer."
    )
    timeout: float = Field(
        120.0,
        gt=0,
        description="Seconds that an endpoint may be silent before a request is sent again; a whole answer may take "
        "five times as long.",
    )
    key_variable: str = Field("OPENAI_API_KEY", description="Name of the environment variable that holds the key.")
    budget: str | None = Field(None, description="Most that teacher calls may use: `2usd` or `500000 tokens`.")
    prices: dict[str, tuple[float, float]] = Field(
        default_factory=dict, description="US dollars per million prompt and completion tokens, by model name."
    )
    cluster: str | None = Field(
        None,
        description="Share the work out by Ray: `local`, `ray://HOST:PORT`, `HOST:PORT`, `auto`; `none` or absent: "
        "in this process.",
    )
    hub: HubUse = Field("ask", description="Use the Hugging Face hub: `yes`, `no`, or `ask` (no, where nobody is).")
    parse_prompt: SectionSettings = Field(default_factory=dict)
    retrieve_data: SectionSettings = Field(default_factory=dict)
    reserve_tests: SectionSettings = Field(default_factory=dict)
    check_feasibility: SectionSettings = Field(default_factory=dict)
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

    @model_validator(mode="after")
    def _known_roles(self) -> PipelineConfig:
        """A component of one's own may ask teachers in roles of its own."""
        sections = (value for value in dict(self).values() if isinstance(value, dict))
        unknown = [role for role in self.teachers if not _ROLES.fullmatch(role)]
        if unknown and not any("component" in section for section in sections):
            raise ValueError(
                f"no step asks a teacher in the role {unknown[0]!r}; the roles are parser, retriever, generator, "
                "labeller, judge, and `labeller 2`, `labeller 3`, ... beside it"
            )
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
    for key in ("prompt_file", "runs_folder"):
        if isinstance(content.get(key), str):
            content[key] = str(folder / content[key])
    return make_config(merge(content, changes or {}), str(path))


def make_config(content: Mapping[str, Any], where: str = "config") -> PipelineConfig:
    """A config from plain values. Raises ConfigError, one line, naming the key and the nearest known one."""
    return validate(PipelineConfig, content, where)


def validate(model: type[ModelT], content: Mapping[str, Any], where: str) -> ModelT:
    """Build a pydantic model, with the first fault as a ConfigError of one line."""
    try:
        return model(**content)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_in_words(error.errors(), model)}") from error


def _in_words(faults: Sequence[Mapping[str, Any]], model: type[BaseModel]) -> str:
    """The first fault: the key, what was given, what is wanted."""
    # A misspelt key is also a missing one; the spelling is what the person can see.
    fault = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
    place = fault["loc"]
    if fault["type"] == "extra_forbidden":
        return f"unknown key `{_dotted(place)}`; {_hint(place, faults, model)}"
    same = [fault]
    if place and _has_alternatives(model, place[0]):
        # Each alternative has a fault of its own, with its name behind the key. The deepest was meant.
        of_key = [one for one in faults if one["loc"][:1] == place[:1]]
        deepest = max(len(one["loc"]) for one in of_key)
        same = [one for one in of_key if len(one["loc"]) == deepest]
        place = (place[0], *same[0]["loc"][2:])
    if same[0]["type"] == "missing":
        return f"`{_dotted(place)}` is missing; add it"
    if any(one["type"] not in _WANTED for one in same):
        message = same[0]["msg"].removeprefix("Value error, ")
        return f"`{_dotted(place)}`: {message}" if place else message
    wanted = " or ".join(_WANTED[one["type"]].format(**one.get("ctx", {})) for one in same)
    return f"`{_dotted(place)}` is {_shown(same[0]['input'])}; give {wanted}"


def _dotted(place: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in place)


def _has_alternatives(model: type[BaseModel], key: int | str) -> bool:
    field = model.model_fields.get(str(key))
    kinds = get_args(field.annotation) if field and get_origin(field.annotation) in (Union, UnionType) else ()
    return len([kind for kind in kinds if kind is not type(None)]) > 1


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


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
        elif isinstance(value, str) and ModelReference in _inner_types(field.annotation):
            changes[name] = folder_or_id(value, folder)
        elif isinstance(value, tuple) and ModelReference in _inner_types(field.annotation):
            changes[name] = tuple(folder_or_id(item, folder) for item in value)
        elif isinstance(value, (list, tuple)) and Path in _inner_types(field.annotation):
            changes[name] = type(value)(folder / item if isinstance(item, Path) else item for item in value)
    return settings.model_copy(update=changes)


def folder_or_id(model: str, folder: Path) -> str:
    """A model's folder by its whole path, where there is one in `folder` or the text is clearly a path; else the id.

    A word and a colon before it, as in `embedding:MODEL`, stay.
    """
    word, colon, rest = model.partition(":")
    if colon and word.isidentifier():
        return f"{word}:{folder_or_id(rest, folder)}"
    path = folder / Path(model).expanduser()
    is_path = model.startswith((".", "~")) or Path(model).is_absolute()
    return str(path) if model.strip() and (is_path or path.is_dir()) else model


def with_own_review(config: PipelineConfig) -> PipelineConfig:
    """A run that is given again keeps what a person decided about its rows, unless the config says otherwise."""
    try:
        store = RunStore(config.runs_folder / config.run_name())
    except PromptError:
        # Said when the run begins: what is wrong with the settings comes first.
        return config
    decisions = store.decisions_file.resolve()
    if "reviewed" in config.assemble_data or not store.config_file.is_file() or not decisions.is_file():
        return config
    named = load_config(store.config_file).assemble_data.get("reviewed")
    # The folder of the run may have been moved since.
    if named is None or Path(named).parts[-2:] != decisions.parts[-2:]:
        return config
    return config.model_copy(update={"assemble_data": {**config.assemble_data, "reviewed": str(decisions)}})


_OF_NO_RESULT = {
    *("name", "runs_folder", "budget", "prices", "base_url", "concurrency", "timeout", "key_variable", "hub"),
    "cluster",
}
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
