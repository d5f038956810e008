"""Stems as whole numbers."""

import numpy as np

from pixelmix.types import StemBlock


def quantise(block: StemBlock, bits: int) -> StemBlock:
    """Round stems to the nearest whole numbers of `bits` bits, full scale 1.0.

    What rounding takes from a stem is left to ``rest``, so that they still sum to the original:
    to the last bit, if the original has no more bits.
    """
    scale = np.float32(2.0 ** (bits - 1))
    return StemBlock(block.samples, np.rint(block.stems * scale) / scale)
