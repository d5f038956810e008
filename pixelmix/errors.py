"""The errors pixelmix raises for its users.

::

    PixelmixError           the work failed (exit code 1)
    ├── UsageError          the command was asked for something impossible (exit code 2)
    ├── InputError          the input cannot be read, or lacks what is needed
    ├── OutputError         the output cannot be written, or would overwrite something
    ├── ModelError          the model bundle is missing, damaged or does not fit
    └── DeviceError         the device that was asked for cannot be had

A message is one line that says what happened, where, and what to do next. Exceptions of other
libraries are translated into one of these in the room where the library lives; everything else
is a bug and stays a traceback.
"""


class PixelmixError(Exception):
    """The work failed; the message is meant for the user."""

    exit_code = 1


class UsageError(PixelmixError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class InputError(PixelmixError):
    """The input cannot be read, or lacks what the command needs."""


class OutputError(PixelmixError):
    """The output cannot be written, or would overwrite something."""


class ModelError(PixelmixError):
    """The model bundle is missing, damaged or does not fit this program."""


class DeviceError(PixelmixError):
    """The device that was asked for cannot be had on this machine."""
