"""The engine computes what the plain model computes, for every request apart, whatever else is in the batch."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from prompt2model.errors import WeightsError
from prompt2model.inference import AnswersRequest, CausalEngine, Generated, GenerateRequest
from prompt2model.inference.decoding import Row, decode
from prompt2model.inference.sampling import RowSampler
from prompt2model.inference.stopping import Answer

SHARED = "The weather report for today, as the old keeper of the lighthouse wrote it down in his book, says that "
PROMPTS = (
    "The capital of France is",
    "Once upon a time",
    "Q: What is two plus two?\nA:",
    SHARED + "the wind",
    SHARED + "it will rain on",
    SHARED + "there is nothing to fear, because the",
)
VARIANTS = (("fresh from the north", "full of cod"), ("mild from the south", "all of them empty"))
LABELS = (" human being", " location", " numeric value", " human right", " number")


def _plain(engine: CausalEngine, prompt: str, tokens: int) -> str:
    ids = torch.tensor(engine.encode([prompt]))
    with torch.no_grad():
        whole = engine.model.generate(ids, do_sample=False, max_new_tokens=tokens, pad_token_id=2)
    return engine.tokenizer.decode(whole[0, ids.shape[1] :], skip_special_tokens=True)


def _naive_scores(engine: CausalEngine, prompt: str, answers: Sequence[str]) -> list[float]:
    scores = []
    (prompt_ids,) = engine.encode([prompt])
    for answer in answers:
        answer_ids = engine.tokenizer(answer, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = engine.model(torch.tensor([prompt_ids + answer_ids])).logits[0].log_softmax(dim=-1)
        places = range(len(prompt_ids) - 1, len(prompt_ids) + len(answer_ids) - 1)
        scores.append(sum(logits[place, token].item() for place, token in zip(places, answer_ids, strict=True)))
    return scores


def test_greedy_answers_are_those_of_the_plain_model(engine: CausalEngine) -> None:
    tokens = (6, 3, 8, 4, 1, 5)
    requests = [GenerateRequest(prompt, max_new_tokens=n) for prompt, n in zip(PROMPTS, tokens, strict=True)]
    expected = [_plain(engine, prompt, n) for prompt, n in zip(PROMPTS, tokens, strict=True)]
    for batch_size in (64, 3):  # 3: rows leave, gaps close, waiting rows come in
        small = CausalEngine(engine.model, engine.tokenizer, batch_size=batch_size)
        answers = small.generate(requests)
        assert [answer.text for answer in answers] == expected
        assert [answer.tokens for answer in answers] == list(tokens)
        assert [answer.finish for answer in answers] == ["length"] * len(tokens)
        assert [answer.prompt_tokens for answer in answers] == [len(ids) for ids in engine.encode(PROMPTS)]


def test_rows_that_finish_leave_the_batch(engine: CausalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = engine._runner
    widths: list[int] = []
    step = runner.step

    def counting(tokens: Sequence[int], *arguments: object) -> torch.Tensor:
        widths.append(len(tokens))
        return step(tokens, *arguments)

    monkeypatch.setattr(runner, "step", counting)
    requests = [GenerateRequest("One two three", max_new_tokens=n) for n in (6, 2, 3, 2)]
    engine.generate(requests)
    assert widths == [4, 2, 1, 1, 1]


def test_waiting_rows_fill_free_slots(engine: CausalEngine) -> None:
    rows = [
        Row(index, ids, limit, RowSampler(0, 1, 0), Answer(engine._detokenizer, ()))
        for index, (ids, limit) in enumerate(zip(engine.encode(["A b c"] * 5), (8, 2, 2, 2, 2), strict=True))
    ]
    order = [row.index for row in decode(engine._runner, engine._runner.prefix([]), rows, frozenset(), 2)]
    assert order.index(4) < len(order) - 1 - order[::-1].index(0), "row 4 had to wait for the longest row"


def _tokens_read(engine: CausalEngine, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The tokens of each forward pass from now on, padding included."""
    read: list[int] = []
    forward = engine._runner._forward

    def counting(ids: torch.Tensor, *arguments: object) -> torch.Tensor:
        read.append(ids.numel())
        return forward(ids, *arguments)

    monkeypatch.setattr(engine._runner, "_forward", counting)
    return read


