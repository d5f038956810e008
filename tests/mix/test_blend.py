"""Blended masks are weighted means of the windows' masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.mix.blend import REST_MASK, MaskBlender, compete
from pixelmix.types import FloatArray, FrontEnd

FRONT_ENDS = [
    FrontEnd(8000, 511, 62, 16, 5, 21.0, 1e-10),
    FrontEnd(8000, 528, 62, 16, 5, 21.0, 1e-10),  # 34 frames
    FrontEnd(8000, 512, 62, 16, 5, 21.0, 1e-10),  # 33 frames: three windows meet in one frame
]


def blend(fe: FrontEnd, windows: FloatArray) -> FloatArray:
    """Blend ``(windows, regions, rows, frames)`` into ``(regions, rows, frames)``."""
    blender = MaskBlender(fe, windows.shape[1])
    parts = [blender.push(masks) for masks in windows]
    assert all(part.shape[-1] == fe.hop_frames for part in parts)
    return np.concatenate([*parts, blender.finish()], axis=-1)


@pytest.mark.parametrize("fe", FRONT_ENDS)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_constants_stay_and_lengths_add_up(fe: FrontEnd, count: int) -> None:
    windows = np.full((count, 2, fe.rows, fe.frames), 0.37, dtype=np.float32)
    blended = blend(fe, windows)
    assert blended.shape == (2, fe.rows, (count - 1) * fe.hop_frames + fe.frames)
    assert blended.dtype == np.float32
    np.testing.assert_allclose(blended, 0.37, rtol=1e-6)


@given(st.sampled_from(FRONT_ENDS), st.integers(1, 6), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_between_the_masks_that_overlap(fe: FrontEnd, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    windows = random.random((count, 2, fe.rows, fe.frames), dtype=np.float32)
    windows[random.random(windows.shape) < 0.3] = 1.0
    blended = blend(fe, windows)
    assert blended.min() >= 0
    assert blended.max() <= 1
    low, high = np.full(blended.shape, np.inf), np.full(blended.shape, -np.inf)
    for index, masks in enumerate(windows):
        part = slice(index * fe.hop_frames, index * fe.hop_frames + fe.frames)
        low[..., part] = np.minimum(low[..., part], masks)
        high[..., part] = np.maximum(high[..., part], masks)
    assert (blended >= low - 1e-6).all()
    assert (blended <= high + 1e-6).all()


@pytest.mark.parametrize("fe", FRONT_ENDS)
def test_ends_are_taken_as_they_are(fe: FrontEnd) -> None:
    windows = np.random.default_rng(0).random((3, 1, fe.rows, fe.frames), dtype=np.float32)
    blended = blend(fe, windows)
    alone = fe.hop_frames
    np.testing.assert_allclose(blended[..., :alone], windows[0][..., :alone], rtol=1e-6)
    np.testing.assert_allclose(blended[..., -alone:], windows[-1][..., -alone:], rtol=1e-6)


def test_window_edges_hardly_count() -> None:
    """The padding of the STFT changes three frames at each edge: less than -60 dB remains."""
    fe = FrontEnd(11025, 65535, 1022, 256, 4, 21.0, 1e-10)
    windows = np.full((3, 1, fe.rows, fe.frames), 1.0, dtype=np.float32)
    windows[1, ..., :3] = windows[1, ..., -3:] = 0.0
    assert blend(fe, windows).min() > 1 - 1e-3


def test_nothing_in_nothing_out() -> None:
    fe = FRONT_ENDS[0]
    assert MaskBlender(fe, 2).finish().shape == (2, fe.rows, 0)


def test_wrong_shape_is_loud() -> None:
    fe = FRONT_ENDS[0]
    with pytest.raises(ValueError, match="expected"):
        MaskBlender(fe, 2).push(np.zeros((1, fe.rows, fe.frames), dtype=np.float32))


@given(st.integers(2, 4), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_competing_masks_leave_room_for_rest(regions: int, seed: int) -> None:
    masks = np.random.default_rng(seed).random((regions, 6, 7), dtype=np.float32)
    shares = compete(masks)
    assert shares.dtype == np.float32
    assert shares.min() >= 0
    assert shares.sum(axis=0).max() < 1
    # The likelier region gets the larger share, and more than in proportion.
    order = np.argsort(masks, axis=0)
    np.testing.assert_array_equal(np.argsort(shares, axis=0), order)
    first, last = np.take_along_axis(shares, order, axis=0)[[0, -1]]
    low, high = np.take_along_axis(masks, order, axis=0)[[0, -1]]
    assert np.all(last / first >= high / low * (1 - 1e-5))


def test_a_single_region_keeps_its_mask() -> None:
    masks = np.random.default_rng(0).random((1, 6, 7), dtype=np.float32)
    np.testing.assert_array_equal(compete(masks), masks)


def test_rest_competes_with_the_strength_it_was_given() -> None:
    masks = np.array([[REST_MASK, 1.0, 0.0], [REST_MASK, 0.0, 0.0]], dtype=np.float32)
    shares = compete(masks)
    rest = 1 - shares.sum(axis=0)
    np.testing.assert_allclose(shares[:, 0], [1 / 3, 1 / 3], rtol=1e-6)
    assert rest[1] < 0.1
    assert rest[2] == 1.0
