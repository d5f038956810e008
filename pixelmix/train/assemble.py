"""From a training run to a model bundle.

Of a frozen backbone, projection and head become two 1x1 convolutions: a cell ``f`` of the
backbone's map goes through ``b(relu(a((f - mean) @ P)))`` in training. With ``a(x) = A x + c`` that
is ``A P' f + (c - A P' mean)``, one layer on the backbone's channels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from torch import Tensor, nn

from pixelmix.errors import ModelError
from pixelmix.model.bundle import load_bundle
from pixelmix.model.schema import Bundle, Description, check_name
from pixelmix.train import checkpoint
from pixelmix.train.backbone import Projection, restore_backbone
from pixelmix.train.checkpoint import State
from pixelmix.train.export import Parity, export_bundle
from pixelmix.train.nets import STRIDE, AudioNetwork, Synthesizer, VisionNetwork
from pixelmix.train.recipe import Recipe
from pixelmix.train.run import Data, Run
from pixelmix.types import Vision


@dataclass(frozen=True, slots=True)
class Words:
    """What people say about a model; the rest of its card is known from the run."""

    summary: str = ""
    """One line for lists of models."""
    licence: str = ""
    """Of the weights."""
    scores: Mapping[str, float] = field(default_factory=dict)


class Networks(NamedTuple):
    """The three networks of a bundle, in PyTorch."""

    vision: VisionNetwork
    audio: AudioNetwork
    synthesizer: Synthesizer


def export_run(
    run: Run, target: Path, words: Words, *, overwrite: bool = False
) -> tuple[Bundle, Parity]:
    """Write the averaged weights of a run as the bundle ``target``.

    Returns the bundle, and how far its graphs are from PyTorch on the same weights.

    Raises
    ------
    ModelError
        If a file of the run is missing or damaged, or the parts do not fit each other.
    OutputError
        If the target exists (without ``overwrite``) or cannot be written.
    """
    recipe, data = run.recipe(), run.data()
    state = checkpoint.load(run.folder)
    name = check_name(target.absolute().name, f"bundle folder {target}")
    try:
        networks = assemble(run, recipe, state.average)
    except (KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"{run.folder / checkpoint.FILE}: does not fit the run's recipe ({reason})"
        ) from error
    about = describe(name, recipe, data, state.step, words)
    parity = export_bundle(*networks, about, target, overwrite=overwrite)
    return load_bundle(target), parity


def describe(name: str, recipe: Recipe, data: Data, steps: int, words: Words) -> Description:
    """Return what ``model.json`` says about the model that a run made."""
    return Description(
        name=name,
        summary=words.summary or f"PixelPlayer trained on {data.dataset} ({recipe.preset}).",
        front_end=recipe.front_end,
        vision=Vision(
            short_side=recipe.short_side,
            stride=STRIDE,
            mean=recipe.image_mean,
            std=recipe.image_std,
            frames_per_window=recipe.frames,
            frame_spacing=recipe.frame_spacing,
        ),
        k=recipe.sizes.k,
        mask_type=recipe.mask,
        mask_threshold=recipe.threshold if recipe.mask == "binary" else None,
        training=_training(recipe, data, steps),
        licence=_licence(data, words),
        scores=words.scores,
    )


def assemble(run: Run, recipe: Recipe, state: State) -> Networks:
    """Return the networks of a model's state dict, in evaluation mode.

    Raises
    ------
    ModelError
        If what the run keeps of a frozen backbone is missing or damaged.
    """
    sizes = recipe.sizes
    vision, audio, synthesizer = VisionNetwork(sizes), AudioNetwork(sizes), Synthesizer(sizes.k)
    if recipe.vision == "frozen":
        layers, projection = run.vision()
        vision.features = restore_backbone(layers, sizes).network
        first, second = _folded(state, projection)
        vision.hidden.load_state_dict({"0.weight": first[0], "0.bias": first[1]})
        vision.fc.load_state_dict({"weight": second[0], "bias": second[1]})
    else:
        vision.load_state_dict(_part(state, "vision.network."))
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
    first = state["vision.a.weight"].double() @ projection.matrix.double().T
    bias = state["vision.a.bias"].double() - first @ projection.mean.double()
    second = state["vision.b.weight"]
    return (
        (first.float()[..., None, None], bias.float()),
        (second[..., None, None], state["vision.b.bias"]),
    )


def _part(state: State, prefix: str) -> dict[str, Tensor]:
    return {
        key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)
    }


def _training(recipe: Recipe, data: Data, steps: int) -> str:
    kinds = ", ".join(kind.replace("_", " ") for kind in data.kinds)
    what = f" of {len(data.kinds)} classes ({kinds})" if kinds else ""
    backbone = "trained too" if recipe.vision == "tuned" else "unchanged"
    if recipe.vision == "frozen" and recipe.tuning_steps:
        backbone = f"taught the classes in {recipe.tuning_steps} steps, then unchanged"
    begun = f", begun with {data.started_from}" if data.started_from else ""
    masks = f"{recipe.mask} masks"
    if recipe.mask == "binary" and recipe.threshold is None:
        masks += ", used as they come"
    return (
        'Mix-and-Separate ("The Sound of Pixels", Zhao et al., ECCV 2018) with the preset '
        f"{recipe.preset} on the data set {data.dataset}: {data.recordings} recordings, "
        f"{data.minutes:.0f} minutes{what}, and {data.pictures} pictures. {steps} steps of "
        f"{recipe.batch} mixtures{begun}; {masks}; "
        f"backbone {recipe.sizes.backbone}, {backbone}; U-Net of "
        f"{recipe.sizes.unet_levels} levels, {recipe.sizes.unet_width} channels after the first."
    )


def _licence(data: Data, words: Words) -> str:
    of_data = "; ".join(f"{name} ({count})" for name, count in data.licences.items())
    weights = words.licence or "Not stated by whoever trained them"
    return f"Weights: {weights}. Licences of the recordings and pictures trained on: {of_data}."
