"""QLoRA: a base in four bits that never changes, adapters that learn, and students that answer as they were trained."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from model_trainer.test_training import accuracy, weights_hash
from model_trainer.tiny_models import colour_rows, tiny_model, word_tokenizer

from prompt2model.console import SilentProgress
from prompt2model.errors import MissingExtraError, RunFolderError, WeightsError
from prompt2model.model_trainer import ModelTrainerConfig
from prompt2model.model_trainer.base_model import load_base, with_adapters
from prompt2model.model_trainer.merging import merge_student
from prompt2model.model_trainer.plan import Plan
from prompt2model.model_trainer.recipe import recipe_for
from prompt2model.predictor import load_predictor, read_spec
from prompt2model.records import Item
from prompt2model.weights import adapters, locate, save_model

FAMILIES = ("encoder", "encoder_decoder", "decoder")
SETTINGS = {"epochs": 24, "learning_rate": 3e-3}


def answers(folder: Path) -> list[tuple[str | None, Any]]:
    items = [Item(row.input) for row in colour_rows()[:18]]
    return [(answer.text, answer.probabilities) for answer in load_predictor(folder).predict(items)]


def frozen_bytes(model: Any) -> dict[str, bytes]:
    """Every tensor of the base, the scales of its four bits too."""
    import torch

    return {
        name: value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        for name, value in model.state_dict().items()
        if "lora_" not in name and "modules_to_save" not in name
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_learns_on_a_base_in_four_bits(train: Any, family: Any) -> None:
    trained = train(family, method="qlora", **SETTINGS)
    assert trained.method == "qlora"
    assert trained.curve[-1].train_loss < trained.curve[0].train_loss
    assert accuracy(trained.folder) >= 0.9
    # Merged: plain weights, that need neither peft nor bitsandbytes.
    assert (trained.folder / "model.safetensors").exists()
    assert not (trained.folder / "adapter_config.json").exists()
    assert "quantization_config" not in json.loads((trained.folder / "config.json").read_text())


def test_the_base_stays_bit_for_bit_what_it_was(base_folder: Any, make_context: Any, monkeypatch: Any) -> None:
    from model_trainer.tiny_models import colour_task

    from prompt2model.model_trainer import ModelTrainer, TrainInputs, training
    from prompt2model.records import ChosenModel

    seen = []
    original = training.with_adapters

    def watched(base: Any, family: Any) -> Any:
        model = original(base, family)
        seen.append((model, frozen_bytes(model)))
        return model

    monkeypatch.setattr(training, "with_adapters", watched)
    rows, task = colour_rows(), colour_task()
    inputs = TrainInputs(
        task, rows, rows[:12], task.labels, ChosenModel(str(base_folder("decoder")), "decoder", (), {})
    )
    ModelTrainer(ModelTrainerConfig(method="qlora", epochs=3, learning_rate=5e-3)).run(inputs, make_context())
    model, before = seen[0]
    assert any(name.endswith("absmax") for name in before)
    assert frozen_bytes(model) == before


def test_the_base_takes_four_bits_a_weight_and_the_output_layer_is_left(base_folder: Any) -> None:
    import torch

    base = load_base(
        locate(str(base_folder("encoder_decoder"))), "encoder_decoder", (), ModelTrainerConfig(method="qlora"), "cpu"
    )
    state = base.model.encoder.block[0].layer[0].SelfAttention.q.weight.quant_state
    assert (state.quant_type, state.blocksize, state.nested, state.state2.blocksize) == ("nf4", 64, True, 256)
    assert base.model.lm_head.weight.dtype == torch.float32
    adapted = with_adapters(base, "encoder_decoder")
    trained = {name for name, value in adapted.named_parameters() if value.requires_grad}
    assert trained
    assert all("lora_" in name and "lm_head" not in name for name in trained)
    assert any(".wo." in name for name in trained)


@pytest.mark.parametrize("method", ["lora", "qlora"])
@pytest.mark.parametrize("family", FAMILIES)
def test_an_adapter_folder_answers_as_the_model_that_was_trained(
    train: Any, monkeypatch: Any, family: Any, method: Any
) -> None:
    import torch

    from prompt2model.model_trainer import saving

    kept = []
    original = saving.save_adapter_student

    def watched(model: Any, *rest: Any) -> None:
        kept.append(model)
        original(model, *rest)

    monkeypatch.setattr(saving, "save_adapter_student", watched)
    trained = train(family, method=method, merge=False, epochs=3)
    names = {path.name for path in trained.folder.iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "prompt2model.json", "README.md"} <= names
    assert not any(path.suffix in {".bin", ".pt", ".pkl"} for path in trained.folder.rglob("*"))
    spec = read_spec(trained.folder)
    reloaded = load_predictor(trained.folder)._answerer
    model = reloaded._engine.model if family == "decoder" else reloaded.model  # type: ignore[attr-defined]
    ids = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    inputs |= {"decoder_input_ids": ids[:, :2]} if family == "encoder_decoder" else {}
    with torch.inference_mode():
        assert torch.equal(model(**inputs).logits, kept[0].eval()(**inputs).logits)
    assert spec.base in (trained.folder / "README.md").read_text()
    assert "PeftModel.from_pretrained(base, folder)" in (trained.folder / "README.md").read_text()


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_an_adapter_is_merged_on_request(train: Any, tmp_path: Path, method: Any) -> None:
    kept = train("decoder", method=method, merge=False, **SETTINGS)
    at_once = train("decoder", method=method, folder=tmp_path / "at_once", **SETTINGS)
    before = answers(kept.folder)
    said = merge_student(kept.folder)
    merged = kept.folder.with_name("student_merged")
    assert "merged the adapter" in said
    assert str(merged) in said
    assert weights_hash(merged) == weights_hash(at_once.folder)
    assert [text for text, _ in answers(merged)] == [text for text, _ in before]
    for (_, ours), (_, theirs) in zip(answers(merged), before, strict=True):
        assert ours == pytest.approx(theirs, abs=0.03)  # the sum is rounded to the base's 16 bits
    assert "PeftModel" not in (merged / "README.md").read_text()
    assert (merged / "README.md").read_text() == (at_once.folder / "README.md").read_text()
    assert answers(kept.folder) == before
    assert "merged already" in merge_student(kept.folder)
    assert "merged already" in merge_student(at_once.folder)
    (tmp_path / "in the way").mkdir()
    with pytest.raises(RunFolderError, match="in the way"):
        merge_student(kept.folder, tmp_path / "in the way")


def test_an_adapter_says_when_its_base_is_gone_or_another(
    train: Any, make_context: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    from model_trainer.tiny_models import colour_task

    from prompt2model.model_trainer import ModelTrainer, TrainInputs
    from prompt2model.records import ChosenModel

    tokenizer = word_tokenizer("decoder")
    base = save_model(tiny_model("decoder", len(tokenizer)), tokenizer, tmp_path / "base")
    rows, task = colour_rows(), colour_task()
    inputs = TrainInputs(task, rows, rows[:12], task.labels, ChosenModel(str(base), "decoder", (), {}))
    config = ModelTrainerConfig(method="qlora", epochs=1, min_steps=0, merge=False)
    folder = ModelTrainer(config).run(inputs, make_context()).folder
    (folder / "adapter_model.bin").write_bytes(b"a pickle")
    with pytest.raises(RunFolderError, match="never loaded"):
        load_predictor(folder)
    (folder / "adapter_model.bin").unlink()
    other = tiny_model("decoder", len(tokenizer))
    other.model.norm.weight.data += 1
    save_model(other, tokenizer, base)
    with pytest.raises(WeightsError, match="others now than those it was trained on"):
        load_predictor(folder)
    base.rename(tmp_path / "moved")
    for attempt in (load_predictor, merge_student):
        with pytest.raises(WeightsError, match="its base model is gone") as error:
            attempt(folder)
        assert "\n" not in str(error.value)


def test_a_damaged_adapter_is_refused(train: Any) -> None:
    folder = train("decoder", method="lora", merge=False, epochs=1, min_steps=0).folder
    whole = (folder / "adapter_model.safetensors").read_bytes()
    (folder / "adapter_model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="damaged"):
        load_predictor(folder)
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(RunFolderError, match=r"adapter_model\.safetensors is missing"):
        load_predictor(folder)


def test_gradient_checkpointing_changes_no_weight(train: Any, tmp_path: Path) -> None:
    few = {"method": "qlora", "epochs": 1, "lora_dropout": 0.2}
    plain = train("decoder", folder=tmp_path / "plain", gradient_checkpointing="off", **few)
    saving = train("decoder", folder=tmp_path / "saving", gradient_checkpointing="on", **few)
    assert weights_hash(plain.folder) == weights_hash(saving.folder)


def test_a_missing_library_is_one_line(train: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(adapters, "can_quantise", lambda: False)
    monkeypatch.setattr("prompt2model.weights.quantised.can_quantise", lambda: False)
    with pytest.raises(MissingExtraError, match=r"pip install 'prompt2model\[qlora\]'"):
        train("decoder", method="qlora")


def test_no_kernel_is_fetched_from_the_hub() -> None:
    import subprocess

    code = (
        "import sys, types\n"
        "fake = types.ModuleType('kernels')\n"
        "fake.get_kernel = lambda *a, **k: sys.exit('a kernel was fetched')\n"
        "sys.modules['kernels'] = fake\n"
        "from prompt2model.weights.quantised import import_bitsandbytes\n"
        "import_bitsandbytes()\n"
        "assert sys.modules['kernels'] is fake\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_papers_settings_are_for_models_of_its_size() -> None:
    config = ModelTrainerConfig()
    assert recipe_for(config, "qlora", 135_000_000) == recipe_for(config, "lora", 135_000_000)
    large = recipe_for(config, "qlora", 7_000_000_000)
    assert (large.rank, large.alpha, large.dropout, large.learning_rate) == (64, 16, 0.1, 2e-4)
    assert (large.max_grad_norm, large.constant_rate) == (0.3, True)
    largest = recipe_for(config, "qlora", 65_000_000_000)
    assert (largest.dropout, largest.learning_rate) == (0.05, 1e-4)
    own = recipe_for(ModelTrainerConfig(lora_rank=8, schedule="linear", max_grad_norm=1.0), "qlora", 7_000_000_000)
    assert (own.rank, own.constant_rate, own.max_grad_norm) == (8, False, 1.0)


def test_a_constant_rate_stays_after_the_warm_up() -> None:
    plan = Plan(2, 10, 8, 1e-3, 4, 0.0, 1.0, 500, None, 8192, False, 0, "cpu", constant_rate=True)
    assert [plan.rate(step) for step in (2, 4, 5, 20)] == [5e-4, 1e-3, 1e-3, 1e-3]


def test_paged_moments_come_back_from_a_checkpoint() -> None:
    """On a processor the paged optimizer computes without paging; its moments have the same names."""
    import warnings

    import torch

    from prompt2model.model_trainer.optimizer import make_optimizer, moments_of, put_moments
    from prompt2model.model_trainer.team import Team

    plan = Plan(1, 10, 8, 1e-2, 0, 0.0, 1.0, 500, None, 8192, False, 0, "cuda:0", paged=True)

    def steps(optimizer: Any, weight: Any, count: int) -> None:
        for _ in range(count):
            (weight**2).sum().backward()
            optimizer.step()
            optimizer.zero_grad()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = torch.nn.Parameter(torch.linspace(-1, 1, 64).reshape(8, 8))
        optimizer = make_optimizer([whole], plan)
        steps(optimizer, whole, 2)
        kept, moments = whole.detach().clone(), moments_of(optimizer, whole)
        kept_moments = {f"{part}.w": value.clone() for part, value in moments.items()}
        steps(optimizer, whole, 2)
        again = torch.nn.Parameter(kept)
        second = make_optimizer([again], plan)
        put_moments(second, again, kept_moments, "w", Team())
        steps(second, again, 2)
    assert torch.equal(whole, again)


def test_what_it_takes_is_said_before_and_after_and_kept(train: Any, make_context: Any) -> None:
    said: list[str] = []

    class Heard(SilentProgress):
        def say(self, message: str) -> None:
            said.append(message)

    context = replace(make_context(), progress=Heard())
    train("decoder", method="qlora", epochs=1, min_steps=0, context=context)
    before, after = (line for line in said if line.startswith("training"))
    assert before.startswith("training (QLoRA) takes about")
    assert "there are" in before
    assert "paged optimizer needs CUDA" in before
    assert after.startswith("training took")
    assert "estimated were" in after
    timing = json.loads((context.folder / "timing.json").read_text())
    assert set(timing) == {"estimated", "used"}
    assert all(set(part) == {"seconds", "memory"} for part in timing.values())
    assert timing["used"]["memory"] > 10**8


def test_merge_is_a_command(train: Any, capsys: Any) -> None:
    from prompt2model.cli import app

    folder = train("decoder", method="lora", merge=False, epochs=1, min_steps=0).folder
    app(["merge", str(folder)], standalone_mode=False)
    assert "needs nothing beside it" in capsys.readouterr().out
    app(["merge", str(folder)], standalone_mode=False)
    assert capsys.readouterr().out.startswith("merged already")


def test_the_method_is_an_option_of_the_command() -> None:
    from prompt2model.command_options import config_changes
    from prompt2model.pipeline import Pipeline

    pipeline = Pipeline.from_config({"prompt": "Do it.", "train": config_changes(method="qlora")["train"]})
    assert pipeline.components["train"].config.method == "qlora"
    assert pipeline.components["retrieve_models"].config.train_method == "qlora"


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read as Linux tells it")
def test_what_was_freed_does_not_count_as_in_use() -> None:
    from prompt2model.model_trainer.memory import give_back_freed, memory_in_use

    before = memory_in_use()
    assert before is not None
    blocks = [bytearray(b"1") * 100_000 for _ in range(3000)]
    last = bytearray(b"1") * 100_000  # what lies above freed blocks keeps the C library from giving them back by itself
    assert (memory_in_use() or 0) > before + 200_000_000
    del blocks
    give_back_freed()
    assert (memory_in_use() or 0) < before + 100_000_000
    del last
