"""Heat maps: the picture with something laid over it, and nothing else changed."""

import resource
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame

from pixelmix.errors import InputError, OutputError, UsageError
from pixelmix.media.fitting import Fitting
from pixelmix.media.heatmap import Encoding, HeatmapReport, Maps, render, still
from pixelmix.media.probe import probe
from pixelmix.media.span import Span
from pixelmix.types import FloatArray, MediaInfo
from tests.media_files import (
    Chapter,
    Extras,
    Subtitle,
    Track,
    corrupt_packets,
    grey_level,
    make_video,
    packets_of,
    tone,
)

ByteArray = npt.NDArray[np.uint8]
FAST = Encoding(crf=8, preset="ultrafast")
SIZE = (160, 96)
RED = (255, 0, 0)
GREY = (128, 128, 128)


def plain(size: tuple[int, int] = SIZE, level: int = 128) -> ByteArray:
    return np.full((size[1], size[0], 3), level, np.uint8)


def corner(opacity: int = 255, colour: Sequence[int] = RED) -> ByteArray:
    """A map whose upper left quarter is coloured."""
    cells = np.zeros((6, 10, 4), np.uint8)
    cells[:3, :5] = (*colour, opacity)
    return cells


def whole(colour: Sequence[int], opacity: int = 255) -> ByteArray:
    return np.full((2, 3, 4), (*colour, opacity), np.uint8)


def lasting(picture: ByteArray) -> Maps:
    return Maps(0.0, Fraction(1), [picture])


def heat(
    source: Path,
    target: Path,
    maps: Maps | None = None,
    *,
    encoding: Encoding = FAST,
    side_by_side: bool = False,
    span: Span | None = None,
) -> HeatmapReport:
    maps = maps or lasting(corner())
    return render(
        probe(source), target, maps, encoding, side_by_side=side_by_side, span=span, threads=1
    )


def times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [
            frame.pts * frame.time_base
            for frame in container.decode(stream)
            if frame.pts is not None and frame.time_base is not None
        ]


def pictures(path: Path) -> list[ByteArray]:
    """All pictures of a film, RGB, as they are coded."""
    with av.open(str(path)) as container:
        return [
            frame.to_ndarray(format="rgb24").astype(np.uint8)
            for frame in container.decode(container.streams.video[0])
        ]


