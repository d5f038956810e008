# /// script
# requires-python = ">=3.11"
# dependencies = ["av>=18,<19", "numpy>=2.0", "pillow>=11", "scipy>=1.14"]
# ///
"""Make ``demo.mp4``: a guitar on the left and a trumpet on the right play the Ode to Joy.

Pictures and sounds come from two Debian packages, nothing is downloaded by the script itself::

    apt-get install openclipart-png fluid-soundfont-gm fluidsynth
    python examples/make_demo.py -y               # or: uv run examples/make_demo.py -y
    python examples/make_demo.py -o /tmp/demo.mp4 --sources /tmp/sources

It needs PyAV, NumPy, SciPy and Pillow. ``--sources`` also writes what each instrument really
plays as ``guitar.wav`` and ``trumpet.wav`` (float, 48 kHz); their sum is the sound of the clip
before it was coded. The same versions of the programs give the same file.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import cos, pi, radians, sin
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from scipy.io import wavfile
from scipy.signal import lfilter

FloatArray = npt.NDArray[np.float64]

# Time
RATE = 48_000
FPS = 25
TEMPO = 150.0
"""Quarter notes a minute."""
BEAT = 60.0 / TEMPO
BAR = 4 * BEAT
LEAD = 0.2
"""Seconds before the first note."""
SECONDS = 20.8
CHAPTERS = (
    ("Trumpet alone", 0.0, LEAD + 2 * BAR),
    ("Guitar alone", LEAD + 2 * BAR, LEAD + 4 * BAR),
    ("Together", LEAD + 4 * BAR, SECONDS),
)

# Picture
WIDTH, HEIGHT = 640, 360
FINE = 2
"""The instruments are drawn this much larger and shrunk, for smooth edges."""
FLOOR = 284
"""Row where the wall meets the floor."""
PICTURES = Path("/usr/share/openclipart/png/recreation/music")
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")

# Sound
PEAK = 10.0 ** (-1.5 / 20.0)
"""Highest sample of the mixture."""
DIVISION = 480
"""MIDI ticks of a quarter note."""


@dataclass(frozen=True, slots=True)
class Note:
    """One note: where it begins and how long it lasts, in beats."""

    start: float
    length: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Player:
    """One instrument: how it looks, where it stands and how it sounds."""

    name: str
    drawing: str
    length: int
    """Of the drawing's longer side, pixels."""
    centre: tuple[float, float]
    angle: float
    """Degrees anticlockwise by which the drawing is turned."""
    lift: float
    """Degrees more while it plays."""
    program: int
    """General MIDI program, from 0."""
    pan: int
    """0 to 127, 64 is the middle."""
    silent: tuple[float, float]
    """Seconds between which it does not play."""


GUITAR = Player(
    name="guitar",
    drawing="guitar_jarno_vasamaa1.png",
    length=336,
    centre=(168.0, 178.0),
    angle=-14.0,
    lift=-3.0,
    program=25,
    pan=58,
    silent=(0.0, LEAD + 2 * BAR),
)
TRUMPET = Player(
    name="trumpet",
    drawing="trumpet_b_flat_colour_ganso.png",
    length=276,
    centre=(468.0, 158.0),
    angle=4.0,
    lift=10.0,
    program=56,
    pan=70,
    silent=(LEAD + 2 * BAR, LEAD + 4 * BAR),
)

# --- The tune -----------------------------------------------------------------------------------

OPENING = "B4 1 B4 1 C5 1 D5 1  D5 1 C5 1 B4 1 A4 1"
"""First half of the tune's first line."""
ANSWER = "G4 1 G4 1 A4 1 B4 1  B4 1.5 A4 .5 A4 2"
BRIDGE = (
    "A4 1 A4 1 B4 1 G4 1  A4 1 B4 .5 C5 .5 B4 1 G4 1 "
    "A4 1 B4 .5 C5 .5 B4 1 A4 1  G4 1 A4 1 D4 1 B4 2 "
)
CLOSE = "B4 1 C5 1 D5 1  D5 1 C5 1 B4 1 A4 1  G4 1 G4 1 A4 1 B4 1  A4 1.5 G4 .5 G4 4"
"""The last line; its first note was begun a beat early, at the end of the bridge."""

