from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pixelmix.hearing import Source
from pixelmix.media.probe import probe
from pixelmix.model.bundle import load_bundle
from pixelmix.model.session import Networks
from pixelmix.regions.parse import parse_region, resolve
from pixelmix.stems import StemStream
from tests.media_files import make_video
from tests.tiny_model import build_tiny_bundle, tiny_description


@pytest.mark.parametrize(("threshold", "silent"), [(1.0, True), (None, False)])
def test_masks_are_cut_only_where_the_model_says_so(
    threshold: float | None, tmp_path: Path, *, silent: bool
) -> None:
    about = replace(tiny_description(), mask_type="binary", mask_threshold=threshold)
    bundle = load_bundle(build_tiny_bundle(tmp_path / "model", about))
    info = probe(make_video(tmp_path / "in.mkv", seconds=1.0))
    regions = resolve([parse_region("all=0%,0%,100%,100%")], info.video.width, info.video.height)
    with (
        Networks.open(bundle, "cpu", threads=1) as networks,
        StemStream(Source(info.path), info, regions, networks) as stems,
    ):
        loudest = max(float(np.abs(block.stems).max()) for block in stems)
    assert (loudest == 0.0) == silent
