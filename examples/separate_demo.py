"""Separate the demo clip's two instruments with pixelmix as a library.

python examples/separate_demo.py [FOLDER [MODEL]]
"""

import sys
from pathlib import Path

from pixelmix.hearing import Source
from pixelmix.model.bundle import find_bundle, load_bundle
from pixelmix.model.session import Networks
from pixelmix.pipeline import separate_video
from pixelmix.regions.parse import parse_point

CLIP = Path(__file__).with_name("demo.mp4")
PLACES = [parse_point("guitar=22%,63%"), parse_point("trumpet=71%,48%")]


def main(folder: str = "demo.stems", model: str = "default") -> None:
    """Write a WAV file for each instrument and one for the rest, and say how much each holds."""
    bundle = load_bundle(find_bundle(model))
    with Networks.open(bundle, device="auto") as networks:
        result = separate_video(Source(CLIP), Path(folder), PLACES, networks, overwrite=True)
    for name, level in result.levels.items():
        print(f"{result.files[name]}: {level.share:.0%} of the sound")


if __name__ == "__main__":
    main(*sys.argv[1:3])