CHORDS: Mapping[str, str] = {
    "G": "G2 D3 G3 B3 G4",
    "D": "D3 A3 D4 F#4",
    "D/F#": "F#2 A3 D4 F#4",
    "B7": "B2 A3 B3 F#4",
    "Em": "E2 E3 G3 B3 E4",
    "A7": "A2 G3 C#4 E4",
    "D7": "D3 A3 C4 F#4",
}
"""Voicings for the guitar, bass first."""
SOLO_HARMONY = "G D7 G D"
"""Half a bar each, under the guitar's own two bars."""
HARMONY = "D G  D/F# G  D B7  Em D7  G G  D/F# D7  G Em  D7 G"
LAST = "G2 B2 D3 G3 B3 G4"
PLUCKS = ((0, 88), (2, 70), (3, 80), (2, 68))
"""Which string of the chord is plucked on each eighth note, and how hard."""


def pitch(name: str) -> int:
    """Return the MIDI number of a note such as ``F#4``."""
    step = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[name[0]]
    return 12 * (int(name[-1]) + 1) + step + name.count("#")


def melody(text: str, start: float, velocity: int, hold: float = 0.95) -> list[Note]:
    """Read notes written as ``PITCH BEATS ...``; those on the first beat of a bar are accented."""
    words = text.split()
    notes = []
    for name, beats in zip(words[::2], words[1::2], strict=True):
        length = float(beats)
        accent = 8 if start % 4 == 0 else 4 * (start % 2 == 0)
        notes.append(Note(start, length * hold, pitch(name), velocity + accent))
        start += length
    return notes


def picking(harmony: str, start: float, softer: int = 0) -> list[Note]:
    """Return broken chords, half a bar of four eighth notes each; the strings ring on."""
    notes = []
    for i, chord in enumerate(harmony.split()):
        strings = [pitch(name) for name in CHORDS[chord].split()]
        for j, (string, velocity) in enumerate(PLUCKS):
            begin = start + 2 * i + j / 2
            notes.append(Note(begin, 2.2 - j / 2, strings[string], velocity - softer))
    return notes


def guitar_part() -> list[Note]:
    """Two bars of its own, then broken chords, and a last chord let ring."""
    solo = melody(ANSWER, 8, 96, hold=1.0) + picking(SOLO_HARMONY, 8, softer=14)
    end = [Note(48 + 0.06 * i, 3.2, pitch(name), 84) for i, name in enumerate(LAST.split())]
    return solo + picking(HARMONY, 16) + end


def trumpet_part() -> list[Note]:
    """Two bars alone, two bars of rest, then the tune to its end."""
    return melody(OPENING, 0, 88) + melody(BRIDGE + CLOSE, 16, 88)


# --- Sound --------------------------------------------------------------------------------------


def midi(notes: Sequence[Note], program: int, pan: int) -> bytes:
    """Return a MIDI file that plays `notes` with one instrument."""
    events: list[tuple[int, int, bytes]] = [
        (0, 0, b"\xff\x51\x03" + round(60e6 / TEMPO).to_bytes(3)),
        (0, 0, bytes((0xC0, program))),
        *((0, 0, bytes((0xB0, control, value))) for control, value in ((10, pan), (91, 44))),
    ]
    for note in notes:
        begin = (LEAD / BEAT + note.start) * DIVISION
        end = begin + note.length * DIVISION
        # Notes end before others begin, so that a repeated pitch sounds again.
        events.append((round(begin), 2, bytes((0x90, note.pitch, note.velocity))))
        events.append((round(end), 1, bytes((0x80, note.pitch, 0))))
    last = round((SECONDS + 1) / BEAT * DIVISION)
    events.append((last, 3, b"\xff\x2f\x00"))
    track, now = bytearray(), 0
    for tick, _, message in sorted(events):
        track += _variable(tick - now) + message
        now = tick
    header = b"MThd" + (6).to_bytes(4) + bytes((0, 0, 0, 1)) + DIVISION.to_bytes(2)
    return header + b"MTrk" + len(track).to_bytes(4) + bytes(track)


