"""The published PixelPlayer networks as plain functions of their state dicts.

Written from their description, on its own: nothing here uses `pixelmix`, so that it can judge it.
Shapes and key names are those of checkpoints saved by the Sound-of-Pixels code.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

State = dict[str, Tensor]


def random_states(
    *, k: int, width: int, levels: int = 7, seed: int = 0
) -> tuple[State, State, State]:
    """Return (frame, sound, synthesizer) state dicts with weights of a sensible size."""
    random = torch.Generator().manual_seed(seed)
    synthesizer = {
        "scale": torch.randn(k, generator=random),
        "bias": torch.randn(1, generator=random),
    }
    return _frame(k, random), _sound(k, width, levels, random), synthesizer


def _conv(state: State, key: str, shape: tuple[int, ...], random: Generator, gain: float) -> None:
    spread = gain / math.sqrt(shape[1] * shape[2] * shape[3])
    state[f"{key}.weight"] = spread * torch.randn(shape, generator=random)


def _norm(state: State, key: str, channels: int, random: Generator) -> None:
    state[f"{key}.weight"] = 0.5 + torch.rand(channels, generator=random)
    state[f"{key}.bias"] = 0.3 * torch.randn(channels, generator=random)
    state[f"{key}.running_mean"] = 0.3 * torch.randn(channels, generator=random)
    state[f"{key}.running_var"] = 0.5 + torch.rand(channels, generator=random)
    state[f"{key}.num_batches_tracked"] = torch.tensor(100)


def _frame(k: int, random: Generator) -> State:
    state: State = {}
    _conv(state, "features.0", (64, 3, 7, 7), random, 1.4)
    _norm(state, "features.1", 64, random)
    before = 64
    for stage, channels in enumerate((64, 128, 256, 512), start=4):
        for block in range(2):
            key = f"features.{stage}.{block}"
            _conv(state, f"{key}.conv1", (channels, before, 3, 3), random, 1.4)
            _norm(state, f"{key}.bn1", channels, random)
            _conv(state, f"{key}.conv2", (channels, channels, 3, 3), random, 0.5)
            _norm(state, f"{key}.bn2", channels, random)
            if before != channels:
                _conv(state, f"{key}.downsample.0", (channels, before, 1, 1), random, 1.0)
                _norm(state, f"{key}.downsample.1", channels, random)
            before = channels
    _conv(state, "fc", (k, 512, 3, 3), random, 0.5)
    state["fc.bias"] = torch.randn(k, generator=random)
    return state


def _sound(k: int, width: int, levels: int, random: Generator) -> State:
    state: State = {}
    _norm(state, "bn0", 1, random)
    state["bn0.running_mean"].fill_(-7.0)
    state["bn0.running_var"].fill_(16.0)
    prefix = "unet_block.model."
    _conv(state, f"{prefix}0", (width, 1, 4, 4), random, 1.4)
    _conv(state, f"{prefix}4", (k, 2 * width, 3, 3), random, 1.4)
    state[f"{prefix}4.bias"] = torch.randn(k, generator=random)
    prefix = f"{prefix}1.model."
    widths = [width * factor for factor in (1, 2, 4, 8)] + [8 * width] * (levels - 4)
    for level in range(1, levels):
        outer, inner = widths[level - 1], widths[level]
        innermost = level == levels - 1
        _conv(state, f"{prefix}1", (inner, outer, 4, 4), random, 1.4)
        if innermost:
            _conv(state, f"{prefix}4", (outer, inner, 3, 3), random, 1.4)
            _norm(state, f"{prefix}5", outer, random)
        else:
            _norm(state, f"{prefix}2", inner, random)
            _conv(state, f"{prefix}6", (outer, 2 * inner, 3, 3), random, 1.4)
            _norm(state, f"{prefix}7", outer, random)
        prefix = f"{prefix}3.model."
    return state


def _normed(x: Tensor, state: State, key: str) -> Tensor:
    mean, variance, weight, bias = (
        state[f"{key}.{name}"][:, None, None]
        for name in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / torch.sqrt(variance + 1e-5) * weight + bias


def image_features(state: State, images: Tensor) -> Tensor:
    """Return sigmoid features ``(n, k, height/16, width/16)`` of the dilated ResNet-18."""
    x = F.conv2d(images, state["features.0.weight"], stride=2, padding=3)
    x = F.max_pool2d(F.relu(_normed(x, state, "features.1")), 3, stride=2, padding=1)
    # The last stage keeps its resolution: its first convolution loses the stride, every other 3x3
    # is spread by two.
    for stage, stride, spread in ((4, 1, (1, 1)), (5, 2, (1, 1)), (6, 2, (1, 1)), (7, 1, (1, 2))):
        for block in range(2):
            key = f"features.{stage}.{block}"
            first_stride = stride if block == 0 else 1
            first_spread = spread[0] if block == 0 else spread[1]
            y = F.conv2d(
                x,
                state[f"{key}.conv1.weight"],
                stride=first_stride,
                padding=first_spread,
                dilation=first_spread,
            )
            y = F.relu(_normed(y, state, f"{key}.bn1"))
            y = F.conv2d(y, state[f"{key}.conv2.weight"], padding=spread[1], dilation=spread[1])
            y = _normed(y, state, f"{key}.bn2")
            if f"{key}.downsample.0.weight" in state:
                x = F.conv2d(x, state[f"{key}.downsample.0.weight"], stride=first_stride)
                x = _normed(x, state, f"{key}.downsample.1")
            x = F.relu(x + y)
    return torch.sigmoid(F.conv2d(x, state["fc.weight"], state["fc.bias"], padding=1))


def sound_components(state: State, log_magnitude: Tensor) -> Tensor:
    """Return the U-Net's components, with the in-place activations of the published code."""
    x = _normed(log_magnitude, state, "bn0")
    prefix = "unet_block.model."
    x = F.conv2d(x, state[f"{prefix}0.weight"], stride=2, padding=1)
    x = _level(state, f"{prefix}1.model.", x)
    F.relu_(x)
    x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
    return F.conv2d(x, state[f"{prefix}4.weight"], state[f"{prefix}4.bias"], padding=1)


