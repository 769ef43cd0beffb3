"""QLoRA (arXiv 2305.14314) on a processor: SmolLM2-135M, AG News, beside 16-bit LoRA with the same recipe.

Does the loss fall; is the base the same bit for bit afterwards; does the adapter, loaded again, give the same logits;
how far is the validation score from that of LoRA; how many bits does a weight take, and how well do they hold it.
"""

from __future__ import annotations

import hashlib
import math
import random
import tempfile
from pathlib import Path
from typing import Any

from memory import examples, news, train
from record import SEEDS, Figure, Record, mean_of_seeds, options

from prompt2model.model_trainer import saving, training

KEYS = (
    "first_loss", "last_loss", "base_identical", "reload_difference", "qlora_score", "lora_score", "difference",
    "bits_per_parameter", "nf4_rmse", "fp4_rmse",
)  # fmt: skip
ROWS, HELD, LONGEST, EPOCHS = 256, 300, 64, 2
_VALUES = 1 << 20


class Watch:
    """Sees the model as training begins and as it is saved, with the hash of everything in it that is frozen."""

    def __init__(self) -> None:
        self.before = self.after = ""
        self.trained: Any = None
        start: Any = training
        end: Any = saving
        begin, write = start.with_adapters, end.save_adapter_student

        def watched_begin(base: Any, family: Any) -> Any:
            model = begin(base, family)
            self.before = frozen_hash(model)
            return model

        def watched_write(model: Any, *rest: Any) -> None:
            self.after, self.trained = frozen_hash(model), model
            write(model, *rest)

        start.with_adapters, end.save_adapter_student = watched_begin, watched_write


def frozen_hash(model: Any) -> str:
    """Of every tensor that is not trained, the codes and scales of four bits too."""
    import torch

    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        if "lora_" not in name:
            digest.update(name.encode() + value.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def reload_difference(watch: Watch, folder: Path, texts: list[str]) -> float:
    """Largest difference between logits of the trained model and of the one that its folder gives."""
    import torch

    from prompt2model.predictor import load_predictor

    answerer: Any = load_predictor(folder)._answerer
    largest = 0.0
    for text in texts:
        ids = torch.tensor([answerer.tokenizer(text)["input_ids"][:LONGEST]])
        with torch.inference_mode():
            ours, theirs = watch.trained.eval()(input_ids=ids).logits, answerer._engine.model(input_ids=ids).logits
        largest = max(largest, float((ours.float() - theirs.float()).abs().max()))
    return largest


def bits_per_parameter() -> float:
    """Bytes of a quantised layer, scales of scales included, in bits per weight."""
    import torch

    from prompt2model.weights.quantised import quantise

    class One(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4096, 4096, bias=False)

        def get_output_embeddings(self) -> None:
            return None

    model: Any = quantise(One(), "cpu", torch.bfloat16, torch.bfloat16)
    state = model.layer.weight.quant_state
    tensors = (model.layer.weight, state.absmax, state.state2.absmax)
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors) * 8 / 4096**2


def rmse(kind: str) -> float:
    """Root of the mean squared error of N(0, 1) in four bits, blocks of 64, scales in 8 bits."""
    import torch

    from prompt2model.weights.quantised import import_bitsandbytes

    functional = import_bitsandbytes().functional
    values = torch.randn(_VALUES, generator=torch.Generator().manual_seed(0))
    coded, state = functional.quantize_4bit(values, blocksize=64, compress_statistics=True, quant_type=kind)
    return float((functional.dequantize_4bit(coded, state) - values).pow(2).mean().sqrt())


def main() -> None:
    """Train with both methods and every seed, and compare."""
    parser = options(__doc__ or "")
    parser.add_argument("--seeds", type=int, default=2, help="how many seeds")
    arguments = parser.parse_args()
    record = Record("qlora", arguments)
    record.add("bits_per_parameter", Figure(bits_per_parameter(), 4096**2))
    for kind in ("nf4", "fp4"):
        record.add(f"{kind}_rmse", Figure(rmse(kind), _VALUES, note="on N(0, 1), double quantisation"))
    seeds = SEEDS[:1] if arguments.quick else SEEDS[: arguments.seeds]
    rows, held, epochs = (16, 8, 1) if arguments.quick else (ROWS, HELD, EPOCHS)
    everything = news(arguments.data, "train")
    settings: dict[str, Any] = {"epochs": epochs, "min_steps": 0, "max_input_tokens": LONGEST, "instruction": "never"}
    scores: dict[str, list[float]] = {"lora": [], "qlora": []}
    first, last, same, apart = [], [], [], []
    watch = Watch()
    for seed in seeds:
        sample = random.Random(seed).sample(everything, rows + held)
        arguments.train_rows, arguments.held_rows = examples(sample[:rows]), examples(sample[rows:])
        for method in scores if not arguments.quick else ("qlora",):
            print(f"{method} seed {seed}", flush=True)
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                trained = train(arguments, folder, {**settings, "method": method, "merge": False}, seed)
                kept = next(point for point in trained.curve if point.step == trained.best_step)
                scores[method].append(kept.validation_score)
                if method == "qlora":
                    losses = [point.train_loss for point in trained.curve if point.train_loss is not None]
                    first.append(losses[0])
                    last.append(losses[-1])
                    same.append(float(watch.before == watch.after))
                    texts = [row["sentence"] for row in sample[:8]]
                    apart.append(reload_difference(watch, trained.folder, texts))
    report(record, scores, held, first, last, same, apart)


def report(
    record: Record,
    scores: dict[str, list[float]],
    held: int,
    first: list[float],
    last: list[float],
    same: list[float],
    apart: list[float],
) -> None:
    """Enter all figures, and write the record."""
    n = len(first)
    record.add("first_loss", Figure(math.fsum(first) / n, n, values=first, unit="nats a token"))
    record.add("last_loss", Figure(math.fsum(last) / n, n, values=last, unit="nats a token"))
    record.add("base_identical", Figure(min(same), n, values=same, note="SHA-256 of all frozen tensors"))
    record.add("reload_difference", Figure(max(apart), n * 8, values=apart, unit="largest difference of a logit"))
    for method, values in scores.items():
        if values:
            record.add(f"{method}_score", mean_of_seeds(values, held, "validation rows that are right"))
    if len(scores["lora"]) == n:
        pairs = [ours - theirs for ours, theirs in zip(scores["qlora"], scores["lora"], strict=True)]
        record.add("difference", mean_of_seeds(pairs, held, "qlora less lora"))
    record.finish(KEYS)


if __name__ == "__main__":
    main()
