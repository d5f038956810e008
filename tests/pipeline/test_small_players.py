"""Who is small in the picture is found by closer looks, and they are few."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pixelmix.finding import find
from pixelmix.hearing import Source
from pixelmix.media.probe import probe
from pixelmix.model.bundle import load_bundle
from pixelmix.model.session import Networks
from pixelmix.survey import survey
from tests.discovery.known_model import COLOURS, build_known_bundle, squares, tones
from tests.media_files import make_video

RATE = 22_050
SIZE = (320, 192)
SMALL, X, Y = 8, 262, 78
"""Pixels: within one cell of the closer look, which has two thirds of a plain cell's length."""


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    bundle = build_known_bundle(tmp_path_factory.mktemp("model") / "known")
    return Networks.open(load_bundle(bundle), "cpu", threads=1)


def film(path: Path, seconds: float) -> Path:
    """A red square, and a small blue one; both sound."""
    picture = squares(("red", 32, 64), size=SIZE)
    picture[Y : Y + SMALL, X : X + SMALL] = COLOURS["blue"]
    return make_video(
        path, seconds=seconds, fps=5, gop=5, size=SIZE, draw=lambda _: picture,
        audio=tones(seconds, {"red": None, "blue": None}), rate=RATE,
    )  # fmt: skip


def test_a_small_player_has_a_region(tmp_path: Path, networks: Networks) -> None:
    video = film(tmp_path / "a.mp4", 6.0)
    plain = survey(Source(video), probe(video), networks)
    # At the model's own size nothing that is seen there gets the high tone.
    assert max(float(scene.shares()[:, 12:].max()) for scene in plain.scenes) < 0.08
    red, blue = find(Source(video), probe(video), networks).regions
    assert red.region.box.x + red.region.box.width <= SIZE[0] / 2
    box = blue.region.box
    cell = SIZE[1] / 14
    assert box.x + box.width / 2 == pytest.approx(X + SMALL / 2, abs=cell)
    assert box.y + box.height / 2 == pytest.approx(Y + SMALL / 2, abs=cell)
    assert max(box.width, box.height) < 2.5 * cell
    assert min(red.share, blue.share) > 0.3


def test_closer_looks_are_few_and_only_for_regions(tmp_path: Path, networks: Networks) -> None:
    video = film(tmp_path / "a.mp4", 30.0)
    info = probe(video)
    plain = survey(Source(video), info, networks)
    closely = survey(Source(video), info, networks, closely=True)
    assert all(scene.closer is None for scene in plain.scenes)
    closer = [scene.closer for scene in closely.scenes if scene.closer is not None]
    assert 4 <= len(closer) <= 4 + len(closely.scenes) // 8
    more = closer[0].seen.labels.size / closely.scenes[0].seen.labels.size
    assert more == pytest.approx(2.0, rel=0.1)
    # They change nothing about the plain looks.
    for one, other in zip(plain.scenes, closely.scenes, strict=True):
        np.testing.assert_array_equal(one.energy, other.energy)
        np.testing.assert_array_equal(one.seen.labels, other.seen.labels)


def test_a_look_that_is_large_already_is_not_repeated(tmp_path: Path, networks: Networks) -> None:
    video = film(tmp_path / "a.mp4", 2.0)
    bundle = replace(networks.bundle, vision=replace(networks.bundle.vision, short_side=1024))
    with Networks.open(bundle, "cpu", threads=1) as large:
        seen = survey(Source(video), probe(video), large, closely=True)
    assert all(scene.closer is None for scene in seen.scenes)
