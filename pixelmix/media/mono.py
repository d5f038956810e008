"""A sound file as one mono array; no picture is needed, unlike everywhere else in this room."""

from pathlib import Path

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from pixelmix.errors import InputError
from pixelmix.media.opening import only, open_input, reading
from pixelmix.types import FloatArray


def read_mono(path: Path, rate: int) -> FloatArray:
    """Return ``(samples,)`` of a file's first audio track at ``rate`` Hz, the mean of its channels.

    Raises
    ------
    InputError
        If the file cannot be opened, has no sound, or any part of it cannot be decoded.
    """
    parts: list[FloatArray] = []

    def keep(frame: AudioFrame | None) -> None:
        # Mixed here: FFmpeg's own mix to mono is 3 dB louder than the mean.
        for part in resampler.resample(frame):
            packed = part.to_ndarray().astype(np.float32, copy=False)
            parts.append(packed.reshape(-1, part.layout.nb_channels).mean(axis=1))

    with open_input(path) as container:
        if not container.streams.audio:
            raise InputError(f"{path}: there is no sound in this file")
        stream = container.streams.audio[0]
        only(container, stream)
        resampler = AudioResampler("flt", rate=rate)
        with reading(path):
            for frame in container.decode(stream):
                keep(frame)
            keep(None)
    if not sum(len(part) for part in parts):
        raise InputError(f"{path}: the sound of this file is empty")
    return np.concatenate(parts)
