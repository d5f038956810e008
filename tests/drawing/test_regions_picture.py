from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelmix.drawing.canvas import Canvas, Colour, Rectangle, fit_text, text_width, write_png
from pixelmix.drawing.layout import plan
from pixelmix.drawing.regions_picture import NOTHING, draw_regions
from pixelmix.regions.colours import rgb
from tests.drawing.made_sight import make_regions, make_sight

Written = list[tuple[Rectangle, str]]


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> Written:
    """Labels that were written, in order."""
    written: Written = []
    draw = Canvas.label

    def record(self: Canvas, area: Rectangle, text: str, size: int, colour: Colour) -> None:
        written.append((area, text))
        draw(self, area, text, size, colour)

    monkeypatch.setattr(Canvas, "label", record)
    return written


@pytest.mark.parametrize(
    ("count", "size", "seconds"),
    [
        (0, (640, 360), 60.0),
        (1, (640, 360), 1.0),
        (3, (360, 640), 95.0),
        (4, (4000, 400), 300.0),
        (3, (16, 640), 8.0),
        (2, (640, 16), 8.0),
        (12, (640, 480), 10_800.0),
    ],
)
def test_every_shape_and_number_is_drawn(
    count: int, size: tuple[int, int], seconds: float, labels: Written
) -> None:
    sight = make_sight(count, width=size[0], height=size[1], seconds=seconds)
    regions = make_regions(count, seconds)
    drawn = draw_regions(sight, regions)
    layout = plan(size[1], size[0], count + 1)
    assert drawn.shape == (layout.height, layout.width, 3)
    assert drawn.dtype == np.uint8
    seen = [found.region.name for found in regions if sight.cells[regions.index(found)].any()]
    assert sorted(text for _, text in labels) == sorted(
        [*seen, *(found.region.name for found in regions), "rest", *([] if regions else [NOTHING])]
    )
    for area, _ in labels:
        assert area.x >= 0
        assert area.y >= 0
        assert area.right <= layout.width
        assert area.bottom <= layout.height


def test_it_looks_the_same_every_time(tmp_path: Path) -> None:
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for file in files:
        write_png(file, draw_regions(make_sight(3), make_regions(3)))
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_region_has_its_colour_everywhere() -> None:
    sight, regions = make_sight(3), make_regions(3)
    drawn = draw_regions(sight, regions)
    layout = plan(360, 640, 4)
    for i, found in enumerate(regions):
        own = (drawn == rgb(found.colour)).all(axis=2)
        for area in (layout.frame, layout.strips[i], layout.legend[i]):
            assert own[area.y : area.bottom, area.x : area.right].sum() > 100
        for j, other in enumerate(layout.strips):
            if j != i:
                assert not own[other.y : other.bottom, other.x : other.right].any()


def test_two_places_of_a_region_are_both_labelled(labels: Written) -> None:
    sight, regions = make_sight(2), make_regions(2, places=2)
    cells = sight.cells.copy()
    cells[0, 12, 22] = True
    draw_regions(replace(sight, cells=cells), regions)
    frame = plan(360, 640, 3).panel
    inside = [text for area, text in labels if area.y < frame.bottom]
    assert sorted(inside) == ["region1", "region1", "region2"]


def test_what_is_not_in_the_picture_is_not_labelled_in_it(labels: Written) -> None:
    sight = make_sight(2)
    cells = sight.cells.copy()
    cells[1] = False
    draw_regions(replace(sight, cells=cells), make_regions(2))
    assert [text for _, text in labels].count("region2") == 1


def test_bars_are_where_the_region_sounds() -> None:
    sight, (found,) = make_sight(1, seconds=100.0, start=50.0), make_regions(1)
    spans = ((0.0, 10.0), (40.0, 75.0), (100.0, 100.01), (140.0, 900.0), (150.5, 151.0))
    drawn = draw_regions(sight, [replace(found, spans=spans)])
    row = plan(360, 640, 2).strips[0]
    bar = (drawn[row.bottom - 1, row.x : row.right] == rgb(found.colour)).all(axis=1)
    at = (np.arange(row.width) + 0.5) / row.width * 100 + 50
    expected = (at < 75) | (at > 140)
    assert (bar == expected).mean() > 0.99
    middle = np.abs(at - 100) < 1
    assert bar[middle].sum() == 3


@pytest.mark.parametrize("regions", [0, 1])
def test_no_sound_at_all_is_drawn(regions: int) -> None:
    sight = make_sight(regions)
    empty = replace(
        sight,
        spectrogram=np.zeros((256, 0), np.float32),
        weights=np.zeros((regions, 256, 0), np.float32),
        loudness=np.zeros((regions + 1, 0), np.float32),
        seconds=0.0,
    )
    drawn = draw_regions(empty, make_regions(regions))
    area = plan(360, 640, regions + 1).spectrogram
    assert np.ptp(drawn[area.y : area.bottom, area.x : area.right], axis=(0, 1)).max() == 0


def test_parts_of_the_layout_do_not_overlap() -> None:
    for height, width in ((360, 640), (640, 360), (100, 4000), (4000, 10), (1, 1), (480, 640)):
        layout = plan(height, width, 5)
        boxes = [layout.panel, layout.spectrogram, *layout.strips, *layout.legend]
        canvas = np.zeros((layout.height, layout.width), int)
        for box in boxes:
            assert box.width > 0
            assert box.height > 0
            canvas[box.y : box.bottom, box.x : box.right] += 1
        assert canvas.max() == 1
        assert sum(box.width * box.height for box in boxes) == canvas.sum()
        frame = layout.frame
        assert layout.panel.x <= frame.x
        assert layout.panel.y <= frame.y
        assert frame.right <= layout.panel.right
        assert frame.bottom <= layout.panel.bottom


@pytest.mark.parametrize(
    ("text", "shown"),
    [("violin", "violin"), ("Flöte é", "Flote e"), ("琴 1", "? 1"), ("x" * 200, None)],
)
def test_names_are_written_in_letters_of_the_font(text: str, shown: str | None) -> None:
    fitted = fit_text(text, 18, 200)
    assert text_width(fitted, 18) <= 200
    assert fitted == shown if shown else fitted.endswith("...")


def test_a_png_holds_the_pixels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    write_png(tmp_path / ".a.partial-1-abc.png", pixels)
    with Image.open(tmp_path / ".a.partial-1-abc.png") as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)
    with pytest.raises(FileNotFoundError):
        write_png(tmp_path / "none" / "a.png", pixels)
