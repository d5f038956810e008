"""Muon's steps: matrices whose singular values are alike; AdamW for the rest."""

import pytest
import torch
from torch import Tensor, nn

from pixelmix.train.model import Separator
from pixelmix.train.muon import Muon, orthogonal
from pixelmix.train.recipe import Recipe
from pixelmix.train.settings import override
from pixelmix.train.trainer import _optimiser


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(16, 200), (200, 16), (48, 48), (1, 30)])
def test_singular_values_are_about_one(shape: tuple[int, int]) -> None:
    values = torch.linalg.svdvals(orthogonal(random(*shape)))
    assert values.min() > 0.5
    assert values.max() < 1.3


def test_directions_are_those_of_the_matrix() -> None:
    matrix = random(12, 80)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    inner = left.T @ orthogonal(matrix) @ right.T
    assert (inner - torch.diag(inner.diagonal())).abs().max() < 0.02


def test_scale_does_not_matter() -> None:
    matrix = random(20, 60)
    torch.testing.assert_close(
        orthogonal(1e-5 * matrix), orthogonal(1e3 * matrix), rtol=0.02, atol=0.01
    )


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-3])
def test_matrices_of_low_rank_stay_bounded(noise: float) -> None:
    # Rounding that makes an eigenvalue negative would let it grow without bound.
    matrix = random(128, 4) @ random(4, 900, seed=1) + noise * random(128, 900, seed=2)
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert values.max() < 1.4
    assert values[3] > 0.5


def test_zero_stays_zero() -> None:
    assert not orthogonal(torch.zeros(4, 9)).any()


def test_groups_without_kernels_take_the_steps_of_adamw() -> None:
    ours, theirs = nn.Parameter(random(5, 3)), nn.Parameter(random(5, 3))
    groups: list[dict[str, object]] = [{"params": [ours]}]
    own = Muon(groups, 0.01, weight_decay=0.1, betas=(0.9, 0.99))
    reference = torch.optim.AdamW([theirs], 0.01, weight_decay=0.1, betas=(0.9, 0.99))
    for step in range(20):
        ours.grad = random(5, 3, seed=step)
        theirs.grad = ours.grad.clone()
        own.step()
        reference.step()
    torch.testing.assert_close(ours, theirs)


def test_a_step_of_a_kernel_is_as_large_as_one_of_adam() -> None:
    kernel = nn.Parameter(torch.zeros(32, 8, 3, 3))
    groups: list[dict[str, object]] = [{"params": [kernel], "kernels": True}]
    muon = Muon(groups, 0.1, weight_decay=0.0, betas=(0.9, 0.99))
    kernel.grad = random(32, 8, 3, 3)
    muon.step()
    assert kernel.detach().square().mean().sqrt().item() == pytest.approx(0.1 * 0.2, rel=0.25)


def test_a_closure_is_refused() -> None:
    muon = Muon([{"params": [nn.Parameter(torch.zeros(2))]}], 0.1, weight_decay=0.0, betas=(0.9, 1))
    with pytest.raises(TypeError, match="closure"):
        muon.step(lambda: 0.0)


def test_every_weight_is_in_one_group_and_kernels_are_those_between_layers() -> None:
    recipe = override(Recipe(), ["sizes.unet_width=4"])
    model = Separator(recipe, 3)
    optimiser = _optimiser(model, recipe)
    grouped = [weight for group in optimiser.param_groups for weight in group["params"]]
    assert len(grouped) == len(set(grouped)) == len(list(model.parameters()))
    kernels = [group for group in optimiser.param_groups if group["kernels"]]
    assert [group["full_rate"] for group in kernels] == [recipe.kernel_rate]
    assert all(weight.ndim == 4 and weight.shape[1] > 1 for weight in kernels[0]["params"])
    assert len(kernels[0]["params"]) == 2 * recipe.sizes.unet_levels - 1
