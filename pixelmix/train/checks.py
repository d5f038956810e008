"""Whether a recipe can be trained and exported at all, asked before the work begins."""

from collections.abc import Iterator

from pixelmix.errors import ModelError, UsageError
from pixelmix.model.schema import check_front_end
from pixelmix.train.recipe import Recipe

_LEAST = {
    "batch": 1, "views": 1, "frames": 1, "looks_per_sound": 1, "projection_size": 1,
    "short_side": 16, "workers": 0, "steps": 0, "epochs": 0, "warmup_steps": 0, "log_steps": 1,
    "sample_steps": 1, "save_steps": 1, "frame_spacing": 0.0, "projection_floor": 0.0, "tone": 0.0,
    "drive": 0.0, "level_spread": 0.0, "weight_slope": 0.0, "silent_weight": 0.0,
    "compete_weight": 0.0, "vision_weight": 0.0, "class_decline": 0.0, "learning_rate": 0.0,
    "backbone_rate": 0.0, "last_rate": 0.0, "weight_decay": 0.0, "clip_norm": 0.0,
    "seed": 0, "sizes.k": 1, "sizes.unet_width": 1, "sizes.unet_levels": 5, "sizes.head_context": 1,
    "kernel_rate": 0.0, "tuning_steps": 0, "tuning_rate": 0.0,
}  # fmt: skip
_SHARES = (
    "same_kind", "silent_picture", "silent_scene", "other_view", "clutter", "speed_probability",
    "band_probability", "room_probability", "drive_probability", "noise_probability",
    "class_share", "full_from", "many_from",
)  # fmt: skip
_MOST = {**dict.fromkeys(_SHARES, 1.0), "speed": 0.5, "average_decay": 0.999999}
_RANGES = ("volume", "level", "noise_level", "weight_range")


def check(recipe: Recipe) -> None:
    """Say what is wrong with a recipe, if anything.

    Raises
    ------
    UsageError
        At the first value that is out of its range or does not go with another.
    """
    for problem in _problems(recipe):
        raise UsageError(f"the recipe cannot be trained: {problem}")


def _problems(recipe: Recipe) -> Iterator[str]:
    yield from _out_of_range(recipe)
    if min(recipe.sources) < 0 or sum(recipe.sources) <= 0:
        yield "sources must be three probabilities, for 2, 3 and 4 sources"
    if not (recipe.steps or recipe.epochs):
        yield "neither steps nor epochs says how long"
    if min(recipe.image_std) <= 0:
        yield "image_std must be above 0"
    if not recipe.sizes.head_context % 2:
        yield "sizes.head_context must be an odd number of cells"
    yield from _unfit(recipe)


def _out_of_range(recipe: Recipe) -> Iterator[str]:
    for name, least in _LEAST.items():
        value = _value(recipe, name)
        if value < least:
            yield f"{name} is {value:g} and must be at least {least:g}"
    for name, most in _MOST.items():
        value = _value(recipe, name)
        if not 0 <= value <= most:
            yield f"{name} is {value:g} and must be between 0 and {most:g}"
    for name in _RANGES:
        pair = getattr(recipe, name)
        if pair is not None and pair[0] > pair[1]:
            yield f"{name} goes from {pair[0]:g} to {pair[1]:g}; the smaller number comes first"


def _unfit(recipe: Recipe) -> Iterator[str]:
    """Yield what each network, or the bundle, could not work with."""
    fe, sizes = recipe.front_end, recipe.sizes
    try:
        check_front_end(fe, "front_end")
    except ModelError as error:
        yield str(error)
        return
    multiple = 2**sizes.unet_levels
    # Half windows go through the same network.
    frames = multiple if recipe.full_from == 0 else 2 * multiple
    if fe.rows % multiple or fe.frames % frames:
        yield (
            f"a window has {fe.rows} rows and {fe.frames} frames; {sizes.unet_levels} levels of "
            f"the U-Net take multiples of {multiple} rows and {frames} frames"
        )
    if recipe.vision == "frozen" and (sizes.head_kernel != 1 or not sizes.head_width):
        yield "with vision=frozen, sizes.head_kernel is 1 and sizes.head_width above 0"


def _value(recipe: Recipe, name: str) -> float:
    value: object = recipe
    for part in name.split("."):
        value = getattr(value, part)
    if not isinstance(value, int | float):
        raise TypeError(f"{name} is no number")
    return value
