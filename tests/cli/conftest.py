"""Running the command line as a user does: another process, its output and its exit code."""

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    command: str
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Json]:
        """The document, after a check against the published schema."""
        document = json.loads(self.out)
        fits_schema(self.command, document)
        assert isinstance(document, dict)
        return document

    def failed_with(self, code: int, *words: str) -> bool:
        """One clear line with these words, no traceback, and the right exit code."""
        lines = self.err.strip().splitlines()
        assert "Traceback" not in self.err
        assert self.code == code, self.err
        assert len(lines) == 1, self.err
        assert lines[0].startswith("pixelmix: error: ")
        assert all(word in lines[0] for word in words), lines[0]
        return True


def fits_schema(command: str, document: Json) -> None:
    """Raise a ValidationError if a command's document is not as docs/schema.json says."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    part = {"$schema": schema["$schema"], "$ref": f"#/$defs/{command}", "$defs": schema["$defs"]}
    jsonschema.validate(document, part)


Run = Callable[..., Ran]

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "schema.json"
PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE = 1


def obey_permissions() -> None:
    """Let file permissions bind the new process even where the tests run as root."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


@pytest.fixture
def run(tiny_bundle: Path, tmp_path: Path) -> Run:
    """Run ``pixelmix`` in `tmp_path`; ``--model`` of the commands is the tiny bundle."""

    def run_it(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Ran:
        words = [str(argument) for argument in arguments]
        if words[:1] in (["remix"], ["separate"]) and "--model" not in words:
            words += ["--model", str(tiny_bundle)]
        done = subprocess.run(
            [sys.executable, "-m", "pixelmix", *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            check=False,
            timeout=300,
            preexec_fn=obey_permissions if sys.platform == "linux" else None,
        )
        return Ran(words[0], done.returncode, done.stdout, done.stderr)

    return run_it
