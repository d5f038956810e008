"""The three networks of a bundle, ready to run: numpy in, numpy out."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Protocol, Self

import numpy as np

from pixelmix.closing import Closing
from pixelmix.errors import DeviceError, ModelError
from pixelmix.model.bundle import find_bundle, load_bundle, read_checked
from pixelmix.model.device import Device, choose_device, preload_cuda
from pixelmix.model.graphs import Graph, PortMeta, expected_graphs
from pixelmix.model.runtime import (
    brief,
    load_runtime,
    return_memory,
    runtime_errors,
    session_options,
)
from pixelmix.model.schema import DESCRIPTION_FILE, Bundle
from pixelmix.types import FloatArray

# A tensor kept outside its file is recorded as a protobuf text "location": tag 0x0A, length 8, both
# also in the longer spellings that a varint may have. ONNX Runtime would look for it relative to
# the current folder, where no checksum covers it.
_EXTERNAL_DATA = re.compile(rb"(?:\x0a|\x8a\x80*\x00)(?:\x08|\x88\x80*\x00)location")


class _Session(Protocol):
    """What is used of ``onnxruntime.InferenceSession``, which ships no types."""

    def run(self, outputs: Sequence[str], inputs: Mapping[str, FloatArray]) -> list[FloatArray]: ...

    def get_providers(self) -> list[str]: ...

    def get_inputs(self) -> list[PortMeta]: ...

    def get_outputs(self) -> list[PortMeta]: ...


class Networks(Closing):
    """The networks of one bundle on one device; close it, or use it in a ``with`` statement."""

    def __init__(
        self, bundle: Bundle, device: Device, start: Callable[[], dict[str, _Session]]
    ) -> None:
        self.bundle = bundle
        self.device = device
        """Where the networks really run."""
        self._vision, self._audio, self._synthesizer = expected_graphs(bundle)
        self._start: Callable[[], dict[str, _Session]] | None = start
        self._sessions = start()
        self._starting = Lock()

    @classmethod
    def open(cls, bundle: Bundle, device: str = "auto", threads: int | None = None) -> Self:
        """Check the bundle's files, load the networks and make sure that the device works.

        ``threads`` is the number of CPU threads; ``None`` takes one per core.

        Raises
        ------
        ModelError
            If a file does not match its checksum, is not a usable network, or does not fit
            ``model.json``.
        DeviceError
            If an explicit device cannot be had. ``auto`` takes the CPU then and says why in
            ``.device.reason``.
        """
        chosen = choose_device(device)
        try:
            return cls._open_on(chosen, bundle, threads)
        except DeviceError as error:
            if device != "auto" or chosen.name == "cpu":
                raise
            return cls._open_on(Device("cpu", str(error)), bundle, threads)

    @classmethod
    def _open_on(cls, device: Device, bundle: Bundle, threads: int | None) -> Self:
        if device.name != "cpu":
            preload_cuda()
        networks = cls(bundle, device, partial(_sessions, bundle, device, threads))
        if device.name != "cpu":
            networks._try_out()
        return networks

    def features(self, images: FloatArray) -> FloatArray:
        """Return the activated features of pictures.

        ``images (n, 3, height, width)``, normalised with the bundle's mean and std
        ``-> (n, k, rows, cols)`` with ``rows = height / stride`` (either neighbour if uneven).

        Raises
        ------
        ModelError
            If the shapes do not fit.
        """
        features = self._run(self._vision, images)
        stride = self.bundle.vision.stride
        for cells, pixels in zip(features.shape[2:], images.shape[2:], strict=True):
            if cells not in (pixels // stride, -(-pixels // stride)):
                raise ModelError(
                    f"{self.bundle.path / self._vision.file} turns {pixels} pixels into {cells} "
                    f"cells, which does not fit the stride of {stride} in {DESCRIPTION_FILE}"
                )
        return features

    def components(self, log_magnitude: FloatArray) -> FloatArray:
        """Return the components of windows.

        ``log_magnitude (b, 1, rows, frames) -> (b, k, rows, frames)``, no activation.

        Raises
        ------
        ModelError
            If the shapes do not fit.
        """
        return self._run(self._audio, log_magnitude)

    def masks(self, features: FloatArray, components: FloatArray) -> FloatArray:
        """Return a mask in 0..1 for every pair of region and window.

        ``features (regions, k), components (b, k, rows, frames) -> (b, regions, rows, frames)``.

        Raises
        ------
        ModelError
            If the shapes do not fit.
        """
        return self._run(self._synthesizer, features, components)

    def rest(self) -> None:
        """Give their memory back until they are needed again, when they open anew.

        On a CPU that takes a fifth of a second; elsewhere it may take minutes, and they stay.
        """
        if self.device.name == "cpu":
            with self._starting:
                self._sessions = {}
            return_memory()

    def close(self) -> None:
        """Free the networks and their memory."""
        self._start, self._sessions = None, {}

    def _running(self) -> dict[str, _Session]:
        with self._starting:
            if self._start is None:
                raise ValueError("these networks are closed")
            self._sessions = self._sessions or self._start()
            return self._sessions

    def _run(self, graph: Graph, *values: FloatArray) -> FloatArray:
        sessions = self._running()
        where = str(self.bundle.path / graph.file)
        feed: dict[str, FloatArray] = {}
        for port, value in zip(graph.inputs, values, strict=True):
            port.check(where, value.shape)
            feed[port.name] = np.ascontiguousarray(value, np.float32)
        try:
            (output,) = sessions[graph.file].run([graph.output.name], feed)
        except runtime_errors() as error:
            shapes = " and ".join(str(value.shape) for value in values)
            raise ModelError(f"{where} failed on {shapes}: {brief(error)}") from error
        graph.output.check(where, output.shape)
        return output

    def _try_out(self) -> None:
        # A device can be listed, and even take a network, and still fail at the first run.
        front_end, side = self.bundle.front_end, 4 * self.bundle.vision.stride
        try:
            self.features(np.zeros((1, 3, side, side), np.float32))
            quiet = np.zeros((1, 1, front_end.rows, front_end.frames), np.float32)
            self.masks(np.zeros((1, self.bundle.k), np.float32), self.components(quiet))
        except ModelError as error:
            raise DeviceError(
                f"device {self.device.name!r} failed its first run: {error}"
            ) from error


def open_model(
    name: str = "default",
    device: str = "auto",
    threads: int | None = None,
    look: int | None = None,
) -> Networks:
    """Find a model by its name or its folder, check it, and open it.

    ``look`` is the short side in pixels at which it is shown pictures; None leaves its own. In a
    larger picture smaller things are seen.

    Raises
    ------
    ModelError, DeviceError
        As `find_bundle`, `load_bundle` and `Networks.open` do.
    """
    bundle = load_bundle(find_bundle(name))
    if look is not None:
        bundle = replace(bundle, vision=replace(bundle.vision, short_side=look))
    return Networks.open(bundle, device, threads)


def usable_cores() -> int:
    """Return the number of CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _sessions(bundle: Bundle, device: Device, threads: int | None) -> dict[str, _Session]:
    graphs = expected_graphs(bundle)
    contents = [_read(bundle, graph) for graph in graphs]
    sessions = {}
    for graph, content in zip(graphs, contents, strict=True):
        where = str(bundle.path / graph.file)
        session = _open(where, content, device, threads or usable_cores())
        graph.check_metas(where, session.get_inputs(), session.get_outputs())
        sessions[graph.file] = session
    return sessions


def _read(bundle: Bundle, graph: Graph) -> bytes:
    content = read_checked(bundle, graph.file)
    # The plain word first: looking for the pattern takes longer than loading the network.
    if b"location" in content and _EXTERNAL_DATA.search(content):
        raise ModelError(
            f"{bundle.path / graph.file} keeps weights in another file, which a bundle may not; "
            "save the network with its weights inside"
        )
    return content


def _open(where: str, content: bytes, device: Device, threads: int) -> _Session:
    runtime = load_runtime()
    try:
        session: _Session = runtime.InferenceSession(
            content,
            session_options(threads),
            providers=device.providers,
            enable_fallback=0,  # its fallback is silent, or prints to standard output
        )
    except runtime_errors() as error:
        if device.name == "cpu":
            raise ModelError(f"{where} is no network that can be run: {brief(error)}") from error
        raise DeviceError(f"device {device.name!r} refused {where}: {brief(error)}") from error
    if session.get_providers()[:1] != [device.providers[0][0]]:
        raise DeviceError(
            f"device {device.name!r} was asked for, but ONNX Runtime could not start it; its CUDA "
            "and cuDNN libraries must be installed and fit the driver"
        )
    return session
