"""What students are compared with on few rows: logistic regression on sentence embeddings, frozen or tuned.

Tuned is SetFit's recipe (arXiv 2209.11055): for every row, `ITERATIONS` rows of its own label and as many of other
labels are drawn; the encoder is trained for one epoch on these pairs so that cosines come near 1 and 0; then logistic
regression on the embeddings of the rows. Rates and batch are those of the SetFit library's defaults.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from supervised_tasks import Row

from prompt2model.weights import EMBEDDED_ENCODER, locate

ITERATIONS = 20
BATCH = 16
RATE = 2e-5
MOST_PAIRS = 20_480
"""Pairs are drawn evenly from all of them where there are more."""


def frozen(rows: Sequence[Row], texts: Sequence[str]) -> list[str]:
    """Answers of logistic regression on the embeddings as they come."""
    return _answers(_encoder(), rows, texts)


def tuned(rows: Sequence[Row], texts: Sequence[str], seed: int, work: Path, most_pairs: int = MOST_PAIRS) -> list[str]:
    """Answers of logistic regression on embeddings that were tuned on pairs of the rows. `work`: scratch folder."""
    import torch
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss

    from prompt2model.inference import best_device, best_dtype

    encoder = _encoder()
    pairs = contrastive_pairs(rows, seed)[:most_pairs]
    columns = {
        "sentence1": [one for one, _, _ in pairs],
        "sentence2": [other for _, other, _ in pairs],
        "label": [same for _, _, same in pairs],
    }
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(work),
        num_train_epochs=1,
        per_device_train_batch_size=BATCH,
        learning_rate=RATE,
        warmup_steps=max(1, len(pairs) // BATCH // 10),
        seed=seed,
        bf16=best_dtype() == torch.bfloat16,
        use_cpu=best_device().type == "cpu",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        logging_strategy="no",
    )
    trainer = SentenceTransformerTrainer(
        model=encoder, args=arguments, train_dataset=Dataset.from_dict(columns), loss=CosineSimilarityLoss(encoder)
    )
    trainer.train()
    return _answers(encoder, rows, texts)


def contrastive_pairs(rows: Sequence[Row], seed: int) -> list[tuple[str, str, float]]:
    """Pairs with 1.0 for the same label and 0.0 for another one, `ITERATIONS` of both for every row, shuffled."""
    rng = random.Random(f"pairs|{seed}")
    of_label: dict[str, list[Row]] = {}
    for row in rows:
        of_label.setdefault(row.label, []).append(row)
    pairs = []
    for row in rows:
        others = [one for one in of_label[row.label] if one is not row] or [row]
        for _ in range(ITERATIONS):
            pairs.append((row.text, rng.choice(others).text, 1.0))
            other = rng.choice(rows)
            while other.label == row.label:
                other = rng.choice(rows)
            pairs.append((row.text, other.text, 0.0))
    rng.shuffle(pairs)
    return pairs


def _encoder() -> Any:
    from sentence_transformers import SentenceTransformer

    from prompt2model.inference import best_device

    return SentenceTransformer(str(locate(EMBEDDED_ENCODER).folder), device=str(best_device()), local_files_only=True)


def _answers(encoder: Any, rows: Sequence[Row], texts: Sequence[str]) -> list[str]:
    from sklearn.linear_model import LogisticRegression

    head = LogisticRegression(max_iter=1000).fit(_vectors(encoder, [row.text for row in rows]), [r.label for r in rows])
    return [str(label) for label in head.predict(_vectors(encoder, texts))]


def _vectors(encoder: Any, texts: Sequence[str]) -> Any:
    return encoder.encode(list(texts), convert_to_numpy=True, show_progress_bar=False)
