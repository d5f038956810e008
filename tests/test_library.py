"""The library does what docs/library.md shows, prints nothing, and is light to import."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pixelmix
from pixelmix.model import session
from tests.media_files import make_video

PAGE = Path(__file__).resolve().parents[1] / "docs" / "library.md"


def test_examples_of_the_page(
    tmp_path: Path,
    tiny_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    make_video(tmp_path / "duet.mp4")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session, "find_bundle", lambda _: tiny_bundle)
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 4
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example, str(PAGE), "exec"), names)  # noqa: S102 - our own page
    assert capfd.readouterr() == ("", "")
    assert {path.name for path in tmp_path.iterdir()} == {
        *("duet.mp4", "stems", "quieter.mp4", "duet.pixelmix.json", "duet.regions.png", "heat.mp4")
    }


def test_all_names_are_there() -> None:
    assert all(getattr(pixelmix, name) is not None for name in pixelmix.__all__)
    assert set(pixelmix.__all__) <= set(dir(pixelmix))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        pixelmix.nothing  # noqa: B018


def test_import_loads_nothing_heavy() -> None:
    code = "import sys, pixelmix; print({'av', 'numpy', 'onnxruntime', 'typer'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
