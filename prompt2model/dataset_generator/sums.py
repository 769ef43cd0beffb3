"""What came of several parts of the generator's work, as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from prompt2model.dataset_generator.waves import Wave
from prompt2model.records import GeneratedData


def of_shard(shard: Wave) -> GeneratedData:
    """The rows and counts of one shard."""
    return GeneratedData(
        shard.rows, shard.dropped, shard.requests, shard.failed, shard.prompt_tokens, shard.completion_tokens
    )


def together(first: GeneratedData, second: GeneratedData) -> GeneratedData:
    """The rows of both, one after the other, and the sums of what was counted."""
    return GeneratedData(
        (*first.rows, *second.rows),
        dict(sorted((Counter(first.dropped) + Counter(second.dropped)).items())),
        first.requests + second.requests,
        dict(sorted((Counter(first.failed) + Counter(second.failed)).items())),
        first.prompt_tokens + second.prompt_tokens,
        first.completion_tokens + second.completion_tokens,
        (*first.notes, *second.notes),
    )


def spoken_counts(counts: Mapping[str, int]) -> str:
    """Counts of kinds in words, the most frequent first: `12 refused, 3 context too long`."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in ordered)
