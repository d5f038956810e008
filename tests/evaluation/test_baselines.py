"""The baselines on steady tones of four kinds."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pixelmix.data.dataset import Dataset, Sound
from pixelmix.errors import InputError, UsageError
from pixelmix.evaluation.baselines import NAMES, baselines, nmf
from pixelmix.evaluation.examples import Example
from pixelmix.evaluation.methods import Method
from pixelmix.evaluation.metrics import si_sdr
from pixelmix.types import FloatArray, FrontEnd
from tests.data.tiny_dataset import RATE, make_dataset

FE = FrontEnd(RATE, 8_191, n_fft=510, hop=128, rows=128, warp_base=21.0, log_floor=1e-10)
FINE = replace(FE, n_fft=1_022, hop=256, rows=256)
STEPS = {"deepconvsep": 15, "spectral-regression": 40}
Train = Callable[[str], Method]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("tones") / "data", seconds=4.0)


@pytest.fixture(scope="module")
def train(dataset: Dataset) -> Train:
    made: dict[str, Method] = {}

    def once(name: str) -> Method:
        if name not in made:
            (made[name],) = baselines([name], dataset, FE, seed=1, steps=STEPS.get(name))
        return made[name]

    return once


def example(dataset: Dataset, *names: str) -> Example:
    """The named sounds of the split val, such as ``bell-0``, equally loud."""
    sounds = {sound.name: sound for sound in dataset.split("val")}
    chosen = [sounds["{}/val-{}.wav".format(*name.split("-"))] for name in names]
    waves = np.stack([dataset.samples(sound, 500, FE.window_samples) for sound in chosen])
    waves *= 0.05 / np.sqrt(np.mean(waves**2, axis=1, keepdims=True))
    return Example(names, tuple(sound.kind for sound in chosen), waves, ((),) * len(names))


def gain(method: Method, mixed: Example) -> FloatArray:
    """SI-SDR of the stems above that of the mixture, ``(sources,)`` dB."""
    mixtures = np.stack([mixed.mixture] * len(mixed.waves))
    stems = method.separate(mixed)
    return si_sdr(mixed.waves, stems) - si_sdr(mixed.waves, mixtures)


def test_the_mixture_gains_nothing(dataset: Dataset, train: Train) -> None:
    mixed = example(dataset, "bell-0", "horn-1", "reed-0")
    stems = train("mixture").separate(mixed)
    assert stems.shape == mixed.waves.shape
    np.testing.assert_array_equal(stems - mixed.mixture, 0)


@pytest.mark.parametrize("name", ["ideal-binary", "ideal-ratio"])
def test_ideal_masks_separate_nearly_perfectly(dataset: Dataset, name: str) -> None:
    (ideal,) = baselines([name], dataset, FINE)
    # Even two sounds of one kind, which no other baseline can tell apart.
    for sounds in (("bell-0", "horn-1"), ("reed-0", "reed-1")):
        assert gain(ideal, example(dataset, *sounds)).min() > 15


@pytest.mark.parametrize("name", ["ideal-binary", "ideal-ratio", "nmf", "deepconvsep"])
def test_stems_of_masks_sum_to_the_mixture(dataset: Dataset, train: Train, name: str) -> None:
    mixed = example(dataset, "bell-0", "horn-1", "reed-0")
    np.testing.assert_allclose(train(name).separate(mixed).sum(axis=0), mixed.mixture, atol=1e-5)


@pytest.mark.parametrize("name", ["nmf", "deepconvsep"])
def test_kinds_are_learnt(dataset: Dataset, train: Train, name: str) -> None:
    for sounds in (("bell-0", "horn-1"), ("reed-0", "drum-1")):
        assert gain(train(name), example(dataset, *sounds)).min() > 10


def test_spectral_regression_learns_kinds(dataset: Dataset, train: Train) -> None:
    # High tones fall between its rows: regression has no chance at those.
    assert gain(train("spectral-regression"), example(dataset, "bell-0", "horn-1")).min() > 4


@pytest.mark.parametrize("name", ["nmf", "deepconvsep", "spectral-regression"])
def test_sources_of_one_kind_get_the_same(dataset: Dataset, train: Train, name: str) -> None:
    first, second, other = train(name).separate(example(dataset, "bell-0", "bell-1", "horn-0"))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, other, atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_stems_are_as_loud_as_the_mixture(dataset: Dataset, train: Train, name: str) -> None:
    mixed = example(dataset, "horn-0", "bell-1")
    louder = replace(mixed, waves=4 * mixed.waves)
    stems = train(name).separate(mixed)
    assert stems.dtype == np.float32
    np.testing.assert_allclose(train(name).separate(louder), 4 * stems, atol=1e-4)


@pytest.mark.parametrize("name", ["nmf", "deepconvsep", "spectral-regression"])
def test_the_seed_decides(dataset: Dataset, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nmf, "LEARNING", 3)
    mixed = example(dataset, "drum-0", "reed-1")
    stems = [baselines([name], dataset, FE, seed, 2)[0].separate(mixed) for seed in (3, 3, 4)]
    np.testing.assert_array_equal(stems[0], stems[1])
    assert not np.array_equal(stems[0], stems[2])


def test_names_are_kept_in_order_and_once(dataset: Dataset) -> None:
    names = ["ideal-ratio", "mixture", "ideal-ratio"]
    assert [method.name for method in baselines(names, dataset, FE)] == ["ideal-ratio", "mixture"]


def test_all_are_made_and_say_how_far_they_are(dataset: Dataset) -> None:
    lines: list[str] = []
    made = baselines(["mixture", "all"], dataset, FE, steps=1, say=lines.append)
    assert tuple(method.name for method in made) == NAMES
    assert [line.split(":")[0] for line in lines] == list(NAMES[3:])


def test_an_unknown_name_is_refused_with_the_known(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match=r"no baseline 'nmff'; choose from mixture, .* or all"):
        baselines(["mixture", "nmff"], dataset, FE)


@pytest.mark.parametrize("name", ["nmf", "deepconvsep", "spectral-regression"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda sounds: [replace(row, kind="") for row in sounds], "not every sound"),
        (lambda sounds: [replace(sounds[0], kind=""), *sounds[1:]], "not every sound"),
        (lambda sounds: [row for row in sounds if row.kind == "horn"], "or all are of one"),
        (
            lambda sounds: [row for row in sounds if row.kind != "horn" or row.split != "train"],
            "no training sounds of horn;",
        ),
    ],
    ids=["no kinds", "one unknown", "one kind", "a kind without sounds"],
)
def test_what_learns_needs_kinds(
    tmp_path: Path,
    name: str,
    spoil: Callable[[Sequence[Sound]], list[Sound]],
    message: str,
) -> None:
    data = make_dataset(tmp_path / "data", seconds=2.0)
    data.sounds = tuple(spoil(data.sounds))
    with pytest.raises(InputError, match=message):
        baselines([name], data, FE)
    assert baselines(["mixture", "ideal-binary"], data, FE)


def test_silence_teaches_nothing(tmp_path: Path) -> None:
    data = make_dataset(tmp_path / "data", seconds=2.0)
    (tmp_path / "data" / "sound.i16").write_bytes(bytes(2 * sum(s.samples for s in data.sounds)))
    with pytest.raises(InputError, match=r"training sounds of 'bell' are \(nearly\) silent"):
        baselines(["nmf"], Dataset.open(tmp_path / "data"), FE)


def test_cheap_baselines_do_without_torch() -> None:
    code = (
        "import sys; from pixelmix.evaluation.baselines import baselines; "
        "import pixelmix.evaluation.baselines.nmf; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
