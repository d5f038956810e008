"""Which encoder, bit rate and sample format new sound gets in which container."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av.error
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import OutputContainer

from pixelmix.errors import UsageError
from pixelmix.media.codec_tables import ENCODERS, LEGAL_RATES, LOSSLESS, NEAREST, PER_CHANNEL, USUAL
from pixelmix.media.containers import holds_codec, holds_layout
from pixelmix.media.opening import open_trial
from pixelmix.types import AudioTrack

_BITS = {"u8": 8, "s16": 16, "s32": 24, "dbl": 64}
"""Bits of a sample in lossless codecs, by sample format."""
_PACKED = 0.6
"""What lossless compression leaves of music, about."""


@dataclass(frozen=True, slots=True)
class AudioEncoding:
    """How new sound is encoded."""

    codec: str
    """FFmpeg's name of the codec."""
    encoder: str
    """FFmpeg's name of the encoder."""
    bit_rate: int | None
    """Bits per second; None for lossless codecs."""
    sample_format: str
    rate: int
    """Hz, as encoded."""
    layout: str
    note: str | None = None
    """Why this is not the original's codec or rate, for the user."""

    @property
    def words(self) -> str:
        """Say it in short."""
        how = self.sample_format if self.bit_rate is None else f"{self.bit_rate / 1000:.0f} kb/s"
        return f"{self.codec}, {self.rate} Hz {self.layout}, {how}"


def choose_encoding(
    container: str,
    source: AudioTrack,
    sample_format: str,
    *,
    codec: str | None = None,
    bit_rate: int | None = None,
) -> AudioEncoding:
    """Choose the encoding of new sound for a container (FFmpeg's muxer name).

    The codec of the original is kept where this FFmpeg can encode it and the container holds it,
    with the same class of bit rate. `sample_format` is the one the original decodes to; `codec`
    and `bit_rate` (bit/s) override.

    Raises
    ------
    UsageError
        The codec or bit rate asked for cannot be had in this container.
    """
    asked = None if codec is None else _codec_named(codec)
    for candidate in [asked] if asked else _candidates(container, source.codec):
        for encoding in _tries(candidate, source, sample_format, bit_rate):
            if _works(container, encoding):
                return _with_note(encoding, source, container, asked is not None)
    wish = f"{codec or 'no codec'}" + (f" at {bit_rate} bit/s" if bit_rate else "")
    possible = ", ".join(usable_codecs(container)) or "nothing this program can encode"
    raise UsageError(
        f"{wish} cannot hold {source.rate} Hz {source.layout} sound in {container}; "
        f"this container takes {possible}"
    )


@cache
def usable_codecs(container: str) -> tuple[str, ...]:
    """Codecs that can be encoded into a container here (tried with 48 kHz stereo)."""
    track = AudioTrack(0, "", 48_000, 2, "stereo", None, 0.0, None, None)
    names = [*ENCODERS, "pcm_s16le", "pcm_s24le", "pcm_f32le"]
    return tuple(
        name
        for name in names
        if any(_works(container, encoding) for encoding in _tries(name, track, "fltp", None))
    )


