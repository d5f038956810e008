"""From a training run to a model bundle: projection and head become two 1x1 convolutions.

A cell ``f`` of the backbone's map goes through ``b(relu(a((f - mean) @ P)))`` in training. With
``a(x) = A x + c`` that is ``A P' f + (c - A P' mean)``, one layer on the backbone's channels.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pixelmix.errors import ModelError
from pixelmix.model.bundle import load_bundle
from pixelmix.model.schema import Bundle, Description, check_name
from pixelmix.train import checkpoint
from pixelmix.train.backbone import MEAN, STD, Projection, load_backbone, load_projection
from pixelmix.train.cache import PROJECTION
from pixelmix.train.checkpoint import State
from pixelmix.train.export import export_bundle
from pixelmix.train.kit import WEIGHTS
from pixelmix.train.nets import STRIDE, AudioNetwork, NetworkSizes, Synthesizer, VisionNetwork
from pixelmix.train.pictures import SIDE
from pixelmix.train.recipe import Recipe
from pixelmix.types import Vision

FRAMES_PER_WINDOW = 3

TRAINING = """\
Mix-and-Separate ("The Sound of Pixels", Zhao et al., ECCV 2018) on about five hours of solo \
performances of 18 instruments (accordion, acoustic guitar, bagpipe, banjo, cello, clarinet, \
drum, flute, harmonica, harp, piano, saxophone, sitar, trombone, trumpet, tuba, violin, \
xylophone), played or composed from free samples, paired by class with photographs; scenes \
without instruments as silent places. A learnt vector of each class stood in for half of the \
pictures and taught the vision head. The backbone is MobileNetV2 with ImageNet weights, \
unchanged; what follows it, the audio network and the synthesizer were trained from scratch. \
Masks were trained as binary ones and are used as they come. docs/training.md has the recipe."""

LICENCE = """\
What was trained here: MIT, as pixelmix. The backbone's weights are those of TensorFlow Model \
Garden's MobileNetV2 (Apache-2.0, Google), trained on ImageNet, here in half precision. The \
training sounds are CC0, CC BY, MIT or free-use material: Philharmonia Orchestra samples, \
FSDKaggle2018 and other Freesound clips, the Bach violin data set (MinJi Kim, CC BY 3.0), MTG \
Solo Saxophones (CC BY 4.0), the Discord SFZ GM bank, the Hydrogen kit by Emanuel Rumpf (CC BY \
3.0), FluidR3_GM (Frank Wen, MIT) and SFZ instruments (CC0 or public domain). The photographs \
were collected from the web, many without a stated licence, and used for training only. No sound \
or picture is part of this bundle."""


class Networks(NamedTuple):
    """The three networks of a bundle, in PyTorch."""

    vision: VisionNetwork
    audio: AudioNetwork
    synthesizer: Synthesizer


def export_run(
    run: Path,
    cache: Path,
    kit: Path,
    target: Path,
    *,
    recipe: Recipe | None = None,
    scores: Mapping[str, float] | None = None,
    overwrite: bool = False,
) -> Bundle:
    """Write the averaged weights of a run as the bundle ``target`` and return it.

    K, widths and depths are read from the checkpoint; the front end is the recipe's.

    Raises
    ------
    ModelError
        If a file is missing or damaged, or the parts do not fit each other.
    OutputError
        If the target exists (without ``overwrite``) or cannot be written.
    """
    recipe = recipe or Recipe()
    state = checkpoint.load(run).average
    projection = load_projection(cache / PROJECTION)
    try:
        networks = assemble(state, projection, kit / WEIGHTS, recipe.sizes)
    except (KeyError, IndexError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"{run / checkpoint.FILE}: does not fit {cache / PROJECTION} or the networks ({reason})"
        ) from error
    name = check_name(target.absolute().name, f"bundle folder {target}")
    about = describe(name, recipe, networks.synthesizer.scale.numel(), scores or {})
    export_bundle(*networks, about, target, overwrite=overwrite)
    return load_bundle(target)


def describe(name: str, recipe: Recipe, k: int, scores: Mapping[str, float]) -> Description:
    """Return what ``model.json`` says about a model that the recipe made."""
    fe = recipe.front_end
    return Description(
        name=name,
        summary="PixelPlayer trained on solos of 18 instruments; small and fast.",
        front_end=fe,
        vision=Vision(
            short_side=SIDE,
            stride=STRIDE,
            mean=MEAN,
            std=STD,
            frames_per_window=FRAMES_PER_WINDOW,
            # As windows follow each other, so that neighbouring windows share pictures.
            frame_spacing=fe.hop_samples / fe.rate,
        ),
        k=k,
        mask_type="binary",
        mask_threshold=None,
        training=TRAINING,
        licence=LICENCE,
        scores=scores,
    )


def assemble(state: State, projection: Projection, weights: Path, sizes: NetworkSizes) -> Networks:
    """Return the networks of a model's state dict, in evaluation mode.

    ``sizes`` names the backbone that ``weights`` fits; the other sizes are those of the weights.
    """
    sizes = _sizes(state, sizes)
    vision, audio, synthesizer = VisionNetwork(sizes), AudioNetwork(sizes), Synthesizer(sizes.k)
    vision.features = load_backbone(weights, sizes)
    first, second = _folded(state, projection)
    vision.hidden.load_state_dict({"0.weight": first[0], "0.bias": first[1]})
    vision.fc.load_state_dict({"weight": second[0], "bias": second[1]})
    audio.load_state_dict(_part(state, "audio."))
    synthesizer.load_state_dict(_part(state, "syn."))
    networks: tuple[nn.Module, ...] = vision, audio, synthesizer
    for network in networks:
        network.eval().requires_grad_(requires_grad=False)
    return Networks(vision, audio, synthesizer)


def _folded(
    state: State, projection: Projection
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    # In double precision: the projection's entries differ by orders of magnitude.
    first = state["head.a.weight"].double() @ projection.matrix.double().T
    bias = state["head.a.bias"].double() - first @ projection.mean.double()
    second = state["head.b.weight"]
    return (
        (first.float()[..., None, None], bias.float()),
        (second[..., None, None], state["head.b.bias"]),
    )


def _sizes(state: State, sizes: NetworkSizes) -> NetworkSizes:
    return NetworkSizes(
        backbone=sizes.backbone,
        same_padding=sizes.same_padding,
        k=len(state["syn.scale"]),
        unet_width=len(state["audio.unet_block.model.0.weight"]),
        unet_levels=max(key.count("model.") for key in state if key.startswith("audio.")),
        head_kernel=1,
        head_width=len(state["head.a.weight"]),
    )


def _part(state: State, prefix: str) -> dict[str, Tensor]:
    return {
        key.removeprefix(prefix): torch.as_tensor(value)
        for key, value in state.items()
        if key.startswith(prefix)
    }