def _variable(number: int) -> bytes:
    """Return a MIDI variable-length quantity."""
    parts = [number & 0x7F]
    while number := number >> 7:
        parts.append(number & 0x7F | 0x80)
    return bytes(reversed(parts))


def play(player: Player, notes: Sequence[Note], soundfont: Path, folder: Path) -> FloatArray:
    """Return what the instrument plays, ``(samples, 2)``."""
    fluidsynth = shutil.which("fluidsynth")
    if fluidsynth is None:
        sys.exit("fluidsynth is not installed: apt-get install fluidsynth")
    score, sound = folder / f"{player.name}.mid", folder / f"{player.name}.raw"
    score.write_bytes(midi(notes, player.program, player.pan))
    room = "-o synth.reverb.room-size=0.4 -o synth.reverb.level=0.6 -o synth.chorus.active=0"
    how = f"-niq -g 0.5 -r {RATE} {room} -T raw -O float -E little -F".split()
    subprocess.run(  # noqa: S603 - the program was looked up, the arguments are our own
        [fluidsynth, *how, str(sound), str(soundfont), str(score)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    samples = np.fromfile(sound, "<f4").reshape(-1, 2)
    wanted = round(SECONDS * RATE)
    fade = np.minimum(1.0, np.arange(wanted, 0, -1) / (0.4 * RATE))
    part: FloatArray = samples[:wanted].astype(np.float64) * fade[:, None]
    return part


def loudness(samples: FloatArray) -> float:
    """Return the loudness in LUFS (ITU-R BS.1770, without gating)."""
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285]
    high = lfilter(shelf, [1.0, -1.69065929318241, 0.73248077421585], samples, axis=0)
    low = lfilter([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621], high, axis=0)
    return float(-0.691 + 10 * np.log10(np.mean(low**2, axis=0).sum()))


def balance(parts: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Make all equally loud where they play together, and their sum peak at `PEAK`."""
    together = slice(round(CHAPTERS[-1][1] * RATE), None)
    even = {name: x * 10 ** (-loudness(x[together]) / 20) for name, x in parts.items()}
    peak = np.abs(sum(even.values())).max()
    return {name: x * (PEAK / peak) for name, x in even.items()}


# --- Picture ------------------------------------------------------------------------------------


def stage() -> Image.Image:
    """Draw an empty room: a plastered wall in soft light and a wooden floor."""
    noise = np.random.default_rng(5)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    cloud = np.asarray(
        Image.fromarray(noise.uniform(0, 255, (24, 40)).astype(np.uint8)).resize(
            (WIDTH, HEIGHT), Image.Resampling.BICUBIC
        ),
        dtype=np.float64,
    )
    high = np.exp(-(((y - 130) / 190) ** 2))
    light = sum(np.exp(-(((x - at) / 210) ** 2)) * high for at in (170.0, 470.0))
    wall = np.array([150.0, 156.0, 160.0]) * (0.62 + 0.5 * light + cloud / 2600)[..., None]
    # Planks run away from the viewer: straight lines to a point far behind the wall.
    depth = np.maximum(y - FLOOR + 60, 1) / (HEIGHT - FLOOR + 60)
    plank = (x - WIDTH / 2) / depth / 74
    tone = noise.uniform(-0.09, 0.09, 64)[np.floor(plank).astype(int) % 64]
    grain = noise.normal(0, 0.025, (1, 4096))[0, (plank * 24).astype(int) % 4096]
    gap = np.where(np.abs(plank - np.round(plank)) < 0.03, 0.72, 1.0)
    shine = 0.62 + 0.38 * light + 0.18 * depth
    boards = np.array([128.0, 92.0, 62.0]) * ((1 + tone + grain) * gap * shine)[..., None]
    room = np.where((y > FLOOR)[..., None], boards, wall)
    skirting = (y > FLOOR - 14) & (y <= FLOOR)
    room[skirting] = room[skirting] * 0.35 + 120 * (0.5 + 0.4 * light[skirting])[:, None]
    room[(y > FLOOR) & (y <= FLOOR + 2)] *= 0.55
    room += noise.normal(0, 1.5, (HEIGHT, WIDTH, 1))
    picture = Image.fromarray(np.clip(room, 0, 255).astype(np.uint8))
    return picture.filter(ImageFilter.GaussianBlur(0.8))


def cut_out(player: Player, folder: Path) -> Image.Image:
    """Return the instrument's drawing, cropped, at `FINE` times its size and softly lit."""
    drawing = Image.open(folder / player.drawing).convert("RGBA")
    drawing = drawing.crop(drawing.getchannel("A").getbbox())
    scale = FINE * player.length / max(drawing.size)
    size = (round(drawing.width * scale), round(drawing.height * scale))
    # Shrunk with its transparency multiplied in, so that edges do not take a colour from outside.
    drawing = drawing.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    rgba = np.asarray(drawing, dtype=np.float64).copy()
    y, x = np.mgrid[0.0 : 1.0 : size[1] * 1j, 0.0 : 1.0 : size[0] * 1j]
    rgba[..., :3] = rgba[..., :3] * (1.04 - 0.16 * x - 0.12 * y)[..., None] * 0.94
    return Image.fromarray(np.clip(rgba, 0, 255).astype(np.uint8))


def activity(player: Player, time: float) -> float:
    """Return how much the instrument plays, 0 to 1, eased over a third of a second."""
    ease = 0.35
    start, end = player.silent
    into = (time - start) / ease + 0.5 if start > 0 else 1.0
    away = (end - time) / ease + 0.5
    return 1.0 - float(np.clip(min(into, away), 0.0, 1.0))


def place(frame: Image.Image, player: Player, cut: Image.Image, time: float) -> None:
    """Put the instrument into the frame where it is at `time`, with its shadow on the wall."""
    playing = activity(player, time)
    turn = 2 * pi * (time - LEAD) / (2 * BAR)
    beat = 2 * pi * (time - LEAD) / (2 * BEAT)
    angle = player.angle + player.lift * playing + (0.8 + 2.4 * playing) * sin(turn)
    x = player.centre[0] + (1.0 + 4.0 * playing) * sin(turn + 0.6)
    y = player.centre[1] + 2.0 * playing * sin(beat)
    # One transform for turn and place: whole-pixel steps would make the slow movement jerk.
    c, s = cos(radians(angle)), sin(radians(angle))
    x, y = x * FINE, y * FINE
    back = (c, -s, cut.width / 2 - c * x + s * y, s, c, cut.height / 2 - s * x - c * y)
    canvas = (FINE * WIDTH, FINE * HEIGHT)
    layer = cut.transform(canvas, Image.Transform.AFFINE, back, Image.Resampling.BICUBIC)
    layer = layer.reduce(FINE)
    shape = layer.getchannel("A")
    shadow = ImageChops.offset(shape, 12, 10).point(lambda a: a * 0.42)
    frame.paste((22, 20, 22), (0, 0), shadow.filter(ImageFilter.GaussianBlur(7)))
    frame.paste(layer, (0, 0), shape)


def frames(folder: Path) -> Iterator[Image.Image]:
    """Yield the clip's pictures."""
    room = stage()
    feet = ImageDraw.Draw(soft := Image.new("L", room.size))
    for player in (GUITAR, TRUMPET):
        centre = player.centre[0]
        feet.ellipse((centre - 105, FLOOR + 24, centre + 105, FLOOR + 52), fill=70)
    room.paste((20, 14, 10), (0, 0), soft.filter(ImageFilter.GaussianBlur(9)))
    cuts = [(player, cut_out(player, folder)) for player in (GUITAR, TRUMPET)]
    for i in range(round(SECONDS * FPS)):
        frame = room.copy()
        for player, cut in cuts:
            place(frame, player, cut, i / FPS)
        yield frame


# --- File ---------------------------------------------------------------------------------------


def write(path: Path, pictures: Iterator[Image.Image], sound: FloatArray) -> None:
    """Write the clip: H.264 and AAC in MP4, with a title and chapters."""
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4", container_options=options) as out:
        out.metadata["title"] = "Ode to Joy for guitar and trumpet"
        out.metadata["artist"] = "pixelmix"
        out.metadata["comment"] = (
            "Drawings: Jarno Vasamaa and Gerald G., Open Clip Art Library (public domain). "
            "Sounds: Fluid soundfont, Frank Wen (MIT)."
        )
        out.set_chapters(
            [
                {
                    "id": number,
                    "start": round(1000 * start),
                    "end": round(1000 * end),
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": title},
                }
                for number, (title, start, end) in enumerate(CHAPTERS)
            ]
        )
        video = out.add_stream(
            "libx264",
            rate=FPS,
            options={"crf": "22", "preset": "slow", "threads": "1"},
        )
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.gop_size = 2 * FPS
        audio = out.add_stream("aac", rate=RATE, layout="stereo", bit_rate=160_000)
        # ISO 639: no linguistic content.
        video.metadata["language"] = audio.metadata["language"] = "zxx"
        audio.metadata["title"] = "Guitar and trumpet"
        for picture in pictures:
            out.mux(video.encode(av.VideoFrame.from_ndarray(np.asarray(picture), "rgb24")))
        out.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(sound.T, dtype=np.float32), format="fltp", layout="stereo"
        )
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), 0
        out.mux(audio.encode(frame))
        out.mux(audio.encode(None))


