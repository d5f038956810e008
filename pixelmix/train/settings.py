"""Recipes as text: ``NAME=VALUE`` on the command line, JSON in a run's folder."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import Literal, TypeVar, get_args, get_origin, get_type_hints

from pixelmix.errors import ModelError, UsageError
from pixelmix.train.recipe import Recipe

_T = TypeVar("_T")


def override(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """Return the recipe with ``NAME=VALUE`` settings; parts are reached by dots.

    Numbers in a list are separated by commas; ``none`` stands for nothing.

    Raises
    ------
    UsageError
        If a name is unknown or a value does not fit it.
    """
    for setting in settings:
        name, separator, text = setting.partition("=")
        if not separator:
            raise UsageError(f"--set {setting}: should be NAME=VALUE, such as batch=32")
        try:
            recipe = _set(recipe, name.strip().split("."), text.strip())
        except KeyError as error:
            raise UsageError(
                f"--set {setting}: a recipe has no {error.args[0]!r}; docs/training.md lists all"
            ) from error
        except ValueError as error:
            raise UsageError(f"--set {setting}: {error}") from error
    return recipe


def dump(recipe: Recipe) -> str:
    """Return a recipe as JSON; `load` reads it back."""
    return json.dumps(asdict(recipe), indent=2) + "\n"


def load(text: str, where: str) -> Recipe:
    """Read what `dump` returned.

    Raises
    ------
    ModelError
        If it is no recipe; ``where`` names the file.
    """
    try:
        return _build(Recipe, json.loads(text))
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise ModelError(f"{where}: is no recipe of this version ({error})") from error


def _set(target: _T, path: list[str], text: str) -> _T:
    hints = get_type_hints(type(target))
    name, *rest = path
    if name not in hints:
        raise KeyError(name)
    value = _set(getattr(target, name), rest, text) if rest else _parse(hints[name], text)
    return replace(target, **{name: value})  # type: ignore[type-var]


def _parse(hint: object, text: str) -> object:
    empty = text.lower() == "none"
    if get_origin(hint) is tuple:
        parts = [] if empty else text.split(",")
        return _fitted(hint, [float(part) for part in parts])
    if NoneType in get_args(hint) and empty:
        return None
    if get_origin(hint) is UnionType:
        return _parse(next(kind for kind in get_args(hint) if kind is not NoneType), text)
    if hint is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError("is true or false")
        return text.lower() == "true"
    if get_origin(hint) is Literal or hint is str:
        return _fitted(hint, text)
    if hint in (int, float):
        try:
            return _fitted(hint, float(text) if hint is float else int(text))
        except ValueError as error:
            raise ValueError(f"{text!r} is no {'whole ' * (hint is int)}number") from error
    raise ValueError("name one of its parts, such as sizes.unet_width")


def _build(kind: type[_T], values: object) -> _T:
    if not isinstance(values, Mapping):
        raise TypeError(f"{values!r} is no object")
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    unknown = set(values) - set(names)
    if unknown:
        raise KeyError(min(unknown))
    if names[0] not in values:
        raise KeyError(names[0])
    # Any other that is missing is younger than the file, and keeps its default.
    return kind(**{name: _fitted(hints[name], values[name]) for name in names if name in values})


def _fitted(hint: object, value: object) -> object:
    """Return a plain value as the type of a field; ValueError or TypeError if it does not fit."""
    if isinstance(hint, type) and is_dataclass(hint):
        return _build(hint, value)
    if get_origin(hint) is UnionType:
        kinds = get_args(hint)
        if value is None and NoneType in kinds:
            return None
        return _fitted(next(kind for kind in kinds if kind is not NoneType), value)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{value!r} is none of {', '.join(map(str, get_args(hint)))}")
        return value
    if get_origin(hint) is tuple:
        return _numbers(get_args(hint), value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not finite")
        return float(value)
    if isinstance(hint, type) and type(value) is hint:
        return value
    raise TypeError(f"{value!r} does not fit")


def _numbers(kinds: tuple[object, ...], value: object) -> tuple[object, ...]:
    several = kinds[-1] is ...
    if not isinstance(value, list) or not (several or len(value) == len(kinds)):
        count = "" if several else f"{len(kinds)} "
        raise ValueError(f"takes {count}numbers, separated by commas")
    return tuple(_fitted(float, part) for part in value)