def has_encoder(encoder: str) -> bool:
    """Whether this build of FFmpeg has an encoder."""
    try:
        av.Codec(encoder, "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def is_lossless(codec: str) -> bool:
    """Whether a codec keeps samples as they are."""
    return codec in LOSSLESS or codec.startswith("pcm_")


def bits_per_second(encoding: AudioEncoding, source: AudioTrack) -> int:
    """Tell about how much space new sound takes; `source` is the track whose place it takes."""
    if encoding.bit_rate is not None:
        return encoding.bit_rate
    if encoding.codec == source.codec and source.bit_rate is not None:
        return source.bit_rate
    plain = encoding.rate * source.channels * _BITS.get(encoding.sample_format.rstrip("p"), 32)
    return plain if encoding.codec.startswith("pcm_") else round(_PACKED * plain)


def new_audio_stream(container: OutputContainer, encoding: AudioEncoding) -> AudioStream:
    """Add an audio stream with its encoder, ready to be opened."""
    stream = container.add_stream(encoding.encoder, rate=encoding.rate)
    if not isinstance(stream, AudioStream):
        raise TypeError(f"{encoding.encoder} is not an audio encoder")
    set_up_codec(stream.codec_context, encoding)
    return stream


def set_up_codec(codec: AudioCodecContext, encoding: AudioEncoding) -> None:
    """Give an encoder, not yet open, all that `encoding` says."""
    codec.sample_rate = encoding.rate
    codec.layout = encoding.layout
    codec.format = encoding.sample_format
    codec.time_base = Fraction(1, encoding.rate)
    if encoding.bit_rate is not None:
        codec.bit_rate = encoding.bit_rate


def _codec_named(name: str) -> str:
    for codec, encoder in ENCODERS.items():
        if name in (codec, encoder):
            return codec
    if name.startswith("pcm_"):
        return name
    raise UsageError(f"no audio codec {name!r}; choose one of {', '.join(ENCODERS)}, pcm_s16le")


def _candidates(container: str, codec: str) -> Iterator[str]:
    yield codec
    yield from NEAREST.get(codec, ())
    if is_lossless(codec):
        yield from ("flac", "alac", "pcm_s24le")
    yield from USUAL.get(container, ("aac", "opus", "flac"))
    yield from ("flac", "pcm_s16le")


def _tries(
    codec: str, source: AudioTrack, sample_format: str, bit_rate: int | None
) -> Iterator[AudioEncoding]:
    """Yield the ways to use a codec: it may know a layout by a sister's name."""
    encoder = ENCODERS.get(codec, codec)
    if codec not in ENCODERS and not codec.startswith("pcm_"):
        return
    if not has_encoder(encoder):
        return
    known = av.Codec(encoder, "w")
    formats = [known_format.name for known_format in known.audio_formats or []]
    rate = _nearest_rate(source.rate, known.audio_rates)
    for layout in (source.layout, _sister(source.layout)):
        if layout is not None:
            yield AudioEncoding(
                codec=codec,
                encoder=encoder,
                bit_rate=_bit_rate(codec, source, bit_rate),
                sample_format=_sample_format(codec, formats, sample_format),
                rate=rate,
                layout=layout,
            )


def _sister(layout: str) -> str | None:
    """Name the same speakers with other surrounds; the order of samples is the same."""
    if layout in ("5.0(side)", "5.1(side)"):
        return layout.removesuffix("(side)")
    return f"{layout}(side)" if layout in ("5.0", "5.1") else None


def _nearest_rate(rate: int, known: list[int] | None) -> int:
    if not known or rate in known:
        return rate
    return min((other for other in known if other > rate), default=max(known))


def _sample_format(codec: str, formats: list[str], source: str) -> str:
    if not formats:
        return source
    deep = source.rstrip("p") not in ("u8", "s16")
    if is_lossless(codec):
        wanted = ("s32", "s32p", "flt", "fltp") if deep else ("s16", "s16p")
    else:
        wanted = ("fltp", "flt", "s32p", "s32")
    return next((name for name in wanted if name in formats), formats[0])


def _bit_rate(codec: str, source: AudioTrack, asked: int | None) -> int | None:
    if is_lossless(codec):
        return None
    if asked is not None:
        return asked
    least, usual, greatest = (
        rate * source.channels for rate in PER_CHANNEL.get(codec, (64_000, 96_000, 256_000))
    )
    wanted = usual
    if source.bit_rate is not None and not is_lossless(source.codec):
        wanted = min(max(source.bit_rate, least), greatest)
    if codec == "aac":
        # A frame of 1,024 samples holds at most 6,144 bits per channel (ISO/IEC 14496-3).
        wanted = min(wanted, 6 * source.rate * source.channels)
    legal = LEGAL_RATES.get(codec)
    if legal is None:
        return wanted
    return min((rate for rate in legal if rate >= wanted), default=legal[-1])


@cache
def _works(container: str, encoding: AudioEncoding) -> bool:
    """Whether the encoder opens and the muxer takes it: both are asked, into memory."""
    codec = encoding.codec
    if not (holds_codec(container, codec) and holds_layout(container, codec, encoding.layout)):
        return False
    try:
        with open_trial(io.BytesIO(), container) as trial:
            new_audio_stream(trial, encoding).codec_context.open()
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError, OSError):
        return False
    return True


def _with_note(
    encoding: AudioEncoding, source: AudioTrack, container: str, asked: bool
) -> AudioEncoding:
    notes = []
    if encoding.codec != source.codec and not asked:
        notes.append(
            f"the sound is now {encoding.codec}: {source.codec} cannot be encoded into {container}"
        )
    if encoding.rate != source.rate:
        notes.append(
            f"the sound is now at {encoding.rate} Hz: "
            f"{encoding.codec} does not know {source.rate} Hz"
        )
    if not notes:
        return encoding
    return AudioEncoding(
        codec=encoding.codec,
        encoder=encoding.encoder,
        bit_rate=encoding.bit_rate,
        sample_format=encoding.sample_format,
        rate=encoding.rate,
        layout=encoding.layout,
        note="; ".join(notes),
    )
