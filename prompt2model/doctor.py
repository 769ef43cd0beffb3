"""What is on this machine, and what each missing thing would need."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from prompt2model.errors import HubError
from prompt2model.weights import PACKAGED, install_packaged, packaged_installed


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, or not (`here` is None). `need` says what to do; empty when nothing is needed."""

    name: str
    here: bool | None
    detail: str
    need: str = ""


def examine(ask_hub: bool = False) -> tuple[Finding, ...]:
    """Look at python, weights, key, hub, processor, accelerator, memory and disk. No network unless asked."""
    return (
        _python(),
        *_weights(),
        _key(),
        _hub(ask_hub),
        _processor(),
        _accelerator(),
        _memory(),
        _disk(),
    )


def show_findings(findings: tuple[Finding, ...]) -> None:
    """One line per finding: `ok`, `--` for what is missing, `?` for what was not looked at."""
    marks = {True: "ok", False: "--", None: "?"}
    for finding in findings:
        print(f"{marks[finding.here]:3} {finding.name:18} {finding.detail}")
        if finding.need:
            print(f"    {'':18} → {finding.need}")


def show_weights(install: bool) -> None:
    """List the packaged weights; with `install`, fetch the missing ones first. Raises WeightsError."""
    if install:
        install_packaged()
    for finding in _weights():
        print(f"{'installed' if finding.here else 'missing':10} {finding.name}  {finding.detail}")
    if not all(finding.here for finding in _weights()):
        print("install them with: prompt2model weights --install")


def _python() -> Finding:
    version = sys.version.split()[0]
    return Finding("python", sys.version_info >= (3, 11), version, "" if sys.version_info >= (3, 11) else "Python 3.11")


def _weights() -> tuple[Finding, ...]:
    findings = []
    installed = packaged_installed()
    for weights in PACKAGED.values():
        here = installed[weights.model_id]
        use = {"decoder": "teacher and decoder student", "encoder": "encoder student, embedder"}[weights.family]
        detail = f"{weights.family}, {weights.bytes / 1e6:.0f} MB, {weights.licence}: {use}"
        findings.append(Finding(weights.model_id, here, detail, "" if here else "prompt2model weights --install"))
    return tuple(findings)


def _key() -> Finding:
    here = bool(os.environ.get("OPENAI_API_KEY"))
    need = "" if here else "set OPENAI_API_KEY for --teacher openai:NAME; a server on 127.0.0.1 needs none"
    return Finding("teacher key", here, "OPENAI_API_KEY is set" if here else "OPENAI_API_KEY is not set", need)


def _hub(ask: bool) -> Finding:
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    if not ask:
        return Finding("hub", None, f"{endpoint}: not asked", "prompt2model doctor --hub sends one request")
    from prompt2model.catalogue.hub import search_models

    try:
        search_models((), per_query=1)
        here = True
    except HubError:
        here = False
    need = "" if here else "check the network or HF_ENDPOINT; local data and packaged weights work without it"
    return Finding("hub", here, f"{endpoint} {'answers' if here else 'does not answer'}", need)


def _processor() -> Finding:
    from prompt2model.inference import best_dtype

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    dtype = str(best_dtype()).removeprefix("torch.")
    detail = f"{cores} cores, computes in {dtype}"
    need = "" if dtype == "bfloat16" else "a processor with AVX512_BF16 or AMX trains about twice as fast"
    return Finding("processor", True, detail, need)


def _accelerator() -> Finding:
    import torch

    if torch.cuda.is_available():
        name = torch.cuda.get_device_name(0)
        memory = torch.cuda.get_device_properties(0).total_memory / 1e9
        return Finding("accelerator", True, f"{name}, {memory:.0f} GB")
    return Finding("accelerator", False, "none", "only larger base models need one")


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    need = "" if total >= 6 else "the default models need about 6 GB"
    return Finding("memory", total >= 6, f"{total:.0f} GB", need)


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    need = "" if free >= 2 else "a run needs up to 1 GB here"
    return Finding("disk", free >= 2, f"{free:.0f} GB free here", need)
