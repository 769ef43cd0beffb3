"""What a licence id says about commercial use. Only what the id itself settles; the rest is unknown."""

from __future__ import annotations

_OPEN = {
    "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd", "bsd-2-clause", "bsd-3-clause", "bsl-1.0", "cc-by-2.0",
    "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-1.0",
    "cdla-permissive-2.0", "cdla-sharing-1.0", "ecl-2.0", "epl-2.0", "eupl-1.1", "eupl-1.2", "gfdl", "gpl", "gpl-2.0",
    "gpl-3.0", "isc", "lgpl", "lgpl-2.1", "lgpl-3.0", "mit", "mpl-2.0", "odbl", "odc-by", "pddl", "unlicense", "wtfpl",
    "zlib",
}  # fmt: skip


def allows_commercial_use(licence: str | None) -> bool | None:
    """True, False or None (not known from the id). Of several licences the strictest counts."""
    if not licence:
        return None
    answers = [_one(part.strip()) for part in licence.lower().split(",") if part.strip()]
    if any(answer is False for answer in answers):
        return False
    return True if answers and all(answers) else None


def _one(licence: str) -> bool | None:
    words = licence.replace("_", "-").split("-")
    if "nc" in words or "noncommercial" in licence.replace("-", "") or "research-only" in licence:
        return False
    return True if licence in _OPEN else None
