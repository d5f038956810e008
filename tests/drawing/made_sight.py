"""Made-up sights and regions to draw."""

import numpy as np

from pixelmix.drawing.regions_picture import Sight
from pixelmix.regions.colours import colour
from pixelmix.types import Box, FoundRegion, Region


def make_sight(
    regions: int, *, width: int = 640, height: int = 360, seconds: float = 60.0, start: float = 0.0
) -> Sight:
    """Regions stand side by side; each sounds a harmonic series, all at different times."""
    rng = np.random.default_rng(regions)
    y, x = np.mgrid[:height, :width]
    picture = np.stack([x * 200 // width, y * 200 // height, (x + y) * 3 % 256], -1)
    rows, cols, bins, columns = 14, max(1, round(14 * width / height)), 256, 400
    cells = np.zeros((regions, rows, cols), bool)
    frequencies = np.geomspace(40, 5_500, bins)
    times = np.linspace(0, 1, columns)
    energies = [np.full((bins, columns), 1e-4) * rng.uniform(0.2, 1, (bins, columns))]
    for i in range(regions):
        left, right = round((i + 0.2) * cols / regions), round((i + 0.8) * cols / regions)
        top = 3 + 5 * (i % 2)
        cells[i, top : top + 6, left : max(right, left + 1)] = True
        pitch = 80 * 1.3**i * (1 + 0.05 * np.sin(40 * times))
        partials = [
            np.exp(-((np.log(frequencies[:, None] / (k * pitch)) / 0.012) ** 2)) / k
            for k in range(1, 12)
        ]
        rhythm = 0.02 + (np.sin(2 * np.pi * (3 + i) * times + i) > -0.3)
        energies.append(np.sum(partials, axis=0) * rhythm * 1.0)
    total = np.sum(energies, axis=0)
    parts = [10 * np.log10(part.mean(axis=0) + 1e-7) - 10 for part in (*energies[1:], energies[0])]
    return Sight(
        picture=picture.astype(np.uint8),
        time=start + seconds / 3,
        cells=cells,
        spectrogram=(10 * np.log10(total)).astype(np.float32),
        weights=np.array([e / total for e in energies[1:]], np.float32).reshape(
            regions, bins, columns
        ),
        frequencies=frequencies.astype(np.float32),
        loudness=np.array(parts, np.float32),
        start=start,
        seconds=seconds,
    )


def make_regions(
    count: int, seconds: float = 60.0, places: int = 1, start: float = 0.0
) -> list[FoundRegion]:
    """One for each region of a sight."""
    return [
        FoundRegion(
            region=Region(f"region{i + 1}", Box(0, 0, 10, 10), (0.5,)),
            places=(Box(0, 0, 10, 10),) * places,
            share=0.9 / (count + 1),
            confidence=0.8,
            spans=(
                (start + 0.05 * seconds, start + (0.3 + 0.01 * i) * seconds),
                (start + 0.6 * seconds, start + 0.9 * seconds),
            ),
            colour=colour(i),
        )
        for i in range(count)
    ]
