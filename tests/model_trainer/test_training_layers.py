"""The faster layers compute what the model's own layers compute."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from model_trainer.tiny_models import tiny_model

from prompt2model.model_trainer.loop import reproducible
from prompt2model.records import Family
from prompt2model.weights.adapters import with_adapters

FAMILIES: tuple[Family, ...] = ("encoder", "encoder_decoder", "decoder")


def inputs(family: Family) -> dict[str, Any]:
    """Rows of several lengths, padded on the side on which training pads them."""
    import torch

    ids = torch.randint(5, 20, (4, 12), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    for row, empty in enumerate((0, 3, 6, 9)):
        mask[row, :empty] = 0
    if family != "decoder":
        mask = mask.flip(1)
    given = {"input_ids": ids, "attention_mask": mask}
    return {**given, "decoder_input_ids": ids[:, :5]} if family == "encoder_decoder" else given


def output_and_gradients(model: Any, family: Family, fast: bool, bf16: bool) -> tuple[Any, Any]:
    import torch

    from prompt2model.model_trainer.training_layers import faster_layers

    given = inputs(family)
    model.zero_grad()
    with faster_layers(model) if fast else nullcontext():
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            found = model(**given)[0].float()
        if family != "encoder_decoder":
            found = found * given["attention_mask"].unsqueeze(-1)
        found.pow(2).sum().backward()
    gradients = [parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None]
    return found.detach(), torch.cat(gradients)


def distance(one: Any, other: Any) -> float:
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_gives_the_same_outputs_and_gradients(family: Family) -> None:
    model = tiny_model(family, 30)
    own = output_and_gradients(model, family, fast=False, bf16=False)
    fast = output_and_gradients(model, family, fast=True, bf16=False)
    assert distance(fast[0], own[0]) < 1e-5
    assert distance(fast[1], own[1]) < 1e-4
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("family", ("encoder_decoder", "decoder"))
def test_adapters_give_the_same_outputs_and_gradients_in_bfloat16(family: Family) -> None:
    import torch

    with reproducible(0):
        model = with_adapters(tiny_model(family, 30), family, 4, 8, 0.0)
        for name, parameter in model.named_parameters():
            if "lora_B" in name:  # they start at 0, where A has no gradient
                torch.nn.init.normal_(parameter, std=0.1)
    exact = output_and_gradients(model, family, fast=False, bf16=False)
    own = output_and_gradients(model, family, fast=False, bf16=True)
    fast = output_and_gradients(model, family, fast=True, bf16=True)
    for place in (0, 1):
        assert distance(fast[place], exact[place]) < max(0.01, 2 * distance(own[place], exact[place]))
    assert not any("forward" in vars(module) for module in model.modules())


def test_dropout_leaves_out_its_share_keeps_the_mean_and_follows_the_seed() -> None:
    import torch

    from prompt2model.model_trainer.training_layers import dropout

    x = torch.ones(333, 301, requires_grad=True)
    torch.manual_seed(5)
    found = dropout(x, 0.1)
    zeros = float((found == 0).float().mean())
    assert zeros == pytest.approx(0.1, abs=0.005)
    assert found[found != 0].unique().tolist() == pytest.approx([1 / 0.9], rel=1e-3)
    found.sum().backward()
    assert x.grad is not None and torch.equal(x.grad, found.detach())
    torch.manual_seed(5)
    assert torch.equal(dropout(x, 0.1), found)
    assert not torch.equal(dropout(x, 0.1), found)


def test_a_modules_dropout_is_the_fast_one_in_training_only() -> None:
    import torch

    from prompt2model.model_trainer.training_layers import faster_layers

    model = torch.nn.Sequential(torch.nn.Linear(50, 50), torch.nn.Dropout(0.5))
    x = torch.ones(20, 50)
    with faster_layers(model):
        assert 0.3 < float((model.train()(x) == 0).float().mean()) < 0.7
        assert torch.equal(model.eval()(x), model[0](x))
