"""Damaged files for `benchmarks.fuzz`: number N of a seed is always the same bytes and name."""

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.media_files import Chapter, Extras, Subtitle, Track, grey, make_video, tone

LONGEST_NAME = 230
"""Bytes of a file name; what pixelmix writes beside the file has a longer one."""
_RATE = 16_000
_OPUS = (".mkv", ".webm", ".ogv")
_LIES_32 = (0, 1, 2, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, 0x10000000)
_BOXES = (
    *(b"ftyp", b"moov", b"mvhd", b"trak", b"tkhd", b"edts", b"elst", b"mdia", b"mdhd", b"hdlr"),
    *(b"minf", b"stbl", b"stsd", b"avc1", b"avcC", b"mp4a", b"esds", b"stts", b"ctts", b"stsc"),
    *(b"stsz", b"stco", b"stss", b"udta", b"meta", b"ilst", b"chpl", b"sgpd", b"sbgp", b"tx3g"),
    *(b"avih", b"strh", b"strf", b"idx1", b"movi", b"LIST", b"JUNK", b"fmt ", b"data"),
    *(b"\x1a\x45\xdf\xa3", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75"),
    *(b"\x1c\x53\xbb\x6b", b"\x2a\xd7\xb1", b"\x44\x89", b"\xb5\x84", b"\x9f\x81", b"\xb0"),
    *(b"\xba", b"\x56\xaa", b"\x56\xbb", b"OggS", b"OpusHead", b"OpusTags", b"\x47\x40"),
)
"""Names after which a container keeps numbers: MP4 and AVI, then Matroska, Ogg and TS."""
_HOSTILE = (
    "two\nlines",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "\u202emirrored\u202c",
    "\U0001f3bb" * 40,
    "x" * 20_000,
    "%s%n%x {0} [/red] [bold]",
    "a=1;b='2',c:3\\",
    "'; DROP TABLE songs; --",
)
_PAIRS = (
    *((b"vide", b"soun"), (b"avc1", b"mp4a"), (b"avc1", b"hvc1"), (b"avc1", b"mp4v")),
    *((b"vids", b"auds"), (b"H264", b"PCM "), (b"sowt", b"fl64"), (b"sowt", b"mp4a")),
    *((b"mp4a", b"ac-3"), (b"text", b"vide"), (b"isom", b"qt  "), (b"OpusHead", b"\x01vorbis\0")),
    *((b"V_MPEG4/ISO/AVC", b"V_MPEGH/ISO/HEV"), (b"V_VP9", b"V_VP8"), (b"A_OPUS", b"A_AAC\0")),
    *((b"A_OPUS", b"A_FLAC"), (b"\x83\x81\x01", b"\x83\x81\x02")),
)
"""Names of streams and codecs, with others in their place."""
_NAMES = (
    *("{}", "{}", "{}", "{}", "{}", "{}", "{}", "{}", "{}", "{}"),
    *(" {} ", "-{}", "--{}", "{}\nsecond line", "{}\ttab", "[red]{}[bold]", "%s%n{}", "{}'\"`$(x)"),
    *(
        "\u2603 \u00e9 \u65e5\u672c\u8a9e {}",
        "e\u0301{}",
        "\u202e{}",
        "{}\x1b[31m",
        "{}:1",
        "a=b,{}",
    ),
    *("\\{}", "*{}?", "~{}", "#{}", ".{}", "{}.", "{}.mp4.partial-1-00000000", "\U0001f3bb{}"),
    *("file:{}", "http:{}", "concat:{}", "{}%03d", "{}\udcff\udcfe"),
)


@dataclass(frozen=True)
class Case:
    """One file of the run."""

    name: str
    data: bytes
    how: str
    """What was done to it."""


def build_bases(folder: Path) -> list[Path]:
    """Write the good files that are damaged later, and good files that are odd."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [_plain(folder, suffix, 2.0) for suffix in (".mp4", ".mov", ".mkv", ".webm", ".avi")]
    made += [_plain(folder, suffix, 2.0) for suffix in (".ts", ".ogv", ".flv")]
    made += [_plain(folder, suffix, 6.4) for suffix in (".mp4", ".mkv")]
    return made + [build(folder / f"odd{i:02}{suffix}") for i, (suffix, build) in enumerate(_ODD)]


def case(number: int, seed: int, bases: list[Path]) -> Case:
    """Return file `number` of the run with this seed."""
    choose = random.Random(f"{seed}/{number}")  # noqa: S311 - repeatable, not secret
    plain = 10
    base = choose.choice(bases[:plain] if choose.random() < 0.75 else bases)
    data, steps = base.read_bytes(), [base.name]
    for _ in range(choose.choice((1, 1, 1, 2, 3))):
        mutation = choose.choice(_MUTATIONS)
        data = mutation(choose, data, bases)
        steps.append(mutation.__name__.lstrip("_"))
    suffix = base.suffix if choose.random() < 0.9 else choose.choice(bases).suffix
    stem = choose.choice(_NAMES).format(number)
    if choose.random() < 0.03:
        stem = stem.ljust(LONGEST_NAME - len(suffix), "n")
    return Case(stem + suffix, data, ", ".join(steps))


Mutation = Callable[[random.Random, bytes, list[Path]], bytes]


def _flip_bits(choose: random.Random, data: bytes, _: list[Path]) -> bytes:
    return _flipped(choose, data, len(data))


def _flip_header(choose: random.Random, data: bytes, _: list[Path]) -> bytes:
    if choose.random() < 0.5 and b"moov" in data:
        at = data.rindex(b"moov")
        return data[:at] + _flipped(choose, data[at:], len(data) - at)
    return _flipped(choose, data, min(len(data), 1500))


def _flipped(choose: random.Random, data: bytes, among: int) -> bytes:
    changed = bytearray(data)
    for _ in range(choose.choice((1, 1, 2, 4, 8, 16, 64, 256)) if among else 0):
        changed[choose.randrange(among)] ^= 1 << choose.randrange(8)
    return bytes(changed)


def _truncate(choose: random.Random, data: bytes, _: list[Path]) -> bytes:
    return data[: choose.randrange(len(data) + 1)]


def _lose_start(choose: random.Random, data: bytes, _: list[Path]) -> bytes:
    return data[choose.randrange(min(len(data), 4096) + 1) :]


def _lie(choose: random.Random, data: bytes, _: list[Path]) -> bytes:
    """Overwrite a number that the container keeps after one of its names."""
    there = [name for name in _BOXES if name in data]
    if not there:
        return data
    name = choose.choice(there)
    spots = [at for at in range(len(data)) if data.startswith(name, at)]
    changed = bytearray(data)
    for _ in range(choose.choice((1, 1, 2, 4))):
        at = choose.choice(spots) + len(name) + choose.choice((-8, *range(0, 60, 2)))
        size = choose.choice((1, 2, 4, 8))
        value = choose.choice((*_LIES_32, choose.randrange(1 << 32), choose.randrange(256)))
        lie = value.to_bytes(8, choose.choice(("big", "little")))
        lie = lie[-size:] if choose.random() < 0.5 else lie[:size]
        if 0 <= at <= len(changed) - size:
            changed[at : at + size] = lie
    return bytes(changed)


def _double_floats(choose: random.Random, data: bytes, _: list[Path]) -> bytes:
    """Overwrite aligned values with floating-point specials."""
    changed = bytearray(data)
    special = choose.choice((float("nan"), float("inf"), -float("inf"), 1e300, -0.0, 5e-324))
    form = choose.choice((">d", "<d", ">f", "<f"))
    with_room = max(1, len(changed) - 8)
    try:
        value = struct.pack(form, special)
    except OverflowError:
        value = struct.pack(form, 3e38)
    for _ in range(choose.choice((1, 8, 200))):
        at = choose.randrange(with_room) & ~3
        changed[at : at + len(value)] = value
    return bytes(changed[: len(data)])


def _chunk(choose: random.Random, data: bytes, _: list[Path]) -> bytes:
    """Lose, double, blank, exchange or insert a stretch."""
    if len(data) < 16:
        return data
    first, last = sorted(choose.sample(range(len(data)), 2))
    last = min(last, first + choose.choice((4, 64, 1024, 16_384)))
    before, part, after = data[:first], data[first:last], data[last:]
    return choose.choice(
        (
            before + after,
            before + part * choose.choice((2, 3, 20)) + after,
            before + bytes(len(part)) + after,
            before + b"\xff" * len(part) + after,
            part + before + after,
            before + choose.randbytes(len(part)) + part + after,
        )
    )


def _splice(choose: random.Random, data: bytes, bases: list[Path]) -> bytes:
    """Go on with another file from somewhere on."""
    other = choose.choice(bases).read_bytes()
    return data[: choose.randrange(len(data) + 1)] + other[choose.randrange(len(other) + 1) :]


def _swap_streams(choose: random.Random, data: bytes, _: list[Path]) -> bytes:
    """Let one kind of stream pass for another."""
    fitting = [pair for pair in _PAIRS if pair[0] in data or pair[1] in data]
    if not fitting:
        return data
    one, other = choose.choice(fitting)
    if choose.random() < 0.5:
        return data.replace(one, other)
    return data.replace(one, b"\0SWAP\0").replace(other, one).replace(b"\0SWAP\0", other)


def _keep(_choose: random.Random, data: bytes, _: list[Path]) -> bytes:
    return data


_MUTATIONS: tuple[Mutation, ...] = (
    *(_flip_bits, _flip_bits, _flip_header, _flip_header, _truncate, _lose_start, _lie, _lie, _lie),
    *(_double_floats, _chunk, _chunk, _splice, _swap_streams, _keep),
)


def _plain(folder: Path, suffix: str, seconds: float) -> Path:
    rate = 48_000 if suffix in _OPUS else 44_100 if suffix == ".flv" else _RATE
    extras = Extras()
    if suffix in (".mp4", ".mkv"):
        extras = Extras(
            chapters=[Chapter(0.0, 1.0, "one"), Chapter(1.0, 2.0, "two")],
            metadata={"title": "a title", "comment": "a comment"},
            subtitles=[Subtitle(0.2, 0.8, "words")],
        )
    return make_video(
        folder / f"plain{seconds:.0f}{suffix}",
        seconds=seconds,
        fps=5,
        gop=5,
        rotation=90 if suffix == ".mov" else None,
        audio=tone(seconds, rate=rate, channels=1),
        rate=rate,
        audio_codec="aac" if suffix in (".ts", ".flv") else None,
        extras=extras,
    )


def _film(path: Path, **changes: object) -> Path:
    known: dict[str, object] = {"seconds": 2.0, "fps": 5, "gop": 5}
    return make_video(path, **{**known, **changes})  # type: ignore[arg-type]


def _samples(value: float, rate: int = _RATE, channels: int = 1) -> np.ndarray:
    samples = tone(2.0, rate=rate, channels=channels)
    samples[:, 100::7] = value
    return samples


def _float_sound(value: float) -> Callable[[Path], Path]:
    return lambda path: _film(path, audio=_samples(value), rate=_RATE, audio_codec="pcm_f32le")


def _sized(width: int, height: int) -> Callable[[Path], Path]:
    size = (width, height)
    return lambda path: _film(
        path, size=size, video_codec="mpeg4", seconds=0.4, draw=lambda i: grey(i, size)
    )


def _rated(rate: int, channels: int = 1) -> Callable[[Path], Path]:
    sound = tone(2.0, rate=rate, channels=channels)
    return lambda path: _film(path, audio=sound, rate=rate, audio_codec="pcm_s16le")


def _hostile(path: Path) -> Path:
    words = dict(zip("abcdefgh", _HOSTILE, strict=True))
    tags = {"title": _HOSTILE[0], "artist": _HOSTILE[1], "comment": _HOSTILE[4], **words}
    attachment = ("../../" + _HOSTILE[0], "text/plain", b"x") if path.suffix == ".mkv" else None
    return _film(
        path,
        video_tags={"title": _HOSTILE[1], "language": "x\ny"},
        audio_track=Track(tone(2.0), title=_HOSTILE[2], language="\x1b[3"),
        extra_audio=[Track(tone(2.0), title=_HOSTILE[0], language="{}")],
        extras=Extras(
            chapters=[Chapter(0, 1, text) for text in _HOSTILE],
            metadata=tags,
            subtitles=[Subtitle(0.1, 0.5, _HOSTILE[1])],
            attachment=attachment,
        ),
    )


def _raw(data: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(data)
        return path

    return write


def _still(form: str) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        with av.open(str(path), "w", format=form) as output:
            stream = output.add_stream("gif" if form == "gif" else "png", rate=1)
            stream.width, stream.height = 32, 32
            stream.pix_fmt = "rgb8" if form == "gif" else "rgb24"
            output.mux(stream.encode(av.VideoFrame.from_ndarray(grey(1, (32, 32)), "rgb24")))
            output.mux(stream.encode(None))
        return path

    return write


_PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n"
_ODD: tuple[tuple[str, Callable[[Path], Path]], ...] = (
    (".mp4", lambda path: _film(path, with_audio=False)),
    (".mkv", lambda path: _film(path, with_video=False)),
    (".mov", lambda path: _film(path, audio=np.zeros((1, 0), np.float32))),
    (".mkv", lambda path: _film(path, audio=np.zeros((1, 1), np.float32))),
    (".mp4", lambda path: _film(path, seconds=0.2, fps=5)),
    (".mov", _float_sound(float("nan"))),
    (".mkv", _float_sound(float("inf"))),
    (".mkv", _float_sound(3e38)),
    (".mov", _float_sound(1e-42)),
    (".avi", _sized(16, 4096)),
    (".mkv", _sized(2, 2)),
    (".mp4", _sized(4096, 16)),
    (".mov", _rated(1_000)),
    (".mkv", _rated(384_000)),
    (".mkv", _rated(7_999, 8)),
    (".avi", _rated(96_000, 6)),
    (".mp4", _hostile),
    (".mkv", _hostile),
    (".mkv", lambda path: _film(path, video_start=Fraction(36_000))),
    (".mkv", lambda path: _film(path, audio_start=Fraction(36_000))),
    (".mp4", lambda path: _film(path, audio_start=Fraction(3_600))),
    (".mkv", lambda path: _film(path, video_times=[0.0, 0.2, 7_200.0])),
    (".mkv", lambda path: _film(path, audio=tone(4.0), audio_track=None, sar=Fraction(1, 900))),
    (".mp4", lambda path: _film(path, sar=Fraction(64_000, 1), rotation=90, hflip=True)),
    (".mkv", lambda path: _film(path, extra_audio=[Track(tone(0.5)) for _ in range(30)])),
    (".mp4", lambda path: _film(path, seconds=6.4, audio=np.zeros((2, 48_000 * 6), np.float32))),
    (".mp4", _raw(b"")),
    (".mkv", _raw(b"\x1a\x45\xdf\xa3")),
    (".mp4", _raw(b"no video\n" * 200)),
    (".mp4", _raw(b"ffconcat version 1.0\nfile ../bases/plain2.mp4\n")),
    (".mp4", _raw(_PLAYLIST.format("../bases/plain2.ts").encode())),
    (".ts", _raw(_PLAYLIST.format("http://127.0.0.1:9/x.ts").encode())),
    (".mkv", _raw(b"1\n00:00:00,000 --> 00:00:01,000\nwords\n")),
    (".webm", _raw(bytes(100_000))),
    (".gif", _still("gif")),
    (".mp4", _still("image2pipe")),
)
