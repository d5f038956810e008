"""ONNX Runtime as pixelmix uses it: loaded late, quiet, its errors named."""

import ctypes
import sys
from types import ModuleType

from pixelmix.errors import DeviceError

_FATAL = 4
"""ONNX Runtime's severity above error: problems reach the user as exceptions, not as log lines."""


def load_runtime() -> ModuleType:
    """Import ONNX Runtime with its log silenced.

    Raises
    ------
    DeviceError
        If it is not installed or its libraries cannot be loaded.
    """
    try:
        import onnxruntime
    except ImportError as error:
        if isinstance(error.__cause__, (KeyboardInterrupt, SystemExit)):
            # A signal came while its libraries were set up.
            raise error.__cause__ from None
        raise DeviceError(
            f"ONNX Runtime cannot be loaded ({error}); install it with pip install onnxruntime"
        ) from error
    onnxruntime.set_default_logger_severity(_FATAL)
    module: ModuleType = onnxruntime
    return module


def runtime_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions ONNX Runtime raises; its own ones share no base class."""
    from onnxruntime.capi import (
        onnxruntime_pybind11_state as state,
    )

    return (
        state.EPFail,
        state.EngineError,
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NoModel,
        state.NotImplemented,
        state.RuntimeException,
        RuntimeError,
        ValueError,
    )


def session_options(threads: int) -> object:
    """Return options for a network on ``threads`` CPU threads."""
    options = load_runtime().SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Decoding and encoding share the cores: threads stop waiting busily between runs, and work is
    # dealt out in small portions so that one slow core does not hold up the rest.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.add_session_config_entry("session.dynamic_block_base", "4")
    found: object = options
    return found


def return_memory() -> None:
    """Give the system back what was freed: glibc keeps much of what ONNX Runtime had."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def brief(error: Exception) -> str:
    """Return what ONNX Runtime said, on one line and without its source positions."""
    lines = str(error).splitlines() or [type(error).__name__]
    text = lines[0].removeprefix("[ONNXRuntimeError] : ")
    return text if len(text) <= 300 else f"{text[:300]}..."
