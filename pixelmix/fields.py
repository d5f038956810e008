"""JSON files: read field by field, with errors that name the file and the key; and written."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pixelmix.errors import PixelmixError

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Choice = TypeVar("Choice", bound=str)

_LONGEST_TEXT = 10_000


def read_json(path: Path, largest: int, error: type[PixelmixError]) -> Json:
    """Return the content of a JSON file of at most `largest` bytes.

    Raises
    ------
    PixelmixError
        Of the class `error`, if it cannot be read, is larger or is no JSON.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(largest + 1)
        if len(content) > largest:
            raise error(f"{path} is too large: {largest} bytes are the most that it can have")
        data: Json = json.loads(content.decode("utf-8"), parse_constant=_no_constant)
    except OSError as problem:
        raise error(f"{path} cannot be read: {problem.strerror}") from problem
    except (ValueError, RecursionError) as problem:
        raise error(f"{path} is not valid JSON: {problem}") from problem
    return data


def render(value: Json, indent: str = "") -> str:
    """Return JSON with a line for every field, and for every list of plain values."""
    deeper = indent + "  "
    if isinstance(value, dict):
        lines = [f"{_plain(key)}: {render(item, deeper)}" for key, item in value.items()]
        opening, closing = "{}"
    elif isinstance(value, list) and any(isinstance(item, list | dict) for item in value):
        lines = [render(item, deeper) for item in value]
        opening, closing = "[]"
    else:
        return _plain(value)
    return f"{opening}\n{deeper}" + f",\n{deeper}".join(lines) + f"\n{indent}{closing}"


def _plain(value: Json) -> str:
    # A file name may hold what no text file can: bytes that were no text to begin with.
    odd = isinstance(value, str) and not value.isprintable()
    return json.dumps(value, ensure_ascii=odd, allow_nan=False)


class Fields:
    """A JSON object whose fields are read with their type and range.

    Every method raises an error of the class `error` when the field is missing or is not what it
    must be.
    """

    def __init__(
        self, data: Json, path: Path, error: type[PixelmixError], prefix: str = ""
    ) -> None:
        self.where = f"{path}: {prefix!r}" if prefix else str(path)
        self._path = path
        self._error = error
        self._prefix = f"{prefix}." if prefix else ""
        if not isinstance(data, dict):
            raise error(f"{self.where}: must be a JSON object, not {_kind(data)}")
        self._data = data

    def names(self) -> Iterator[str]:
        """Yield the names of all fields."""
        return iter(self._data)

    def wrong(self, key: str, reason: str) -> PixelmixError:
        """Return the error to raise about a field for a `reason` of the caller's own."""
        return self._error(f"{self._label(key)}: {reason}")

    def integer(self, key: str, low: int, high: int = 2**62) -> int:
        """Return a whole number in ``low..high``."""
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._not(key, "a whole number", value)
        if not low <= value <= high:
            raise self._error(f"{self._label(key)} is {_kind(value)}, outside {low}..{high}")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """Return a finite number in ``low..high``."""
        return self._check_number(key, self._get(key), low, high)

    def number_or_none(self, key: str, low: float, high: float) -> float | None:
        """Return a finite number in ``low..high``, or ``None`` for null."""
        return None if self.is_null(key) else self.number(key, low, high)

    def is_null(self, key: str) -> bool:
        """Return whether the field is there and null."""
        return self._get(key) is None

    def numbers(self) -> dict[str, float]:
        """Return all fields, each a finite number."""
        limit = math.nextafter(math.inf, 0)
        return {key: self.number(key, -limit, limit) for key in self._data}

    def triple(self, key: str, low: float, high: float) -> tuple[float, float, float]:
        """Return a list of three finite numbers in ``low..high``."""
        value = self._get(key)
        if not isinstance(value, list) or len(value) != 3:
            raise self._not(key, "a list of three numbers", value)
        first, second, third = (self._check_number(key, item, low, high) for item in value)
        return first, second, third

    def vector(self, key: str, low: float, high: float, most: int) -> tuple[float, ...]:
        """Return a list of at most `most` finite numbers in ``low..high``."""
        items = self._list(key, most)
        return tuple(self._check_number(key, item, low, high) for item in items)

    def objects(self, key: str, most: int) -> "list[Fields]":
        """Return a list of at most `most` objects."""
        items = self._list(key, most)
        return [self._inside(item, f"{key}[{i}]") for i, item in enumerate(items)]

    def vectors(
        self, key: str, size: int, low: float, high: float, most: int
    ) -> tuple[tuple[float, ...], ...]:
        """Return a list of at most `most` lists of `size` finite numbers in ``low..high``."""
        vectors = []
        for i, item in enumerate(self._list(key, most)):
            label = f"{key}[{i}]"
            if not isinstance(item, list) or len(item) != size:
                raise self._not(label, f"a list of {size} numbers", item)
            vectors.append(tuple(self._check_number(label, part, low, high) for part in item))
        return tuple(vectors)

    def text(self, key: str, *, empty: bool = False) -> str:
        """Return a text (empty only where allowed)."""
        value = self._get(key)
        if not isinstance(value, str):
            raise self._not(key, "a text", value)
        if not (value.strip() or empty) or len(value) > _LONGEST_TEXT:
            raise self._error(f"{self._label(key)} must have 1 to {_LONGEST_TEXT} characters")
        return value

    def choice(self, key: str, options: tuple[Choice, ...]) -> Choice:
        """Return one of a few texts."""
        value = self._get(key)
        for option in options:
            if value == option:
                return option
        raise self._not(key, " or ".join(f"{option!r}" for option in options), value)

    def inner(self, key: str) -> "Fields":
        """Return the object inside."""
        return self._inside(self._get(key), key)

    def _inside(self, data: Json, key: str) -> "Fields":
        return Fields(data, self._path, self._error, self._prefix + key)

    def _get(self, key: str) -> Json:
        if key not in self._data:
            raise self._error(f"{self._label(key)} is missing")
        return self._data[key]

    def _list(self, key: str, most: int) -> list[Json]:
        value = self._get(key)
        if not isinstance(value, list):
            raise self._not(key, "a list", value)
        if len(value) > most:
            raise self._error(f"{self._label(key)} has {len(value)} entries, more than {most}")
        return value

    def _label(self, key: str) -> str:
        return f"{self._path}: {self._prefix + key!r}"

    def _not(self, key: str, wanted: str, value: Json) -> PixelmixError:
        return self._error(f"{self._label(key)} must be {wanted}, not {_kind(value)}")

    def _check_number(self, key: str, value: Json, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._not(key, "a number", value)
        # An integer may be too large for a float; comparing it is exact either way.
        if not low <= value <= high:
            raise self._error(
                f"{self._label(key)} is {_kind(value)}, outside {low:.6g}..{high:.6g}"
            )
        return float(value)


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _kind(value: Json) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