def quarters(picture: ByteArray) -> list[tuple[int, ...]]:
    """Colours in the middle of the four quarters, in the order of reading."""
    height, width = picture.shape[:2]
    return [
        tuple(int(value) for value in picture[y, x])
        for y in (height // 4, 3 * height // 4)
        for x in (width // 4, 3 * width // 4)
    ]


def assert_near(colour: Sequence[int], wanted: Sequence[int], tolerance: int = 6) -> None:
    assert np.abs(np.subtract(colour, wanted)).max() <= tolerance, (colour, wanted)


KINDS = {
    "plain": {},
    "turned left": {"rotation": 90},
    "on its head": {"rotation": 180},
    "turned and mirrored": {"rotation": 270, "hflip": True},
    "anamorphic": {"sar": Fraction(4, 3)},
    "turned anamorphic": {"rotation": 90, "sar": Fraction(4, 3)},
    "full range": {"pixel_format": "yuvj420p"},
    "ten bits": {"pixel_format": "yuv420p10le"},
    "odd": {"size": (161, 97), "pixel_format": "yuv444p"},
    "tiny": {"size": (16, 16)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_right_corner_is_coloured(tmp_path: Path, kind: str) -> None:
    options = {"size": SIZE, **KINDS[kind]}
    size = options["size"]
    source = make_video(tmp_path / "in.mp4", seconds=0.2, draw=lambda _: plain(size), **options)
    report = heat(source, tmp_path / "out.mp4")
    before, after = probe(source), probe(tmp_path / "out.mp4")
    shape = before.video.width / before.video.height
    assert after.video.width / after.video.height == pytest.approx(shape, rel=0.02)
    assert after.video.rotation == 0
    films = [pictures(tmp_path / "out.mp4")[-1], still(before, 0.1, corner())]
    for picture in films:
        first, *others = quarters(picture)
        assert_near(first, RED, 24 if kind == "tiny" else 6)
        for other in others:
            assert_near(other, GREY, 24 if kind == "tiny" else 6)
    assert films[1].shape == (before.video.height, before.video.width, 3)
    assert any("cut off" in note for note in report.notes) == (kind == "odd")


def test_what_is_transparent_leaves_the_picture(tmp_path: Path) -> None:
    texture = np.random.default_rng(3).integers(0, 256, (24, 40, 3)).repeat(4, 0).repeat(4, 1)
    source = make_video(
        tmp_path / "in.mp4", seconds=0.2, size=SIZE, draw=lambda _: texture.astype(np.uint8)
    )
    heat(source, tmp_path / "out.mp4", lasting(corner(opacity=0)))
    for one, other in zip(pictures(source), pictures(tmp_path / "out.mp4"), strict=True):
        assert np.abs(one.astype(int) - other).mean() < 3.0


VARIABLE = [0.0, 0.04, 0.1, 0.12, 0.3, 0.301, 0.47, 0.9]


@pytest.mark.parametrize(
    ("before", "after"),
    [(".mp4", ".mp4"), (".mkv", ".mkv"), (".mkv", ".mp4"), (".mov", ".mp4"), (".mp4", ".ts")],
)
@pytest.mark.parametrize("start", [Fraction(0), Fraction(3, 10)])
def test_times_and_sound_are_the_same(
    tmp_path: Path, before: str, after: str, start: Fraction
) -> None:
    source = make_video(
        (tmp_path / "in").with_suffix(before),
        size=SIZE,
        video_times=VARIABLE,
        video_start=start,
        audio=tone(1.3),
        audio_codec="aac",
    )
    target = (tmp_path / "out").with_suffix(after)
    heat(source, target, encoding=Encoding(crf=8, preset="veryfast"))
    old, new = times(source), times(target)
    tick = Fraction(1, 1000) if after == ".mkv" else Fraction(1, 90_000)
    assert len(old) == len(VARIABLE)
    shift = new[0] - old[0] if after == ".ts" else 0
    assert max(abs(b - a - shift) for a, b in zip(old, new, strict=True)) <= tick
    # ADTS headers aside, a transport stream holds the same packets too.
    sounds = [[data for data, *_ in packets_of(path, 1)] for path in (source, target)]
    assert [d[-20:] for d in sounds[0]] == [d[-20:] for d in sounds[1]]
    if after != ".ts":
        assert sounds[0] == sounds[1]
        assert abs(probe(target).audio.start - probe(source).audio.start) <= 0.001


def test_all_else_is_kept(tmp_path: Path) -> None:
    source = make_video(
        tmp_path / "in.mkv",
        seconds=1.0,
        size=SIZE,
        video_tags={"title": "the stage"},
        extra_audio=[Track(tone(1.0), language="deu", title="commentary")],
        extras=Extras(
            chapters=[Chapter(0.0, 0.5, "one"), Chapter(0.5, 1.0, "two")],
            metadata={"title": "Duet"},
            subtitles=[Subtitle(0.1, 0.5, "Hello")],
            attachment=("note.txt", "text/plain", b"text"),
        ),
    )
    report = heat(source, tmp_path / "out.mkv")
    assert report.dropped == ()
    with av.open(str(source)) as old, av.open(str(tmp_path / "out.mkv")) as new:
        assert [s.type for s in old.streams] == [s.type for s in new.streams]
        assert [s.language for s in old.streams] == [s.language for s in new.streams]
        assert new.streams.video[0].metadata["title"] == "the stage"
        assert new.metadata["title"] == "Duet"
        assert [c["metadata"] for c in old.chapters()] == [c["metadata"] for c in new.chapters()]
    for index in (1, 2, 3):
        assert packets_of(source, index) == packets_of(tmp_path / "out.mkv", index)


def test_maps_follow_one_another(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", seconds=1.0, size=SIZE, draw=lambda _: plain())
    colours = [(0, 0, 0), (200, 200, 200), (0, 0, 0)]
    maps = Maps(0.25, Fraction(2, 5), [whole(colour) for colour in colours])
    heat(source, tmp_path / "out.mp4", maps)
    seen = [float(picture.mean()) for picture in pictures(tmp_path / "out.mp4")]
    assert np.abs(seen - np.repeat([0, 200], [17, 8])).max() < 4


def test_maps_keep_to_the_edges_of_the_picture(tmp_path: Path) -> None:
    """A map that is half a cell too wide ends where the player does."""
    edge = 320
    picture = np.full((360, 640, 3), 40, np.uint8)
    picture[:, :edge] = 190
    source = make_video(tmp_path / "in.mp4", seconds=0.1, size=(640, 360), draw=lambda _: picture)
    cells = np.zeros((14, 25, 4), np.uint8)
    cells[:, :13] = (255, 0, 0, 255)
    laid = still(probe(source), 0.0, cells)[180].astype(int)
    # Red 255 over 40 at the right of the edge, green 0 over 190 at its left.
    opacity = np.where(np.arange(640) < edge, 1 - laid[:, 1] / 190, (laid[:, 0] - 40) / 215)
    cell = 640 // 25
    # A plain enlargement has its middle half a cell outside and is nearly opaque at the edge.
    assert opacity[: edge - cell // 4].min() > 0.85
    assert opacity[edge + cell // 4 :].max() < 0.5
    assert np.abs(opacity[edge + 3 * cell :]).max() < 0.03


def test_a_slope_has_no_steps(tmp_path: Path) -> None:
    """Where the picture is plain, what fades is seen to fade: no grid is drawn over it."""
    draw = plain((640, 360), 20)
    source = make_video(tmp_path / "in.mp4", seconds=0.1, size=(640, 360), draw=lambda _: draw)
    cells = np.full((14, 25, 4), 255, np.uint8)
    cells[..., 3] = np.linspace(0, 255, 25)
    for laid, across in (
        (still(probe(source), 0.0, cells)[180], 640),
        (still(probe(source), 0.0, cells.transpose(1, 0, 2))[:, 320], 360),
    ):
        course = laid[across // 8 : -across // 8, 1].astype(float)
        # Over as many pixels as a step was long; code values are rounded twice.
        rise = course[5:] - course[:-5]
        assert np.abs(rise - rise.mean()).max() < 3.0


def test_a_map_follows_a_picture_that_moves(tmp_path: Path) -> None:
    """A map that stays is fitted to the picture again."""

    def player(number: int) -> ByteArray:
        picture = np.full((360, 640, 3), 40, np.uint8)
        picture[:, : 310 if number < 2 else 330] = 190
        return picture

    source = make_video(tmp_path / "in.mp4", seconds=0.4, size=(640, 360), draw=player)
    cells = np.zeros((14, 25, 4), np.uint8)
    cells[:, :13] = (255, 0, 0, 255)
    heat(source, tmp_path / "out.mp4", lasting(cells))
    seen = [picture[180, :, 1].astype(int) for picture in pictures(tmp_path / "out.mp4")]
    # Green 190 where the player is seen through the map: at first only the old place is covered.
    assert seen[-1][320:326].max() < 80
    assert np.abs(seen[-1] - seen[5]).max() <= 10
    first = still(probe(source), 0.0, cells)[180, :, 1].astype(int)
    assert np.abs(seen[0] - first).max() <= 10


class Fits:
    """Counts how often maps are fitted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        fit = Fitting.fit

        def counted(fitting: Fitting, cells: FloatArray, picture: VideoFrame) -> VideoFrame:
            self.count += 1
            return fit(fitting, cells, picture)

        monkeypatch.setattr(Fitting, "fit", counted)


def test_the_same_map_is_fitted_ten_times_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_video(tmp_path / "in.mp4", seconds=1.0, size=SIZE, fps=50)
    fits, cells = Fits(monkeypatch), corner()
    report = heat(source, tmp_path / "out.mp4", Maps(0.0, Fraction(1, 50), [cells] * 50))
    assert (report.pictures, fits.count) == (50, 10)


def test_another_map_is_fitted_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_video(tmp_path / "in.mp4", seconds=0.08, size=SIZE, fps=50)
    fits = Fits(monkeypatch)
    heat(source, tmp_path / "out.mp4", Maps(0.0, Fraction(1, 50), [corner() for _ in range(4)]))
    assert fits.count == 4


def test_a_picture_that_stands_still_is_repeated(tmp_path: Path) -> None:
    source = make_video(
        tmp_path / "in.mp4",
        size=SIZE,
        video_times=[0.0],
        draw=lambda _: plain(),
        audio=tone(3.0),
    )
    maps = Maps(0.0, Fraction(1), [whole((level,) * 3) for level in (0, 60, 120, 180)])
    report = heat(source, tmp_path / "out.mp4", maps)
    assert times(tmp_path / "out.mp4") == [Fraction(n, 10) for n in range(30)]
    assert any("stands still" in note for note in report.notes)
    seen = [float(picture.mean()) for picture in pictures(tmp_path / "out.mp4")]
    assert np.abs(seen - np.repeat([0, 60, 120], 10)).max() < 4


def test_a_picture_is_repeated_only_while_maps_move(tmp_path: Path) -> None:
    slides = [0.0, 7_200.0]
    source = make_video(tmp_path / "in.mkv", size=SIZE, video_times=slides, audio=tone(1.0))
    maps = replace(lasting(corner(0)), start=3_600.0, end=3_601.0)
    heat(source, tmp_path / "out.mkv", maps)
    assert times(tmp_path / "out.mkv") == [
        *(Fraction(0), *[Fraction(36_000 + n, 10) for n in range(10)], Fraction(7_200))
    ]


def test_slides_keep_their_times(tmp_path: Path) -> None:
    slides = [0.0, 0.95, 1.2]
    source = make_video(
        tmp_path / "in.mkv", size=SIZE, video_times=slides, audio=tone(1.3), audio_codec="aac"
    )
    heat(source, tmp_path / "out.mkv", lasting(corner(0)))
    new = [float(time) for time in times(tmp_path / "out.mkv")]
    assert new == pytest.approx([*np.arange(9) / 10, 0.95, 1.2])
    levels = [picture.mean() for picture in pictures(tmp_path / "out.mkv")]
    assert levels == pytest.approx([grey_level(0)] * 9 + [grey_level(1), grey_level(2)], abs=3)


def test_side_by_side(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", seconds=0.2, size=SIZE, draw=lambda _: plain())
    heat(source, tmp_path / "out.mp4", lasting(whole(RED)), side_by_side=True)
    picture = pictures(tmp_path / "out.mp4")[0]
    assert picture.shape == (96, 320, 3)
    left, right, *_ = quarters(picture)
    assert_near(left, GREY)
    assert_near(right, RED)


def test_a_part(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", seconds=3.0, size=SIZE, gop=50, audio_codec="aac")
    # At 1.5 s a picture has been seen for 20 ms: it begins the part.
    heat(source, tmp_path / "out.mp4", lasting(corner(0)), span=Span(1.5, 2.0))
    new = times(tmp_path / "out.mp4")
    assert [float(time) for time in new] == pytest.approx(
        [0.0, *(np.arange(38, 50) / 25 - 1.5)], abs=1e-4
    )
    levels = [picture.mean() for picture in pictures(tmp_path / "out.mp4")]
    assert levels == pytest.approx([grey_level(number) for number in range(37, 50)], abs=3)
    assert probe(tmp_path / "out.mp4").audio.duration == pytest.approx(0.5, abs=0.03)


def test_maps_of_a_part_are_on_the_clock_of_the_file(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", seconds=2.0, size=SIZE, draw=lambda _: plain())
    maps = Maps(0.0, Fraction(1), [whole((level,) * 3) for level in (0, 100, 200)])
    heat(source, tmp_path / "out.mp4", maps, span=Span(0.6, 1.4))
    seen = [float(picture.mean()) for picture in pictures(tmp_path / "out.mp4")]
    assert np.abs(seen - np.repeat([0, 100], 10)).max() < 4


def test_damaged_packets_are_left_out_and_counted(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", seconds=1.0, size=SIZE, gop=5)
    corrupt_packets(source, 0, [12])
    report = heat(source, tmp_path / "out.mp4", lasting(corner(0)))
    assert report.damaged_packets == 1
    assert any("1 damaged packet" in note for note in report.notes)
    assert report.pictures == len(times(tmp_path / "out.mp4")) >= 20


def test_pictures_that_change_size(tmp_path: Path) -> None:
    parts = []
    for number, size in enumerate([(160, 96), (80, 48)]):
        part = make_video(
            tmp_path / f"{number}.ts", seconds=0.4, size=size, draw=lambda _, s=size: plain(s)
        )
        parts.append(part.read_bytes())
    (tmp_path / "in.ts").write_bytes(b"".join(parts))
    heat(tmp_path / "in.ts", tmp_path / "out.mkv")
    seen = pictures(tmp_path / "out.mkv")
    assert {picture.shape for picture in seen} == {(96, 160, 3)}
    assert len(seen) >= 20
    assert_near(quarters(seen[-1])[0], RED)


@pytest.mark.parametrize(
    ("tags", "numbers"),
    [
        ("colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc", (9, 16, 9)),
        ("colorprim=bt709:transfer=bt709:colormatrix=bt709", (1, 1, 1)),
        ("colorprim=smpte170m:transfer=smpte170m:colormatrix=smpte170m", (6, 6, 6)),
    ],
)
def test_what_is_stated_of_colours_stays(
    tmp_path: Path, tags: str, numbers: tuple[int, int, int]
) -> None:
    source = make_video(
        tmp_path / "in.mp4",
        seconds=0.2,
        size=SIZE,
        pixel_format="yuv420p10le",
        video_options={"x264-params": tags},
        draw=lambda _: plain(),
    )
    report = heat(source, tmp_path / "out.mp4", lasting(whole((255, 255, 255))))
    with av.open(str(tmp_path / "out.mp4")) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.color_primaries, codec.color_trc, codec.colorspace) == numbers
        assert codec.pix_fmt == "yuv420p10le"
        frame = next(container.decode(video=0))
        luma = np.frombuffer(frame.planes[0], np.uint16)[0]
    # White is as bright as paper, not as bright as the sun.
    assert luma == pytest.approx(64 + 876 * (0.581 if numbers[1] == 16 else 1.0), abs=8)
    assert not any("bits" in note for note in report.notes)


def test_encoders_without_ten_bits(tmp_path: Path) -> None:
    source = make_video(
        tmp_path / "in.mkv", seconds=0.2, size=SIZE, pixel_format="yuv420p10le", fps=25
    )
    report = heat(source, tmp_path / "out.mkv", encoding=Encoding("mpeg4"))
    assert any("10 bits became 8" in note for note in report.notes)
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"


def test_interlaced_pictures(tmp_path: Path) -> None:
    source = make_video(
        tmp_path / "in.mp4",
        seconds=0.4,
        size=SIZE,
        video_options={"x264-params": "tff=1"},
        draw=lambda _: plain(),
    )
    report = heat(source, tmp_path / "out.mp4")
    assert any("deinterlaced" in note for note in report.notes)
    assert times(source) == times(tmp_path / "out.mp4")


def test_nothing_piles_up(tmp_path: Path) -> None:
    """Maps are taken as the pictures advance and let go of when they have passed."""
    source = make_video(tmp_path / "in.mp4", seconds=8.0, size=(64, 48), fps=10)
    alive: list[weakref.ref[ByteArray]] = []
    most = 0

    class Cells(np.ndarray[tuple[int, ...], np.dtype[np.uint8]]):
        pass

    def produce() -> Iterator[ByteArray]:
        nonlocal most
        for _ in range(200):
            cells = whole(RED).view(Cells)
            alive.append(weakref.ref(cells))
            most = max(most, sum(each() is not None for each in alive))
            yield cells

    heat(source, tmp_path / "out.mp4", Maps(0.0, Fraction(1, 25), produce()))
    assert most <= 3


def test_no_maps_at_all(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", seconds=0.2, size=SIZE, draw=lambda _: plain())
    heat(source, tmp_path / "out.mp4", Maps(0.0, Fraction(1), []))
    for quarter in quarters(pictures(tmp_path / "out.mp4")[0]):
        assert_near(quarter, GREY)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> MediaInfo:
    folder = tmp_path_factory.mktemp("short")
    return probe(make_video(folder / "in.mp4", seconds=0.2, size=SIZE, audio_codec="aac"))


@pytest.mark.parametrize(
    ("suffix", "encoding", "words"),
    [
        (".mp4", Encoding("libx999"), "no video encoder 'libx999'.*libx264.*doctor"),
        (".mp4", Encoding("aac"), "cannot be used"),
        (".mp4", Encoding(preset="yesterday"), "does not start.*preset=yesterday"),
        (".mkv", Encoding("mpeg4", crf=20), "mpeg4 has no crf"),
        (".webm", Encoding(preset="ultrafast"), "webm cannot hold"),
        (".avi", Encoding(preset="ultrafast"), "avi cannot keep"),
        (".txt", Encoding(), "cannot tell the kind"),
    ],
)
def test_what_cannot_be_is_said(
    short: MediaInfo, tmp_path: Path, suffix: str, encoding: Encoding, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        render(short, tmp_path / f"out{suffix}", lasting(corner()), encoding)


def test_sound_that_cannot_be_copied(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", seconds=0.2, size=SIZE, audio_codec="pcm_s16le")
    with pytest.raises(UsageError, match="cannot hold pcm_s16le sound"):
        heat(source, tmp_path / "out.ts")


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s24le"])
def test_uncompressed_sound_of_mov_is_copied_into_mp4(tmp_path: Path, codec: str) -> None:
    source = make_video(tmp_path / "in.mov", seconds=0.4, size=SIZE, audio_codec=codec)
    heat(source, tmp_path / "out.mp4")
    assert packets_of(tmp_path / "out.mp4", 1) == packets_of(source, 1)


def test_a_second_sound_that_mp4_cannot_hold_is_left_out(tmp_path: Path) -> None:
    other = Track(tone(0.4), codec="pcm_u8")
    source = make_video(tmp_path / "in.mkv", seconds=0.4, size=SIZE, extra_audio=[other])
    report = heat(source, tmp_path / "out.mp4")
    assert [planned.how for planned in report.streams] == ["encoded", "copied", "left out"]


def test_a_full_disk(short: MediaInfo, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        with pytest.raises(OutputError, match="larger than this disk"):
            render(short, tmp_path / "out.mp4", lasting(corner()), FAST)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_nothing_to_decode(short: MediaInfo, tmp_path: Path) -> None:
    damaged = tmp_path / "in.mp4"
    damaged.write_bytes(short.path.read_bytes())
    corrupt_packets(damaged, 0, range(len(packets_of(damaged, 0))))
    with pytest.raises(InputError, match="no picture"):
        render(replace(short, path=damaged), tmp_path / "out.mp4", lasting(corner()), FAST)
