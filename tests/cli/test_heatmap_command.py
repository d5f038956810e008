"""`pixelmix heatmap` as a user runs it."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.media_files import make_video


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_video(tmp_path / "clip.mp4", seconds=2.0, fps=10)


def test_a_video_and_a_document(run: Run, clip: Path, tiny_bundle: Path) -> None:
    words = ("--preset", "ultrafast", "--json", "--model", tiny_bundle)
    ran = run("heatmap", clip, *words)
    assert ran.code == 0, ran.err
    assert ran.json["output"] == str(clip.with_name("clip.heatmap.mp4"))
    assert ran.json["pictures"] == 20
    assert ran.json["mode"] == "energy"
    assert clip.with_name("clip.heatmap.mp4").is_file()
    again = run("heatmap", clip, *words)
    assert again.failed_with(1, "already exists", "-y")


def test_a_picture(run: Run, clip: Path, tiny_bundle: Path) -> None:
    ran = run("heatmap", clip, "--still", "--at", "1", "--mode", "clusters", "--model", tiny_bundle)
    assert ran.code == 0, ran.err
    assert "clip.heatmap.png: clusters in a picture" in ran.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--mode", "rainbow"), ("energy", "clusters", "regions")),
        (("--at", "3"), ("--still",)),
        (("--still", "picture.png"), ("--still takes no name", "-o picture.png")),
    ],
)
def test_wrong_words(
    run: Run, clip: Path, tiny_bundle: Path, words: tuple[str, ...], said: tuple[str, ...]
) -> None:
    assert run("heatmap", clip, *words, "--model", tiny_bundle).failed_with(2, *said)


def test_an_encoder_that_is_not_there(run: Run, clip: Path, tiny_bundle: Path) -> None:
    ran = run("heatmap", clip, "--encoder", "libx999", "--model", tiny_bundle)
    assert ran.code in (1, 2)
    assert "libx999" in ran.err
    assert "Traceback" not in ran.err
    assert not list(clip.parent.glob("*.heatmap.mp4"))
