"""What is known of audio codecs: encoders, stand-ins, bit rates."""

ENCODERS = {
    "aac": "aac",
    "ac3": "ac3",
    "alac": "alac",
    "eac3": "eac3",
    "flac": "flac",
    "mp2": "mp2",
    "mp3": "libmp3lame",
    "opus": "libopus",
    "tta": "tta",
    "vorbis": "libvorbis",
    "wavpack": "wavpack",
    "wmav2": "wmav2",
}
"""The encoder of each codec; ``pcm_*`` codecs are their own. FFmpeg's own Vorbis encoder is
experimental and poor: without libvorbis, Vorbis becomes Opus."""

LOSSLESS = frozenset({"alac", "ape", "flac", "mlp", "truehd", "tta", "wavpack"})
NEAREST = {
    "vorbis": ("opus",),
    "dts": ("ac3", "eac3"),
    "mp1": ("mp2", "mp3"),
    "wmav1": ("wmav2",),
    "wmapro": ("wmav2",),
}
"""What stands in for codecs that have no encoder, where the container takes it."""

USUAL = {
    "webm": ("opus",),
    "ogg": ("opus", "flac"),
    "avi": ("mp3", "ac3", "pcm_s16le"),
    "asf": ("wmav2", "mp3"),
    "mpeg": ("mp2", "ac3"),
    "vob": ("ac3", "mp2"),
}
"""The usual codecs of a container, best first; AAC, Opus, FLAC elsewhere."""

MPEG_RATES = tuple(
    1000 * kilo for kilo in (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
)
LEGAL_RATES = {
    "mp3": MPEG_RATES,
    "mp2": (*MPEG_RATES, 384_000),
    "ac3": (*MPEG_RATES, 384_000, 448_000, 512_000, 576_000, 640_000),
}
"""Bit rates these codecs know, bit/s."""

PER_CHANNEL = {
    "aac": (64_000, 96_000, 288_000),
    "opus": (32_000, 80_000, 255_000),
    "mp3": (48_000, 96_000, 160_000),
    "mp2": (64_000, 128_000, 192_000),
    "ac3": (64_000, 96_000, 320_000),
    "eac3": (48_000, 96_000, 320_000),
    "wmav2": (48_000, 96_000, 192_000),
}
"""Least, usual and greatest bit rate of one channel, bit/s. The least keeps a second generation
listenable where the first was made by a better encoder."""
