import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pixelmix.errors import DeviceError
from pixelmix.model import device, session
from pixelmix.model.bundle import load_bundle
from pixelmix.model.device import choose_device, find_obstacle, preload_cuda
from pixelmix.model.runtime import load_runtime
from pixelmix.model.session import Networks

CPU_ONLY = SimpleNamespace(get_available_providers=lambda: ["CPUExecutionProvider"])
GPU_BUILD = SimpleNamespace(
    get_available_providers=lambda: [
        "TensorrtExecutionProvider",
        "CUDAExecutionProvider",
        "CPUExecutionProvider",
    ]
)


@pytest.fixture
def listed_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that provider and driver are there; whether they work is another matter."""
    monkeypatch.setattr(device, "find_obstacle", lambda _: "")
    monkeypatch.setattr(session, "preload_cuda", lambda: None)


def test_cpu_is_always_there() -> None:
    assert choose_device("cpu").name == "cpu"
    assert choose_device("cpu").reason == ""


@pytest.mark.parametrize("name", ["", "gpu", "CUDA", "cuda:0"])
def test_an_unknown_device_lists_the_known_ones(name: str) -> None:
    with pytest.raises(DeviceError, match="use auto, cpu, cuda, tensorrt"):
        choose_device(name)


def test_a_cpu_build_is_named_as_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "load_runtime", lambda: CPU_ONLY)
    assert "onnxruntime-gpu" in find_obstacle("cuda")
    assert "onnxruntime-gpu" in choose_device("auto").reason
    with pytest.raises(DeviceError, match="onnxruntime-gpu"):
        choose_device("tensorrt")


def test_a_missing_driver_is_named_as_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_library(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(device, "load_runtime", lambda: GPU_BUILD)
    monkeypatch.setattr(device.ctypes, "CDLL", no_library)
    assert "no NVIDIA driver" in choose_device("auto").reason


@pytest.mark.parametrize(("init", "count", "reason"), [(100, 0, "error 100"), (0, 0, "no GPU")])
def test_a_driver_without_a_gpu_is_named(
    monkeypatch: pytest.MonkeyPatch, init: int, count: int, reason: str
) -> None:
    driver = SimpleNamespace(cuInit=lambda _: init, cuDeviceGetCount=lambda _: count)
    monkeypatch.setattr(device, "load_runtime", lambda: GPU_BUILD)
    monkeypatch.setattr(device.ctypes, "CDLL", lambda _: driver)
    assert reason in find_obstacle("cuda")


def test_a_listed_device_that_does_not_start_is_an_error(
    listed_gpu: None, tiny_bundle: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    del listed_gpu
    if not find_obstacle_really():
        pytest.skip("this machine has a working GPU")
    with pytest.raises(DeviceError, match="device 'cuda'"):
        Networks.open(load_bundle(tiny_bundle), "cuda")
    assert capfd.readouterr() == ("", "")


def test_auto_falls_back_from_a_listed_device_and_says_so(
    listed_gpu: None, tiny_bundle: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    del listed_gpu
    if not find_obstacle_really():
        pytest.skip("this machine has a working GPU")
    with Networks.open(load_bundle(tiny_bundle), "auto") as networks:
        assert networks.device.name == "cpu"
        assert "cuda" in networks.device.reason
        assert networks.features(np.zeros((1, 3, 64, 64), np.float32)).shape == (1, 4, 4, 4)
    assert capfd.readouterr() == ("", "")


def test_preloading_keeps_standard_output_clean(capfd: pytest.CaptureFixture[str]) -> None:
    preload_cuda()
    assert capfd.readouterr().out == ""


def find_obstacle_really() -> str:
    return find_obstacle("cuda")


@pytest.mark.parametrize("stop", ["SystemExit(143)", "KeyboardInterrupt()"])
def test_a_stop_while_the_runtime_is_loaded_is_no_missing_runtime(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stop: str
) -> None:
    # So its libraries pass on what a signal raises while they are set up.
    (tmp_path / "onnxruntime.py").write_text(f"raise ImportError('failed') from {stop}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    with pytest.raises((SystemExit, KeyboardInterrupt)):
        load_runtime()
