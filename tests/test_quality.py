"""The rules of the house: style, types, and imports that point only downwards."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("lint-imports",),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_house_rules(command: tuple[str, ...]) -> None:
    program = shutil.which(command[0], path=str(Path(sys.executable).parent))
    assert program, f"{command[0]} is not installed; use pip install -e '.[dev]'"
    done = subprocess.run(
        [program, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_modules_stay_small() -> None:
    longest = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "pixelmix").rglob("*.py")
    }
    assert {path: lines for path, lines in longest.items() if lines > 280} == {}


def test_models_hold_no_code() -> None:
    assert list((ROOT / "models").rglob("*.py")) == []


def test_no_unfinished_work() -> None:
    words = re.compile(r"\b(TODO|FIXME|XXX)\b")
    sources = [*(ROOT / "pixelmix").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]
    assert [path for path in sources if words.search(path.read_text(encoding="utf-8"))] == []
