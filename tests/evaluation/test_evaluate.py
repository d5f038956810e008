import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pixelmix.data.dataset import Dataset
from pixelmix.errors import InputError, UsageError
from pixelmix.evaluation.evaluate import Options, evaluate
from pixelmix.evaluation.report import Report, Row
from pixelmix.model.bundle import load_bundle
from pixelmix.model.session import Networks
from tests.data.tiny_dataset import KINDS, make_dataset
from tests.evaluation.knowing_networks import Knowing
from tests.tiny_model import build_tiny_bundle, tiny_description

SMALL = Options(count=2, seed=3, show=1)


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("data") / "kit")


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networks]:
    folder = build_tiny_bundle(tmp_path_factory.mktemp("models") / "small", small())
    with Networks.open(load_bundle(folder), "cpu", 1) as opened:
        yield opened


def small():  # type: ignore[no-untyped-def]  # noqa: ANN201
    about = tiny_description("small")
    fe = replace(about.front_end, window_samples=16_383, rows=64)
    return replace(about, front_end=fe, vision=replace(about.vision, short_side=64))


@pytest.fixture(scope="module")
def known(kit: Dataset, tiny_bundle: Path) -> Report:
    networks = Knowing(load_bundle(tiny_bundle))
    return evaluate(networks, kit, SMALL)  # type: ignore[arg-type]


def rows(report: Report, sources: int, pairing: str = "different") -> dict[str, Row]:
    chosen = [row for row in report.rows if (row.sources, row.pairing) == (sources, pairing)]
    return {row.method: row for row in chosen}


def test_twice_the_same_figures(networks: Networks, kit: Dataset) -> None:
    few = replace(SMALL, sources=(2,), baselines=("ideal-ratio",))
    first, second = (evaluate(networks, kit, few).document() for _ in range(2))
    first.pop("seconds")
    second.pop("seconds")
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)
    other = evaluate(networks, kit, replace(few, seed=4, count=1)).document()
    assert other["rows"] != first["rows"]


def test_every_method_has_a_row_for_every_sort_of_mixture(known: Report) -> None:
    methods = ["tiny", "mixture", "ideal-binary", "ideal-ratio"]
    wanted = [
        (method, sources, pairing, 2 * sources)
        for sources, pairing in ((2, "different"), (3, "different"), (4, "different"), (2, "same"))
        for method in methods
    ]
    assert [(r.method, r.sources, r.pairing, r.stems) for r in known.rows] == wanted


def test_intervals_hold_their_means(known: Report) -> None:
    assert known.wrong_click is not None
    for row in (*known.rows, known.wrong_click):
        for figure in (row.nsdr, row.sir, row.sar, row.si_sdr):
            assert math.isfinite(figure.mean)
            assert figure.low <= figure.mean <= figure.high


def test_ideal_masks_beat_the_mixture_and_the_model_lies_between(known: Report) -> None:
    for sources in (2, 3, 4):
        found = rows(known, sources)
        assert found["mixture"].nsdr.mean == pytest.approx(0, abs=1e-6)
        assert found["mixture"].si_sdr.mean == pytest.approx(0, abs=1e-6)
        assert found["ideal-ratio"].nsdr.mean > 6
        assert found["ideal-binary"].nsdr.mean > 6
        assert 2 < found["tiny"].nsdr.mean < found["ideal-ratio"].nsdr.mean
    # These networks cannot tell two of a kind apart.
    assert rows(known, 2, "same")["tiny"].nsdr.mean == pytest.approx(0, abs=0.5)


def test_the_wrong_click_and_silent_and_sounding_places(known: Report) -> None:
    assert known.wrong_click is not None
    assert known.wrong_click.nsdr.mean < -2
    assert known.wrong_click.stems == 4
    assert known.silent is not None
    # Not silent: the second partial of one kind is the fundamental of the next.
    assert known.silent.level.mean < -6
    assert known.silent.examples == 2
    assert known.localisation is not None
    assert (known.localisation.found.mean, known.localisation.examples) == (1.0, 2)


def test_channels_and_pairs_of_kinds(known: Report) -> None:
    for confusion in (known.visual, known.audio):
        assert confusion is not None
        assert (confusion.kinds, confusion.accuracy) == (KINDS, 1.0)
    found = rows(known, 2)["tiny"]
    total = sum(pair.nsdr * pair.stems for pair in known.kind_pairs)
    assert total / found.stems == pytest.approx(found.nsdr.mean)
    assert all(list(pair.kinds) == sorted(pair.kinds) for pair in known.kind_pairs)


def test_shown_examples_fit_together(known: Report) -> None:
    (shown,) = known.shown
    np.testing.assert_allclose(shown.mixture, sum(stem.truth for stem in shown.stems), atol=1e-6)
    for stem in shown.stems:
        assert stem.picture.shape[2] == 3
        assert stem.stem.shape == stem.truth.shape
        assert 0 <= stem.mask.min() <= stem.mask.max() <= 1
        assert stem.kind in KINDS


def test_the_document_says_it_all_but_the_shown_examples(known: Report) -> None:
    document = json.loads(json.dumps(known.document(), allow_nan=False))
    assert document["model"] == "tiny"
    assert document["dataset"] == "kit"
    assert document["rate"] == 11_025
    assert document["rows"][0]["nsdr"].keys() == {"mean", "low", "high"}
    assert document["visual"]["matrix"] == np.eye(4).tolist()
    assert "shown" not in document


def test_videos_without_kinds_are_measured_too(networks: Networks, tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "videos", videos=True)
    dataset.sounds = tuple(replace(sound, kind="") for sound in dataset.sounds)
    report = evaluate(networks, dataset, Options(count=1, sources=(2,)))
    assert {row.pairing for row in report.rows} == {"different"}
    assert report.kind_pairs == ()
    assert (report.visual, report.audio) == (None, None)
    assert report.silent is not None
    assert report.localisation is not None


def test_only_what_was_asked_for(networks: Networks, kit: Dataset) -> None:
    steps: list[tuple[int, int]] = []
    options = Options(count=2, sources=(3,), baselines=())
    report = evaluate(networks, kit, options, lambda done, total: steps.append((done, total)))
    assert [(row.method, row.sources) for row in report.rows] == [("small", 3)]
    assert (report.wrong_click, report.silent, report.localisation) == (None, None, None)
    total = 2 + 2 * len(KINDS)
    assert steps == [(done, total) for done in range(1, total + 1)]


def test_what_cannot_be_measured_is_said(networks: Networks, kit: Dataset) -> None:
    with pytest.raises(InputError, match="no 7 different kinds"):
        evaluate(networks, kit, Options(count=1, sources=(7,)))
    with pytest.raises(UsageError, match="no baseline 'magic'"):
        evaluate(networks, kit, Options(count=1, baselines=("magic",)))
    alone = make_alone(kit)
    with pytest.raises(InputError, match="only one sound"):
        evaluate(networks, alone, Options(count=1))


def make_alone(kit: Dataset) -> Dataset:
    """The same dataset with a single sound."""
    alone = Dataset.open(kit.folder)
    alone.sounds = tuple(row for row in kit.sounds if row.split == "val")[:1]
    return alone
