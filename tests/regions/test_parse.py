"""Places as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelmix.errors import UsageError
from pixelmix.regions.parse import check_name, parse_point, parse_region, resolve
from pixelmix.types import Box, Region

WIDTH, HEIGHT = 640, 360


def point(text: str) -> Region:
    return resolve([parse_point(text)], WIDTH, HEIGHT)[0]


def region(text: str) -> Region:
    return resolve([parse_region(text)], WIDTH, HEIGHT)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("320,180", Region("region1", Box(320, 180, 0, 0))),
        ("25%,50%", Region("region1", Box(160, 180, 0, 0))),
        ("25%,90", Region("region1", Box(160, 90, 0, 0))),
        (" 12.5 , .5 ", Region("region1", Box(12.5, 0.5, 0, 0))),
        ("violin=0,0", Region("violin", Box(0, 0, 0, 0))),
        ("left violin = 639,359", Region("left violin", Box(639, 359, 0, 0))),
        ("Geige-2_b.x=1,2", Region("Geige-2_b.x", Box(1, 2, 0, 0))),
        ("Flöte=1,2", Region("Flöte", Box(1, 2, 0, 0))),
        ("100%,100%", Region("region1", Box(639, 359, 0, 0))),
    ],
)
def test_points(text: str, expected: Region) -> None:
    assert point(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0,0,640,360", Region("region1", Box(0, 0, 640, 360))),
        ("0%,0%,100%,100%", Region("region1", Box(0, 0, 640, 360))),
        ("cello=50%,90,320,75%", Region("cello", Box(320, 90, 320, 270))),
        ("10,20,0.5,1", Region("region1", Box(10, 20, 0.5, 1))),
    ],
)
def test_regions(text: str, expected: Region) -> None:
    assert region(text) == expected


def test_percentages_that_add_up_fit() -> None:
    box = region("33.3%,14.29%,66.7%,85.71%").box
    assert box.x + box.width == pytest.approx(WIDTH)


@pytest.mark.parametrize(
    "text", ["", "1", "1,2,3", "1,", ",", "a,b", "1;2", "1,2,3,4", "nan,1", "inf,1", "1e2,3", "½,1"]
)
def test_malformed_points_show_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"^cannot read the point .*such as 320,180"):
        parse_point(text)


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3", "1,2,3,4,5", "1,2,x,4", "1 2 3 4", "1,2,%,4"])
def test_malformed_regions_show_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"^cannot read the region .*such as 0,60,320,240"):
        parse_region(text)


@pytest.mark.parametrize("text", ["1,2,0,4", "1,2,3,0%", "1,2,-3,4"])
def test_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="has no size"):
        parse_region(text)


@pytest.mark.parametrize(
    "text", ["640,0", "0,360", "-1,0", "0,-0.1", "100.1%,0", "0,-1%", "9999,0"]
)
def test_points_outside_state_the_size(text: str) -> None:
    with pytest.raises(UsageError, match="outside the picture, which is 640 x 360 pixels"):
        point(text)


@pytest.mark.parametrize(
    "text", ["-1,0,10,10", "0,0,641,10", "0,1,10,360", "50%,0,51%,1%", "700,0,1,1", "0,-5%,9,9"]
)
def test_regions_outside_state_the_size(text: str) -> None:
    with pytest.raises(UsageError, match="outside the picture, which is 640 x 360 pixels"):
        region(text)


def test_names_in_the_order_given() -> None:
    specs = [
        parse_point("1,1"),
        parse_region("violin=0,0,10,10"),
        parse_point("Region2=5,5"),
        parse_region("0,0,20,20"),
    ]
    names = [place.name for place in resolve(specs, WIDTH, HEIGHT)]
    assert names == ["region1", "violin", "Region2", "region3"]
    assert resolve([], WIDTH, HEIGHT) == ()


@pytest.mark.parametrize(("first", "second"), [("a", "a"), ("Violin", "violin"), ("é", "e\u0301")])
def test_names_that_would_be_one_file(first: str, second: str) -> None:
    specs = [parse_point(f"{first}=1,1"), parse_point(f"{second}=2,2")]
    with pytest.raises(UsageError, match="two regions are named"):
        resolve(specs, WIDTH, HEIGHT)


@pytest.mark.parametrize("name", ["rest", "REST", "Rest"])
def test_rest_is_reserved(name: str) -> None:
    with pytest.raises(UsageError, match="what no region claims"):
        parse_point(f"{name}=1,1")


BAD_NAMES = ["", " ", ".", "..", ".a", "-a", "a.", "a/b", "a\\b", "a:b", "a*b", "a=b", "a@b", "a,b"]
BAD_NAMES += ["a\tb", "a\nb", "a\0b", "CON", "nul.wav", "com1", "x" * 65, "😀"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_are_no_file_names(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be used") as caught:
        parse_point(f"{name}=1,1")
    assert "\n" not in str(caught.value)


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_point, parse_region):
        try:
            place = resolve([parse(text)], WIDTH, HEIGHT)[0]
        except UsageError:
            continue
        assert 0 <= place.box.x < WIDTH
        assert 0 <= place.box.y < HEIGHT
        assert check_name(place.name) == place.name


@given(st.floats(0, 639.9), st.floats(0, 359.9))
def test_pixels_and_percent_agree(x: float, y: float) -> None:
    pixels = point(f"{x:.9f},{y:.9f}").box
    percent = point(f"{x / 6.4:.9f}%,{y / 3.6:.9f}%").box
    for box in (pixels, percent):
        # The corner of the last pixel is as far as points go.
        assert box.x == pytest.approx(min(x, 639), abs=1e-6)
        assert box.y == pytest.approx(min(y, 359), abs=1e-6)
