"""What the model side needs besides the base installation."""

from collections.abc import Iterator
from contextlib import contextmanager

from pixelmix.errors import PixelmixError


@contextmanager
def training_extra(purpose: str) -> Iterator[None]:
    """Say how to install what the block imports, where it is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise PixelmixError(
            f"{error.name} is needed {purpose}; install it with `pip install 'pixelmix[train]'`"
        ) from error
