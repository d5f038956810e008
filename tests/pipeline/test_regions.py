"""From a film to its regions, with a model whose answers are known; and what goes by them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pixelmix.errors import InputError, OutputError, UsageError
from pixelmix.hearing import Source
from pixelmix.media.audio import AudioReader
from pixelmix.media.probe import probe
from pixelmix.media.remux import Sound
from pixelmix.mix.gain_options import parse_gain
from pixelmix.model.bundle import load_bundle
from pixelmix.model.session import Networks
from pixelmix.pipeline.regions import RegionsFile, find_regions, regions_files
from pixelmix.pipeline.remix import remix_video
from pixelmix.pipeline.separate import separate_video
from pixelmix.regions.colours import colour
from pixelmix.regions.project import load
from pixelmix.types import Box, FloatArray
from tests.discovery.known_model import (
    PITCHES,
    SIDE,
    SIZE,
    ByteArray,
    build_known_bundle,
    squares,
    tones,
)
from tests.media_files import Track, make_video

RATE = 22_050
CELL = 7.0
"""Pixels of the film that a cell of the feature map covers."""
BOTH: Mapping[str, None] = {"red": None, "blue": None}
TWO = squares(("red", 16, 32), ("blue", 112, 32))
LEFT, RIGHT = Box(16, 32, SIDE, SIDE), Box(112, 32, SIDE, SIDE)

Draw = Callable[[int], ByteArray]


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    bundle = build_known_bundle(tmp_path_factory.mktemp("model") / "known")
    return Networks.open(load_bundle(bundle), "cpu", threads=1)


@dataclass(frozen=True)
class Film:
    """Makes films in a folder, 5 pictures a second."""

    folder: Path

    def __call__(
        self,
        draw: ByteArray | Draw = TWO,
        sound: FloatArray | None = None,
        *,
        seconds: float = 5.5,
        size: tuple[int, int] = SIZE,
        name: str = "in.mp4",
    ) -> Path:
        return make_video(
            self.folder / name,
            seconds=seconds,
            fps=5,
            gop=5,
            size=size,
            draw=draw if callable(draw) else lambda _: draw,
            audio=tones(seconds, BOTH) if sound is None else sound,
            rate=RATE,
        )


@pytest.fixture
def film(tmp_path: Path) -> Film:
    return Film(tmp_path)


def found_in(
    video: Path, networks: Networks, *, count: int | None = None, picture: bool = False
) -> RegionsFile:
    project, drawing = regions_files(video)
    return find_regions(Source(video), project, drawing if picture else None, networks, count=count)


def near(box: Box, wanted: Box) -> bool:
    """Whether every edge lies within a cell of where it belongs."""
    one, other = (
        np.array([some.x, some.y, some.x + some.width, some.y + some.height])
        for some in (box, wanted)
    )
    return bool(np.abs(one - other).max() < CELL)


def test_two_squares_with_two_tones_are_two_regions(networks: Networks, film: Film) -> None:
    video = film(
        sound=tones(7.0, {"red": ((1.0, 6.0),), "blue": ((0.0, 2.0), (4.0, 7.0))}), seconds=7.0
    )
    result = found_in(video, networks, picture=True)
    first, second = result.regions
    assert (first.region.name, second.region.name) == ("region1", "region2")
    assert (first.colour, second.colour) == (colour(0), colour(1))
    assert near(first.region.box, LEFT)
    assert near(second.region.box, RIGHT)
    assert len(first.places) == len(second.places) == 1
    # Five seconds each, and all above the fundamental goes with the tone.
    assert first.share + second.share + result.rest == pytest.approx(1.0, abs=1e-5)
    assert result.rest < 0.02
    assert first.share > 0.35
    assert second.share > 0.35
    assert first.confidence > 0.9
    (span,) = first.spans
    assert span == pytest.approx((1.0, 6.0), abs=0.15)
    assert np.allclose(second.spans, [(0.0, 2.0), (4.0, 7.0)], atol=0.15)
    assert result.picture is not None
    assert result.picture.read_bytes().startswith(b"\x89PNG")


def test_names_go_from_left_to_right(networks: Networks, film: Film) -> None:
    video = film(
        squares(("blue", 16, 32), ("green", 64, 8), ("red", 112, 32)),
        name="turned.mp4",
        sound=tones(5.5, {"red": None, "blue": None, "green": None}),
    )
    features = [one.region.feature for one in found_in(video, networks).regions]
    assert [np.argmax(feature or ()) for feature in features] == [1, 2, 0]


def test_a_square_that_moves_keeps_its_name(networks: Networks, film: Film) -> None:
    video = film(
        lambda i: squares(("red", 4 + 2 * i, 8), ("blue", 64, 60)),
        seconds=10.0,
        sound=tones(10.0, BOTH),
    )
    regions = found_in(video, networks).regions
    assert len(regions) == 2
    red = next(one for one in regions if np.argmax(one.region.feature or ()) == 0)
    assert red.region.box.width > 2 * SIDE
    assert len(red.places) == 1
    (span,) = red.spans
    assert span == pytest.approx((0.0, 10.0), abs=0.1)


def test_a_cut_and_return_keeps_names(networks: Networks, film: Film) -> None:
    turned = squares(("blue", 16, 32), ("red", 112, 32))
    video = film(lambda i: turned if 20 <= i < 45 else TWO, seconds=18.0, sound=tones(18.0, BOTH))
    regions = found_in(video, networks).regions
    assert [one.region.name for one in regions] == ["region1", "region2"]
    for one in regions:
        (span,) = one.spans
        assert span == pytest.approx((0.0, 18.0), abs=0.1)


def test_two_red_squares_are_one_region_in_two_places(networks: Networks, film: Film) -> None:
    video = film(squares(("red", 16, 32), ("red", 112, 32)), tones(5.5, {"red": None}))
    (region,) = found_in(video, networks).regions
    left, right = region.places
    assert near(left, LEFT)
    assert near(right, RIGHT)
    assert near(region.region.box, Box(16, 32, 128, SIDE))
    assert region.share > 0.99


def test_what_is_silent_is_left_out(networks: Networks, film: Film) -> None:
    video = film(squares(("red", 16, 32), ("green", 64, 8), ("blue", 112, 32)))
    first, second = found_in(video, networks).regions
    assert near(first.region.box, LEFT)
    assert near(second.region.box, RIGHT)


DITHER = (np.random.default_rng(0).integers(-1, 2, (1, 11 * RATE // 2)) / 2**15).astype(np.float32)
NOISE = np.random.default_rng(0).normal(0, 0.1, (1, 11 * RATE // 2)).astype(np.float32)


@pytest.mark.parametrize(
    ("picture", "sound"),
    [
        (TWO, np.zeros((1, 11 * RATE // 2), np.float32)),
        (TWO, DITHER),
        (squares(ground=0), None),
        (squares(), None),
        (squares(), NOISE),
        (squares(size=(16, 96)), None),
    ],
    ids=["silence", "dither", "black", "grey", "noise", "narrow"],
)
def test_where_nothing_sounds_nothing_is_found(
    networks: Networks, film: Film, picture: ByteArray, sound: FloatArray | None
) -> None:
    height, width, _ = picture.shape
    video = film(picture, sound, size=(width, height), name="in.mov")
    result = found_in(video, networks, picture=True)
    assert result.regions == ()
    assert result.rest == pytest.approx(1.0, abs=1e-5)
    assert load(result.project).regions == ()
    assert result.picture is not None
    assert result.picture.exists()
    for work in (stems, muted):
        with pytest.raises(UsageError, match=r"no sounding region.*--point"):
            work(video, networks)


def test_noise_ends_well(networks: Networks, film: Film) -> None:
    assert len(found_in(film(sound=NOISE), networks, picture=True).regions) == 2


@pytest.mark.parametrize("seconds", [0.2, 5.5])
def test_a_single_picture_will_do(networks: Networks, film: Film, seconds: float) -> None:
    video = make_video(
        film.folder / "in.mov",
        size=SIZE,
        draw=lambda _: TWO,
        video_times=[0.0],
        audio=tones(seconds, BOTH),
        rate=RATE,
    )
    assert len(found_in(video, networks, picture=True).regions) == 2


def test_a_narrow_film(networks: Networks, film: Film) -> None:
    video = film(squares(("red", 0, 32), size=(16, 96)), tones(5.5, {"red": None}), size=(16, 96))
    (region,) = found_in(video, networks, picture=True).regions
    assert near(region.region.box, Box(0, 32, 16, SIDE))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_count_overrides(networks: Networks, film: Film, count: int) -> None:
    result = found_in(film(), networks, count=count, picture=True)
    assert [one.region.name for one in result.regions] == [f"region{i + 1}" for i in range(count)]


def test_twice_is_the_same_to_the_byte(networks: Networks, film: Film) -> None:
    video = film()
    project, picture = regions_files(video)
    contents = []
    for _ in range(2):
        find_regions(Source(video), project, picture, networks, overwrite=True)
        contents.append((project.read_bytes(), picture.read_bytes()))
    assert contents[0] == contents[1]


@pytest.mark.parametrize("name", ["copy.webm", "copy.avi"])
def test_a_copy_with_another_codec_has_the_same_regions(
    networks: Networks, film: Film, name: str
) -> None:
    sound = tones(7.0, {"red": ((1.0, 6.0),), "blue": None}, rate=48_000)
    one, other = (
        found_in(
            make_video(
                film.folder / file,
                seconds=7.0,
                fps=5,
                gop=5,
                size=SIZE,
                draw=lambda _: TWO,
                audio=sound,
            ),
            networks,
        ).regions
        for file in ("in.mp4", name)
    )
    assert len(one) == len(other) == 2
    for mine, its in zip(one, other, strict=True):
        assert mine.region.name == its.region.name
        assert near(mine.region.box, its.region.box)
        assert mine.share == pytest.approx(its.share, abs=0.02)
        assert np.allclose(mine.spans, its.spans, atol=0.15)


def test_a_part_is_told_in_times_of_the_file(networks: Networks, film: Film) -> None:
    video = film(sound=tones(7.0, {"red": ((3.0, 4.0),), "blue": None}), seconds=7.0)
    project, _ = regions_files(video)
    result = find_regions(Source(video, start=2.0, duration=4.0), project, None, networks)
    first, second = result.regions
    assert np.allclose(first.spans, [(3.0, 4.0)], atol=0.15)
    assert np.allclose(second.spans, [(2.0, 6.0)], atol=0.15)


def test_the_project_file_says_what_was_found(networks: Networks, film: Film) -> None:
    video = film()
    result = found_in(video, networks)
    project = load(result.project)
    assert (project.input, project.model_id) == ("in.mp4", networks.bundle.id)
    assert (project.width, project.height) == SIZE
    assert result.picture is None
    for kept, found in zip(project.regions, result.regions, strict=True):
        assert kept.region.name == found.region.name
        assert kept.region.feature == found.region.feature
        assert kept.region.box.sides == pytest.approx(found.region.box.sides, abs=0.011)
        assert kept.spans == found.spans


def stems(video: Path, networks: Networks, folder: str = "stems") -> dict[str, FloatArray]:
    result = separate_video(Source(video), video.parent / folder, None, networks)
    return {name: samples(path) for name, path in result.files.items()}


def muted(video: Path, networks: Networks) -> FloatArray:
    target = video.with_name("out.mkv")
    gains = [parse_gain("region1=mute")]
    remix_video(Source(video), target, None, gains, lambda: networks, sound=Sound("flac"))
    return samples(target)


def samples(path: Path) -> FloatArray:
    if path.suffix == ".wav":
        import scipy.io.wavfile

        return np.asarray(scipy.io.wavfile.read(path)[1], np.float32)
    with AudioReader(probe(path)) as reader:
        found: FloatArray = np.concatenate(list(reader), axis=1)[0]
    return found


def level(sound: FloatArray, what: str) -> float:
    """Return how much of the tone of a colour is in it."""
    inside = sound[RATE : 5 * RATE].astype(np.float64)
    time = np.arange(len(inside)) / RATE
    return 2 * float(np.abs(np.mean(inside * np.exp(-2j * np.pi * PITCHES[what] * time))))


def test_found_once_and_used_from_then_on(
    networks: Networks, film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = film()
    first = stems(video, networks)
    project, picture = regions_files(video)
    assert project.exists()
    assert not picture.exists()
    kept = project.read_bytes()
    monkeypatch.setattr("pixelmix.pipeline.regions.find", None)
    again = stems(video, networks, "again")
    assert first.keys() == again.keys() == {"region1", "region2", "rest"}
    for name, stem in first.items():
        assert np.array_equal(stem, again[name])
    assert level(first["region1"], "red") > 0.15 > 0.025 > level(first["region1"], "blue")
    assert level(first["region2"], "blue") > 0.15 > 0.025 > level(first["region2"], "red")
    mixed = muted(video, networks)
    assert level(mixed, "red") < 0.025
    assert level(mixed, "blue") > 0.15
    assert project.read_bytes() == kept


def test_what_is_pointed_at_needs_no_project(networks: Networks, film: Film) -> None:
    from pixelmix.regions.parse import parse_point

    video = film()
    regions_files(video)[0].write_text("not looked at")
    result = separate_video(
        Source(video), film.folder / "stems", [parse_point("red=20%,50%")], networks
    )
    assert set(result.files) == {"red", "rest"}


def test_the_whole_film_decides_for_a_part_of_it(networks: Networks, film: Film) -> None:
    video = film(sound=tones(7.0, {"red": None, "blue": ((4.0, 7.0),)}), seconds=7.0)
    part = Source(video, start=0.5, duration=2.0)
    result = separate_video(part, film.folder / "stems", None, networks)
    assert set(result.files) == {"region1", "region2", "rest"}
    assert result.seconds == pytest.approx(2.0)
    assert len(load(regions_files(video)[0]).regions) == 2


def test_a_changed_film_is_refused(networks: Networks, film: Film) -> None:
    video = film()
    found_in(video, networks)
    film(squares(("red", 16, 32)))
    for work in (stems, muted):
        with pytest.raises(UsageError, match=r"in\.mp4 has changed.*pixelmix regions -y in\.mp4"):
            work(video, networks)
    assert not (film.folder / "out.mkv").exists()
    assert not (film.folder / "stems").exists()


def test_a_namesake_is_refused(networks: Networks, film: Film) -> None:
    found_in(film(), networks)
    with pytest.raises(UsageError, match=r"those of in\.mp4, not of in\.mov"):
        stems(film(squares(("red", 16, 32)), name="in.mov"), networks)


def test_a_film_and_its_project_may_be_renamed(networks: Networks, film: Film) -> None:
    video = film()
    project = found_in(video, networks).project
    renamed = video.rename(video.with_name("other.mp4"))
    project.rename(regions_files(renamed)[0])
    assert set(stems(renamed, networks)) == {"region1", "region2", "rest"}


def test_another_model_is_refused(networks: Networks, film: Film, tmp_path: Path) -> None:
    video = film()
    found_in(video, networks)
    other = load_bundle(build_known_bundle(tmp_path / "other", more=0.5))
    with (
        Networks.open(other, "cpu", threads=1) as another,
        pytest.raises(UsageError, match=f"{networks.bundle.id}.*{other.id}.*--model known"),
    ):
        stems(video, another)


def test_another_audio_track_is_refused(networks: Networks, film: Film) -> None:
    second = Track(tones(5.5, {"red": None}), rate=RATE)
    video = make_video(
        film.folder / "in.mov",
        seconds=5.5,
        fps=5,
        gop=5,
        size=SIZE,
        draw=lambda _: TWO,
        audio=tones(5.5, BOTH),
        rate=RATE,
        extra_audio=[second],
    )
    project, _ = regions_files(video)
    result = find_regions(Source(video, audio_track=1), project, None, networks)
    (region,) = result.regions
    assert near(region.region.box, LEFT)
    with pytest.raises(UsageError, match="another audio track"):
        stems(video, networks)
    again = separate_video(Source(video, audio_track=1), film.folder / "s", None, networks)
    assert set(again.files) == {"region1", "rest"}


def test_a_damaged_project_file_is_refused(networks: Networks, film: Film) -> None:
    video = film()
    regions_files(video)[0].write_text("{")
    with pytest.raises(InputError, match=r"in\.pixelmix\.json"):
        stems(video, networks)


def test_nothing_is_replaced_unasked_and_nothing_left_half_way(
    networks: Networks, film: Film
) -> None:
    video = film()
    project, picture = regions_files(video)
    picture.write_text("mine")

    def never(_done: float, _total: float | None) -> None:
        raise AssertionError("it must be refused before the work begins")

    with pytest.raises(OutputError, match=r"in\.regions\.png"):
        find_regions(Source(video), project, picture, networks, progress=never)
    assert {path.name for path in film.folder.iterdir()} == {"in.mp4", "in.regions.png"}
    assert picture.read_text() == "mine"

    def stop(done: float, _total: float | None) -> None:
        if done > 4:
            raise InputError("half-way")

    with pytest.raises(InputError, match="half-way"):
        find_regions(Source(video), project, None, networks, progress=stop)
    assert {path.name for path in film.folder.iterdir()} == {"in.mp4", "in.regions.png"}


def test_progress_goes_from_start_to_end_once(networks: Networks, film: Film) -> None:
    told: list[float] = []
    project, _ = regions_files(film())
    find_regions(
        Source(film.folder / "in.mp4"),
        project,
        None,
        networks,
        progress=lambda done, _total: told.append(done),
    )
    assert told == sorted(told)
    assert told[-1] >= 5.5
