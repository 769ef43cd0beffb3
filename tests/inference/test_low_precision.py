"""In bfloat16 the engine stays as close to the exact results as the plain model in bfloat16 does."""

from __future__ import annotations

import torch

from prompt2model.inference import AnswersRequest, CausalEngine, load_causal_engine
from prompt2model.weights import EMBEDDED_TEACHER

ANSWERS = (" location", " human being", " numeric value")
PROMPTS = [
    f"Name the kind of thing that is asked for.\nInput: Where is Nairobi?\nOutput: location\nInput: {question}\nOutput:"
    for question in ("Who wrote Faust?", "How many legs has a spider?", "Where do penguins live?")
]


def test_bfloat16_scores_are_close_to_float32(engine: CausalEngine) -> None:
    low = load_causal_engine(EMBEDDED_TEACHER, dtype=torch.bfloat16)
    rotary = low.model.model.rotary_emb.inv_freq
    assert rotary.dtype is torch.float32, "rounded rotary positions would move every token"
    requests = [AnswersRequest(prompt, ANSWERS) for prompt in PROMPTS]
    exact = torch.tensor([scores.log_probabilities for scores in engine.score(requests)])
    rounded = torch.tensor([scores.log_probabilities for scores in low.score(requests)])
    assert (exact - rounded).abs().mean() < 0.1
    assert torch.equal(exact.argmax(dim=1), rounded.argmax(dim=1))
