import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelmix.dsp.warp import unwarp_matrix
from pixelmix.errors import ModelError, OutputError
from pixelmix.mix.plan import spectrogram
from pixelmix.model.bundle import load_bundle, verify
from pixelmix.model.session import Networks
from pixelmix.train.nets import AudioNetwork, NetworkSizes, VisionNetwork
from pixelmix.train.official import import_checkpoint
from pixelmix.types import FloatArray
from tests.train import published

States = tuple[published.State, published.State, published.State]
Files = tuple[Path, Path, Path]
NAMES = ("frame.pth", "sound.pth", "synthesizer.pth")
K, WIDTH = 5, 4


def save(states: States, folder: Path, *, legacy: bool = False) -> Files:
    frame, sound, synthesizer = (folder / name for name in NAMES)
    for state, file in zip(states, (frame, sound, synthesizer), strict=True):
        torch.save(state, file, _use_new_zipfile_serialization=not legacy)
    return frame, sound, synthesizer


@pytest.fixture(scope="module")
def states() -> States:
    return published.random_states(k=K, width=WIDTH)


@pytest.fixture(scope="module")
def saved(states: States, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Return three good files; they are shared, so leave them unchanged."""
    return save(states, tmp_path_factory.mktemp("saved"))


@pytest.fixture(scope="module")
def imported(states: States, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("official")
    # As saved in 2018: before the zip format, and from networks wrapped for several GPUs.
    wrapped = {f"module.{key}": value for key, value in states[0].items()}
    bundle = import_checkpoint(
        *save((wrapped, states[1], states[2]), folder, legacy=True), folder / "official"
    )
    assert bundle.path == folder / "official"
    return bundle.path


@pytest.fixture(scope="module")
def networks(imported: Path) -> Networks:
    return Networks.open(load_bundle(imported), "cpu", 1)


def noise(seed: int) -> FloatArray:
    """Return a window of noise that swells and fades.

    No steps: the published warp is computed in single precision and lets about 1e-5 of a frame
    leak into its neighbours, which shows beside one that is far louder.
    """
    level = 0.1 * np.exp(np.sin(np.linspace(0, 9, 65_535)))
    return (level * np.random.default_rng(seed).normal(size=65_535)).astype(np.float32)


def pictures() -> Tensor:
    return torch.randn(3, 3, 224, 256, generator=torch.Generator().manual_seed(3))


def check_masks(states: States, networks: Networks) -> None:
    """Compare the whole chain, from samples and pictures to the linear-frequency mask."""
    frame, sound, synthesizer = states
    samples, images, fe = noise(0), pictures(), networks.bundle.front_end
    with torch.inference_mode():
        seen = published.image_features(frame, images)
        whole = seen.amax(dim=(0, 2, 3))
        one_cell = seen[:, :, 3, 7].amax(dim=0)
        heard = published.sound_components(sound, published.log_spectrogram(torch.tensor(samples)))
        wanted = [published.mask(synthesizer, pooled, heard[0]) for pooled in (whole, one_cell)]
    features = networks.features(images.numpy())
    pooled = np.stack([features.max(axis=(0, 2, 3)), features[:, :, 3, 7].max(axis=0)])
    components = networks.components(spectrogram(fe, samples[None]).log_magnitude)
    masks = networks.masks(pooled, components)[0]
    for found, reference in zip(masks, wanted, strict=True):
        np.testing.assert_allclose(found, reference.numpy(), atol=1e-4)
        np.testing.assert_allclose(
            unwarp_matrix(fe) @ found, published.linear_mask(reference).numpy(), atol=1e-4
        )
        assert found.std() > 0.05, "a constant mask would prove nothing"


def test_masks_equal_the_published_code(states: States, networks: Networks) -> None:
    check_masks(states, networks)


@pytest.mark.parametrize("levels", [5, 6])
def test_shallower_networks_equal_it_too(levels: int) -> None:
    states = published.random_states(k=3, width=2, levels=levels, seed=1)
    network = AudioNetwork(NetworkSizes(k=3, unet_width=2, unet_levels=levels)).eval()
    network.load_state_dict(states[1])
    spectra = published.log_spectrogram(torch.tensor(noise(1)))
    with torch.inference_mode():
        wanted = published.sound_components(states[1], spectra.clone())
        torch.testing.assert_close(network(spectra), wanted, rtol=1e-5, atol=1e-5)


def test_the_dilated_backbone_is_the_published_one(states: States) -> None:
    network = VisionNetwork(NetworkSizes(k=K)).eval()
    network.load_state_dict(states[0])
    images = pictures()[:1]
    with torch.inference_mode():
        wanted = published.image_features(states[0], images)
        torch.testing.assert_close(torch.sigmoid(network(images)), wanted, rtol=0, atol=1e-5)


def test_the_bundle_says_what_the_published_code_does(imported: Path) -> None:
    bundle = load_bundle(imported)
    verify(bundle)
    fe, vision = bundle.front_end, bundle.vision
    assert (bundle.k, bundle.name, bundle.mask_type) == (K, "official", "binary")
    assert (fe.rate, fe.n_fft, fe.hop, fe.rows, fe.frames, fe.bins) == (
        11_025,
        1_022,
        256,
        256,
        256,
        512,
    )
    assert vision.frames_per_window == 3
    assert vision.frame_spacing == 24 / 8
    assert bundle.mask_threshold == 0.5
    for name in NAMES:
        assert name in bundle.training


def test_a_full_size_checkpoint_equals_the_published_code(tmp_path: Path) -> None:
    states = published.random_states(k=32, width=64, seed=2)
    bundle = import_checkpoint(*save(states, tmp_path), tmp_path / "full")
    with Networks.open(bundle, "cpu", 1) as networks:
        check_masks(states, networks)


Change = Callable[[published.State], object]


def drop(key: str) -> Change:
    return lambda state: state.pop(key)


def put(key: str, value: object) -> Change:
    return lambda state: state.update({key: value})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("index", "change", "reason"),
    [
        (0, drop("features.7.0.downsample.0.weight"), "downsample.0.weight' is missing"),
        (0, drop("fc.weight"), "'fc.weight' is missing"),
        (1, drop("bn0.running_var"), "'bn0.running_var' is missing"),
        (2, drop("scale"), "'scale' is missing"),
        (1, put("stft.window", torch.ones(3)), "unexpected key 'stft.window'"),
        (0, put("fc.weight", torch.ones(K, 256, 3, 3)), "(5, 256, 3, 3), not (5, 512, 3, 3)"),
        (0, put("fc.weight", torch.ones(K, 512, 99, 99)), "is 99, outside 1..15"),
        (0, put("fc.bias", torch.ones(K - 1)), "'fc.bias' has shape (4,), not (5,)"),
        (2, put("bias", torch.ones(1, 1)), "'bias' has 2 axes, not 1"),
        (2, put("bias", torch.tensor([1])), "other than finite floats"),
        (2, put("scale", torch.full((K,), torch.nan)), "other than finite floats"),
        (1, put("unet_block.model.0.weight", torch.ones(4096, 1, 4, 4)), "is 4096, outside"),
        (2, put("bias", "text"), "'bias' is no tensor"),
    ],
)
def test_what_does_not_fit_is_named(
    states: States, saved: Files, tmp_path: Path, index: int, change: Change, reason: str
) -> None:
    changed = dict(states[index])
    change(changed)
    files = list(saved)
    files[index] = tmp_path / NAMES[index]
    torch.save(changed, files[index])
    with pytest.raises(ModelError) as caught:
        import_checkpoint(files[0], files[1], files[2], tmp_path / "bundle")
    assert str(files[index]) in str(caught.value)
    assert reason in str(caught.value)
    assert list(tmp_path.iterdir()) == [files[index]]


def test_networks_of_different_k_do_not_fit(saved: Files, tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    torch.save({"scale": torch.ones(K + 1), "bias": torch.ones(1)}, other)
    with pytest.raises(ModelError, match=r"'fc.weight' has shape \(5, .*, not \(6, "):
        import_checkpoint(saved[0], saved[1], other, tmp_path / "bundle")


def test_files_in_the_wrong_order_are_noticed(saved: Files, tmp_path: Path) -> None:
    frame, sound, synthesizer = saved
    with pytest.raises(ModelError, match="is it the right network's file"):
        import_checkpoint(sound, frame, synthesizer, tmp_path / "bundle")


class Malicious:
    """Pickles to a call: unpickling it would write a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
def test_code_in_a_checkpoint_is_refused_and_not_run(
    saved: Files, tmp_path: Path, form: str
) -> None:
    bad, marker = tmp_path / "bad.pth", tmp_path / "was-run"
    if form == "pickle":
        bad.write_bytes(pickle.dumps(Malicious(marker)))
    else:
        content = {"scale": Malicious(marker)}
        torch.save(content, bad, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(ModelError, match=r"bad\.pth .*could run code"):
        import_checkpoint(saved[0], saved[1], bad, tmp_path / "bundle")
    assert not marker.exists()


@pytest.mark.parametrize(
    "content", [b"", b"not a checkpoint", b"PK\x03\x04broken", b"\x80\x02.", b"\x80\x02N."]
)
def test_a_damaged_file_is_refused(saved: Files, tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad.pth"
    bad.write_bytes(content)
    with pytest.raises(ModelError, match=r"bad\.pth") as caught:
        import_checkpoint(saved[0], bad, saved[2], tmp_path / "bundle")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_cut_file_is_refused(
    states: States, saved: Files, tmp_path: Path, *, legacy: bool
) -> None:
    bad = tmp_path / "bad.pth"
    torch.save(states[1], bad, _use_new_zipfile_serialization=not legacy)
    content = bad.read_bytes()
    for share in (0.1, 0.5, 0.99):
        bad.write_bytes(content[: int(share * len(content))])
        with pytest.raises(ModelError, match=r"bad\.pth"):
            import_checkpoint(saved[0], bad, saved[2], tmp_path / "bundle")


def test_missing_files_and_taken_targets_are_named(saved: Files, tmp_path: Path) -> None:
    frame, sound, synthesizer = saved
    with pytest.raises(ModelError, match=r"none\.pth cannot be read"):
        import_checkpoint(tmp_path / "none.pth", sound, synthesizer, tmp_path / "bundle")
    with pytest.raises(ModelError, match="no safe name"):
        import_checkpoint(frame, sound, synthesizer, tmp_path / ".bundle")
    (tmp_path / "bundle").mkdir()
    with pytest.raises(OutputError, match="exists already"):
        import_checkpoint(frame, sound, synthesizer, tmp_path / "bundle")
