"""Writing trained networks as a model bundle, proven equal to PyTorch."""

import copy
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.fx.experimental.optimization import fuse

from pixelmix.errors import ModelError, OutputError
from pixelmix.model.bundle import load_bundle
from pixelmix.model.card import write_texts
from pixelmix.model.graphs import expected_graphs
from pixelmix.model.schema import DESCRIPTION_FILE, Description
from pixelmix.model.session import Networks
from pixelmix.train.nets import AudioNetwork, Synthesizer, VisionNetwork
from pixelmix.train.onnx_files import write_graph
from pixelmix.types import FloatArray

TOLERANCE = 1e-4
"""Largest difference between the written graphs and PyTorch on the same weights."""

_LARGEST_HALF = float(np.finfo(np.float16).max)


@dataclass(frozen=True, slots=True)
class Parity:
    """Largest absolute differences found when a bundle was written."""

    features: float
    """Of the features, against PyTorch with the stored weights."""
    components: float
    """Of the components, as a share of their largest value where that is above one."""
    masks: float
    """Of the masks at the end of the chain, against PyTorch with the stored weights."""
    rounding: float
    """Of the masks, against PyTorch with the weights as they were before rounding to half."""

    def worst(self, other: "Parity") -> "Parity":
        """Return the larger difference of each kind (NaN, if there is one)."""
        return Parity(
            float(np.maximum(self.features, other.features)),
            float(np.maximum(self.components, other.components)),
            float(np.maximum(self.masks, other.masks)),
            float(np.maximum(self.rounding, other.rounding)),
        )


