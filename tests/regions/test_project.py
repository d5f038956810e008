import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelmix.errors import InputError, UsageError
from pixelmix.regions.project import (
    Project,
    dump,
    find_project,
    fingerprint,
    load,
    project_path,
)
from pixelmix.types import Box, FoundRegion, Region

WIDTH, HEIGHT = 1280, 720


def found(name: str = "region1", **changes: object) -> FoundRegion:
    region = FoundRegion(
        region=Region(name, Box(10.0, 20.5, 600.25, 400.0), (0.25, 0.125, 0.0, 1.0)),
        places=(Box(10.0, 20.5, 100.0, 400.0), Box(500.25, 30.0, 110.0, 200.0)),
        share=0.4321,
        confidence=0.8,
        spans=((0.0, 12.345), (20.0, 31.5)),
        colour="#da772d",
    )
    return replace(region, **changes)


def project(*regions: FoundRegion) -> Project:
    return Project("duet.mp4", "0" * 64, 1, "default", "0123456789ab", WIDTH, HEIGHT, regions)


def written(folder: Path, text: str) -> Path:
    path = folder / "duet.pixelmix.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_project_is_kept_and_read_back(tmp_path: Path) -> None:
    kept = project(found(), found("Flöte 2", spans=(), places=(Box(0, 0, WIDTH, HEIGHT),)))
    text = dump(kept)
    assert load(written(tmp_path, text)) == kept
    assert text.endswith("}\n")
    assert "Flöte 2" in text
    assert '"box": [10.0, 20.5, 600.25, 400.0],\n' in text
    assert max(map(len, text.splitlines())) < 100
    assert json.loads(text)["pixelmix_project"] == 1


def test_nothing_found_is_a_project_too(tmp_path: Path) -> None:
    assert load(written(tmp_path, dump(project()))) == project()


def test_a_region_without_feature_looks_into_its_box(tmp_path: Path) -> None:
    kept = project(found(region=Region("violin", Box(1, 2, 3, 4))))
    assert load(written(tmp_path, dump(kept))) == kept


edges = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    (left, right), (top, bottom) = draw(edges), draw(edges)
    return Box(left * WIDTH, top * HEIGHT, (right - left) * WIDTH, (bottom - top) * HEIGHT)


found_regions = st.builds(
    FoundRegion,
    region=st.builds(
        Region,
        st.just("region1"),
        boxes(),
        st.lists(st.floats(-(2.0**90), 2.0**90, width=32), min_size=1, max_size=40).map(tuple),
    ),
    places=st.lists(boxes(), min_size=1, max_size=4).map(tuple),
    share=st.floats(0, 1),
    confidence=st.floats(0, 1),
    spans=st.lists(st.floats(0, 1e5), max_size=8).map(
        lambda times: tuple(zip(sorted(times)[::2], sorted(times)[1::2], strict=False))
    ),
    colour=st.integers(0, 2**24 - 1).map("#{:06x}".format),
)


@given(found_regions)
def test_what_is_read_is_what_was_written_but_for_rounding(
    tmp_path_factory: pytest.TempPathFactory, region: FoundRegion
) -> None:
    folder = tmp_path_factory.mktemp("project")
    text = dump(project(region))
    read = load(written(folder, text))
    (back,) = read.regions
    assert dump(read) == text
    assert back.region.feature == pytest.approx(region.region.feature, rel=1e-5)
    assert back.share == pytest.approx(region.share, abs=1e-4)
    assert np.ravel(back.spans) == pytest.approx(np.ravel(region.spans), abs=1e-3)
    pairs = zip((back.region.box, *back.places), (region.region.box, *region.places), strict=True)
    for one, other in pairs:
        assert (one.x, one.y) == pytest.approx((other.x, other.y), abs=0.006)
        assert one.x + one.width == pytest.approx(other.x + other.width, abs=0.006)
        assert one.y + one.height == pytest.approx(other.y + other.height, abs=0.006)


def test_features_of_the_networks_type_are_written_as_numbers() -> None:
    feature = tuple(np.array([1 / 3, -0.0, 1e-9], np.float32))
    text = dump(project(found(region=Region("a", Box(0, 0, 1, 1), feature))))
    assert '"feature": [0.333333, 0.0, 1e-09]' in text


@pytest.mark.parametrize("name", ["a\udcffb.mp4", "a\nb.mp4", 'a"b.mp4', "ヴァイオリン.mkv"])
def test_any_file_name_is_kept(tmp_path: Path, name: str) -> None:
    kept = replace(project(), input=name)
    assert load(written(tmp_path, dump(kept))) == kept


