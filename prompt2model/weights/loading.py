"""Loading located weights into transformers models, and saving models so that plain transformers reads them back.

Only safetensors and GGUF are read; no pickle, no code from a model folder is ever run.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt2model.errors import WeightsError
from prompt2model.weights.locate import WeightsLocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_tokenizer(location: WeightsLocation, adapter: Path | None = None) -> PreTrainedTokenizerBase:
    """The tokenizer of located weights, or the one in the folder of an adapter beside them.

    Raises WeightsError where the folder has none that loads without own code.
    """
    if adapter is not None:
        location = replace(location, folder=adapter, gguf_file=None)
    if location.gguf_file is not None:
        from prompt2model.weights.gguf_llama import load_gguf_tokenizer

        return load_gguf_tokenizer(location)
    from transformers import AutoTokenizer

    tokenizer = _load(AutoTokenizer, location)
    # Long texts are cut, and counted, by whoever gives them to a model; transformers would warn of them before.
    tokenizer.deprecation_warnings["sequence-length-is-longer-than-the-specified-maximum"] = True
    return tokenizer


def load_causal_lm(location: WeightsLocation, dtype: torch.dtype | str = "auto") -> PreTrainedModel:
    """A decoder language model in evaluation mode. A GGUF file is unpacked into dense weights of `dtype`."""
    if location.gguf_file is not None:
        from prompt2model.weights.gguf_llama import load_gguf_model

        return load_gguf_model(location, dtype)
    from transformers import AutoModelForCausalLM

    return _load_model(AutoModelForCausalLM, location, dtype)


def load_seq2seq(location: WeightsLocation, dtype: torch.dtype | str = "auto") -> PreTrainedModel:
    """An encoder-decoder in evaluation mode whose output layer is its own wherever the checkpoint has one.

    transformers 5 sets `tie_word_embeddings=True` on every T5 config. Loading keeps a differing output layer apart,
    but a later `tie_weights()` (peft, accelerate, resizing) would overwrite it, so the config is set to the truth.
    """
    from transformers import AutoModelForSeq2SeqLM

    with _without_tie_warning():
        model = _load_model(AutoModelForSeq2SeqLM, location, dtype)
    model.config.tie_word_embeddings = _is_tied(model)
    return model


def load_encoder(location: WeightsLocation, dtype: torch.dtype | str = "auto") -> PreTrainedModel:
    """An encoder without a head, in evaluation mode."""
    from transformers import AutoModel

    return _load_model(AutoModel, location, dtype)


def load_encoder_classifier(
    location: WeightsLocation, labels: Sequence[str] | None = None, dtype: torch.dtype | str = "auto"
) -> PreTrainedModel:
    """An encoder with a classification head, in evaluation mode.

    With `labels` the head is sized and named for them (newly initialised where the weights hold no such head; seed
    torch first). Without, the head is the saved one.
    """
    from transformers import AutoModelForSequenceClassification

    if labels is None:
        return _load_model(AutoModelForSequenceClassification, location, dtype)
    return _load_model(
        AutoModelForSequenceClassification,
        location,
        dtype,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
        num_labels=len(labels),
    )


def save_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path | str) -> Path:
    """Save model and tokenizer (safetensors, one file per 5 GB) so that a plain `from_pretrained` answers the same.

    The written config says whether input and output embeddings are one: T5 in transformers 5 would else write "tied"
    and, read back, scale the decoder's outputs as a tied T5 does.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with quiet():
        _save_weights(model, folder)
        tokenizer.save_pretrained(folder)
    for weights in folder.glob("*.safetensors"):
        # safetensors writes files for their owner alone, whatever the umask says.
        weights.chmod((folder / "config.json").stat().st_mode)
    if model.get_output_embeddings() is not None:
        path = folder / "config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        config["tie_word_embeddings"] = _is_tied(model)
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return folder


@contextmanager
def quiet() -> Iterator[None]:
    """No bars and no load report from transformers: a new head is what we want, and files load in a second."""
    from transformers.utils import logging as transformers_logging

    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()


def _save_weights(model: PreTrainedModel, folder: Path) -> None:
    """Raises OSError as every other writer does; safetensors has the system's error number in its text only."""
    from safetensors import SafetensorError

    try:
        model.save_pretrained(folder)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(folder)) from error


@contextmanager
def _without_tie_warning() -> Iterator[None]:
    """Keep back the advice to correct the config: for T5 no correct config is possible, and we act on it ourselves."""
    logger = logging.getLogger("transformers.modeling_utils")

    def keep(record: logging.LogRecord) -> bool:
        return "we will NOT tie them" not in record.getMessage()

    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)


def _is_tied(model: PreTrainedModel) -> bool:
    output, inputs = model.get_output_embeddings(), model.get_input_embeddings()
    return output is not None and output.weight is inputs.weight


def _load_model(auto_class: Any, location: WeightsLocation, dtype: torch.dtype | str, **kwargs: Any) -> PreTrainedModel:
    model = _load(auto_class, location, dtype=dtype, use_safetensors=True, **kwargs)
    return model.eval()


def _load(auto_class: Any, location: WeightsLocation, **kwargs: Any) -> Any:
    from safetensors import SafetensorError

    try:
        with quiet():
            return auto_class.from_pretrained(location.folder, local_files_only=True, trust_remote_code=False, **kwargs)
    except SafetensorError as error:
        raise WeightsError(
            f"the weights in {location.folder} are damaged ({error}); get them again, or choose another model"
        ) from error
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise WeightsError(
            f"{location.model_id} cannot be loaded from {location.folder} ({reason[:200]}); choose another model"
        ) from error