class _Vision(nn.Module):
    """Images to features: the network and the sigmoid behind it."""

    def __init__(self, network: VisionNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return torch.sigmoid(self.network(images))


class _Masks(nn.Module):
    """Features and components to masks, as one matrix product."""

    def __init__(self, synthesizer: Synthesizer, rows: int, frames: int) -> None:
        super().__init__()
        self.synthesizer = synthesizer
        self.size = (rows, frames)

    def forward(self, features: Tensor, components: Tensor) -> Tensor:
        weighted = features * self.synthesizer.scale
        logits = torch.matmul(weighted, components.flatten(2)) + self.synthesizer.bias
        shape = (components.shape[0], features.shape[0], *self.size)
        return torch.sigmoid(logits).reshape(shape)


@dataclass(frozen=True, slots=True)
class _Chain:
    """The three networks as they are exported, in evaluation mode."""

    vision: nn.Module
    audio: nn.Module
    masks: nn.Module


def export_bundle(
    vision: VisionNetwork,
    audio: AudioNetwork,
    synthesizer: Synthesizer,
    about: Description,
    target: Path,
    *,
    half: bool = True,
    overwrite: bool = False,
) -> Parity:
    """Write the networks as a bundle folder ``target`` and compare it with PyTorch.

    Batch normalisation is folded into convolutions first. With ``half`` the weights are rounded
    to half precision, in PyTorch, so that the comparison is between the same numbers; they are
    computed with in single precision either way. The folder appears only when everything fits.

    Raises
    ------
    ModelError
        If the graphs differ from PyTorch by more than `TOLERANCE`, a weight does not fit into half
        precision, or the networks do not fit the description.
    OutputError
        If the target exists and ``overwrite`` is not set, or cannot be written.
    """
    with new_folder(target, overwrite=overwrite) as folder:
        exact = _Chain(
            _folded(_Vision(vision)),
            _folded(audio),
            _folded(_Masks(synthesizer, about.front_end.rows, about.front_end.frames)),
        )
        stored = _rounded(exact) if half else exact
        _write_graphs(stored, about, folder)
        write_texts(folder, about)
        return _compare(exact, stored, folder)


def _folded(network: nn.Module) -> nn.Module:
    # On a copy: the caller's networks keep their mode and device.
    evaluated = copy.deepcopy(network).cpu().float().eval()
    fused: nn.Module = fuse(evaluated, inplace=True)
    return fused.eval().requires_grad_(requires_grad=False)


def _rounded(chain: _Chain) -> _Chain:
    rounded = copy.deepcopy(chain)
    for network in (rounded.vision, rounded.audio, rounded.masks):
        for name, weight in network.named_parameters():
            # Vectors (biases, normalisation) are small and stay exact.
            if weight.ndim < 2:
                continue
            if not bool((weight.abs() <= _LARGEST_HALF).all()):
                raise ModelError(
                    f"weight {name} is not finite or beyond {_LARGEST_HALF:.0f}, too large for "
                    "half precision; export in full precision, or look at the training run"
                )
            weight.copy_(weight.half().float())
    return rounded


def _write_graphs(chain: _Chain, about: Description, folder: Path) -> None:
    vision, audio, masks = expected_graphs(about)
    random = torch.Generator().manual_seed(0)
    spectra = _log_magnitude(2, about, random)
    features = torch.rand(3, about.k, generator=random)
    with torch.inference_mode():
        components = chain.audio(spectra)
    images = _images(2, (4, 6), about, random)
    write_graph(chain.vision, (images,), vision, folder)
    write_graph(chain.audio, (spectra,), audio, folder)
    write_graph(chain.masks, (features, components.clone()), masks, folder)


def _compare(exact: _Chain, stored: _Chain, folder: Path) -> Parity:
    bundle = load_bundle(folder)
    found = Parity(0.0, 0.0, 0.0, 0.0)
    random = torch.Generator().manual_seed(1)
    side = bundle.vision.short_side // bundle.vision.stride
    cases = ((1, (4, 4), 1, 1), (3, (5, 9), 2, 5), (2, (side, 2 * side), 1, 3))
    with Networks.open(bundle, "cpu") as networks, torch.inference_mode():
        for pictures, cells, windows, regions in cases:
            images = _images(pictures, cells, bundle, random)
            spectra = _log_magnitude(windows, bundle, random)
            choose = torch.randint(cells[0] * cells[1], (regions,), generator=random)
            found = found.worst(_differences(networks, exact, stored, (images, spectra, choose)))
    for name, difference in (
        ("features", found.features),
        ("components", found.components),
        ("masks", found.masks),
    ):
        # Written so that a NaN is refused too.
        if not difference <= TOLERANCE:
            raise ModelError(
                f"the exported {name} differ from PyTorch by {difference:.2g} "
                f"(at most {TOLERANCE:g}); nothing was written"
            )
    return found


def _differences(
    networks: Networks, exact: _Chain, stored: _Chain, inputs: tuple[Tensor, Tensor, Tensor]
) -> Parity:
    images, spectra, choose = inputs
    features = networks.features(images.numpy())
    components = networks.components(spectra.numpy())
    picked = np.ascontiguousarray(features[0].reshape(features.shape[1], -1)[:, choose.numpy()].T)
    masks = networks.masks(picked, components)

    def chain_masks(chain: _Chain) -> tuple[Tensor, Tensor, Tensor]:
        seen, heard = chain.vision(images), chain.audio(spectra)
        return seen, heard, chain.masks(seen[0].flatten(1)[:, choose].T, heard)

    wanted_features, wanted_components, wanted_masks = chain_masks(stored)
    scale = max(1.0, float(wanted_components.abs().max()))
    return Parity(
        features=_gap(features, wanted_features),
        components=_gap(components, wanted_components) / scale,
        masks=_gap(masks, wanted_masks),
        rounding=_gap(masks, chain_masks(exact)[2]),
    )


def _gap(found: FloatArray, wanted: Tensor) -> float:
    if found.shape != tuple(wanted.shape):
        raise ModelError(f"the exported graph returns {found.shape}, not {tuple(wanted.shape)}")
    return float(np.abs(found - wanted.numpy()).max())


def _images(pictures: int, cells: tuple[int, int], about: Description, random: Generator) -> Tensor:
    stride = about.vision.stride
    size = (pictures, 3, cells[0] * stride, cells[1] * stride)
    return torch.randn(size, generator=random)


def _log_magnitude(windows: int, about: Description, random: Generator) -> Tensor:
    # Noise whose rows lie up to 100 dB apart, down to digital silence.
    size = (windows, 1, about.front_end.rows, about.front_end.frames)
    noise = torch.randn(size, generator=random).abs()
    levels = torch.exp(torch.linspace(3.0, -9.0, about.front_end.rows))[:, None]
    silence = torch.rand(size, generator=random) < 0.02
    return torch.log((noise * levels).masked_fill(silence, 0.0) + about.front_end.log_floor)


@contextmanager
def new_folder(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary folder that becomes ``target`` on success and vanishes otherwise.

    Raises
    ------
    OutputError
        If the target exists (without ``overwrite``), is no bundle, or cannot be written.
    """
    target = target.absolute()
    # Only a bundle is ever replaced: a mistyped path must not cost someone a folder.
    if target.exists() and not (overwrite and (target / DESCRIPTION_FILE).is_file()):
        hint = "it is no model bundle" if overwrite else "choose another name or allow overwriting"
        raise OutputError(f"{target} exists already; {hint}")
    mark = f"partial-{os.getpid()}-{secrets.token_hex(4)}"
    partial = target.with_name(f".{target.name}.{mark}")
    replaced = target.with_name(f".{target.name}.replaced-{mark}")
    try:
        partial.mkdir()
        yield partial
        if target.exists():
            target.rename(replaced)
        partial.rename(target)
    except OSError as error:
        if replaced.exists():
            replaced.rename(target)
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)
