"""Which students a bake-off compares."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prompt2model.catalogue.model_cards import ModelCard, local_model, starter_models
from prompt2model.errors import ConfigError
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.inputs import TrainInputs
from prompt2model.records import Family, ModelCandidate
from prompt2model.weights import EMBEDDED_ENCODER, is_obtainable, locate

TFIDF, EMBEDDING = "tfidf", "embedding"


@dataclass(frozen=True)
class Entrant:
    """A student that may be trained. `id` is what it is called, `base` what it is trained from.

    `parameters` are those of the base model, None where they are not known.
    """

    id: str
    base: str
    family: Family
    parameters: int | None = None

    def folder_name(self, number: int) -> str:
        """The name of its folder."""
        plain = re.sub(r"[^A-Za-z0-9]+", "-", self.id.rstrip("/").rpartition("/")[2] or self.id).strip("-")
        return f"{number:02d}-{plain[:60]}"


def entrants(inputs: TrainInputs, config: ModelTrainerConfig, hub_allowed: bool) -> list[Entrant]:
    """The students that the config names, else those that come into question; none twice.

    Raises ConfigError, WeightsError for one that is named and cannot be had.
    """
    if config.students:
        return named_entrants(config.students, hub_allowed, inputs.base_model.candidates)
    found = []
    if inputs.task.kind == "classification":
        found += [Entrant(TFIDF, TFIDF, "tfidf"), Entrant(EMBEDDING, EMBEDDED_ENCODER, "embedding")]
    chosen = inputs.base_model
    parameters = {candidate.id: candidate.parameters for candidate in chosen.candidates}
    found.append(Entrant(chosen.id, chosen.id, chosen.family, parameters.get(chosen.id)))
    families = {chosen.family}
    for candidate in chosen.candidates:
        if candidate.family not in families and is_obtainable(candidate.id, allow_download=hub_allowed):
            families.add(candidate.family)
            found.append(Entrant(candidate.id, candidate.id, candidate.family, candidate.parameters))
    return found


def named_entrants(names: Sequence[str], hub_allowed: bool, candidates: Sequence[ModelCandidate] = ()) -> list[Entrant]:
    """The students of `students = [...]`. Raises ConfigError, WeightsError for one that cannot be had."""
    ranked = {candidate.id: candidate for candidate in candidates}
    found = []
    for name in dict.fromkeys(names):
        kind, colon, model = name.partition(":")
        if name == TFIDF:
            found.append(Entrant(TFIDF, TFIDF, "tfidf"))
        elif name == EMBEDDING or (kind == EMBEDDING and colon):
            encoder = model or EMBEDDED_ENCODER
            locate(encoder, allow_download=hub_allowed)
            found.append(Entrant(name, encoder, "embedding"))
        elif name in ranked:
            found.append(Entrant(name, name, ranked[name].family, ranked[name].parameters))
        else:
            card = _card_of(name, hub_allowed)
            found.append(Entrant(name, name, card.family, card.parameters))
    return found


def student_folders(names: Sequence[str]) -> list[Path]:
    """The folders of weights among the names in `students`, whose content decides what comes of them."""
    paths = [Path(name.removeprefix(f"{EMBEDDING}:")) for name in names]
    return [path for path in paths if path.is_absolute() and path.is_dir()]


def _card_of(name: str, hub_allowed: bool) -> ModelCard:
    if not name.strip():
        raise ConfigError(f"a name in `students` is empty; {_WAYS}")
    location = locate(name, allow_download=hub_allowed)
    card = next((card for card in starter_models() if card.id == name), None) or local_model(location.folder)
    if card is None:
        raise ConfigError(f"{name} in `students` names no family that can be trained here; {_WAYS}")
    return card


_WAYS = "write tfidf, embedding, embedding:MODEL, or the id or folder of a base model for text"
