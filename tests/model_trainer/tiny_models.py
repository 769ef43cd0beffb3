"""Tiny random models of each family with a real tokenizer, and tasks that they can learn in seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from prompt2model.records import Example, Family, Source, TaskSpec, make_example

COLOURS = ("red", "green", "blue", "white", "black", "brown")
THINGS = ("car", "house", "door", "shirt", "leaf", "chair")
WORDS = (*COLOURS, *THINGS, "the", "is", "a", "colour", "thing", "Input", "Output", ":", "Say", "it", ".", "A", "B")
SPECIAL = ("<pad>", "</s>", "<unk>", "[CLS]", "[SEP]")


def one_thread() -> Iterator[None]:
    """Torch on one thread for as long as this lasts: tiny models only lose time by dividing their work."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def word_tokenizer(family: Family, words: tuple[str, ...] = WORDS) -> Any:
    """A word-level tokenizer over `words`, with the marks that the family's tokenizers have."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate((*SPECIAL, *words))}
    core = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = Whitespace()
    if family == "encoder":
        core.post_processor = TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[("[CLS]", 3), ("[SEP]", 4)],
        )
    elif family == "encoder_decoder":
        core.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
        model_input_names=["input_ids", *(["token_type_ids"] if family == "encoder" else []), "attention_mask"],
    )


def tiny_model(family: Family, vocabulary: int, width: int = 32) -> Any:
    """A random model small enough to train in a second; `width` is that of an encoder."""
    import torch
    from transformers import (
        BertConfig,
        BertModel,
        LlamaConfig,
        LlamaForCausalLM,
        T5Config,
        T5ForConditionalGeneration,
    )

    with torch.random.fork_rng():
        torch.manual_seed(3)
        if family == "encoder":
            config: Any = BertConfig(
                vocab_size=vocabulary,
                hidden_size=width,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=2 * width,
                max_position_embeddings=64,
                hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0,
            )
            return BertModel(config)
        if family == "encoder_decoder":
            config = T5Config(
                vocab_size=vocabulary,
                d_model=32,
                d_kv=16,
                d_ff=64,
                num_layers=2,
                num_heads=2,
                dropout_rate=0.0,
                feed_forward_proj="gated-gelu",
                decoder_start_token_id=0,
                pad_token_id=0,
                eos_token_id=1,
            )
            config.tie_word_embeddings = False  # as in flan-t5: an output layer of its own
            model = T5ForConditionalGeneration(config)
            torch.nn.init.normal_(model.lm_head.weight, std=0.1)
            return model
        config = LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=128,
            max_position_embeddings=64,
            bos_token_id=None,
            eos_token_id=1,
            pad_token_id=0,
            tie_word_embeddings=True,
        )
        return LlamaForCausalLM(config)


def colour_rows(
    count: int = 72, answer: Callable[[str, str], str] = lambda colour, thing: colour
) -> tuple[Example, ...]:
    """Rows `the red car` → `red`: what any model can learn."""
    rows = []
    for number in range(count):
        colour, thing = COLOURS[number % 6], THINGS[(number // 6 + number) % 6]
        text = f"the {colour} {thing}" if number % 2 else f"{thing} is {colour}"
        rows.append(make_example(text, (answer(colour, thing),), Source("user", row=number)))
    return tuple(rows)


def choice_rows(count: int = 144) -> tuple[Example, ...]:
    """Rows `the red car` with two to four colours to choose from, the right one in any place."""
    rows = []
    for number, row in enumerate(colour_rows(count)):
        others = [colour for colour in COLOURS if colour != row.target]
        turned = [others[(number * 5 + place) % 5] for place in range(1 + number % 3)]
        turned.insert(number % (len(turned) + 1), row.target)
        rows.append(make_example(row.input, row.references, row.source, tuple(turned)))
    return tuple(rows)


def colour_task(kind: str = "classification") -> TaskSpec:
    """Say the colour."""
    labels = COLOURS if kind == "classification" else ()
    return TaskSpec("Say the colour.", (), kind, labels, "en", "Say the colour.")  # type: ignore[arg-type]
