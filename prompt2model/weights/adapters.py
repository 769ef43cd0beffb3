"""Low-rank adapters (LoRA, arXiv 2106.09685) beside a base model: the model under them, their folder, their merge.

Trainer and predictor load the base here, in the same way, so that a folder that holds an adapter answers as the
model did that was trained.
"""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt2model.errors import WeightsError
from prompt2model.weights.loading import load_causal_lm, load_encoder_classifier, load_seq2seq
from prompt2model.weights.locate import WeightsLocation, weight_files
from prompt2model.weights.quantised import (
    can_quantise,
    import_bitsandbytes,
    linear_layers,
    quantise,
    round_to_four_bits,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from transformers import PreTrainedModel

    from prompt2model.records import Family

ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_TASKS: dict[Family, str] = {"encoder": "SEQ_CLS", "encoder_decoder": "SEQ_2_SEQ_LM", "decoder": "CAUSAL_LM"}
_SAMPLE = 1 << 20
_PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".bin", ".pt", ".pth", ".ckpt"})


def load_base_for_adapters(
    location: WeightsLocation,
    family: Family,
    labels: Sequence[str],
    device: torch.device | str,
    four_bits: bool,
    compute: torch.dtype,
) -> PreTrainedModel:
    """The base model on `device`: a decoder in its stored format, others in float32.

    With `four_bits` its linear layers are NF4 and compute in `compute`, and so does the rest of a decoder.
    """
    import torch

    if not four_bits:
        return _dense(location, family, labels, "auto").to(device)
    model = _dense(location, family, labels, torch.bfloat16)
    rest = compute if family == "decoder" else torch.float32
    return quantise(model, device, compute, rest, trained_whole(model, family))


def _dense(location: WeightsLocation, family: Family, labels: Sequence[str], dtype: torch.dtype | str) -> Any:
    """`dtype` of a decoder, and of an encoder-decoder where it is not "auto"; the others are float32."""
    import torch

    if family == "encoder":
        return load_encoder_classifier(location, labels, dtype=torch.float32)
    if family == "encoder_decoder":
        return load_seq2seq(location, dtype=torch.float32 if dtype == "auto" else dtype)
    return load_causal_lm(location, dtype)


def trained_whole(model: Any, family: Family) -> list[str]:
    """Modules of a classifier that have no trained weights, by name: its head, and what pools before it."""
    if family != "encoder":
        return []
    prefix = model.base_model_prefix
    heads = [name for name, child in model.named_children() if name != prefix and any(True for _ in child.parameters())]
    inner = getattr(model, prefix, None)
    return [*heads, *([f"{prefix}.pooler"] if getattr(inner, "pooler", None) is not None else [])]


def with_adapters(model: Any, family: Family, rank: int, alpha: int, dropout: float) -> Any:
    """The model frozen, with adapters on all linear layers (arXiv 2305.14314) in float32.

    What a classifier has no trained weights for is trained whole.
    """
    peft = _peft()
    whole = trained_whole(model, family)
    settings = peft.LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=[name for name, _ in linear_layers(model, whole)],
        modules_to_save=whole or None,
        bias="none",
        task_type=_TASKS[family],
    )
    return _attached(peft, model, settings)


