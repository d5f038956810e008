"""The command line: `main` is the only place that formats an error or picks an exit code."""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from pixelmix.cli.console import plain
from pixelmix.errors import PixelmixError

INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and leave with its exit code.

    0 done, 1 the work failed, 2 usage, 130 interrupted, 143 terminated.
    """
    # numpy's matrix products here are small: a second BLAS thread only takes the cores away from
    # the networks (measured: half of the whole command's time on two busy cores).
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    try:
        from pixelmix.cli.app import app

        app(args=arguments, prog_name="pixelmix")
    except PixelmixError as error:
        if "--debug" in arguments:
            raise
        print(f"pixelmix: error: {plain(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted()
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else 0
        return _interrupted() if code == INTERRUPTED else code
    return 0


def _interrupted() -> int:
    print("pixelmix: interrupted; nothing half-made was left", file=sys.stderr)
    return INTERRUPTED


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    # As an exception, so that temporary files are removed on the way out.
    raise SystemExit(128 + number)
