"""Many gains from a file: one for every row of a CSV file, or for every object of a JSON list."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pixelmix.errors import UsageError
from pixelmix.mix.gain_options import GainOption, gain_option

_NEEDED = ("region", "gain")
_KNOWN = (*_NEEDED, "start", "end")
_LARGEST = 16 << 20
"""Bytes; some hundred thousand rows."""
_GAP = re.compile(r"[\s,]*")
"""What lies between two elements of a list."""

Row = tuple[int, Mapping[str, str]]
"""The line in the file, from 1, and what stands there by column."""


def read_automation(path: Path) -> tuple[GainOption, ...]:
    """Read a file of gains, in its order; later ones win as they do on the command line.

    A CSV file (UTF-8, commas) has the columns ``region``, ``gain``, ``start`` and ``end`` in any
    order, a JSON file (``.json``) is a list of objects with these keys. Gains and times are
    written as in `gain_option`; without (or with an empty) start or end a gain holds from the
    start or to the end.

    Raises
    ------
    UsageError
        If the file cannot be read or a row makes no sense; the message names the line.
    """
    text = _text(path)
    rows = _json_rows(path, text) if path.suffix.lower() == ".json" else _csv_rows(path, text)
    options = tuple(_option(path, line, cells) for line, cells in rows)
    if not options:
        raise UsageError(f"{path}: there are no gains in this file")
    return options


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise UsageError(f"{path}: too large; {_LARGEST >> 20} MiB are the most it can have")
        # Spreadsheets begin their files with a byte order mark.
        return content.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 text; save it as such") from error


def _option(path: Path, line: int, cells: Mapping[str, str]) -> GainOption:
    where = f"{path}, line {line}: "
    for column in _NEEDED:
        if not cells.get(column, "").strip():
            raise UsageError(f"{where}there is no {column}")
    return gain_option(
        where, cells["region"], cells["gain"], cells.get("start", ""), cells.get("end", "")
    )


def _csv_rows(path: Path, text: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] | None = None
    try:
        for cells in reader:
            line = reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = [cell.strip().lower() for cell in cells]
                _check_names(f"{path}, line {line}: ", columns)
            elif len(cells) > len(columns):
                raise UsageError(
                    f"{path}, line {line}: {len(cells)} cells for {len(columns)} columns"
                )
            else:
                yield line, dict(zip(columns, cells, strict=False))
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: {error}") from error


def _check_names(where: str, names: list[str]) -> None:
    missing = [name for name in _NEEDED if name not in names]
    strange = [name for name in names if name not in _KNOWN or names.count(name) > 1]
    if missing or strange:
        raise UsageError(
            f"{where}the columns must be region,gain,start,end (the last two if needed), "
            f"not {','.join(names)}"
        )


def _json_rows(path: Path, text: str) -> Iterator[Row]:
    try:
        data: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}, line {error.lineno}: no valid JSON: {error.msg}") from error
    except (RecursionError, ValueError) as error:
        raise UsageError(f"{path}: no valid JSON: {error}") from error
    if not isinstance(data, list):
        raise UsageError(f"{path}, line 1: must be a list of objects: [{{...}}, {{...}}]")
    for line, element in zip(_lines(text), data, strict=False):
        yield line, _json_cells(f"{path}, line {line}: ", element)


def _lines(text: str) -> Iterator[int]:
    """Yield the line where each element of a JSON list, known to be one, begins."""
    decoder = json.JSONDecoder()
    line, done = 1, 0
    position = text.index("[") + 1
    while gap := _GAP.match(text, position):
        line += text.count("\n", done, gap.end())
        done = gap.end()
        yield line
        position = decoder.raw_decode(text, done)[1]


def _json_cells(where: str, element: object) -> dict[str, str]:
    if not isinstance(element, dict):
        raise UsageError(f'{where}must be an object such as {{"region": "violin", "gain": 0.5}}')
    _check_names(where, list(element))
    cells = {}
    for name, value in element.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            raise UsageError(f"{where}{name} must be a number or a text")
        cells[name] = "" if value is None else _written(value)
    return cells


def _written(value: str | float) -> str:
    # Without an exponent, which people do not write and `gain_option` does not read.
    return value if isinstance(value, str) else f"{value:.12f}"