def save_adapter(model: Any, base: str, folder: Path) -> None:
    """Write the adapter of a model of `with_adapters` into `folder`, as peft reads it; `base` is the model's id."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    settings = model.peft_config["default"]
    settings.base_model_name_or_path = base
    settings.inference_mode = True
    settings.save_pretrained(folder)
    tensors = {name: value.detach().cpu().contiguous() for name, value in adapter_tensors(model).items()}
    save_file(tensors, folder / ADAPTER_WEIGHTS, metadata={"format": "pt"})
    (folder / ADAPTER_WEIGHTS).chmod((folder / ADAPTER_CONFIG).stat().st_mode)


def adapter_tensors(model: Any) -> dict[str, torch.Tensor]:
    """The trained tensors of a model of `with_adapters`, by the names that they have in a file."""
    # Not "auto", which asks the hub whether the base has another vocabulary.
    tensors: dict[str, torch.Tensor] = _peft().get_peft_model_state_dict(model, save_embedding_layers=False)
    return tensors


def with_saved_adapter(model: Any, folder: Path) -> Any:
    """The base model with the adapter of a folder. Raises WeightsError where that is damaged or not of this base."""
    peft = _peft()
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    refuse_pickles(folder)
    try:
        settings = peft.LoraConfig.from_pretrained(str(folder))
        tensors = load_file(folder / ADAPTER_WEIGHTS)
    except (OSError, ValueError, TypeError, KeyError, SafetensorError) as error:
        raise WeightsError(f"the adapter in {folder} is damaged ({error}); train the student again") from error
    return put_adapter(model, settings, tensors, folder)


def put_adapter(model: Any, settings: Any, tensors: dict[str, torch.Tensor], origin: Path) -> Any:
    """The base model with an adapter of given settings and tensors; `origin` is what an error names."""
    peft = _peft()
    try:
        adapted = _attached(peft, model, settings)
        result = peft.set_peft_model_state_dict(adapted, tensors)
    except (ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"the adapter in {origin} does not fit its base model ({reason})") from error
    expected = set(adapter_tensors(adapted))
    if result.unexpected_keys or set(tensors) != expected:
        raise WeightsError(f"the adapter in {origin} does not fit its base model: other layers; train it again")
    return adapted.eval()


def merged(model: Any) -> PreTrainedModel:
    """A model with adapters on dense layers as a plain one; each layer is added up in float32, in its own format."""
    import torch
    from peft.tuners.lora import LoraLayer

    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, LoraLayer):
                weight = layer.get_base_layer().weight
                weight.data = (weight.data.float() + layer.get_delta_weight("default").float()).to(weight.dtype)
    plain: PreTrainedModel = model.unload()
    return plain.eval()


def load_dense_base(location: WeightsLocation, family: Family, labels: Sequence[str], four_bits: bool) -> Any:
    """The base for `merged`, on the processor; with `four_bits` with the values that NF4 gave its weights.

    A decoder comes in its stored format, in bfloat16 with `four_bits`, the others in float32.
    """
    import torch

    if not four_bits:
        return _dense(location, family, labels, "auto")
    model = _dense(location, family, labels, torch.bfloat16)
    if family != "decoder":
        model = model.float()
    round_to_four_bits(model, trained_whole(model, family))
    return model


def refuse_pickles(folder: Path) -> None:
    """Raises WeightsError for a folder with files that peft or torch would unpickle."""
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in _PICKLES)
    if pickles:
        raise WeightsError(f"{folder} holds {pickles[0]}, a pickle, which is never loaded; remove it")


def weights_mark(location: WeightsLocation) -> str:
    """What tells one model's weights from another's: a hash of the files' sizes and of their first and last MiB.

    A whole hash of many gigabytes would take longer than loading them; training changes weights everywhere.
    """
    digest = hashlib.sha256()
    for path in weight_files(location.folder):
        size = path.stat().st_size
        digest.update(f"{size}|".encode())
        with path.open("rb") as file:
            digest.update(file.read(_SAMPLE))
            file.seek(max(0, size - _SAMPLE))
            digest.update(file.read(_SAMPLE))
    return digest.hexdigest()


def _attached(peft: Any, model: Any, settings: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers 5 under names that it will drop
        # What peft puts right by itself: the base's name here, and which way GPT-2's weights lie.
        warnings.filterwarnings("ignore", "The PEFT config's|fan_in_fan_out", UserWarning)
        adapted = peft.get_peft_model(model, settings)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapted


def _peft() -> Any:
    if can_quantise():
        import_bitsandbytes()
    import peft

    return peft
