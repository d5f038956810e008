"""How new pictures are encoded: which encoder, with which settings."""

from dataclasses import dataclass
from fractions import Fraction

import av
import av.error
from av.codec import CodecContext
from av.codec.codec import Codec, UnknownCodecError
from av.codec.context import ThreadType
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pixelmix.errors import UsageError
from pixelmix.media.capabilities import capabilities
from pixelmix.media.colours import Colours
from pixelmix.media.overlay import FORMATS, depth

_CRF = {"libx264": 20, "libx265": 23, "libvpx-vp9": 31, "libsvtav1": 30}
"""Quality that is hardly told from the original's, for each encoder that has such a scale."""
_OPTIONS = {
    "libx265": {"x265-params": "log-level=error"},
    "libvpx-vp9": {"deadline": "good", "cpu-used": "4", "row-mt": "1"},
}
"""What encoders want besides: to be quiet, to be of use."""
_NO_TIMES = frozenset({"avi"})
"""Muxers that count pictures instead of keeping their times."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How pictures are encoded."""

    encoder: str = "libx264"
    """FFmpeg's name."""
    crf: int | None = None
    """Constant rate factor, on the encoder's own scale; None: one that looks like the original."""
    preset: str | None = None
    """Speed, by the encoder's own name for it; None leaves it to the encoder."""


@dataclass(frozen=True, slots=True)
class PictureEncoder:
    """An encoder with everything it needs to know of the pictures."""

    encoding: Encoding
    width: int
    height: int
    pixel_format: str
    sample_aspect: Fraction
    tick: Fraction
    """Seconds that times count in."""
    fps: Fraction
    """Pictures per second, about."""
    colours: Colours
    threads: int = 0

    def add(self, output: OutputContainer) -> VideoStream:
        """Add a video stream with this encoder to a file; its header is not yet written.

        Raises
        ------
        UsageError
            The container cannot hold this codec, or the encoder does not take the settings.
        """
        name, container = self.encoding.encoder, output.format.name
        if container in _NO_TIMES:
            raise UsageError(f"{container} cannot keep the pictures' times; use .mp4 or .mkv")
        self._try()
        try:
            stream = output.add_stream(name, rate=self.fps)
        except ValueError:
            raise UsageError(
                f"{container} cannot hold what {name} encodes; "
                "choose another suffix for the output, or another encoder"
            ) from None
        if not isinstance(stream, VideoStream):
            raise UsageError(f"{name} does not encode pictures; {_choices()}")
        self._set_up(stream.codec_context)
        return stream

    def _try(self) -> None:
        """Open the encoder once, away from any file, to tell its faults from the file's."""
        encoding = self.encoding
        codec = CodecContext.create(encoding.encoder, "w")
        if not isinstance(codec, VideoCodecContext):
            raise UsageError(f"{encoding.encoder} does not encode pictures; {_choices()}")
        known = {option.name for option in codec.supported_options.private}
        for option in ("crf", "preset"):
            if getattr(encoding, option) is not None and option not in known:
                raise UsageError(f"{encoding.encoder} has no {option}; leave it out")
        self._set_up(codec)
        try:
            codec.open()
        except (av.error.FFmpegError, ValueError) as error:
            given = {"crf": encoding.crf, "preset": encoding.preset}
            settings = " ".join(f"{k}={v}" for k, v in given.items() if v is not None)
            raise UsageError(
                f"{encoding.encoder} does not start at {self.width}x{self.height} "
                f"with {settings or 'its own settings'}; try others, or another encoder"
            ) from error

    def _set_up(self, codec: VideoCodecContext) -> None:
        encoding = self.encoding
        codec.width, codec.height = self.width, self.height
        codec.pix_fmt = self.pixel_format
        codec.time_base = self.tick
        codec.framerate = self.fps
        codec.sample_aspect_ratio = self.sample_aspect
        codec.thread_count = self.threads
        # PyAV's default, slices, leaves half of two cores idle.
        codec.thread_type = ThreadType.AUTO
        self.colours.describe(codec)
        options = dict(_OPTIONS.get(encoding.encoder, {}))
        crf = _CRF.get(encoding.encoder) if encoding.crf is None else encoding.crf
        if crf is not None:
            options["crf"] = str(crf)
        if encoding.preset is not None:
            options["preset"] = encoding.preset
        codec.options = options


def pixel_format_for(encoder: str, picture: VideoFrame) -> str:
    """Choose in which format pictures are drawn on and encoded: 4:2:0, as deep as the source.

    Raises
    ------
    UsageError
        There is no such encoder, or it takes nothing that can be drawn on.
    """
    try:
        taken = {known.name for known in Codec(encoder, "w").video_formats or ()}
    except UnknownCodecError:
        raise UsageError(f"no video encoder {encoder!r}; {_choices()}") from None
    names = [name for name in FORMATS if name in taken]
    if not names:
        raise UsageError(f"{encoder} cannot be used to draw on pictures; {_choices()}")
    deep = depth(picture.format) > 8
    return min(names, key=lambda name: (name[3:6] != "420", ("10" in name) != deep))


def _choices() -> str:
    there = [name for name, works in capabilities().encoders.items() if works]
    videos = [name for name in there if av.Codec(name, "w").type == "video"]
    return f"here there are {', '.join(videos)} (see pixelmix doctor)"
