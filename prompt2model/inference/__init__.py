"""Running local weights: one engine for everything that runs on this machine.

    engine = load_causal_engine("HuggingFaceTB/SmolLM2-135M-Instruct")   # or CausalEngine(model, tokenizer)
    engine.generate([GenerateRequest(prompt, max_new_tokens=64, temperature=0.8, top_p=0.95, stop=("\n",), seed=7)])
    engine.score([AnswersRequest(prompt, answers=(" positive", " negative"))])   # log-probabilities in nats
    for piece in engine.stream(GenerateRequest(prompt)): ...
    engine.chat_prompt([{"role": "user", "content": "Hello"}])                   # messages → prompt text

    load_embedder().embed(["a text", "another"])                                 # unit vectors, float32 [n, 384]

`generate` and `score` take any number of requests, batch them by themselves and answer in the order of the requests.
Give them everything at once: what prompts share at their beginnings is computed once per call.
Importing this package is cheap; torch and transformers are loaded when an engine is made.
"""

from prompt2model.inference.device import best_device, best_dtype, processor_features
from prompt2model.inference.embedder import Embedder, load_embedder
from prompt2model.inference.engine import CausalEngine, load_causal_engine
from prompt2model.inference.requests import AnswerScores, AnswersRequest, Generated, GenerateRequest

__all__ = [
    "AnswerScores",
    "AnswersRequest",
    "CausalEngine",
    "Embedder",
    "GenerateRequest",
    "Generated",
    "best_device",
    "best_dtype",
    "load_causal_engine",
    "load_embedder",
    "processor_features",
]
