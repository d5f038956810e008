"""The three networks of PixelPlayer ("The Sound of Pixels", Zhao et al., ECCV 2018, section 3).

Module names follow the published code where its checkpoints must load; see `official.py`.
"""

from dataclasses import dataclass

import torch
import torchvision
from torch import Tensor, nn

from pixelmix.errors import ModelError

STRIDE = 16
"""Input pixels per feature cell, whatever the backbone."""


@dataclass(frozen=True, slots=True)
class NetworkSizes:
    """What must be known to build the networks again (stored with every run)."""

    backbone: str = "resnet18"
    """Name of a torchvision classification model."""
    k: int = 32
    """Components, the paper's K."""
    unet_width: int = 64
    """Channels after the first U-Net level (64 as published)."""
    unet_levels: int = 7
    head_kernel: int = 3
    """Kernel of the convolution that turns backbone features into K channels (3 as published)."""
    head_width: int = 0
    """Channels of a hidden 1x1 layer before it; 0 for none (as published)."""
    head_context: int = 1
    """Cells across, an odd number, over which the backbone's features are averaged before it."""
    same_padding: bool = False
    """Pad stride-2 convolutions at the bottom and right only, as TensorFlow's weights expect."""


class VisionNetwork(nn.Module):
    """Dilated backbone and a convolution to K channels (paper section 3.1).

    ``images (n, 3, height, width) -> logits (n, k, height/16, width/16)``; the sigmoid comes after
    pooling in training, and inside the exported graph.
    """

    def __init__(self, sizes: NetworkSizes) -> None:
        super().__init__()
        self.features = dilated_features(sizes.backbone)
        if sizes.same_padding:
            pad_like_tensorflow(self.features)
        channels = _evaluate(self.features, torch.zeros(1, 3, 64, 64)).shape[1]
        self.context = around(sizes)
        hidden = sizes.head_width
        self.hidden: nn.Module = (
            nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.ReLU()) if hidden else nn.Identity()
        )
        padding = sizes.head_kernel // 2
        self.fc = nn.Conv2d(hidden or channels, sizes.k, sizes.head_kernel, padding=padding)

    def forward(self, images: Tensor) -> Tensor:
        """Return one vector of K logits per cell."""
        logits: Tensor = self.fc(self.hidden(self.context(self.features(images))))
        return logits


