import json
import math
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelmix.errors import ModelError
from pixelmix.fields import Json
from pixelmix.model import bundle as bundle_module
from pixelmix.model.bundle import find_bundle, list_bundles, load_bundle, read_checked, verify
from pixelmix.model.card import write_texts
from pixelmix.model.schema import (
    NETWORK_FILES,
    Description,
    FileRecord,
    MaskType,
    compose,
    parse,
)
from pixelmix.types import FrontEnd, Vision
from tests.tiny_model import build_tiny_bundle, tiny_description

FILES = {name: FileRecord("0" * 64, 1) for name in NETWORK_FILES}


def document() -> dict[str, Json]:
    data: dict[str, Json] = json.loads(json.dumps(compose(tiny_description(), FILES)))
    return data


def put(data: dict[str, Json], key: str, value: object) -> dict[str, Json]:
    *path, last = key.split("/")
    inner: object = data
    for part in path:
        assert isinstance(inner, dict)
        inner = inner[part]
    assert isinstance(inner, dict)
    if value is Ellipsis:
        del inner[last]
    else:
        inner[last] = value
    return data


def test_a_bundle_states_what_it_was_written_with(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    about = tiny_description()
    for field in fields(Description):
        assert getattr(bundle, field.name) == getattr(about, field.name)
    assert bundle.path == tiny_bundle
    assert set(bundle.files) == set(NETWORK_FILES)
    verify(bundle)
    card = (tiny_bundle / "MODEL_CARD.md").read_text()
    for fact in (about.name, about.training, about.licence, "11025 Hz", "SDR"):
        assert fact in card


@given(
    front_end=st.builds(
        FrontEnd,
        rate=st.integers(1_000, 384_000),
        window_samples=st.integers(65_536, 2**20),
        n_fft=st.integers(512, 2**15).map(lambda half: 2 * half),
        hop=st.integers(1, 512),
        rows=st.integers(1, 2_048),
        warp_base=st.none() | st.floats(1.1, 100.0),
        log_floor=st.floats(1e-12, 1e-3),
    ),
    vision=st.builds(
        Vision,
        short_side=st.integers(16, 1_024),
        stride=st.integers(1, 64),
        mean=st.tuples(*[st.floats(-1, 1)] * 3),
        std=st.tuples(*[st.floats(0.01, 2)] * 3),
        frames_per_window=st.integers(1, 16),
        frame_spacing=st.floats(0, 10),
    ),
    k=st.integers(1, 64),
    scores=st.dictionaries(st.text(max_size=8), st.floats(allow_nan=False, allow_infinity=False)),
)
def test_descriptions_survive_the_round_trip(
    front_end: FrontEnd, vision: Vision, k: int, scores: dict[str, float]
) -> None:
    about = replace(tiny_description(k=k, front_end=front_end, vision=vision), scores=scores)
    text = json.dumps(compose(about, FILES), allow_nan=False)
    bundle = parse(json.loads(text), Path("m"))
    assert compose(bundle, bundle.files) == compose(about, FILES)
    assert (bundle.front_end, bundle.vision, bundle.scores) == (front_end, vision, scores)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("format", 2, "update pixelmix"),
        ("format", ..., "'format' is missing"),
        ("format", "1", "must be a whole number, not '1'"),
        ("name", "", "must have 1 to"),
        ("name", "../up", "no safe name"),
        ("name", "a/b", "no safe name"),
        ("name", ".hidden", "no safe name"),
        ("name", "a\n", "no safe name"),
        ("k", True, "must be a whole number, not true"),
        ("k", 32.0, "must be a whole number, not 32.0"),
        ("k", 0, "is 0, outside 1..4096"),
        ("k", None, "not null"),
        ("front_end", [], "must be a JSON object, not a list of 0"),
        ("front_end/rate", ..., "'front_end.rate' is missing"),
        ("front_end/rate", -11025, "outside"),
        ("front_end/n_fft", 1023, "must be even"),
        ("front_end/hop", 1022, "at least twice 'hop'"),
        ("front_end/window_samples", 500, "must hold"),
        ("front_end/warp_base", 1.0, "outside"),
        ("front_end/warp_base", "21", "must be a number, not '21'"),
        ("front_end/log_floor", 0, "outside"),
        ("vision/mean", [0.5, 0.5], "a list of three numbers, not a list of 2"),
        ("vision/std", [1.0, 0.0, 1.0], "outside"),
        ("vision/mean", [0.5, "a", 0.5], "must be a number, not 'a'"),
        ("vision/frame_spacing", 10**400, "outside"),
        ("vision/stride", 0, "outside"),
        ("activations/image", "softmax", "'sigmoid' or 'relu' or 'none', not 'softmax'"),
        ("activations/sound", "sigmoid", "must be 'none'"),
        ("activations/mask", "none", "must be 'sigmoid'"),
        ("mask/type", "soft", "'binary' or 'ratio'"),
        ("mask/type", {}, "not an object"),
        ("mask/threshold", 1.5, "outside 0..1"),
        ("mask/threshold", "0.5", "must be a number, not '0.5'"),
        ("mask/threshold", ..., "'mask.threshold' is missing"),
        ("training", 7, "must be a text, not 7"),
        ("licence", ..., "'licence' is missing"),
        ("scores", {"SDR": "8"}, "'scores.SDR' must be a number"),
        ("files/vision.onnx", ..., "'vision.onnx' is missing"),
        ("files/vision.onnx/sha256", "A" * 64, "64 lower-case hex digits"),
        ("files/vision.onnx/sha256", "0" * 63, "64 lower-case hex digits"),
        ("files/vision.onnx/bytes", 0, "outside"),
        ("files/..", {"sha256": "0" * 64, "bytes": 1}, "no safe name"),
    ],
)
def test_a_description_that_does_not_hold_is_refused_with_the_reason(
    key: str, value: object, reason: str
) -> None:
    with pytest.raises(ModelError) as caught:
        parse(put(document(), key, value), Path("folder"))
    message = str(caught.value)
    assert reason in message
    assert str(Path("folder") / "model.json") in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["C:evil", "a\\b", "/etc/passwd", "-x", ""])
