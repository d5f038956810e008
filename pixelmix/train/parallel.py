"""What makes several processes take the same step as one."""

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx


class _SumOfAll(torch.autograd.Function):
    """Sum of a tensor over all processes; its gradient is summed likewise."""

    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor) -> Tensor:  # noqa: ARG004
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


class SyncedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation over the mixtures of all processes.

    PyTorch's own works on GPUs only. Every process must have as many mixtures as the others.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``(b, channels, rows, cols)``."""
        if not self.training or self.running_mean is None or self.running_var is None:
            return super().forward(x)
        processes = dist.get_world_size()
        exact = x.float()
        moments = torch.stack([exact.mean((0, 2, 3)), exact.square().mean((0, 2, 3))])
        mean, square = _SumOfAll.apply(moments) / processes
        variance = square - mean.square()
        with torch.no_grad():
            count = processes * x.numel() / x.shape[1]
            momentum = self.momentum or 0.0
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * (count / max(count - 1, 1)), momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        scale: Tensor = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        normalised: Tensor = exact * scale[:, None, None] + shift[:, None, None]
        return normalised.to(x.dtype)


def synchronise(module: nn.Module, device: torch.device) -> nn.Module:
    """Return the module with batch statistics shared by all processes; weights stay the same."""
    if device.type == "cuda":
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
        return converted
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.BatchNorm2d:
                synced = SyncedBatchNorm2d(
                    child.num_features, child.eps, child.momentum, dtype=child.weight.dtype
                )
                synced.load_state_dict(child.state_dict())
                synced.train(child.training)
                setattr(parent, name, synced)
    return module