def around(sizes: NetworkSizes) -> nn.Module:
    """Return what averages features over the cells around each, as far as there are any."""
    cells = sizes.head_context
    if cells == 1:
        return nn.Identity()
    return nn.AvgPool2d(cells, stride=1, padding=cells // 2, count_include_pad=False)


def dilated_features(backbone: str) -> nn.Sequential:
    """Build a torchvision model's feature layers with stride 16 (no weights loaded).

    Where the stride would go beyond 16, convolutions lose their stride and later ones are dilated
    instead, as the published ``resnet18dilated`` does with its last stage: every second cell of
    the map is then what the undilated layers return.

    Raises
    ------
    ModelError
        If torchvision has no such model, or its layers cannot be brought to this stride.
    """
    if backbone not in torchvision.models.list_models(module=torchvision.models):
        raise ModelError(
            f"torchvision has no model named {backbone!r}; try resnet18 or mobilenet_v2"
        )
    model = torchvision.models.get_model(backbone, weights=None)
    features = getattr(model, "features", None)
    if not isinstance(features, nn.Sequential):
        children = list(model.children())
        if len(children) < 3 or not isinstance(children[-1], nn.Linear):
            raise ModelError(
                f"backbone {backbone!r} has no plain feature layers; use a ResNet or a model "
                "with a .features part"
            )
        features = nn.Sequential(*children[:-2])
    cells = 16
    image = torch.zeros(1, 3, cells * STRIDE, cells * STRIDE)
    try:
        _stride_to_dilation(features, image, cells)
        found = tuple(_evaluate(features, image).shape[2:])
    except RuntimeError as error:
        raise ModelError(
            f"backbone {backbone!r}: its layers do not run one after the other; use a ResNet or a "
            "MobileNet"
        ) from error
    if found != (cells, cells):
        raise ModelError(
            f"backbone {backbone!r} cannot be brought to stride {STRIDE}: it returns {found} cells "
            f"instead of {(cells, cells)}; use a ResNet or a MobileNet"
        )
    return features


def _stride_to_dilation(features: nn.Sequential, image: Tensor, cells: int) -> None:
    sizes: dict[nn.Module, int] = {}

    def note_size(conv: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        sizes[conv] = inputs[0].shape[-1]

    convs = [module for module in features.modules() if isinstance(module, nn.Conv2d)]
    hooks = [conv.register_forward_pre_hook(note_size) for conv in convs]
    _evaluate(features, image)
    for hook in hooks:
        hook.remove()
    for conv in convs:
        size = sizes.get(conv, cells)
        if size <= cells and conv.stride == (2, 2):
            conv.stride = (1, 1)
        if size < cells and conv.kernel_size != (1, 1):
            spread, (height, width) = cells // size, conv.kernel_size
            conv.dilation = (spread, spread)
            conv.padding = (spread * (height - 1) // 2, spread * (width - 1) // 2)


def _evaluate(features: nn.Sequential, image: Tensor) -> Tensor:
    training = features.training
    with torch.no_grad():
        result: Tensor = features.eval()(image)
    features.train(training)
    return result


def pad_like_tensorflow(features: nn.Sequential) -> None:
    """Pad stride-2 convolutions at the bottom and right only; renames them ``....1``."""
    # For even sizes TensorFlow's 'SAME' pads a stride-2 convolution by two less than its kernel,
    # the odd one at the bottom and right; pictures come in multiples of 16, so all are even.
    for parent in list(features.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d) and child.stride == (2, 2):
                total = max(child.kernel_size[0] - 2, 0)
                before, after = total // 2, total - total // 2
                child.padding = (0, 0)
                pad = nn.ZeroPad2d((before, after, before, after))
                setattr(parent, name, nn.Sequential(pad, child))


class AudioNetwork(nn.Module):
    """U-Net on log-magnitude spectrograms (paper section 3.1; seven levels as published).

    ``log_magnitude (b, 1, rows, frames) -> components (b, k, rows, frames)``, no activation.
    ``rows`` and ``frames`` must be multiples of ``2 ** levels``.
    """

    def __init__(self, sizes: NetworkSizes) -> None:
        super().__init__()
        width = sizes.unet_width
        block = UNetBlock(width * 8, width * 8)
        for _ in range(sizes.unet_levels - 5):
            block = UNetBlock(width * 8, width * 8, inside=block)
        for outer, inner in ((4, 8), (2, 4), (1, 2)):
            block = UNetBlock(width * outer, width * inner, inside=block)
        self.bn0 = nn.BatchNorm2d(1)
        self.unet_block = UNetBlock(sizes.k, width, inside=block, inputs=1)

    def forward(self, log_magnitude: Tensor) -> Tensor:
        """Return K components of the same size as the input."""
        components: Tensor = self.unet_block(self.bn0(log_magnitude))
        return components


class UNetBlock(nn.Module):
    """One level: convolve down, run what is inside, upsample and convolve up, concatenate.

    The outermost level (``inputs`` given) has no skip connection and no normalisation.
    """

    def __init__(
        self, outer: int, inner: int, *, inside: nn.Module | None = None, inputs: int | None = None
    ) -> None:
        super().__init__()
        self.outermost = inputs is not None
        down: list[nn.Module] = [] if self.outermost else [nn.LeakyReLU(0.2)]
        down.append(nn.Conv2d(inputs or outer, inner, 4, stride=2, padding=1, bias=False))
        if inside is not None:
            if not self.outermost:
                down.append(nn.BatchNorm2d(inner))
            down.append(inside)
        up = [
            nn.ReLU(),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
            nn.Conv2d(
                inner if inside is None else 2 * inner, outer, 3, padding=1, bias=self.outermost
            ),
        ]
        if not self.outermost:
            up.append(nn.BatchNorm2d(outer))
        self.model = nn.Sequential(*down, *up)

    def forward(self, x: Tensor) -> Tensor:
        """Return the level's output, behind its input unless this is the outermost level."""
        y: Tensor = self.model(x)
        return y if self.outermost else torch.cat([x, y], dim=1)


class Synthesizer(nn.Module):
    """Audio synthesizer network: mask logits from features and components (section 3.1).

    ``features (r, k), components (b, k, rows, frames) -> logits (b, r, rows, frames)`` with
    ``logit = sum_k scale_k i_k s_k + bias``.
    """

    def __init__(self, k: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(k))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor, components: Tensor) -> Tensor:
        """Return the logits of every region's mask."""
        return torch.einsum("rk,bkft->brft", features * self.scale, components) + self.bias

    def paired(self, features: Tensor, components: Tensor) -> Tensor:
        """Return logits where every mixture has its own features.

        ``features (b, r, k), components (b, k, rows, frames) -> (b, r, rows, frames)``.
        """
        return torch.einsum("brk,bkft->brft", features * self.scale, components) + self.bias