def test_shared_prompt_is_read_once(engine: CausalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    read = _tokens_read(engine, monkeypatch)
    prompts = [SHARED * 4 + word for word in ("wind", "rain", "snow", "fog")]
    alone = len(engine.encode(prompts[:1])[0])
    scores = engine.score([AnswersRequest(prompt, (" a", " b")) for prompt in prompts])
    assert sum(read) < alone + 4 * 8
    read.clear()
    answers = engine.generate([GenerateRequest(prompt, max_new_tokens=2) for prompt in prompts])
    assert sum(read) < alone + 4 * 8
    for first, *others in (scores, answers):
        assert first.read_tokens == first.prompt_tokens
        assert all(0 < other.read_tokens < 8 < other.prompt_tokens for other in others)


def test_what_some_prompts_share_beyond_the_others_is_read_once(
    engine: CausalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = [
        SHARED + f"{wind}. At noon the boats of the fishermen came home, {cargo}, and " for wind, cargo in VARIANTS
    ]
    prompts = [head + end for end in ("the gulls", "nobody", "he was glad") for head in heads]
    expected = [_plain(engine, prompt, 4) for prompt in prompts]
    read = _tokens_read(engine, monkeypatch)
    answers = engine.generate([GenerateRequest(prompt, max_new_tokens=4) for prompt in prompts])
    assert [answer.text for answer in answers] == expected
    whole = sum(map(len, engine.encode(heads)))
    assert sum(read) < whole + len(prompts) * 8
    # And it is counted so.
    assert sum(answer.read_tokens for answer in answers) < whole + len(prompts) * 8


def test_a_shared_prompt_is_kept_for_the_next_call(engine: CausalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = [SHARED + "tomorrow the sea will be calm, for " + word for word in ("once", "now", "sure", "all")]
    requests = [AnswersRequest(prompt, LABELS) for prompt in prompts]
    first = engine.score(requests)
    read = _tokens_read(engine, monkeypatch)
    assert engine.score(requests) == first
    assert sum(read) < len(engine.encode(prompts[:1])[0]), "the shared prompt was read again"


def test_scores_are_those_of_reading_every_prompt_and_answer_apart(engine: CausalEngine) -> None:
    requests = [AnswersRequest(prompt, LABELS) for prompt in PROMPTS[2:5]]
    requests.append(AnswersRequest("Other answers:", (" yes", " no, not at all")))
    for request, scores in zip(requests, engine.score(requests), strict=True):
        assert scores.log_probabilities == pytest.approx(
            _naive_scores(engine, request.prompt, request.answers), abs=1e-3
        )
        assert all(count >= 1 for count in scores.answer_tokens)


def test_seeds_decide_the_sampled_answers(engine: CausalEngine) -> None:
    def sampled(*seeds: int) -> list[str]:
        requests = [
            GenerateRequest("My favourite animal is", max_new_tokens=6, temperature=1.2, top_p=0.9, seed=s)
            for s in seeds
        ]
        return [answer.text for answer in engine.generate(requests)]

    torch.manual_seed(1)
    first = sampled(0, 1, 2, 3, 3)
    torch.manual_seed(2)
    assert sampled(0, 1, 2, 3, 3) == first
    assert first[3] == first[4]
    assert len(set(first)) >= 3
    # The same seed beside other requests: the same random numbers, so in float32 the same answer.
    assert sampled(3, 17) == [first[3], sampled(17)[0]]


def test_greedy_and_sampled_requests_share_a_batch(engine: CausalEngine) -> None:
    greedy = GenerateRequest(PROMPTS[0], max_new_tokens=6)
    drawn = GenerateRequest(PROMPTS[0], max_new_tokens=6, temperature=1.5, seed=5)
    cold = GenerateRequest(PROMPTS[0], max_new_tokens=6, temperature=1e-4, seed=5)
    answers = engine.generate([greedy, drawn, cold])
    assert answers[0].text == answers[2].text == _plain(engine, PROMPTS[0], 6)
    assert answers[1].text == engine.generate([drawn])[0].text


def test_answers_end_before_the_stop_string(engine: CausalEngine) -> None:
    prompt = "Count: one, two, three, four,"
    (free,) = engine.generate([GenerateRequest(prompt, max_new_tokens=12)])
    assert "six" in free.text
    for stop in ("six", "ix,", " six, seven"):
        (cut,) = engine.generate([GenerateRequest(prompt, max_new_tokens=12, stop=("zebra", stop))])
        assert cut.text == free.text[: free.text.index(stop)]
        assert cut.finish == "stop"
        assert cut.tokens < free.tokens


def test_the_end_token_ends_an_answer(engine: CausalEngine) -> None:
    prompt = engine.chat_prompt([{"role": "user", "content": "Reply with the single word: yes"}])
    (answer,) = engine.generate([GenerateRequest(prompt, max_new_tokens=200)])
    assert answer.finish == "stop"
    assert "<|im_end|>" not in answer.text


def test_streamed_pieces_make_the_answer(engine: CausalEngine) -> None:
    request = GenerateRequest("Count: one, two, three, four,", max_new_tokens=12, stop=(" seven",))
    stream = engine.stream(request)
    pieces: list[str] = []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            answer: Generated = end.value
            break
    assert len(pieces) > 3
    assert "".join(pieces) == answer.text == engine.generate([request])[0].text
    assert not any("seven" in "".join(pieces[: i + 1]) for i in range(len(pieces)))


def test_too_long_prompts_fail_alone(engine: CausalEngine) -> None:
    too_long = "word " * engine.context_length
    answers = engine.generate([GenerateRequest("Hello", max_new_tokens=2), GenerateRequest(too_long)])
    assert answers[0].failure is None
    assert answers[0].tokens == 2
    assert (answers[1].failure, answers[1].text, answers[1].tokens) == ("context_too_long", "", 0)
    scores = engine.score([AnswersRequest(too_long, (" a",)), AnswersRequest("Hello", (" a",))])
    assert (scores[0].failure, scores[0].log_probabilities) == ("context_too_long", ())
    assert scores[1].failure is None
    assert list(engine.stream(GenerateRequest(too_long))) == []


def test_nothing_asked_nothing_answered(engine: CausalEngine) -> None:
    assert engine.generate([]) == []
    assert engine.score([]) == []
    assert engine.generate([GenerateRequest("", max_new_tokens=2)])[0].tokens >= 1


def test_the_assistant_turn_is_continued(engine: CausalEngine) -> None:
    messages = [{"role": "user", "content": "Hi"}]
    opened = engine.chat_prompt(messages)
    assert opened.endswith("<|im_start|>assistant\n")
    continued = engine.chat_prompt([*messages, {"role": "assistant", "content": "Output:"}])
    assert continued == opened + "Output:"


def test_the_model_used_directly_is_unchanged(engine: CausalEngine) -> None:
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        batched = engine.model(torch.tensor([[5, 6, 7, 8], [9, 9, 9, 9]]), attention_mask=torch.ones(2, 4)).logits
        assert torch.allclose(engine.model(ids).logits[0], batched[0], atol=1e-3)


@pytest.mark.parametrize("family", ["Qwen2", "GPT2", "Gemma2", "Mistral", "OPT", "Granite"])
def test_other_families_answer_as_their_plain_model(family: str, engine: CausalEngine) -> None:
    model = _small_model(family)
    other = CausalEngine(model, engine.tokenizer)
    answers = other.generate([GenerateRequest(prompt, max_new_tokens=5) for prompt in PROMPTS])
    assert [answer.text for answer in answers] == [_plain(other, prompt, 5) for prompt in PROMPTS]
    (scores,) = other.score([AnswersRequest(PROMPTS[3], LABELS)])
    assert scores.log_probabilities == pytest.approx(_naive_scores(other, PROMPTS[3], LABELS), abs=1e-3)


def test_a_model_that_the_engine_cannot_run_is_refused(engine: CausalEngine) -> None:
    with pytest.raises(WeightsError, match="bloom do not run in the local engine"):
        CausalEngine(_small_model("Bloom"), engine.tokenizer)


def _small_model(family: str) -> torch.nn.Module:
    """A model with random weights, large enough that its answers differ from place to place."""
    import transformers

    sizes = {"vocab_size": 49152, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    if family == "GPT2":
        sizes |= {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}
    elif family == "Bloom":
        sizes |= {"hidden_size": 32, "n_layer": 2, "n_head": 4}
    else:
        sizes |= {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 256}
        sizes |= {"ffn_dim": 64, "word_embed_proj_dim": 32} if family == "OPT" else {"intermediate_size": 64}
        sizes |= {"num_key_value_heads": 2} if family not in ("OPT",) else {}
        sizes |= {"logits_scaling": 3.0} if family == "Granite" else {}
        sizes |= {"sliding_window": 64} if family == "Mistral" else {}
        sizes |= {"sliding_window": 64, "head_dim": 8} if family == "Gemma2" else {}
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**sizes)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4)
    return model
