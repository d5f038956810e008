"""Wrong input gives one clear line, the right exit code, and leaves nothing behind."""

import shutil
from pathlib import Path

import pytest

from pixelmix.cli.batch import expand
from pixelmix.errors import InputError
from tests.cli.conftest import Run
from tests.media_files import make_video, tone

POINT = ("--point", "a=50%,50%")
REMIX = (*POINT, "--gain", "a=0.5")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return make_video(tmp_path / "in.mp4", audio=tone(2.0))


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*")}


def test_missing_file(run: Run, tmp_path: Path) -> None:
    assert run("remix", "none.mp4", *REMIX).failed_with(1, "none.mp4")
    assert left(tmp_path) == set()


def test_text_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in.mp4").write_text("this is no video\n" * 100)
    assert run("separate", "in.mp4", *POINT).failed_with(1, "in.mp4")
    assert left(tmp_path) == {"in.mp4"}


def test_empty_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in.mp4").touch()
    assert run("remix", "in.mp4", *REMIX).failed_with(1, "in.mp4")


def test_no_audio(run: Run, tmp_path: Path) -> None:
    make_video(tmp_path / "in.mp4", with_audio=False)
    assert run("remix", "in.mp4", *REMIX).failed_with(1, "in.mp4", "no sound")
    assert left(tmp_path) == {"in.mp4"}


def test_no_video(run: Run, tmp_path: Path) -> None:
    from pixelmix.media.wav import WavWriter

    with WavWriter(tmp_path / "in.wav", 48_000, 2) as writer:
        writer.write(tone(1.0))
    assert run("separate", "in.wav", *POINT).failed_with(1, "in.wav", "video")
    assert left(tmp_path) == {"in.wav"}


def test_truncated_mp4(run: Run, tmp_path: Path, video: Path) -> None:
    content = video.read_bytes()
    video.write_bytes(content[: len(content) // 2])
    assert run("remix", video, *REMIX).failed_with(1, "in.mp4")
    assert left(tmp_path) == {"in.mp4"}


def test_folder_without_write_permission(run: Run, tmp_path: Path, video: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    assert run("remix", video, *REMIX, "-o", folder / "out.mp4").failed_with(1, "out.mp4")


def test_missing_target_folder(run: Run, tmp_path: Path, video: Path) -> None:
    assert run("remix", video, *REMIX, "-o", "no/out.mp4").failed_with(1, "no/out.mp4")
    assert left(tmp_path) == {"in.mp4"}


def test_point_outside_the_picture_states_its_size(run: Run, tmp_path: Path, video: Path) -> None:
    assert run("separate", video, "--point", "64,10").failed_with(2, "64 x 48")
    assert left(tmp_path) == {"in.mp4"}


def test_unknown_region_in_a_gain(run: Run, video: Path) -> None:
    assert run("remix", video, *POINT, "--gain", "b=0.5").failed_with(2, "'b'", "a, rest")


def test_unreadable_options(run: Run, video: Path) -> None:
    assert run("remix", video, *POINT, "--gain", "a=loud").failed_with(2, "a=loud")
    assert run("remix", video, *POINT).failed_with(2, "--gain")
    assert run("remix", video, *REMIX, "--clip", "soft").failed_with(2, "--clip")
    assert run("separate", video, *POINT, "--highband", "drop").failed_with(2, "--highband", "keep")
    assert run("remix", video, *REMIX, "--bitrate", "fast").failed_with(2, "--bitrate")


def test_typo_in_an_option_is_a_usage_error(run: Run, video: Path) -> None:
    ran = run("remix", video, "--gian", "a=0")
    assert ran.code == 2
    assert "--gian" in ran.err
    assert "Traceback" not in ran.err


def test_unknown_model_lists_what_there_is(run: Run, video: Path) -> None:
    assert run("remix", video, *REMIX, "--model", "nope").failed_with(1, "nope", "default")


def test_broken_model_file(run: Run, tmp_path: Path, video: Path, tiny_bundle: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_bundle, broken)
    network = broken / "audio.onnx"
    content = bytearray(network.read_bytes())
    content[len(content) // 2] ^= 1
    network.write_bytes(content)
    ran = run("remix", video, *REMIX, "--model", broken)
    assert ran.failed_with(1, "audio.onnx", "checksum")
    assert not (tmp_path / "in.remix.mp4").exists()


def test_cuda_without_cuda_is_never_replaced_silently(run: Run, video: Path) -> None:
    try:
        import ctypes

        ctypes.CDLL("libcuda.so.1")
    except OSError:
        assert run("separate", video, *POINT, "--device", "cuda").failed_with(1, "cuda")
    else:
        pytest.skip("this machine has an NVIDIA driver")


def test_existing_output_is_kept_unless_told(run: Run, tmp_path: Path, video: Path) -> None:
    target = tmp_path / "in.remix.mp4"
    target.write_text("precious")
    assert run("remix", video, *REMIX).failed_with(1, "in.remix.mp4", "-y")
    assert target.read_text() == "precious"
    assert run("remix", video, *REMIX, "-y").code == 0
    assert target.stat().st_size > 1000
    assert left(tmp_path) == {"in.mp4", "in.remix.mp4"}


def test_input_is_never_the_output(run: Run, video: Path) -> None:
    before = video.read_bytes()
    assert run("remix", video, *REMIX, "-o", video, "-y").failed_with(1, "in.mp4")
    assert video.read_bytes() == before


def test_debug_shows_the_traceback(run: Run) -> None:
    ran = run("--debug", "remix", "none.mp4", *REMIX)
    assert ran.code == 1
    assert "Traceback" in ran.err


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        expand([tmp_path], None)
