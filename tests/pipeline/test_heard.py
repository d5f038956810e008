"""What was heard, kept on disk: the same again, and nothing left of it."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pixelmix.heard
from pixelmix.errors import OutputError
from pixelmix.finding import find
from pixelmix.heard import Heard, Record, masks_at
from pixelmix.hearing import Source
from pixelmix.media.probe import probe
from pixelmix.model.bundle import load_bundle
from pixelmix.model.session import Networks
from pixelmix.types import FloatArray
from tests.discovery.known_model import SIZE, build_known_bundle, squares, tones
from tests.media_files import make_video

RATE = 22_050


def heard(seed: int, frames: int, scale: float = 3.0) -> Heard:
    random = np.random.default_rng(seed)
    return Heard(
        random.normal(0, scale, (3, 5, frames)).astype(np.float32),
        random.random((5, frames), np.float32),
        random.random(frames, np.float32),
    )


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 40), max_size=5), st.floats(1e-3, 100))
def test_what_was_heard_comes_back_in_order(lengths: list[int], scale: float) -> None:
    stretches = [heard(i, frames, scale) for i, frames in enumerate(lengths)]
    with Record() as record:
        for one in stretches:
            record.add(one)
        again = [list(record), list(record)]
    for back in again:
        assert len(back) == len(stretches)
        for one, other in zip(back, stretches, strict=True):
            # Half precision has eleven bits; below 6e-5 it counts in steps of 6e-8.
            np.testing.assert_allclose(
                one.components, other.components, rtol=2.0**-11, atol=2.0**-24
            )
            assert one.components.dtype == np.float32
            np.testing.assert_array_equal(one.magnitude, other.magnitude)
            np.testing.assert_array_equal(one.level, other.level)


@pytest.mark.parametrize("wanted", [True, False])
def test_nothing_of_it_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    if wanted:
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        monkeypatch.setattr(pixelmix.heard.tempfile, "tempdir", None)
    else:
        for name in ("TMPDIR", "TEMP", "TMP"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(pixelmix.heard, "_LARGE_FILES", str(tmp_path))
    with Record() as record:
        record.add(heard(0, 7))
    assert not list(tmp_path.iterdir())


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_without_room_is_said() -> None:
    with files_of_at_most(10_000), Record() as record:
        record.add(heard(0, 100))
        with pytest.raises(OutputError, match=r"no room to note what is heard.*TMPDIR"):
            record.add(heard(1, 200))


def test_a_folder_that_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(pixelmix.heard, "_folder", lambda: str(tmp_path / "gone"))
    with pytest.raises(OutputError, match=r"gone: no room to note .*\(No such file"):
        Record()


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    bundle = build_known_bundle(tmp_path_factory.mktemp("model") / "known")
    return Networks.open(load_bundle(bundle), "cpu", threads=1)


def test_regions_are_found_and_measured_with_one_run_of_the_audio_network(
    tmp_path: Path, networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = squares(("red", 16, 32), ("blue", 112, 32))
    video = make_video(
        tmp_path / "in.mp4", seconds=9.0, fps=5, gop=5, size=SIZE, draw=lambda _: picture,
        audio=tones(9.0, {"red": None, "blue": None}), rate=RATE,
    )  # fmt: skip
    runs = []
    plain = Networks.components

    def counted(self: Networks, log_magnitude: FloatArray) -> FloatArray:
        runs.append(len(log_magnitude))
        return plain(self, log_magnitude)

    monkeypatch.setattr(Networks, "components", counted)
    finding = find(Source(video), probe(video), networks)
    assert len(finding.regions) == 2
    assert sum(runs) == finding.survey.windows


def test_masks_of_points_are_those_of_the_whole(networks: Networks) -> None:
    bundle = networks.bundle
    fe = bundle.front_end
    random = np.random.default_rng(1)
    components = random.normal(0, 2, (1, bundle.k, fe.rows, fe.frames)).astype(np.float32)
    vectors = random.random((3, bundle.k), np.float32)
    whole = bundle.cut(networks.masks(vectors, components)[0])
    part = masks_at(networks, vectors, components[0, :, :, 5:11])
    np.testing.assert_array_equal(part, whole[..., 5:11])
    twice = np.concatenate([components[0], components[0, :, :, :3]], axis=2)
    np.testing.assert_array_equal(masks_at(networks, vectors, twice)[..., : fe.frames], whole)
    assert masks_at(networks, vectors[:0], components[0]).shape == (0, fe.rows, fe.frames)
