"""Streaming change of sampling rate by an exact ratio, without delay.

Every output sample is a Kaiser-windowed sinc laid over the input around its exact time (polyphase
FIR, Kaiser and Schafer's formulas). The pattern of weights repeats after ``target / gcd`` outputs,
so that a run of outputs is one matrix product over a run of inputs.
"""

import math

import numpy as np

from pixelmix.dsp.queue import SampleQueue
from pixelmix.types import FloatArray

STOP_DB = 90.0
"""Attenuation of everything from the lower of the two Nyquist frequencies upwards, dB."""
PASS = 0.92
"""The pass band ends at this share of the lower Nyquist frequency."""
_RUN = 128
"""Outputs per matrix row block, at least: enough for the product to run at full speed."""
_GROUP = 1024
"""Outputs worked on at once, at least. Fixed, so that block sizes do not change the result."""
_LARGEST = 4_000_000
"""Above this many matrix entries (rates without a common factor) weights are gathered instead."""


class Resampler:
    """Turns one channel at `source_rate` into `target_rate`, block by block.

    Output ``n`` is the input at time ``n / target_rate`` exactly (no delay, no drift). The result
    does not depend on how the input is cut into blocks.
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        common = math.gcd(source_rate, target_rate)
        self._up, self._down = target_rate // common, source_rate // common
        repeats = -(-_RUN // self._up)
        self._outputs, self._inputs = self._up * repeats, self._down * repeats
        self._runs = -(-_GROUP // self._outputs)
        self._taps = _taps(source_rate, target_rate)
        lead = self._taps // 2 - 1
        self._queue = SampleQueue(start=-lead)
        self._queue.append_zeros(lead)
        self._received = 0
        self._given = 0
        self._offsets = np.arange(self._outputs) * self._down // self._up
        self._phases = np.arange(self._outputs) % self._up
        self._weights = _weights(source_rate, target_rate, self._up, self._taps)
        self._span = int(self._offsets[-1]) + self._taps
        dense = self._outputs * self._span <= _LARGEST
        self._matrix = self._dense() if dense else None

    def push(self, block: FloatArray) -> FloatArray:
        """Take ``(samples,)`` and return the outputs ``(samples,)`` that became certain."""
        if self._up == self._down:
            return np.array(block, dtype=np.float32)
        self._received += block.shape[-1]
        self._queue.append(block)
        return self._drain()

    def finish(self) -> FloatArray:
        """Return the rest: in all, ``ceil(samples * target_rate / source_rate)`` outputs."""
        if self._up == self._down:
            return np.zeros(0, dtype=np.float32)
        left = -(-self._received * self._up // self._down) - self._given
        runs = -(-left // self._outputs)
        groups = -(-runs // self._runs)
        missing = self._queue.start + groups * self._runs * self._inputs + self._span
        self._queue.append_zeros(max(missing - self._queue.stop, 0))
        return self._drain()[:left]

    def _drain(self) -> FloatArray:
        reach = (self._runs - 1) * self._inputs + self._span
        outputs = [np.zeros(0, dtype=np.float32)]
        while self._queue.start + reach <= self._queue.stop:
            outputs.append(
                self._group(self._queue.read(self._queue.start, self._queue.start + reach))
            )
            self._queue.drop_before(self._queue.start + self._runs * self._inputs)
            self._given += self._runs * self._outputs
        return np.concatenate(outputs)

    def _group(self, held: FloatArray) -> FloatArray:
        """Return the outputs of a group of runs from the inputs that they reach."""
        if self._matrix is None:
            starts = range(0, self._runs * self._inputs, self._inputs)
            return np.concatenate([self._gather(held[start:]) for start in starts])
        windows = np.lib.stride_tricks.sliding_window_view(held, self._span)
        return (windows[:: self._inputs] @ self._matrix).reshape(-1)

    def _gather(self, held: FloatArray) -> FloatArray:
        """Return one run of outputs from the inputs that it reaches, a slice at a time."""
        view = np.lib.stride_tricks.sliding_window_view(held, self._taps)
        out = np.empty(self._outputs, dtype=np.float32)
        for first in range(0, self._outputs, 1024):
            part = slice(first, first + 1024)
            weights = self._weights[self._phases[part]]
            np.einsum("nt,nt->n", view[self._offsets[part]], weights, out=out[part])
        return out

    def _dense(self) -> FloatArray:
        """Return ``(inputs of a run, outputs of a run)``, the weights laid out in place."""
        matrix = np.zeros((self._span, self._outputs), dtype=np.float32)
        rows = self._offsets[:, None] + np.arange(self._taps)
        matrix[rows, np.arange(self._outputs)[:, None]] = self._weights[self._phases]
        return matrix


def _taps(source_rate: int, target_rate: int) -> int:
    """Return the even count of input samples under one kernel (Kaiser's length formula)."""
    width = (1 - PASS) * min(source_rate, target_rate) / 2
    taps = (STOP_DB - 7.95) / (2.285 * 2 * math.pi * width / source_rate)
    return 2 * math.ceil(taps / 2) + 2


def _weights(source_rate: int, target_rate: int, up: int, taps: int) -> FloatArray:
    """Return ``(up, taps)``: the kernel at each of the `up` phases, each summing to one."""
    cutoff = (1 + PASS) / 2 * min(1.0, target_rate / source_rate)
    beta = 0.1102 * (STOP_DB - 8.7)
    phase = np.arange(up) * (source_rate // math.gcd(source_rate, target_rate)) % up / up
    distance = np.arange(1 - taps // 2, taps // 2 + 1) - phase[:, None]
    inside = np.maximum(1 - (distance / (taps / 2)) ** 2, 0.0)
    kernel = np.sinc(cutoff * distance) * np.i0(beta * np.sqrt(inside))
    # Without this the gain at 0 Hz would differ a little from phase to phase.
    kernel /= kernel.sum(axis=1, keepdims=True)
    return kernel.astype(np.float32)
