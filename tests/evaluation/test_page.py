"""The page of a report: whole, safe, complete and the same every time."""

import math
import re
from collections import Counter
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.errors import OutputError
from pixelmix.evaluation.page import document, write_page
from pixelmix.evaluation.report import Interval, KindPair, Report, Row
from tests.evaluation.made_report import METHODS, report

MINUS = "\N{MINUS SIGN}"
VOID = {"br", "img", "meta"}
EVIL = "</style></title><script>alert('1')</script>\" onerror=\"x' &amp; \x00\udc80\u202eabc"


class Reader(HTMLParser):
    """Reads a page, and refuses one whose elements are not balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(key for key, _ in attrs)))
        self.attributes += [(key, value or "") for key, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((tuple(self.open), data.strip()))

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]

    def cells(self, sort: str = "td") -> list[str]:
        return [text for where, text in self.texts if sort in where]

    @property
    def text(self) -> str:
        return " ".join(text for where, text in self.texts if "style" not in where)


@pytest.fixture(scope="module")
def page() -> str:
    return document(report())


def test_the_page_is_well_formed_and_fetches_nothing(page: str) -> None:
    reader = Reader(page)
    names = Counter(reader.values("id"))
    assert {"methods", "checks", "kinds", "channels", "examples", "example-1"} == set(names)
    assert max(names.values()) == 1
    assert set(reader.values("aria-labelledby")) <= set(names)
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in reader.elements}
    assert all(value.startswith("data:") for value in reader.values("src"))
    assert "url(" not in page
    assert "//" not in re.sub(r"data:[^\"]*", "", page)
    assert "default-src 'none'" in reader.values("content")[-1]


def test_the_headline_says_what_was_found(page: str) -> None:
    text = Reader(page).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "A stem is 1.1 dB closer to the truth than the mixture ." in text
    assert "0.8 to 1.5 dB, 100 stems from mixtures of 2 sounds of different kinds" in text
    for fact in ("my-model", "0123abcd", "solos", "val", "5", "cpu", "8000 Hz"):
        assert fact in text
    first = replace(report().rows[0], nsdr=Interval(-1.0, -2.0, 0.5))
    worse = Reader(document(replace(report(), rows=(first,)))).text
    assert "1.0\N{NO-BREAK SPACE}dB further from the truth than the mixture" in worse


def test_every_figure_of_every_row_occurs(page: str) -> None:
    cells = Reader(page).cells()
    for row in report().rows:
        for values in (row.nsdr, row.sir, row.sar, row.si_sdr):
            assert cells.count(f"{values.mean:.1f}") == 1
            assert cells.count(f"{values.low:.1f} to {values.high:.1f}") == 1


def test_all_other_figures_occur(page: str) -> None:
    reader = Reader(page)
    text = reader.text.replace("\N{NO-BREAK SPACE}", " ")
    for figure in (
        f"{MINUS}63.3 dB",
        f"{MINUS}64.3 to {MINUS}60.3",
        "in 47 % of 33 examples",
        f"{MINUS}61.2 dB",
        "77 stems",
        "83 %",
        "74 % to 91 %",
        "of 34 examples",
        "66 % of all pictures",
        "67 % of all solo sounds",
        "chance is 33 %",
        "Of 4 channels, 1 stands for no kind; 1 kind has no channel",
        "71.4 dB",
        f"{MINUS}72.4 dB",
    ):
        assert figure in text
    cells = Counter(reader.cells())
    # Pairs of kinds are seen from both sides, both confusions hold the same shares.
    for figure in ("81.2", f"{MINUS}9.7", "61", "22", "13", "54", "5", "97"):
        assert cells[figure] == 2


def test_bold_is_the_best_that_is_no_bound(page: str) -> None:
    def bold(one: Report) -> list[str]:
        return [text for where, text in Reader(document(one)).texts if "strong" in where]

    in_table = [text for where, text in Reader(page).texts if {"strong", "td"} <= set(where)]
    best = [row for row in report().rows if row.method == "nmf"]
    means = [v.mean for row in best for v in (row.nsdr, row.sir, row.sar, row.si_sdr)]
    assert in_table == [f"{mean:.1f}" for mean in means]
    alone = replace(report(), rows=tuple(r for r in report().rows if r.method != "nmf"))
    assert "Bold" in bold(report())
    assert "Bold" not in bold(alone)


def renamed(name: str) -> Report:
    """The report with all its names replaced; ``name`` stays apart by what follows it."""
    one = report()
    stems = tuple(replace(s, kind=f"{name}{s.kind}", name=name) for s in one.shown[0].stems)
    kinds = tuple(f"{name}{kind}" for kind in ("bell", "drum", "horn"))
    assert one.visual
    assert one.audio
    return replace(
        one,
        model=name,
        model_id=name,
        device=name,
        dataset=name,
        split=name,
        rows=tuple(
            replace(row, method=f"{name}{row.method}", pairing=f"{name}{row.pairing}")
            for row in one.rows
        ),
        kind_pairs=tuple(
            replace(pair, kinds=(f"{name}{pair.kinds[0]}", f"{name}{pair.kinds[1]}"))
            for pair in one.kind_pairs
        ),
        visual=replace(one.visual, kinds=kinds),
        audio=replace(one.audio, kinds=kinds),
        shown=(replace(one.shown[0], stems=stems),),
    )


@given(name=st.one_of(st.just(EVIL), st.text(st.characters(), min_size=1, max_size=12)))
@settings(max_examples=12, deadline=None)
def test_names_change_only_the_text(name: str) -> None:
    found, expected = document(renamed(name)), document(renamed("plain"))
    found.encode("utf-8")
    assert Reader(found).elements == Reader(expected).elements


def test_hostile_names_are_shown_as_they_are() -> None:
    page = document(renamed(EVIL))
    reader = Reader(page)
    shown = EVIL.replace("\x00", "\ufffd").replace("\udc80", "\ufffd")
    assert "<script" not in page
    assert "onerror" not in {key for key, _ in reader.attributes}
    for where in ("title", "h1", "dd", "th", "h4", "p"):
        assert any(text.startswith(shown) for text in reader.cells(where)), where


def test_the_same_report_gives_the_same_page(tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        write_page(report(), tmp_path / name)
    slower = replace(report(), seconds=99.0)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == document(slower)


def test_an_old_page_is_replaced_and_nothing_else_left(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")
    write_page(report(), target)
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_what_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="folder does not exist"):
        write_page(report(), tmp_path / "gone" / "page.html")
    with pytest.raises(OutputError, match="is a folder"):
        write_page(report(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_an_output_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")
    full = Path("/dev/full")
    monkeypatch.setattr(Path, "write_text", lambda *_args, **_options: full.write_bytes(b"x"))
    with pytest.raises(OutputError, match=r"page\.html"):
        write_page(report(), target)
    assert target.read_bytes() == b"old"


OPTIONAL = {
    "wrong_click": None,
    "silent": None,
    "localisation": None,
    "visual": None,
    "audio": None,
    "rows": (),
    "kind_pairs": (),
    "shown": (),
}


@pytest.mark.parametrize("absent", [*([name] for name in OPTIONAL), list(OPTIONAL)], ids=str)
def test_anything_optional_may_be_absent(absent: list[str]) -> None:
    assert set(OPTIONAL) < {field.name for field in fields(Report)}
    reader = Reader(document(replace(report(), **{name: OPTIONAL[name] for name in absent})))
    if absent == list(OPTIONAL):
        assert reader.values("id") == []
        assert "Nothing was separated." in reader.text
    else:
        assert "methods" in reader.values("id") or absent == ["rows"]


@given(figures=st.lists(st.floats(width=32), min_size=12, max_size=12))
@settings(max_examples=15, deadline=None)
def test_any_figures_make_a_whole_page(figures: list[float]) -> None:
    low, high = min(figures), max(figures)
    four = [Interval(*figures[i : i + 3]) for i in range(0, 12, 3)]
    rows = tuple(Row(method, 2, "different", 3, *four) for method in METHODS)
    pairs = (KindPair(("a", "b"), 2, low), KindPair(("b", "c"), 2, high))
    one = replace(report(), rows=rows, kind_pairs=pairs, shown=(), wrong_click=rows[0])
    reader = Reader(document(one))
    for name in ("cx", "x1", "x2", "x"):
        for place in reader.values(name):
            assert 0.0 <= float(place.removesuffix("%")) <= 100.0
    for style in reader.values("style"):
        assert math.isfinite(float(re.sub(r"[^\d.]", "", style)))


def test_a_silent_example_of_no_length_is_shown() -> None:
    one = report().shown[0]
    for samples in (np.zeros(0, np.float32), np.zeros(5, np.float32), np.zeros(4_000, np.float32)):
        stems = tuple(replace(stem, truth=samples, stem=samples) for stem in one.stems)
        silent = replace(one, mixture=samples, stems=stems)
        Reader(document(replace(report(), shown=(silent,))))
