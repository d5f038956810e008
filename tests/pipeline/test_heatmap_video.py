"""From a video to one over which its sound is drawn."""

from pathlib import Path

import av
import numpy as np
import pytest

from pixelmix.errors import OutputError
from pixelmix.hearing import Source
from pixelmix.media.heatmap import Encoding
from pixelmix.model.bundle import load_bundle
from pixelmix.model.session import Networks
from pixelmix.pipeline.heatmap import Heated, Mode, View, heatmap_still, heatmap_video
from tests.media_files import make_video, packets_of

FAST = Encoding(crf=18, preset="ultrafast")


@pytest.fixture(scope="module")
def networks(tiny_bundle: Path) -> Networks:
    return Networks.open(load_bundle(tiny_bundle), "cpu", threads=1)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("heat") / "in.mp4", seconds=4.0, fps=10)


def heated(video: Path, target: Path, networks: Networks, view: View, **more: float) -> Heated:
    source = Source(video, start=more.get("start"), duration=more.get("duration"))
    return heatmap_video(source, target, view, networks, encoding=FAST, threads=1)


@pytest.mark.parametrize("mode", ["energy", "clusters", "regions"])
def test_pictures_keep_their_times_and_sound_its_packets(
    video: Path, networks: Networks, tmp_path: Path, mode: Mode
) -> None:
    result = heated(video, tmp_path / "out.mp4", networks, View(mode))
    assert result.report is not None
    assert result.report.pictures == 40
    assert packets_of(result.output, 1) == packets_of(video, 1)
    with av.open(str(result.output)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([i / 10 for i in range(40)])


def test_without_opacity_the_video_stays_as_it_was(
    video: Path, networks: Networks, tmp_path: Path
) -> None:
    result = heated(video, tmp_path / "out.mp4", networks, View(opacity=0.0))
    with av.open(str(result.output)) as ours, av.open(str(video)) as theirs:
        for one, other in zip(ours.decode(video=0), theirs.decode(video=0), strict=True):
            away = one.to_ndarray(format="gray").astype(int) - other.to_ndarray(format="gray")
            assert np.abs(away).max() <= 6


def test_side_by_side_is_twice_as_wide(video: Path, networks: Networks, tmp_path: Path) -> None:
    result = heated(video, tmp_path / "out.mp4", networks, View(side_by_side=True))
    with av.open(str(result.output)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (128, 48)


def test_a_part_lasts_as_long_as_asked(video: Path, networks: Networks, tmp_path: Path) -> None:
    result = heated(video, tmp_path / "out.mp4", networks, View(), start=1.0, duration=2.0)
    assert result.report is not None
    assert result.report.pictures == 20


def test_twice_the_same(video: Path, networks: Networks, tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        heatmap_still(Source(video), tmp_path / name, View(), networks)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.mark.parametrize("time", [0.0, 2.5, 99.0])
def test_a_still_is_the_picture_of_its_moment(
    video: Path, networks: Networks, tmp_path: Path, time: float
) -> None:
    target = tmp_path / "still.png"
    heatmap_still(Source(video), target, View(opacity=0.0), networks, time=time)
    with av.open(str(target)) as container, av.open(str(video)) as film:
        shown = next(container.decode(video=0)).to_ndarray(format="gray")
        frames = [frame.to_ndarray(format="gray") for frame in film.decode(video=0)]
    wanted = frames[min(int(time * 10), 39)]
    assert abs(float(shown.mean()) - float(wanted.mean())) < 4


def test_what_exists_is_kept(video: Path, networks: Networks, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(b"precious")
    with pytest.raises(OutputError, match="already exists"):
        heated(video, target, networks, View())
    assert target.read_bytes() == b"precious"
    assert [*tmp_path.iterdir()] == [target]
