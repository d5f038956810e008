"""Which device the networks run on, and whether it truly can be had.

ONNX Runtime lists providers that were compiled in, not ones that work; asked for one that does
not, it prints an error and falls back without telling its caller. So the driver is looked for
first, and what a session really uses is compared with what was asked (in `session`).
"""

import contextlib
import ctypes
import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from pixelmix.errors import DeviceError
from pixelmix.model.runtime import load_runtime

DeviceName = Literal["cpu", "cuda", "tensorrt"]

_PROVIDERS: Mapping[DeviceName, tuple[str, ...]] = {
    "cpu": ("CPUExecutionProvider",),
    "cuda": ("CUDAExecutionProvider", "CPUExecutionProvider"),
    "tensorrt": (
        "TensorrtExecutionProvider",
        "CUDAExecutionProvider",
        "CPUExecutionProvider",
    ),
}

_OPTIONS: Mapping[str, Mapping[str, str]] = {
    # TF32 would round masks to about three digits; the exhaustive search for the fastest
    # convolution costs seconds for every new picture size.
    "CUDAExecutionProvider": {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"},
}


@dataclass(frozen=True, slots=True)
class Device:
    """Where the networks run."""

    name: DeviceName
    reason: str = ""
    """Why ``auto`` took the CPU; empty otherwise."""

    @property
    def providers(self) -> list[tuple[str, dict[str, str]]]:
        """ONNX Runtime's providers with their options, first choice first."""
        return [(name, dict(_OPTIONS.get(name, {}))) for name in _PROVIDERS[self.name]]


def choose_device(requested: str) -> Device:
    """Return the device to try: ``auto``, ``cpu``, ``cuda`` or ``tensorrt``.

    ``auto`` takes CUDA where nothing speaks against it and the CPU otherwise, with the reason.
    Whether CUDA works is known only when the networks are open; see `session.Networks`.

    Raises
    ------
    DeviceError
        If the name is unknown, or an explicit device cannot be had.
    """
    for name in get_args(DeviceName):
        if requested == name:
            obstacle = find_obstacle(name)
            if obstacle:
                raise DeviceError(f"device {requested!r} cannot be used: {obstacle}")
            return Device(name)
    if requested != "auto":
        raise DeviceError(
            f"unknown device {requested!r}; use auto, {', '.join(get_args(DeviceName))}"
        )
    obstacle = find_obstacle("cuda")
    return Device("cpu", obstacle) if obstacle else Device("cuda")


def find_obstacle(name: DeviceName) -> str:
    """Return why a device cannot be used, or an empty text if nothing speaks against it."""
    if name == "cpu":
        return ""
    if _PROVIDERS[name][0] not in load_runtime().get_available_providers():
        return (
            f"the installed ONNX Runtime was built without {name}; "
            "replace the onnxruntime package by onnxruntime-gpu"
        )
    return _driver_obstacle()


def preload_cuda() -> None:
    """Load CUDA and cuDNN from their Python packages, where ONNX Runtime knows how to."""
    preload = getattr(load_runtime(), "preload_dlls", None)
    if preload is not None:
        # It prints what it cannot find; standard output belongs to the command's result, and
        # what matters is whether a session then gets the device.
        with contextlib.redirect_stdout(io.StringIO()):
            preload()


def _driver_obstacle() -> str:
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return f"no NVIDIA driver was found ({library} cannot be loaded)"
    code = driver.cuInit(0)
    if code != 0:
        return f"the NVIDIA driver reports error {code}; is a GPU visible (nvidia-smi)?"
    count = ctypes.c_int(0)
    code = driver.cuDeviceGetCount(ctypes.byref(count))
    return "" if code == 0 and count.value > 0 else "the NVIDIA driver sees no GPU"
