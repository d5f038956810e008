import numpy as np
import pytest

from pixelmix.mix.blend import compete
from pixelmix.mix.divide import divide
from pixelmix.mix.panning import panned
from pixelmix.mix.phases import phased
from pixelmix.mix.plan import spectrogram
from pixelmix.mix.refine import refine
from tests.tiny_model import FRONT_END


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_window_is_divided_by_competition_notes_and_places(channels: int) -> None:
    rng = np.random.default_rng(2)
    shape = (channels, FRONT_END.window_samples)
    heard = spectrogram(FRONT_END, rng.standard_normal(shape, dtype=np.float32))
    masks = rng.random((2, FRONT_END.rows, FRONT_END.frames), np.float32)
    notes = refine(compete(masks), heard.magnitude)
    wanted = panned(phased(notes, heard.spectra, FRONT_END), heard.channels)
    found = divide(masks, heard, FRONT_END)
    np.testing.assert_array_equal(found, wanted)
    assert (channels == 1) == np.array_equal(found, notes)