def test_unsafe_file_names_are_refused(name: str) -> None:
    data = document()
    files = data["files"]
    assert isinstance(files, dict)
    files[name] = {"sha256": "0" * 64, "bytes": 1}
    with pytest.raises(ModelError, match="no safe name"):
        parse(data, Path("folder"))


@pytest.mark.parametrize(
    ("mask_type", "threshold", "used", "said"),
    [
        ("binary", 0.5, [0.0, 0.0, 1.0], "cut at 0.5"),
        ("binary", None, [0.2, 0.5, 0.7], "used as they come"),
        ("ratio", 0.5, [0.2, 0.5, 0.7], "used as they come"),
    ],
)
def test_only_a_binary_mask_with_a_threshold_is_cut(
    mask_type: MaskType, threshold: float | None, used: list[float], said: str, tmp_path: Path
) -> None:
    about = replace(tiny_description(), mask_type=mask_type, mask_threshold=threshold)
    bundle = load_bundle(build_tiny_bundle(tmp_path / "m", about))
    assert (bundle.mask_type, bundle.mask_threshold) == (mask_type, threshold)
    masks = np.array([0.2, 0.5, 0.7], np.float32)
    np.testing.assert_array_equal(bundle.cut(masks), np.array(used, np.float32))
    assert said in (tmp_path / "m" / "MODEL_CARD.md").read_text()


def test_unknown_keys_are_ignored() -> None:
    data = put(document(), "later", {"anything": [1, 2]})
    assert parse(data, Path("m")) == parse(document(), Path("m"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    key=st.sampled_from([*document(), "front_end/hop", "vision/mean", "mask/type"]),
    value=json_values,
)
def test_whatever_is_written_there_is_read_or_refused(key: str, value: Json) -> None:
    try:
        bundle = parse(put(document(), key, value), Path("m"))
    except ModelError:
        return
    assert parse(json.loads(json.dumps(compose(bundle, bundle.files))), Path("m")) == bundle


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"k": NaN}', "NaN is not JSON"),
        (b"[1]", "must be a JSON object"),
        (b" " * 1_000_001, "too large"),
    ],
)
def test_a_file_that_is_no_description_is_refused(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "model.json").write_bytes(content)
    with pytest.raises(ModelError, match=reason):
        load_bundle(tmp_path)


def test_missing_folders_and_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        load_bundle(tmp_path / "none")
    with pytest.raises(ModelError, match=r"has no model\.json"):
        load_bundle(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="is not a folder"):
        load_bundle(tmp_path / "file")


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize("name", NETWORK_FILES)
@pytest.mark.parametrize(
    ("damage", "reason"),
    [(flip, "does not match its checksum"), (cut, "bytes where"), (Path.unlink, "cannot be read")],
)
def test_damage_is_found(
    tmp_path: Path, name: str, damage: Callable[[Path], None], reason: str
) -> None:
    bundle = load_bundle(build_tiny_bundle(tmp_path / "m"))
    damage(bundle.path / name)
    with pytest.raises(ModelError, match=reason) as caught:
        verify(bundle)
    assert name in str(caught.value)


def test_reading_returns_the_file(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    for name in NETWORK_FILES:
        assert read_checked(bundle, name) == (tiny_bundle / name).read_bytes()


def test_the_id_is_of_the_networks_alone(tiny_bundle: Path, tmp_path: Path) -> None:
    first = load_bundle(tiny_bundle)
    renamed = shutil.copytree(tiny_bundle, tmp_path / "copy")
    write_texts(renamed, replace(tiny_description("other"), licence="another"))
    assert load_bundle(renamed).id == first.id
    other = load_bundle(build_tiny_bundle(tmp_path / "seed1", seed=1))
    assert other.id != first.id
    assert len(first.id) == 12


def test_bundles_are_found_by_name_and_by_path(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = (tmp_path / "inside", tmp_path / "checkout", tmp_path / "none")
    for root, names in zip(roots, (["b"], ["b", "a"], []), strict=False):
        for name in names:
            shutil.copytree(tiny_bundle, root / name)
    (roots[1] / "no-bundle").mkdir()
    monkeypatch.setattr(bundle_module, "_roots", lambda: iter(roots))
    assert list_bundles() == (roots[1] / "a", roots[0] / "b")
    assert find_bundle("b") == roots[0] / "b"
    assert find_bundle(str(tiny_bundle)) == tiny_bundle
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    assert find_bundle("a") == roots[1] / "a"
    assert find_bundle("./a") == Path("a")
    for unknown in ("c", "", "no/such/folder"):
        with pytest.raises(ModelError, match="models: a, b"):
            find_bundle(unknown)


def test_a_score_that_is_no_number_is_refused_when_writing(tmp_path: Path) -> None:
    folder = build_tiny_bundle(tmp_path / "m")
    with pytest.raises(ModelError, match=r"scores\.SDR"):
        write_texts(folder, replace(tiny_description(), scores={"SDR": math.nan}))
