"""docs/training.md lists every value of a recipe with its defaults."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from pixelmix.train.recipe import Recipe, preset
from pixelmix.train.settings import override

PAGE = Path(__file__).resolve().parents[2] / "docs" / "training.md"
ROW = re.compile(r"^\| `([\w.]+)` \| ([^|]+) \| ([^|]+) \|", re.MULTILINE)


def rows() -> dict[str, tuple[str, str]]:
    found = ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {
        name: (default, default if paper == "same" else paper) for name, default, paper in found
    }


def names(kind: type, prefix: str = "") -> Iterator[str]:
    for field in fields(kind):
        value = getattr(Recipe(), field.name) if not prefix else None
        if value is not None and is_dataclass(value):
            yield from names(type(value), f"{field.name}.")
        elif field.name != "preset":
            yield prefix + field.name


def test_the_table_is_complete() -> None:
    assert list(rows()) == list(names(Recipe))


@pytest.mark.parametrize(("column", "recipe"), [(0, "default"), (1, "paper")])
def test_the_table_is_right(column: int, recipe: str) -> None:
    for name, values in rows().items():
        assert override(preset(recipe), [f"{name}={values[column]}"]) == preset(recipe), name
