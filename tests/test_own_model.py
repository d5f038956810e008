"""From a folder of ordinary videos to a remix with one's own model, as docs/training.md says."""

import json
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from pixelmix.train.nets import dilated_features
from tests.media_files import make_video, tone

SETTINGS = (
    "sizes.k=4", "sizes.unet_width=2", "sizes.head_width=8", "projection_size=8", "tuning_steps=0",
    "views=1",
    "short_side=64", "batch=2", "workers=0", "sources=1,0,0", "looks_per_sound=2",
)  # fmt: skip


def pixelmix(folder: Path, *words: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pixelmix", *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_from_videos_to_a_remix(tmp_path: Path) -> None:
    for split, takes in (("train", 2), ("val", 1)):
        for i, kind in enumerate(("bell", "horn", "reed")):
            for take in range(takes):
                folder = tmp_path / "videos" / split / kind
                folder.mkdir(parents=True, exist_ok=True)
                make_video(
                    folder / f"{take}.mp4",
                    seconds=7.0,
                    fps=2,
                    audio=tone(7.0, frequency=200.0 * 2**i + 20 * take, rate=22_050, channels=2),
                    rate=22_050,
                    audio_codec="aac",
                )
    (tmp_path / "videos" / "broken.mp4").write_bytes(b"no video")
    torch.manual_seed(0)
    layers = dilated_features("mobilenet_v2").state_dict()
    weights = tmp_path / "mobilenet.safetensors"
    save_file({f"features.{key}": value.contiguous() for key, value in layers.items()}, weights)

    prepared = json.loads(pixelmix(tmp_path, "prepare", "videos", "-o", "data", "--json"))
    assert prepared["sounds"] == 9
    assert [row["name"] for row in prepared["left_out"]] == ["videos/broken.mp4"]

    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    pixelmix(
        tmp_path, "train", "data", "-o", "run", "--steps", "2", *settings,
        "--vision-weights", weights, "--device", "cpu",
    )  # fmt: skip
    pixelmix(tmp_path, "export", "run", "-o", "mine")
    judged = pixelmix(tmp_path, "evaluate", "mine", "data", "--count", "2", "--sources", "2",
                      "--html", "report.html", "--json")  # fmt: skip
    assert json.loads(judged)["model"] == "mine"
    assert "mine" in (tmp_path / "report.html").read_text(encoding="utf-8")
    (tmp_path / "judged.json").write_text(judged, encoding="utf-8")

    pixelmix(tmp_path, "export", "run", "-o", "mine", "-y", "--scores", "judged.json")
    card = json.loads((tmp_path / "mine" / "model.json").read_text(encoding="utf-8"))
    assert any(name.startswith("NSDR, 2 different (data)") for name in card["scores"])
    assert "not stated (" in card["licence"]

    pixelmix(
        tmp_path, "remix", "videos/val/bell/0.mp4", "--model", "mine",
        "--point", "bell=50%,50%", "--gain", "bell=mute", "-o", "out.mp4",
    )  # fmt: skip
    assert (tmp_path / "out.mp4").stat().st_size > 0
