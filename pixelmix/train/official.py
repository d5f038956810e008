"""Bundles from checkpoints of the published code (github.com/hangzhaomit/Sound-of-Pixels).

That code saves one state dict per network: ``frame_*.pth`` (resnet18dilated), ``sound_*.pth``
(a U-Net of 5 to 8 levels) and ``synthesizer_*.pth`` (linear). K and the U-Net's width and depth
are read from the shapes; the front end is the one its training and evaluation scripts set.
"""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from pixelmix.errors import ModelError
from pixelmix.model.bundle import load_bundle
from pixelmix.model.schema import Bundle, Description, check_name
from pixelmix.train.export import export_bundle
from pixelmix.train.nets import STRIDE, AudioNetwork, NetworkSizes, Synthesizer, VisionNetwork
from pixelmix.types import FrontEnd, Vision

FRONT_END = FrontEnd(
    rate=11_025,
    window_samples=65_535,
    n_fft=1_022,
    hop=256,
    rows=256,
    warp_base=21.0,
    log_floor=1e-10,
)
"""Sound as the published code prepares it: 256 frames of 256 log-frequency rows."""

VISION = Vision(
    short_side=224,
    stride=STRIDE,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    frames_per_window=3,
    frame_spacing=3.0,
)
"""Three pictures 24 apart at 8 per second, with ImageNet's mean and deviation."""

MASK_THRESHOLD = 0.5

_WIDEST = 1_024
_DEEPEST = 8  # 256 rows can be halved eight times
_OUTER_CONV = "unet_block.model.0.weight"
_State = Mapping[str, Tensor]


def import_checkpoint(
    frame: Path,
    sound: Path,
    synthesizer: Path,
    target: Path,
    *,
    half: bool = False,
    overwrite: bool = False,
) -> Bundle:
    """Write the bundle ``target`` from three published state dicts and return it.

    Full precision by default, so that masks equal the published code's within 1e-4; ``half``
    halves the files.

    Raises
    ------
    ModelError
        If a file is no plain state dict, or a key is missing, unexpected or of the wrong shape.
    OutputError
        If the target exists (without ``overwrite``) or cannot be written.
    """
    states = _read(frame), _read(sound), _read(synthesizer)
    sizes = _sizes(states, (frame, sound, synthesizer))
    with torch.device("meta"):  # no memory and no random numbers for weights that are given
        networks = VisionNetwork(sizes), AudioNetwork(sizes), Synthesizer(sizes.k)
    for network, state, file in zip(networks, states, (frame, sound, synthesizer), strict=True):
        _fill(network, state, file)
    sources = ", ".join(file.name for file in (frame, sound, synthesizer))
    about = Description(
        name=check_name(target.absolute().name, f"bundle folder {target}"),
        summary="PixelPlayer weights from checkpoints of the published code.",
        front_end=FRONT_END,
        vision=VISION,
        k=sizes.k,
        mask_type="binary",
        mask_threshold=MASK_THRESHOLD,
        training=f"Converted from {sources}, saved by the published Sound-of-Pixels code; its "
        "own released weights were trained on the MUSIC data set, mixing two solos at a time.",
        licence="As the publisher of the checkpoints states; the code they come from is MIT.",
        scores={},
    )
    export_bundle(*networks, about, target, half=half, overwrite=overwrite)
    return load_bundle(target)


def _read(file: Path) -> _State:
    try:
        with warnings.catch_warnings():
            # Said of pickles that are then refused below, in our words.
            warnings.simplefilter("ignore", UserWarning)
            # weights_only admits tensors and plain containers; other pickles could run code.
            loaded: object = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(f"checkpoint {file} cannot be read: {error.strerror or error}") from error
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"checkpoint {file} is damaged or holds more than weights (Python objects, which could "
            "run code) and is refused; save the network's state_dict() alone"
        ) from error
    except (RuntimeError, EOFError, ValueError, LookupError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"checkpoint {file} is damaged or no checkpoint: {reason}") from error
    if not isinstance(loaded, Mapping):
        raise ModelError(f"checkpoint {file} holds a {type(loaded).__name__}, not a state dict")
    state: dict[str, Tensor] = {}
    for key, value in loaded.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise ModelError(
                f"checkpoint {file}: {key!r} is no tensor; a state dict has only those"
            )
        # Networks saved while wrapped for several GPUs have this prefix.
        state[key.removeprefix("module.")] = value
    return state


def _sizes(states: tuple[_State, _State, _State], files: tuple[Path, Path, Path]) -> NetworkSizes:
    frame, sound, synthesizer = states
    fc = _tensor(frame, "fc.weight", 4, files[0])
    outer = _tensor(sound, _OUTER_CONV, 4, files[1])
    scale = _tensor(synthesizer, "scale", 1, files[2])
    levels = max(key.count("model.") for key in sound)
    limits = (
        (files[0], "the kernel of 'fc.weight'", fc.shape[2], 1, 15),
        (files[1], f"the width of {_OUTER_CONV!r}", outer.shape[0], 1, _WIDEST),
        (files[1], "the number of U-Net levels", levels, 5, _DEEPEST),
        (files[2], "the length of 'scale'", scale.shape[0], 1, _WIDEST),
    )
    for file, what, found, low, high in limits:
        if not low <= found <= high:
            raise ModelError(f"checkpoint {file}: {what} is {found}, outside {low}..{high}")
    return NetworkSizes(
        backbone="resnet18",
        k=scale.shape[0],
        unet_width=outer.shape[0],
        unet_levels=levels,
        head_kernel=fc.shape[2],
    )


def _tensor(state: _State, key: str, axes: int, file: Path) -> Tensor:
    if key not in state:
        raise ModelError(f"checkpoint {file}: {key!r} is missing; is it the right network's file?")
    if state[key].ndim != axes:
        raise ModelError(f"checkpoint {file}: {key!r} has {state[key].ndim} axes, not {axes}")
    return state[key]


def _fill(network: nn.Module, state: _State, file: Path) -> None:
    wanted = network.state_dict()
    for key in state:
        if key not in wanted:
            raise ModelError(f"checkpoint {file}: unexpected key {key!r}")
    weights: dict[str, Tensor] = {}
    for key, own in wanted.items():
        # A counter of training steps, which the oldest versions of PyTorch did not save.
        if key.endswith("num_batches_tracked"):
            weights[key] = torch.tensor(0)
            continue
        given = _tensor(state, key, own.ndim, file)
        if given.shape != own.shape:
            raise ModelError(
                f"checkpoint {file}: {key!r} has shape {tuple(given.shape)}, not {tuple(own.shape)}"
            )
        if not given.is_floating_point() or not bool(given.isfinite().all()):
            raise ModelError(f"checkpoint {file}: {key!r} holds something other than finite floats")
        weights[key] = given.float()
    network.load_state_dict(weights, assign=True)
