"""Separate the demo clip's two instruments with pixelmix as a library.

python examples/separate_demo.py [FOLDER [MODEL]]
"""

import sys
from pathlib import Path

from pixelmix import Source, open_model, parse_point, separate_video

CLIP = Path(__file__).with_name("demo.mp4")
PLACES = [parse_point("guitar=22%,63%"), parse_point("trumpet=71%,48%")]


def main(folder: str = "demo.stems", model: str = "default") -> None:
    """Write a WAV file for each instrument and one for the rest, and say how much each holds."""
    with open_model(model) as networks:
        result = separate_video(Source(CLIP), Path(folder), PLACES, networks, overwrite=True)
    for name, level in result.levels.items():
        print(f"{result.files[name]}: {level.share:.0%} of the sound")


if __name__ == "__main__":
    main(*sys.argv[1:3])
