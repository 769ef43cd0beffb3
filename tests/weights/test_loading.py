"""Loaded weights compute what the published files say; plain transformers reads saved models back unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    T5Config,
    T5ForConditionalGeneration,
)

from prompt2model.errors import WeightsError
from prompt2model.weights import (
    EMBEDDED_ENCODER,
    EMBEDDED_TEACHER,
    PACKAGED,
    load_causal_lm,
    load_encoder,
    load_encoder_classifier,
    load_seq2seq,
    load_tokenizer,
    locate,
    save_model,
)


@pytest.fixture(scope="module")
def teacher() -> tuple:
    location = locate(EMBEDDED_TEACHER)
    return load_causal_lm(location, torch.float32), load_tokenizer(location)


def test_the_gguf_teacher_continues_text_sensibly(teacher: tuple) -> None:
    model, tokenizer = teacher
    ids = tokenizer("The capital of France is", return_tensors="pt")
    continued = model.generate(**ids, do_sample=False, max_new_tokens=1)
    assert tokenizer.decode(continued[0]).endswith("Paris")
    assert sum(p.numel() for p in model.parameters()) == PACKAGED[EMBEDDED_TEACHER].parameters
    assert model.lm_head.weight is model.model.embed_tokens.weight


def test_the_gguf_tokenizer_keeps_special_tokens_whole(teacher: tuple) -> None:
    _, tokenizer = teacher
    text = tokenizer.apply_chat_template(
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Été 2024 😀\n\tok"}], tokenize=False
    )
    ids = tokenizer(text)["input_ids"]
    assert ids.count(tokenizer.convert_tokens_to_ids("<|im_end|>")) == 2
    assert tokenizer.decode(ids) == text


def test_a_saved_decoder_answers_the_same_in_plain_transformers(teacher: tuple, tmp_path: Path) -> None:
    model, tokenizer = teacher
    save_model(model, tokenizer, tmp_path)
    assert not list(tmp_path.glob("*.bin"))
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1
    plain, plain_tokenizer = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    ids = tokenizer("A short text, 12 words", return_tensors="pt")
    assert torch.equal(plain_tokenizer("A short text, 12 words", return_tensors="pt")["input_ids"], ids["input_ids"])
    assert plain_tokenizer.chat_template == tokenizer.chat_template
    with torch.no_grad():
        assert torch.equal(plain(**ids).logits, model(**ids).logits)


def _seq2seq(tied: bool) -> T5ForConditionalGeneration:
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "d_model": 16, "d_kv": 4, "d_ff": 32, "num_layers": 2, "num_heads": 4}
    activation = "relu" if tied else "gated-gelu"
    config = T5Config(**sizes, feed_forward_proj=activation, tie_word_embeddings=tied, decoder_start_token_id=0)
    model = T5ForConditionalGeneration(config)
    if not tied:  # as flan-t5: an output layer of its own, and a config that says so
        model.lm_head.weight = torch.nn.Parameter(torch.randn(64, 16))
        model.config.tie_word_embeddings = False
    return model.eval()


@pytest.mark.parametrize("tied", [True, False], ids=["t5: tied", "flan-t5: own output layer"])
def test_a_saved_encoder_decoder_answers_the_same(tied: bool, tmp_path: Path, teacher: tuple) -> None:
    _, tokenizer = teacher
    original = _seq2seq(tied)
    inputs = {"input_ids": torch.tensor([[5, 6, 7, 1]]), "decoder_input_ids": torch.tensor([[0, 9, 8]])}
    save_model(original, tokenizer, tmp_path / "first")
    ours = load_seq2seq(locate(str(tmp_path / "first")), torch.float32)
    assert ours.config.tie_word_embeddings is tied
    ours.tie_weights()  # what peft and accelerate do: must not overwrite an output layer
    with torch.no_grad():
        expected = original(**inputs).logits
        assert torch.equal(ours(**inputs).logits, expected)
        save_model(ours, tokenizer, tmp_path / "second")
        plain = AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "second")
        assert torch.equal(plain(**inputs).logits, expected)
    config = json.loads((tmp_path / "second" / "config.json").read_text(encoding="utf-8"))
    assert config["tie_word_embeddings"] is tied


def test_an_encoder_gets_a_head_for_the_given_labels() -> None:
    location = locate(EMBEDDED_ENCODER)
    torch.manual_seed(1)
    model = load_encoder_classifier(location, ["billing", "other"], torch.float32)
    assert model.config.id2label == {0: "billing", 1: "other"}
    body = load_encoder(location, torch.float32)
    word = body.embeddings.word_embeddings.weight
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, word)


def test_a_folder_that_needs_own_code_or_is_broken_is_one_clear_line(tmp_path: Path) -> None:
    config = {"model_type": "unheard_of", "auto_map": {"AutoModelForCausalLM": "evil.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"not a weight file")
    (tmp_path / "evil.py").write_text("raise SystemExit('own code was run')", encoding="utf-8")
    with pytest.raises(WeightsError, match="cannot be loaded from") as error:
        load_causal_lm(locate(str(tmp_path)))
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_gguf_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"something else entirely, and long enough to be read")
    with pytest.raises(WeightsError, match="not a GGUF file"):
        load_causal_lm(locate(str(tmp_path)))
    with pytest.raises(WeightsError, match="holds no tokenizer"):
        load_tokenizer(locate(str(tmp_path)))
