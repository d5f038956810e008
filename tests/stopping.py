"""Commands that are stopped half-way."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence


def stop_half_way(
    words: Sequence[str], begun: Callable[[], bool], number: signal.Signals, code: int
) -> None:
    """Send a signal to a command once it has begun; it ends with the code and no traceback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pixelmix", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not begun():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    # Standard error closes when the last process that holds it has ended.
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
