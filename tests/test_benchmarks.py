"""Benchmarks that look into the house find what they look for."""

import ast
import importlib
from pathlib import Path

from pixelmix.train.recipe import Recipe
from pixelmix.train.settings import override

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def constant(file: str, name: str) -> object:
    """What a benchmark assigns to a name at its top level; it is not run."""
    tree = ast.parse((BENCHMARKS / file).read_text(encoding="utf-8"))
    (value,) = [
        line.value
        for line in tree.body
        if (isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == name)
        or (isinstance(line, ast.AnnAssign) and ast.unparse(line.target) == name)
    ]
    assert value is not None
    return ast.literal_eval(value)


def test_every_stage_that_is_timed_exists() -> None:
    stages = constant("stages.py", "STAGES")
    assert isinstance(stages, tuple | list)
    assert len(stages) > 20
    for _, module, path in stages:
        found: object = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
        assert callable(found)


def test_every_choice_is_another_recipe() -> None:
    choices, same = constant("choices.py", "CHOICES"), constant("choices.py", "SAME")
    assert isinstance(choices, dict)
    assert isinstance(same, tuple)
    plain = override(Recipe(), same)
    recipes = [override(plain, changes) for changes in choices.values()]
    assert recipes[0] == plain
    assert len({repr(recipe) for recipe in recipes}) == len(choices) > 20
