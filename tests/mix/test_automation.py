"""Gains from files mean what the same gains mean on the command line."""

import csv
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.errors import UsageError
from pixelmix.mix.automation import read_automation
from pixelmix.mix.gain_options import GainOption, parse_gain
from pixelmix.mix.gains import gain_curve, merge_gains
from pixelmix.types import Gain


def write(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


EXPECTED = tuple(
    parse_gain(text)
    for text in ("violin=0.2", "left hand=-6dB@0:10-0:25", "rest=mute@90-", "violin=solo@0-1.5")
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a.csv",
            "region,gain,start,end\nviolin,0.2,,\nleft hand,-6dB,0:10,0:25\n"
            "rest,mute,90,\nviolin,solo,,1.5\n",
        ),
        (
            "spreadsheet.CSV",
            '\ufeffEnd , Start,Gain,Region\r\n\r\n,,0.2,violin\r\n0:25,10,"-6 dB","left hand"\r\n'
            ",1:30,MUTE,rest\r\n,,,\r\n1.5,0,solo,violin\r\n",
        ),
        ("short.txt", "region,gain,start,end\nviolin,0.2\nleft hand,-6dB,10,25\nrest,0,90\n"),
        (
            "a.json",
            '[{"region": "violin", "gain": 0.2},\n'
            ' {"region": "left hand", "gain": "-6dB", "start": "0:10", "end": 25},\n'
            ' {"region": "rest", "gain": 0, "start": 90, "end": null},\n'
            ' {"region": "violin", "gain": "solo", "end": 1.5}]\n',
        ),
    ],
)
def test_rows_are_gains(tmp_path: Path, name: str, text: str) -> None:
    found = read_automation(write(tmp_path, name, text))
    assert found == EXPECTED[: len(found)]
    assert len(found) == (3 if name == "short.txt" else 4)


HEAD = "region,gain,start,end\n"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", HEAD + "violin,loud,,\n", ("line 2", "'loud'", "-12dB")),
        ("a.csv", HEAD + "\n\nviolin,1,,\nviolin,1,2,1\n", ("line 5", "swap")),
        ("a.csv", HEAD + "violin,1,x,\n", ("line 2", "'x'", "M:SS")),
        ("a.csv", HEAD + "violin,,1,2\n", ("line 2", "no gain")),
        ("a.csv", HEAD + ",1,1,2\n", ("line 2", "no region")),
        ("a.csv", HEAD + "violin,1,1,2,3\n", ("line 2", "5 cells")),
        ("a.csv", HEAD + 'violin,1,1,2\n"violin\n', ("line 3",)),
        ("a.csv", "violin,1,1,2\n", ("line 1", "region,gain,start,end")),
        ("a.csv", "region,gain,gain\nviolin,1,1\n", ("line 1", "region,gain,start,end")),
        ("a.csv", HEAD, ("no gains",)),
        ("a.csv", "", ("no gains",)),
        ("a.json", "", ("line 1", "JSON")),
        ("a.json", "[]", ("no gains",)),
        ("a.json", "{}", ("list",)),
        ("a.json", '[\n{"region": "a", "gain": 1},\n{"region": "a"\n]', ("line 4", "JSON")),
        ("a.json", '[\n{"region": "a", "gain": 1},\n\n{"region": "a"}]', ("line 4", "gain")),
        ("a.json", '[{"region": "a", "gain": 1},\n7]', ("line 2", "object")),
        ("a.json", '[{"region": "a",\n"gain": 1},{"region": "a", "gain": -1}]', ("line 2", "-1")),
        ("a.json", '[{"region": "a", "gain": true}]', ("line 1", "gain")),
        ("a.json", '[{"region": "a", "gain": NaN}]', ("line 1", "nan")),
        ("a.json", '[{"region": "a", "gain": 1, "until": 3}]', ("line 1", "until")),
        ("a.json", "[" * 100_000, ("JSON",)),
    ],
)
def test_what_makes_no_sense_is_named_with_its_line(
    tmp_path: Path, name: str, text: str, words: tuple[str, ...]
) -> None:
    path = write(tmp_path, name, text)
    with pytest.raises(UsageError) as caught:
        read_automation(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    assert all(word in message for word in words), message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_automation(tmp_path / "gone.csv")
    (tmp_path / "a.csv").write_bytes(b"region,gain\n\xff\xfe,1\n")
    with pytest.raises(UsageError, match="UTF-8"):
        read_automation(tmp_path / "a.csv")


def test_unknown_regions_are_named_with_their_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", HEAD + "violin,1,,\nviola,1,,\n")
    with pytest.raises(UsageError, match=r"a\.csv, line 3: .*'viola'.*: violin, rest"):
        merge_gains(read_automation(path), ["violin"])


options = st.builds(
    GainOption,
    st.sampled_from(["a", "b c", "rest"]),
    st.integers(0, 4000).map(lambda n: n / 1000),
    st.integers(0, 9000).map(lambda n: n / 1000),
    st.one_of(st.just(math.inf), st.integers(9001, 20000).map(lambda n: n / 1000)),
)


@given(st.lists(options, min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_both_forms_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, written: list[GainOption]
) -> None:
    folder = tmp_path_factory.mktemp("gains")
    rows = [
        {
            "region": o.name,
            "gain": o.gain,
            "start": o.start,
            "end": "" if o.end == math.inf else o.end,
        }
        for o in written
    ]
    (folder / "a.json").write_text(json.dumps(rows, indent=1))
    with (folder / "a.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, ["region", "gain", "start", "end"])
        table.writeheader()
        table.writerows(rows)
    assert read_automation(folder / "a.json") == tuple(written)
    assert read_automation(folder / "a.csv") == tuple(written)


def test_thousands_of_rows_are_one_curve(tmp_path: Path) -> None:
    """A level drawn in an editor: a step every 100 ms for ten minutes."""
    levels = [(n * 37 % 100) / 100 for n in range(6000)]
    lines = [f"a,{level},{n / 10},{(n + 1) / 10}\n" for n, level in enumerate(levels)]
    (gain,) = merge_gains(
        read_automation(write(tmp_path, "a.csv", HEAD + "".join(lines))), ["a", "b"]
    )
    assert isinstance(gain, Gain)
    curve = gain_curve(gain, 0, 600_000, 1000)
    # In the middle of each step its level, and no faster from one to the next than a fade is.
    assert curve[50::100] == pytest.approx(levels, abs=1e-6)
    assert abs(curve[1:] - curve[:-1]).max() <= 1 / (0.02 * 1000) + 1e-6