def _level(state: State, prefix: str, x: Tensor) -> Tensor:
    # In place: what the skip connection carries below is the activated x.
    F.leaky_relu_(x, 0.2)
    y = F.conv2d(x, state[f"{prefix}1.weight"], stride=2, padding=1)
    innermost = f"{prefix}6.weight" not in state
    if not innermost:
        y = _level(state, f"{prefix}3.model.", _normed(y, state, f"{prefix}2"))
    F.relu_(y)
    y = F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=True)
    y = F.conv2d(y, state[f"{prefix}{4 if innermost else 6}.weight"], padding=1)
    y = _normed(y, state, f"{prefix}{5 if innermost else 7}")
    return torch.cat([x, y], dim=1)


def mask(state: State, features: Tensor, components: Tensor) -> Tensor:
    """Return one mask ``(rows, frames)`` from ``(k,)`` and ``(k, rows, frames)``."""
    weighted = (state["scale"] * features)[:, None, None] * components
    return torch.sigmoid(weighted.sum(0) + state["bias"])


def log_spectrogram(samples: Tensor) -> Tensor:
    """Return the network's input ``(1, 1, 256, 256)`` from 65,535 samples."""
    spectrum = torch.stft(
        samples,
        1_022,
        hop_length=256,
        window=torch.hann_window(1_022),
        center=True,
        pad_mode="reflect",
        return_complex=True,
    )
    magnitude = spectrum.abs()[None, None] + 1e-10
    rows = torch.linspace(-1, 1, 256, dtype=torch.float64)
    return torch.log(_sample(magnitude, (21 ** ((rows + 1) / 2) - 11) / 10))


def linear_mask(warped: Tensor) -> Tensor:
    """Return ``(512, frames)`` from a mask ``(256, frames)``."""
    rows = torch.linspace(-1, 1, 512, dtype=torch.float64)
    return _sample(warped[None, None], torch.log(10 * rows + 11) / math.log(21) * 2 - 1)[0, 0]


def _sample(spectrogram: Tensor, rows: Tensor) -> Tensor:
    frames = torch.linspace(-1, 1, spectrogram.shape[-1])
    grid = torch.stack(
        [frames.expand(len(rows), -1), rows.float()[:, None].expand(-1, len(frames))], dim=-1
    )
    return F.grid_sample(spectrogram, grid[None], align_corners=True)
