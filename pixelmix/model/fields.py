"""Reading a JSON object field by field, with errors that name the file and the key."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pixelmix.errors import ModelError

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Choice = TypeVar("Choice", bound=str)

_LONGEST_TEXT = 10_000


class Fields:
    """A JSON object whose fields are read with their type and range.

    Every method raises `ModelError` when the field is missing or is not what it must be.
    """

    def __init__(self, data: Json, path: Path, prefix: str = "") -> None:
        self.where = f"{path}: {prefix.rstrip('.')!r}" if prefix else str(path)
        self._path = path
        self._prefix = prefix
        if not isinstance(data, dict):
            raise ModelError(f"{self.where}: must be a JSON object, not {_kind(data)}")
        self._data = data

    def names(self) -> Iterator[str]:
        """Yield the names of all fields."""
        return iter(self._data)

    def integer(self, key: str, low: int, high: int = 2**62) -> int:
        """Return a whole number in ``low..high``."""
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(key, "a whole number", value)
        if not low <= value <= high:
            raise ModelError(f"{self._label(key)} is {_kind(value)}, outside {low}..{high}")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """Return a finite number in ``low..high``."""
        return self._check_number(key, self._get(key), low, high)

    def number_or_none(self, key: str, low: float, high: float) -> float | None:
        """Return a finite number in ``low..high``, or ``None`` for null."""
        return None if self._get(key) is None else self.number(key, low, high)

    def numbers(self) -> dict[str, float]:
        """Return all fields, each a finite number."""
        limit = math.nextafter(math.inf, 0)
        return {key: self.number(key, -limit, limit) for key in self._data}

    def triple(self, key: str, low: float, high: float) -> tuple[float, float, float]:
        """Return a list of three finite numbers in ``low..high``."""
        value = self._get(key)
        if not isinstance(value, list) or len(value) != 3:
            raise self._wrong(key, "a list of three numbers", value)
        first, second, third = (self._check_number(key, item, low, high) for item in value)
        return first, second, third

    def text(self, key: str, *, empty: bool = False) -> str:
        """Return a text (empty only where allowed)."""
        value = self._get(key)
        if not isinstance(value, str):
            raise self._wrong(key, "a text", value)
        if not (value.strip() or empty) or len(value) > _LONGEST_TEXT:
            raise ModelError(f"{self._label(key)} must have 1 to {_LONGEST_TEXT} characters")
        return value

    def choice(self, key: str, options: tuple[Choice, ...]) -> Choice:
        """Return one of a few texts."""
        value = self._get(key)
        for option in options:
            if value == option:
                return option
        raise self._wrong(key, " or ".join(f"{option!r}" for option in options), value)

    def inner(self, key: str) -> "Fields":
        """Return the object inside."""
        return Fields(self._get(key), self._path, f"{self._prefix}{key}.")

    def _get(self, key: str) -> Json:
        if key not in self._data:
            raise ModelError(f"{self._label(key)} is missing")
        return self._data[key]

    def _label(self, key: str) -> str:
        return f"{self._path}: {self._prefix + key!r}"

    def _wrong(self, key: str, wanted: str, value: Json) -> ModelError:
        return ModelError(f"{self._label(key)} must be {wanted}, not {_kind(value)}")

    def _check_number(self, key: str, value: Json, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, "a number", value)
        # An integer may be too large for a float; comparing it is exact either way.
        if not low <= value <= high:
            raise ModelError(f"{self._label(key)} is {_kind(value)}, outside {low:.6g}..{high:.6g}")
        return float(value)


def _kind(value: Json) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
