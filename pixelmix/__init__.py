"""pixelmix: remix a video's sound by where it comes from in the picture.

What the command line does is here as functions that return typed results and print nothing; see
docs/library.md. Names are loaded when they are first asked for: importing pixelmix loads no codec
and no network.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixelmix.errors import (
        DeviceError,
        InputError,
        ModelError,
        OutputError,
        PixelmixError,
        UsageError,
    )
    from pixelmix.hearing import Source
    from pixelmix.media.heatmap import Encoding
    from pixelmix.mix.gain_options import parse_gain
    from pixelmix.model.session import Networks, open_model
    from pixelmix.pipeline.heatmap import Heated, View, heatmap_still, heatmap_video
    from pixelmix.pipeline.regions import RegionsFile, find_regions, regions_files
    from pixelmix.pipeline.remix import Remixed, remix_video
    from pixelmix.pipeline.separate import Separated, separate_multitrack, separate_video
    from pixelmix.regions.parse import parse_point, parse_region

__version__ = "0.1.0"

__all__ = [
    "DeviceError",
    "Encoding",
    "Heated",
    "InputError",
    "ModelError",
    "Networks",
    "OutputError",
    "PixelmixError",
    "RegionsFile",
    "Remixed",
    "Separated",
    "Source",
    "UsageError",
    "View",
    "find_regions",
    "heatmap_still",
    "heatmap_video",
    "open_model",
    "parse_gain",
    "parse_point",
    "parse_region",
    "regions_files",
    "remix_video",
    "separate_multitrack",
    "separate_video",
]

_HOMES = {
    "Encoding": "media.heatmap",
    "Heated": "pipeline.heatmap",
    "Networks": "model.session",
    "RegionsFile": "pipeline.regions",
    "Remixed": "pipeline.remix",
    "Separated": "pipeline.separate",
    "Source": "hearing",
    "View": "pipeline.heatmap",
    "find_regions": "pipeline.regions",
    "heatmap_still": "pipeline.heatmap",
    "heatmap_video": "pipeline.heatmap",
    "open_model": "model.session",
    "parse_gain": "mix.gain_options",
    "parse_point": "regions.parse",
    "parse_region": "regions.parse",
    "regions_files": "pipeline.regions",
    "remix_video": "pipeline.remix",
    "separate_multitrack": "pipeline.separate",
    "separate_video": "pipeline.separate",
}
"""Where names live; the errors have their own module."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'pixelmix' has no attribute {name!r}")
    home = _HOMES.get(name, "errors")
    return getattr(import_module(f"pixelmix.{home}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
