"""Beginning with a bundle: its backbone, its sound side, and what it sees of every class.

A bundle holds no normalisation: each is folded into the convolution before it. To train on, it is
put back so that the network computes what it did: in the audio network with the mean and variance
that the convolution's output has on mixtures of the dataset, in the backbone with those of the
weights that it once came from.
"""

import copy
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from PIL import Image
from torch import Tensor, nn

from pixelmix.data.dataset import SCENES, Dataset
from pixelmix.errors import ModelError
from pixelmix.model.bundle import read_checked
from pixelmix.model.graphs import expected_graphs
from pixelmix.model.images import network_input
from pixelmix.model.schema import Bundle
from pixelmix.model.session import Networks
from pixelmix.train.backbone import Backbone, layers_of, restore_backbone
from pixelmix.train.checkpoint import State
from pixelmix.train.looks import training_stills
from pixelmix.train.losses import examples
from pixelmix.train.mixtures import Mixer
from pixelmix.train.model import Separator
from pixelmix.train.nets import AudioNetwork, NetworkSizes
from pixelmix.train.recipe import Recipe
from pixelmix.types import FloatArray

_PICTURES = 48
"""Of each class, at most, are looked at for its vector."""
_BATCHES = 4
"""Of mixtures, on which the normalisation is measured."""
_LENGTH = 4.0
"""Deviation of a kernel's weights, times the square root of their number per output."""
_FAINT = 1e-3
"""A backbone's normalisation that scales by less is left out of its kernels."""
_BACKBONE = "network.features."
"""Begins the names of its weights in a bundle."""
_HALF = ".half"
"""Ends the names of weights that a bundle stores in half precision."""


def sound_side(bundle: Bundle, dataset: Dataset, mixer: Mixer, recipe: Recipe) -> State:
    """Return a bundle's audio network, synthesizer and class vectors as a `Separator` has them.

    Raises
    ------
    ModelError
        If the bundle is damaged or the recipe's networks are of other sizes.
    """
    if bundle.front_end != recipe.front_end or bundle.k != recipe.sizes.k:
        raise ModelError(
            f"{bundle.path}: has another front end or K than the recipe; set front_end.* and "
            "sizes.k to what its model.json says"
        )
    separator = Separator(recipe, len(mixer.kinds))
    with Networks.open(bundle, "cpu") as networks, torch.no_grad():
        _, heard, mixed = (_weights(bundle, graph.file) for graph in expected_graphs(bundle))
        try:
            _load(separator.audio, heard)
            separator.syn.load_state_dict({name: mixed[name] for name in ("scale", "bias")})
        except (KeyError, RuntimeError) as error:
            raise ModelError(
                f"{bundle.path}: its networks are not of the recipe's sizes ({error})"
            ) from error
        _measure(separator.audio, mixer, recipe)
        for index, kind in enumerate((*mixer.kinds, SCENES)):
            vector = class_vector(networks, dataset, kind)
            if vector is not None:
                separator.emb.weight[index] = torch.from_numpy(vector).clamp(0.01, 0.99).logit()
    state = separator.state_dict()
    return {name: value for name, value in state.items() if not name.startswith("vision.")}


def picture_side(bundle: Bundle, backbone: Backbone, sizes: NetworkSizes) -> Backbone:
    """Return a bundle's backbone, normalised as ``backbone`` is.

    Raises
    ------
    ModelError
        If the bundle is damaged or its backbone is not what ``sizes`` names.
    """
    weights = _weights(bundle, expected_graphs(bundle)[0].file)
    folded = {name.removeprefix(_BACKBONE): value for name, value in weights.items()}
    network = copy.deepcopy(backbone.network)
    state = network.state_dict()
    state |= {name: value for name, value in folded.items() if name in state}
    try:
        for (conv, _), (norm, layer) in _pairs(network):
            deviation = (state[f"{norm}.running_var"] + layer.eps).sqrt()
            scale = state[f"{norm}.weight"] / deviation
            # What normalisation all but switches off would get huge kernels.
            scale = torch.where(scale.abs() < _FAINT, 1.0, scale)
            state[f"{conv}.weight"] = folded[f"{conv}.weight"] / scale[:, None, None, None]
            state[f"{norm}.bias"] = folded[f"{conv}.bias"] + state[f"{norm}.running_mean"] * scale
            state[f"{norm}.weight"] = scale * deviation
        network.load_state_dict(state)
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"{bundle.path}: its backbone is no {sizes.backbone} ({error})") from error
    return restore_backbone(layers_of(Backbone(network, ""), sizes), sizes)


