"""Draw README's picture: the demo clip, and the sound of each place in it.

    pip install pillow && python examples/make_picture.py

Left a frame with the two boxes, right the spectrograms of the clip's sound and of the stems that
pixelmix takes from it (0 to 5.5 kHz on a mel-like scale, 70 dB of range, one scale for all).
"""

import tempfile
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from pixelmix.dsp.stft import stft
from pixelmix.hearing import Source
from pixelmix.media.mono import read_mono
from pixelmix.model.bundle import find_bundle, load_bundle
from pixelmix.model.session import Networks
from pixelmix.pipeline.separate import separate_video
from pixelmix.regions.parse import parse_region

HERE = Path(__file__).resolve().parent
BOXES = {"guitar": (9, 3, 29, 94), "trumpet": (50, 21, 45, 37)}
COLOURS = {"the clip": (90, 90, 90), "guitar": (222, 120, 30), "trumpet": (40, 120, 210)}
PANEL = (620, 150)
RATE = 11_025
RANGE_DB = 70.0
ROWS = 150


def main() -> None:
    """Separate the demo clip and write docs/picture.png."""
    clip = HERE / "demo.mp4"
    specs = [
        parse_region(f"{name}={x}%,{y}%,{width}%,{height}%")
        for name, (x, y, width, height) in BOXES.items()
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        Networks.open(load_bundle(find_bundle("default"))) as networks,
    ):
        files = separate_video(Source(clip), Path(folder) / "stems", specs, networks).files
        sounds = {"the clip": clip, **{name: files[name] for name in BOXES}}
        levels = {name: spectrogram(path) for name, path in sounds.items()}
    loudest = levels["the clip"].max()
    frame = framed(clip)
    height = 3 * PANEL[1] + 20
    sheet = Image.new("RGB", (frame.width + PANEL[0] + 30, height), "white")
    sheet.paste(frame, (10, (height - frame.height) // 2))
    for row, (name, level) in enumerate(levels.items()):
        panel = drawn(level - loudest, COLOURS[name]).resize(PANEL, Image.Resampling.BILINEAR)
        ImageDraw.Draw(panel).text((8, 4), name, fill="white", font=font(18))
        sheet.paste(panel, (frame.width + 20, 10 + row * PANEL[1]))
    sheet.save(HERE.parent / "docs" / "picture.png", optimize=True)


def spectrogram(path: Path) -> npt.NDArray[np.float64]:
    """Return the level in dB, (ROWS, frames), low frequencies at the bottom."""
    power = np.abs(stft(read_mono(path, RATE), 1022, 256)).astype(np.float64) ** 2
    mel = np.linspace(0, np.log1p(RATE / 2 / 700), ROWS + 1)
    edges = np.expm1(mel) * 700 / (RATE / 2) * (len(power) - 1)
    rows = [
        power[int(low) : max(int(low) + 1, int(high))].mean(axis=0) for low, high in pairwise(edges)
    ]
    return 10 * np.log10(np.stack(rows)[::-1] + 1e-9)


def drawn(level: npt.NDArray[np.float64], colour: tuple[int, int, int]) -> Image.Image:
    """Return the levels (0 dB the loudest) as a picture from black through `colour` to white."""
    share = np.clip(1 + level / RANGE_DB, 0, 1)[..., None]
    tint = np.asarray(colour, dtype=np.float64)
    rgb = np.where(share < 0.6, tint * share / 0.6, tint + (255 - tint) * (share - 0.6) / 0.4)
    return Image.fromarray(rgb.astype(np.uint8))


def framed(clip: Path) -> Image.Image:
    """Return a frame of the clip with the boxes drawn in."""
    with av.open(str(clip)) as container:
        container.seek(10_000_000)
        picture = next(container.decode(video=0)).to_image()
    draw = ImageDraw.Draw(picture)
    for name, (x, y, width, height) in BOXES.items():
        left, top = x * picture.width / 100, y * picture.height / 100
        right = left + width * picture.width / 100
        bottom = top + height * picture.height / 100
        draw.rectangle((left, top, right, bottom), outline=COLOURS[name], width=4)
        draw.text((left + 8, top + 4), name, fill=COLOURS[name], font=font(22))
    return picture


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font."""
    return ImageFont.load_default(size)


if __name__ == "__main__":
    main()
