"""GGUF files of the Llama architecture, read fast.

transformers loads any GGUF file, but its route for Llama reads every vocabulary entry through the `gguf` package three
times: 17 seconds for the packaged SmolLM2, on which every start of the embedded teacher waits. Here the file's header
is read once and the tensors are unpacked directly (about one second). Other architectures take the transformers route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prompt2model.errors import WeightsError
from prompt2model.weights.locate import WeightsLocation

if TYPE_CHECKING:
    import torch
    from transformers import LlamaConfig, PreTrainedModel, PreTrainedTokenizerBase

_LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_PIECE = 1 << 17
"""Values unpacked at a time."""
_TOP_NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def load_gguf_tokenizer(location: WeightsLocation) -> PreTrainedTokenizerBase:
    """The tokenizer that a GGUF file describes, padding on the left."""
    from transformers import PreTrainedTokenizerFast
    from transformers.integrations.gguf import convert_gguf_tokenizer, get_gguf_tokenizer, read_gguf_metadata

    path = _path(location)
    try:
        metadata, _ = read_gguf_metadata(path)
        architecture, vocabulary, settings = get_gguf_tokenizer(path)
        backend, _ = convert_gguf_tokenizer(architecture, vocabulary)
    except (ValueError, KeyError, OSError) as error:
        raise WeightsError(f"{path} holds no tokenizer that can be read ({error}); choose another model") from error
    settings = {key: value for key, value in settings.items() if value is not None}
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        padding_side="left",
        model_max_length=metadata.get(f"{architecture}.context_length", 2048),
        **settings,
    )


def load_gguf_model(location: WeightsLocation, dtype: torch.dtype | str = "auto") -> PreTrainedModel:
    """A causal language model with dense weights of `dtype` ("auto": float32), in evaluation mode."""
    import torch
    from transformers.integrations.gguf import GgufHeader

    path = _path(location)
    dense = torch.float32 if isinstance(dtype, str) else dtype
    try:
        header = GgufHeader.from_file(path)
    except (ValueError, OSError, KeyError) as error:
        raise WeightsError(f"{path} is not a GGUF file that can be read ({error}); choose another model") from error
    if header.architecture != "llama" or not all(_known(tensor.name) for tensor in header.tensors):
        return _load_through_transformers(location, dense)
    return _load_llama(header, dense)


def _path(location: WeightsLocation) -> str:
    return str(location.folder / (location.gguf_file or ""))


def _load_through_transformers(location: WeightsLocation, dtype: torch.dtype) -> PreTrainedModel:
    from transformers import AutoModelForCausalLM, GgufConfig

    try:
        model = AutoModelForCausalLM.from_pretrained(
            location.folder,
            gguf_file=location.gguf_file,
            quantization_config=GgufConfig(dequantize=True),
            dtype=dtype,
            local_files_only=True,
        )
    except (ValueError, OSError, KeyError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{location.model_id} cannot be read as GGUF ({reason}); choose another model") from error
    return model.eval()


def _load_llama(header: Any, dtype: torch.dtype) -> PreTrainedModel:
    import torch
    from transformers import GenerationConfig, LlamaForCausalLM
    from transformers.integrations.gguf import read_gguf_metadata

    metadata, names = read_gguf_metadata(header.path)
    config = _llama_config(metadata, tied="output.weight" not in names)
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # many small pieces: waiting for a second thread costs more than it does
    try:
        weights = _dense_weights(header, config, dtype)
    finally:
        torch.set_num_threads(threads)
    if config.tie_word_embeddings:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    model.load_state_dict(weights, strict=True, assign=True)
    # The rotary table is no weight; built on "meta" it is empty, so it is built again on the processor.
    model.model.rotary_emb = type(model.model.rotary_emb)(config)
    if config.tie_word_embeddings:
        model.tie_weights()
    model.config.dtype = dtype
    model.generation_config = GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    )
    return model.eval()


def _llama_config(metadata: dict[str, Any], tied: bool) -> LlamaConfig:
    from transformers import LlamaConfig

    def value(key: str) -> Any:
        return metadata[f"llama.{key}"]

    return LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=value("vocab_size"),
        hidden_size=value("embedding_length"),
        intermediate_size=value("feed_forward_length"),
        num_hidden_layers=value("block_count"),
        num_attention_heads=value("attention.head_count"),
        num_key_value_heads=metadata.get("llama.attention.head_count_kv", value("attention.head_count")),
        rms_norm_eps=value("attention.layer_norm_rms_epsilon"),
        max_position_embeddings=value("context_length"),
        rope_parameters={"rope_type": "default", "rope_theta": metadata.get("llama.rope.freq_base", 10000.0)},
        bos_token_id=metadata.get("tokenizer.ggml.bos_token_id"),
        eos_token_id=metadata.get("tokenizer.ggml.eos_token_id"),
        pad_token_id=metadata.get("tokenizer.ggml.padding_token_id"),
        tie_word_embeddings=tied,
    )


def _dense_weights(header: Any, config: LlamaConfig, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """State dict of `LlamaForCausalLM` from the file's tensors."""
    from transformers.integrations.gguf import load_gguf_state_dict
    from transformers.integrations.gguf.dequant import GGML_BLOCK

    dense = {}
    stored = load_gguf_state_dict(header)
    for info in header.tensors:
        name, tensor = info.name, stored[info.name][:]
        if info.ggml_type in GGML_BLOCK:
            tensor = _unpacked(tensor, info.ggml_type, dtype).reshape(info.shape)
        if ".attn_q." in name:
            tensor = _undo_rotary_order(tensor, config.num_attention_heads)
        elif ".attn_k." in name:
            tensor = _undo_rotary_order(tensor, config.num_key_value_heads)
        dense[_transformers_name(name)] = tensor.to(dtype).contiguous()
    return dense


def _unpacked(data: torch.Tensor, ggml_type: int, dtype: torch.dtype) -> torch.Tensor:
    """The values of a quantised tensor, flat. In pieces that stay in the processor's cache: ten times as fast."""
    import torch
    from transformers.integrations.gguf.dequant import GGML_BLOCK, dequantize

    elements, size = GGML_BLOCK[ggml_type]
    blocks = data.reshape(-1, size)
    values = torch.empty(len(blocks) * elements, dtype=dtype)
    piece = _PIECE // elements
    for start in range(0, len(blocks), piece):
        part = dequantize(blocks[start : start + piece], ggml_type)
        values[start * elements : start * elements + len(part)] = part
    return values


def _undo_rotary_order(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """llama.cpp interleaves the two halves of a head's rows; transformers has one after the other."""
    rows, columns = weight.shape
    return weight.view(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)


def _known(name: str) -> bool:
    parts = name.split(".")
    if parts[0] == "blk":
        return parts[2] in _LAYER_NAMES and parts[-1] == "weight"
    return parts[0] in _TOP_NAMES and parts[-1] == "weight"


def _transformers_name(name: str) -> str:
    parts = name.split(".")
    if parts[0] == "blk":
        return f"model.layers.{parts[1]}.{_LAYER_NAMES[parts[2]]}.weight"
    return f"{_TOP_NAMES[parts[0]]}.weight"