DAMAGE = [
    ("pixelmix_project", 2, "update pixelmix"),
    ("pixelmix_project", ..., "'pixelmix_project' is missing"),
    ("input", "", "'input' must have 1 to"),
    ("input", "../duet.mp4", "without folders"),
    ("input", "/etc/passwd", "without folders"),
    ("input", "..", "without folders"),
    ("input", "a\0", "without folders"),
    ("fingerprint", "0" * 63, "'fingerprint': must be 64 lower-case hex digits"),
    ("audio_track", -1, "outside"),
    ("audio_track", True, "must be a whole number, not true"),
    ("model", "/other/model", "'model': must be letters"),
    ("model", "\x1b[31m", "'model': must be letters"),
    ("model_id", "a\n", "'model_id': must be letters"),
    ("width", 0, "outside"),
    ("height", 10**30, "outside"),
    ("regions", {}, "'regions' must be a list, not an object"),
    ("regions", [1], "'regions[0]': must be a JSON object, not 1"),
    ("regions", [{}] * 101, "has 101 entries, more than 100"),
    ("name", ..., "'regions[0].name' is missing"),
    ("name", "../up", "'regions[0].name': the name '../up' cannot be used"),
    ("name", "rest", "what no region claims"),
    ("name", "x" * 9_999, "cannot be used"),
    ("colour", "red", "'#' and 6 lower-case hex digits"),
    ("colour", "#DA772D", "'#' and 6 lower-case hex digits"),
    ("box", [1, 2, 3], "must be x, y, width and height, not 3 numbers"),
    ("box", [-1, 0, 3, 4], "outside"),
    ("box", [0, 0, 1280.1, 4], "leaves the picture, which is 1280 x 720 pixels"),
    ("box", [0, 700, 4, 21], "leaves the picture"),
    ("box", [0, "0", 1, 1], "must be a number, not '0'"),
    ("places", [], "needs at least one"),
    ("places", [1], "'regions[0].places[0]' must be a list of 4 numbers, not 1"),
    ("places", [[0, 0, 1]], "a list of 4 numbers, not a list of 3"),
    ("places", [[0, 0, 1, 721]], "leaves the picture"),
    ("share", 1.01, "outside 0..1"),
    ("share", 10**400, "outside 0..1"),
    ("confidence", None, "must be a number, not null"),
    ("spans", [[2, 1]], "one after the other"),
    ("spans", [[0, 2], [1, 3]], "one after the other"),
    ("spans", [[0, 1, 2]], "a list of 2 numbers"),
    ("feature", [], "is empty"),
    ("feature", [0.5] * 4_097, "more than 4096"),
    ("feature", [True], "must be a number, not true"),
    ("feature", "0.5", "must be a list"),
]


@pytest.mark.parametrize(("key", "value", "reason"), DAMAGE)
def test_what_does_not_hold_is_refused_with_file_and_field(
    tmp_path: Path, key: str, value: object, reason: str
) -> None:
    document = json.loads(dump(project(found())))
    place = document if key in document else document["regions"][0]
    if value is Ellipsis:
        del place[key]
    else:
        place[key] = value
    path = written(tmp_path, json.dumps(document))
    with pytest.raises(InputError) as caught:
        load(path)
    message = str(caught.value)
    assert reason in message
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(message) < len(str(path)) + 12_000


@pytest.mark.parametrize(
    ("regions", "reason"),
    [
        ((found("Violin"), found("violin")), "two have the same name"),
        ((found(), found("b", region=Region("b", Box(0, 0, 1, 1), (1.0,)))), "differ in length"),
    ],
)
def test_regions_that_do_not_go_together(
    tmp_path: Path, regions: tuple[FoundRegion, ...], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        load(written(tmp_path, dump(project(*regions))))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"share": NaN}', "NaN is not JSON"),
        (b'{"pixelmix_project": ' + b"9" * 5_000 + b"}", "not valid JSON"),
        (b'{"pixelmix_project": 1e999}', "must be a whole number"),
        (b"[]", "must be a JSON object"),
        (b" " * (16 * 2**20 + 1), "too large"),
    ],
)
def test_files_that_are_no_project(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.pixelmix.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_a_project_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "none.pixelmix.json")
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.sampled_from([*json.loads(dump(project(found())))["regions"][0], "input"]), values)
def test_whatever_is_written_there_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    document = json.loads(dump(project(found())))
    (document if key in document else document["regions"][0])[key] = value
    path = written(tmp_path_factory.mktemp("project"), json.dumps(document))
    try:
        read = load(path)
    except InputError:
        return
    assert load(written(path.parent, dump(read))).input == read.input


def test_the_project_is_beside_its_video() -> None:
    assert project_path(Path("in/duet.v2.mp4")) == Path("in/duet.v2.pixelmix.json")
    assert project_path(Path("duet")) == Path("duet.pixelmix.json")


def test_the_one_project_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "model.json").touch()
    (tmp_path / "folder.pixelmix.json").mkdir()
    with pytest.raises(UsageError, match="has no project file") as none:
        find_project(tmp_path)
    assert "pixelmix regions" in str(none.value)
    (tmp_path / "b.pixelmix.json").touch()
    assert find_project(tmp_path) == tmp_path / "b.pixelmix.json"
    (tmp_path / "a.pixelmix.json").touch()
    with pytest.raises(UsageError, match=r"files: a\.pixelmix\.json, b\.pixelmix\.json; say"):
        find_project(tmp_path)
    for i in range(10):
        (tmp_path / f"c{i}.pixelmix.json").touch()
    with pytest.raises(UsageError, match=r"c7\.pixelmix\.json and 2 more"):
        find_project(tmp_path)


MIB = 2**20


@pytest.mark.parametrize("size", [0, 1, MIB, MIB + 1, 3 * MIB])
def test_a_fingerprint_is_of_size_head_and_tail(tmp_path: Path, size: int) -> None:
    content = bytearray(np.random.default_rng(0).bytes(size))
    video = tmp_path / "video"
    video.write_bytes(content)
    first = fingerprint(video)
    assert len(first) == 64
    assert fingerprint(video) == first
    marks = {first}
    places = {0, min(size, MIB) - 1, max(0, size - MIB), size - 1} if size else set()
    for place in places:
        changed = content.copy()
        changed[place] ^= 1
        video.write_bytes(changed)
        marks.add(fingerprint(video))
    video.write_bytes(content + b"\0")
    marks.add(fingerprint(video))
    assert len(marks) == 2 + len(places)


def test_huge_files_are_not_read_whole(tmp_path: Path) -> None:
    video = tmp_path / "video"
    video.touch()
    os.truncate(video, 2**34)
    assert len(fingerprint(video)) == 64


def test_a_video_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        fingerprint(tmp_path / "none.mp4")
