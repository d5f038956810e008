import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny_kit

from pixelmix.errors import InputError, ModelError, PixelmixError
from pixelmix.train.backbone import Projection, load_projection, principal, save_projection
from pixelmix.train.cache import picture_views, prepare, training_sounds
from pixelmix.train.kit import SCENES, WEIGHTS
from tests.train.tiny_kit import NAMES, TINY


@pytest.fixture
def own_kit(kit: Path, tmp_path: Path) -> Path:
    return shutil.copytree(kit, tmp_path / "kit")


def quiet(_: str) -> None:
    return


def test_sounds_are_kept_end_to_end(cache: Path) -> None:
    pool = training_sounds(cache, TINY.front_end.rate)
    assert pool.classes == NAMES
    assert pool.samples.dtype == np.int16
    ends = pool.starts + pool.lengths
    assert pool.starts[0] == 0
    assert ends[-1] == len(pool.samples)
    np.testing.assert_array_equal(pool.starts[1:], ends[:-1])
    np.testing.assert_allclose(pool.lengths / pool.rate, tiny_kit.SECONDS, atol=0.01)
    wave = pool.samples[pool.starts[1] : ends[1]] / 32_768
    assert float(np.sqrt(np.mean(wave**2))) == pytest.approx(
        float(np.sqrt(np.mean(tiny_kit.tone(300.0) ** 2))), rel=0.05
    )


def test_every_view_has_a_projected_map_per_picture(cache: Path) -> None:
    kinds, views = picture_views(cache)
    assert sorted(set(kinds)) == sorted((*NAMES, SCENES))
    assert len(views) == TINY.views
    for view in views:
        assert view.shape == (len(kinds), 14, 14, TINY.projection_size)
        assert np.isfinite(view).all()
    assert not np.array_equal(views[0], views[1])


def test_a_prepared_cache_is_taken_as_it_is(kit: Path, cache: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(cache, tmp_path / "cache")
    before = {file: file.stat().st_mtime_ns for file in copy.iterdir()}
    prepare(tmp_path / "no kit", copy, TINY, quiet)
    assert {file: file.stat().st_mtime_ns for file in copy.iterdir()} == before
    (copy / "view-01.npy").unlink()
    prepare(kit, copy, TINY, quiet)
    np.testing.assert_array_equal(picture_views(copy)[1][1], picture_views(cache)[1][1])


def _silent(kit: Path) -> str:
    tiny_kit.write_sound(kit / "drum.wav", 0 * tiny_kit.tone(100.0))
    return "drum.wav"


def _cut_off(kit: Path) -> str:
    data = (kit / "drum.wav").read_bytes()
    (kit / "drum.wav").write_bytes(data[: len(data) // 3])
    return "drum.wav"


def _no_sound(kit: Path) -> str:
    (kit / "drum.wav").write_bytes(b"RIFF" + bytes(100))
    return "drum.wav"


def _gone(kit: Path) -> str:
    (kit / "flute.wav").unlink()
    return "flute.wav"


def _broken_picture(kit: Path) -> str:
    data = (kit / "horn-1.jpg").read_bytes()
    (kit / "horn-1.jpg").write_bytes(data[: len(data) // 2])
    return "horn-1.jpg"


def _no_scenes(kit: Path) -> str:
    lines = (kit / "pictures.csv").read_text().splitlines()
    kept = [line for line in lines if SCENES not in line]
    (kit / "pictures.csv").write_text("\n".join(kept))
    return "pictures.csv"


def _no_column(kit: Path) -> str:
    text = (kit / "solos.csv").read_text()
    (kit / "solos.csv").write_text(text.replace("class", "klass"))
    return "solos.csv"


@pytest.mark.parametrize(
    "damage", [_silent, _cut_off, _no_sound, _gone, _broken_picture, _no_scenes, _no_column]
)
def test_a_file_that_cannot_be_learnt_from_is_an_error_that_names_it(
    own_kit: Path, tmp_path: Path, damage: object
) -> None:
    assert callable(damage)
    name = damage(own_kit)
    with pytest.raises(InputError, match=name) as caught:
        prepare(own_kit, tmp_path / "cache", TINY, quiet)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache" / "pictures.json").exists()


def test_weights_of_another_network_are_refused(own_kit: Path, tmp_path: Path) -> None:
    for content in (b"", b"not weights"):
        (own_kit / WEIGHTS).write_bytes(content)
        with pytest.raises(ModelError, match="mobilenet_v2_imagenet"):
            prepare(own_kit, tmp_path / "cache", TINY, quiet)


def test_projected_cells_are_uncorrelated_and_bounded() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    cells = torch.randn(2_000, 6) @ torch.diag(torch.tensor([9.0, 4.0, 1.0, 0.5, 0.1, 0.01]))
    cells = cells @ torch.linalg.qr(torch.randn(6, 6)).Q + 3
    floor = 0.1
    projection = principal(cells, 4, floor)
    found = projection.apply(cells.T[None, :, :, None])[0, :, 0]
    covariance = torch.cov(found.T)
    off = covariance - torch.diag(covariance.diagonal())
    assert float(off.abs().max()) < 1e-4
    deviations = covariance.diagonal().sqrt()
    assert bool((deviations <= 1).all())
    np.testing.assert_allclose(deviations[0], 9 / (9 + floor), rtol=0.01)


def test_projections_survive_the_file(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    projection = Projection(torch.rand(5), torch.rand(5, 2))
    save_projection(projection, tmp_path / "pca.pt")
    found = load_projection(tmp_path / "pca.pt")
    assert all(torch.equal(a, b) for a, b in zip(found, projection, strict=True))
    torch.save({"mu": torch.rand(4), "P": torch.rand(5, 2)}, tmp_path / "bad.pt")
    for name in ("bad.pt", "gone.pt"):
        with pytest.raises(PixelmixError, match=name):
            load_projection(tmp_path / name)


def test_the_list_of_sounds_can_be_read_by_eye(cache: Path) -> None:
    first = json.loads((cache / "sounds.json").read_text())[0]
    assert first == ["bell.wav", "bell", "train", 0, 4_000]
