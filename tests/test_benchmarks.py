"""Benchmarks that look into the house find what they look for."""

import ast
import importlib
from pathlib import Path

STAGES = Path(__file__).resolve().parents[1] / "benchmarks" / "stages.py"


def test_every_stage_that_is_timed_exists() -> None:
    tree = ast.parse(STAGES.read_text(encoding="utf-8"))
    (stages,) = [
        ast.literal_eval(line.value)
        for line in tree.body
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "STAGES"
    ]
    assert len(stages) > 20
    for _, module, path in stages:
        found: object = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
        assert callable(found)