def _weights(bundle: Bundle, file: str) -> dict[str, Tensor]:
    graph = onnx.load_from_string(read_checked(bundle, file)).graph
    arrays = {w.name.removesuffix(_HALF): numpy_helper.to_array(w) for w in graph.initializer}
    return {
        name.split(".", 1)[1] if name.startswith("synthesizer.") else name:
        torch.from_numpy(np.array(array, np.float32))
        for name, array in arrays.items()
        if array.dtype in (np.float16, np.float32)
    }  # fmt: skip


def _load(network: AudioNetwork, weights: Mapping[str, Tensor]) -> None:
    """Load folded weights: normalisations do nothing but add the convolutions' biases."""
    state = dict(network.state_dict())
    for conv, norm in _pairs(network):
        _, layer = norm
        state[f"{conv[0]}.weight"] = weights[f"{conv[0]}.weight"]
        state[f"{norm[0]}.weight"] = torch.full_like(layer.weight, (1 + layer.eps) ** 0.5)
        state[f"{norm[0]}.bias"] = weights[f"{conv[0]}.bias"]
        state[f"{norm[0]}.running_mean"] = torch.zeros_like(layer.bias)
        state[f"{norm[0]}.running_var"] = torch.ones_like(layer.bias)
    state |= {name: weights[name] for name in weights if name in state}
    network.load_state_dict(state)


def _pairs(
    network: nn.Module,
) -> list[tuple[tuple[str, nn.Conv2d], tuple[str, nn.BatchNorm2d]]]:
    """Return the convolutions that are normalised, with what normalises them, by name."""
    kinds = (nn.Conv2d, nn.BatchNorm2d)
    layers = [(n, layer) for n, layer in network.named_modules() if isinstance(layer, kinds)]
    return [
        ((before, conv), (after, norm))
        for (before, conv), (after, norm) in pairwise(layers)
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    ]


@torch.no_grad()
def _measure(network: AudioNetwork, mixer: Mixer, recipe: Recipe) -> None:
    """Give the normalisations of `_load` means and variances; the network computes the same."""
    found: dict[nn.Module, list[Tensor]] = {}

    def note(conv: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        found.setdefault(conv, []).append(output.transpose(0, 1).flatten(1))

    pairs = _pairs(network)
    hooks = [conv.register_forward_hook(note) for (_, conv), _ in pairs]
    network.eval()
    for step in range(_BATCHES):
        network(examples(mixer.draw(step), recipe).log_magnitude)
    for hook in hooks:
        hook.remove()
    network.train()
    for (_, conv), (_, norm) in pairs:
        outputs = torch.cat(found.pop(conv), 1)
        variance, mean = torch.var_mean(outputs, 1, correction=0)
        # Kernels as long as training makes them: how far a step turns them depends on it.
        scale = _LENGTH * conv.weight[0].numel() ** -0.5 / conv.weight.std()
        conv.weight.mul_(scale)
        norm.bias.add_(mean)
        norm.weight.copy_((variance + norm.eps / scale**2).sqrt())
        norm.running_mean = mean * scale
        norm.running_var = variance * scale**2


def class_vector(networks: Networks, dataset: Dataset, kind: str) -> FloatArray | None:
    """Return ``(k,)``: the mean over pictures of what a bundle sees in them, None without any."""
    stills = list(training_stills(dataset).get(kind, ()))
    own = [s for s in dataset.split("train") if s.kind == kind and s.pictures]
    stills += [sound.first_picture + sound.pictures // 2 for sound in own]
    if not stills:
        return None
    vision = networks.bundle.vision
    size = (vision.short_side, vision.short_side)
    chosen = stills[:: -(-len(stills) // _PICTURES)]
    seen = []
    for picture in chosen:
        image = Image.fromarray(dataset.picture(picture)).resize(size, Image.Resampling.BILINEAR)
        seen.append(networks.features(network_input(np.asarray(image), vision))[0].max((1, 2)))
    vector: FloatArray = np.mean(seen, axis=0, dtype=np.float32)
    return vector