def main() -> None:
    """Read the command line and make the clip."""
    parser = argparse.ArgumentParser(description="Make the demo clip.")
    here = Path(__file__).resolve().parent
    parser.add_argument("-o", "--output", type=Path, default=here / "demo.mp4")
    parser.add_argument("-y", "--overwrite", action="store_true", help="replace the output")
    parser.add_argument("--sources", type=Path, metavar="DIR", help="write the true sources here")
    parser.add_argument("--pictures", type=Path, metavar="DIR", default=PICTURES)
    parser.add_argument("--soundfont", type=Path, metavar="SF2", default=SOUNDFONT)
    given = parser.parse_args()
    missing = [path for path in (given.pictures, given.soundfont) if not path.exists()]
    if missing:
        parser.error(f"{missing[0]} is missing: apt-get install openclipart-png fluid-soundfont-gm")
    if given.output.exists() and not given.overwrite:
        parser.error(f"{given.output} exists; give -y to replace it")

    scores = ((GUITAR, guitar_part()), (TRUMPET, trumpet_part()))
    with tempfile.TemporaryDirectory() as folder:
        played = {
            player.name: play(player, notes, given.soundfont, Path(folder))
            for player, notes in scores
        }
    parts = balance(played)
    write(given.output, frames(given.pictures), np.sum(list(parts.values()), axis=0))
    print(f"{given.output}: {SECONDS} s, {given.output.stat().st_size / 1e6:.2f} MB")
    together = slice(round(CHAPTERS[-1][1] * RATE), None)
    for name, samples in parts.items():
        rms = 10 * np.log10(np.mean(samples[together] ** 2))
        print(f"  {name} where both play: {loudness(samples[together]):.1f} LUFS, {rms:.1f} dBFS")
        if given.sources:
            given.sources.mkdir(parents=True, exist_ok=True)
            wavfile.write(given.sources / f"{name}.wav", RATE, samples.astype(np.float32))


if __name__ == "__main__":
    main()
