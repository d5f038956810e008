"""Muon: steps whose matrices have all singular values alike, for the kernels of a network."""

from collections.abc import Callable

import torch
from torch import Tensor

# Coefficients and the number of iterations are those of the original article (Jordan et al.,
# "Muon: an optimizer for hidden layers in neural networks", 2024): the polynomial brings singular
# values to somewhere between 0.7 and 1.2, which is as good as 1 and takes fewer iterations.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5
_LIKE_ADAM = 0.2
"""Root mean square of a step of Adam, so that rates mean about the same (Liu et al., "Muon is
scalable for LLM training", 2025, section 2.2)."""


def orthogonal(matrix: Tensor) -> Tensor:
    """Return ``U V^T`` of ``matrix = U S V^T``, its singular values only about 1.

    The Newton-Schulz iteration runs on the small matrix of scalar products of the rows (or columns,
    if these are fewer), which the iterations leave symmetric, and is applied once.
    """
    wide = matrix if len(matrix) <= matrix.shape[1] else matrix.T
    wide = wide / wide.norm().clamp(min=1e-7)
    # In single precision: an eigenvalue that rounding takes below zero grows in every iteration.
    products = wide @ wide.T
    result = torch.eye(len(products), device=matrix.device)
    for _ in range(_ITERATIONS):
        factor = torch.addmm(products, products, products, beta=_B, alpha=_C)
        factor.diagonal().add_(_A)
        result = factor @ result
        products = factor @ products @ factor
    found: Tensor = (result.bfloat16() @ wide.bfloat16()).to(matrix.dtype)
    return found if len(matrix) <= matrix.shape[1] else found.T


class Muon(torch.optim.Optimizer):
    """Muon for the groups that say ``kernels``; AdamW for the others.

    Kernels are taken as matrices of outputs by inputs. PyTorch's own Muon takes only what is a
    matrix already, so none of a convolution's.
    """

    def __init__(
        self,
        groups: list[dict[str, object]],
        rate: float,
        *,
        weight_decay: float,
        betas: tuple[float, float],
        momentum: float = 0.95,
    ) -> None:
        defaults = {
            "lr": rate,
            "weight_decay": weight_decay,
            "betas": betas,
            "momentum": momentum,
            "kernels": False,
        }
        super().__init__(groups, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take a step with the gradients as they are."""
        if closure is not None:
            raise TypeError("Muon takes its steps without a closure")
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                if group["kernels"]:
                    change = self._orthogonal(weight, group["momentum"])
                else:
                    change = self._adam(weight, *group["betas"])
                weight.add_(change, alpha=-group["lr"])

    def _orthogonal(self, weight: Tensor, momentum: float) -> Tensor:
        state = self.state[weight]
        if not state:
            state["mean"] = torch.zeros_like(weight)
        mean = state["mean"].lerp_(weight.grad, 1 - momentum)
        ahead = weight.grad.lerp(mean, momentum)  # type: ignore[union-attr]
        scale = _LIKE_ADAM * max(len(weight), weight[0].numel()) ** 0.5
        change: Tensor = scale * orthogonal(ahead.flatten(1)).reshape(weight.shape)
        return change

    def _adam(self, weight: Tensor, first: float, second: float) -> Tensor:
        state = self.state[weight]
        if not state:
            state["mean"] = torch.zeros_like(weight)
            state["square"] = torch.zeros_like(weight)
            state["steps"] = torch.zeros((), device=weight.device)
        state["steps"] += 1
        mean = state["mean"].lerp_(weight.grad, 1 - first) / (1 - first ** state["steps"])
        square = state["square"].lerp_(weight.grad.square(), 1 - second)  # type: ignore[union-attr]
        change: Tensor = mean / ((square / (1 - second ** state["steps"])).sqrt() + 1e-8)
        return change
