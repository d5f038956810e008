"""From the networks' masks to those that are laid over the sound."""

from pixelmix.mix.blend import compete
from pixelmix.mix.panning import panned
from pixelmix.mix.phases import phased
from pixelmix.mix.plan import Spectrogram
from pixelmix.mix.refine import refine
from pixelmix.types import FloatArray, FrontEnd


def divide(masks: FloatArray, heard: Spectrogram, fe: FrontEnd) -> FloatArray:
    """Return how regions ``(regions, rows, frames)`` divide a window, from the networks' masks.

    They compete; then what recurs in the sound is judged together, then what stands in one place
    before the microphones or in the stereo image. The result lies in 0..1 and its sum over regions
    is at most one; what is missing is ``rest``.
    """
    notes = refine(compete(masks), heard.magnitude)
    return panned(phased(notes, heard.spectra, fe), heard.channels)
