"""Whether regions found by themselves are the players, on solo clips side by side.

    python benchmarks/find.py CLIPS [--model default] [--pairs 40] [--seed 1]

Pairs of clips as in ``score.py``, which says what ``CLIPS`` holds: two of different classes, two of
one class, and two of which only the first is heard. Printed is in how many pairs there is a region
in both halves (and exactly one in each), in how many the silent half is left alone, and what the
stems of the regions gain in SI-SDR over the mixture, next to the stems of boxes of the halves.

Needs ``pip install -e '.[train,bench]'``.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from score import BOXES, Array, choose_pairs, interval, separate, side_by_side

from pixelmix.finding import find
from pixelmix.hearing import Source
from pixelmix.media.probe import probe
from pixelmix.model.bundle import find_bundle, load_bundle
from pixelmix.model.session import Networks
from pixelmix.stems import StemStream
from pixelmix.types import FoundRegion


def si_sdr(truth: Array, estimate: Array) -> float:
    """Return the scale-invariant signal-to-distortion ratio, dB (Le Roux et al., 2019, eq. 3)."""
    target = truth * (estimate @ truth) / max(truth @ truth, 1e-20)
    error = estimate - target
    return float(10 * np.log10((target @ target + 1e-20) / (error @ error + 1e-20)))


def sides(regions: Sequence[FoundRegion], width: int) -> list[int]:
    """Return 0 (left) or 1 (right) for every region: where the largest part of it is."""
    found = []
    for one in regions:
        largest = max(one.places, key=lambda box: box.width * box.height)
        found.append(int(largest.x + largest.width / 2 > width / 2))
    return found


def look(video: Path, networks: Networks) -> tuple[list[int], Array]:
    """Return the side of every region that is found, and its stem ``(regions, samples)``."""
    info = probe(video)
    regions = find(Source(video), info, networks).regions
    if not regions:
        return [], np.zeros((0, 1))
    chosen = [one.region for one in regions]
    with StemStream(Source(video), info, chosen, networks) as stream:
        stems = np.concatenate([block.stems[:, 0] for block in stream], axis=1)
    return sides(regions, info.video.width), stems[: len(chosen)].astype(np.float64)


def different(clips: Path, networks: Networks, count: int, seed: int, folder: Path) -> None:
    """Pairs of different classes."""
    both = exactly = 0
    by_region: list[float] = []
    by_box: list[float] = []
    for pair in choose_pairs(clips, count, seed):
        video = folder / "pair.mkv"
        truth = np.stack(side_by_side(*pair, video))
        found, stems = look(video, networks)
        hit = {0, 1} == {*found}
        both += hit
        exactly += hit and len(found) == 2
        print(f"  {pair[0].name} | {pair[1].name}: {found}")
        if not hit:
            continue
        mix, boxes = truth.sum(axis=0), separate(video, networks, BOXES)
        for side in (0, 1):
            # Several regions on one side: the one that has most of the sound.
            own = [stem for stem, where in zip(stems, found, strict=True) if where == side]
            loudest = max(own, key=lambda stem: float(stem @ stem))[: truth.shape[1]]
            base = si_sdr(truth[side], mix)
            by_region.append(si_sdr(truth[side], loudest) - base)
            by_box.append(si_sdr(truth[side], boxes[side, : truth.shape[1]]) - base)
    print(
        f"different classes: both halves found in {both} of {count}, one region each in {exactly}"
    )
    for label, gains in (("regions", by_region), ("boxes", by_box)):
        mean, low, high = interval(gains)
        print(f"  SI-SDR gain, {label}: {mean:.2f} [{low:.2f}, {high:.2f}] dB, {len(gains)} stems")


def silent(clips: Path, networks: Networks, count: int, seed: int, folder: Path) -> None:
    """Pairs in which only the left clip is heard."""
    left_alone = found_left = 0
    for pair in choose_pairs(clips, count, seed):
        video = folder / "silent.mkv"
        side_by_side(*pair, video, heard=(1.0, 0.0))
        found, _ = look(video, networks)
        left_alone += 1 not in found
        found_left += 0 in found
    print(
        f"one half silent: it has no region in {left_alone} of {count}, the other half has one in "
        f"{found_left}"
    )


def alike(clips: Path, networks: Networks, folder: Path) -> None:
    """Pairs of two clips of one class."""
    kinds: dict[str, list[Path]] = {}
    for clip in sorted(f for f in clips.iterdir() if (f / "audio.flac").is_file()):
        kinds.setdefault(clip.name.rsplit("-", 1)[0], []).append(clip)
    pairs = [(same[0], same[1]) for same in kinds.values() if len(same) > 1]
    one = 0
    for pair in pairs:
        video = folder / "alike.mkv"
        side_by_side(*pair, video)
        found, _ = look(video, networks)
        one += len(found) == 1
    print(f"two of one class: a single region in {one} of {len(pairs)}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with (
        Networks.open(load_bundle(find_bundle(options.model))) as networks,
        tempfile.TemporaryDirectory() as name,
    ):
        folder = Path(name)
        different(options.clips, networks, options.pairs, options.seed, folder)
        silent(options.clips, networks, max(1, options.pairs * 2 // 5), options.seed + 1, folder)
        alike(options.clips, networks, folder)


if __name__ == "__main__":
    main()
