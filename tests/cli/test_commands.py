"""The commands from the outside: files in, files and documents out."""

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from tests.cli.conftest import Ran, Run
from tests.media_files import make_video, tone

POINT = ("--point", "a=50%,50%")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return make_video(tmp_path / "in.mp4", audio=tone(2.0))


def audio_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_separate_writes_stems_that_sum_to_the_original(
    run: Run, tmp_path: Path, video: Path
) -> None:
    ran = run("separate", video, "--region", "left=0,0,50%,100%", "--point", "75%,50%", "--json")
    assert ran.code == 0, ran.err
    document = ran.json
    assert document["input"] == str(video)
    assert document["model"] == "tiny"
    assert document["device"] in ("cpu", "cuda")
    stems = document["stems"]
    assert isinstance(stems, list)
    assert [stem["name"] for stem in stems if isinstance(stem, dict)] == ["region1", "left", "rest"]
    shares = [stem["share"] for stem in stems if isinstance(stem, dict)]
    assert sum(float(str(share)) for share in shares) == pytest.approx(1.0, abs=1e-4)
    total = sum(read_wav(tmp_path / "in.stems" / f"{n}.wav") for n in ("left", "region1", "rest"))
    np.testing.assert_allclose(total, decoded(video), atol=1e-4)


def read_wav(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        blocks = [frame.to_ndarray() for frame in container.decode(audio=0)]
    flat = np.concatenate([block.reshape(-1, 2) for block in blocks])
    return np.asarray(flat.T, dtype=np.float32)


def decoded(path: Path) -> np.ndarray:
    from pixelmix.media.audio import AudioReader
    from pixelmix.media.probe import probe

    with AudioReader(probe(path)) as reader:
        return np.concatenate(list(reader), axis=1)


def test_unit_gains_copy_the_sound(run: Run, tmp_path: Path, video: Path) -> None:
    ran = run("remix", video, *POINT, "--gain", "a=1", "--gain", "rest=0dB", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["copied"] is True
    assert audio_packets(tmp_path / "in.remix.mp4") == audio_packets(video)


def test_remix_of_several_files_goes_on_after_a_bad_one(
    run: Run, tmp_path: Path, video: Path
) -> None:
    (tmp_path / "bad.mp4").write_text("no video")
    ran = run("remix", "bad.mp4", video, *POINT, "--gain", "a=mute", "--json")
    assert ran.code == 1
    assert "Traceback" not in ran.err
    results, failed = ran.json["results"], ran.json["failed"]
    assert isinstance(results, list)
    assert isinstance(failed, list)
    assert (len(results), len(failed)) == (1, 1)
    assert (tmp_path / "in.remix.mp4").exists()
    assert not (tmp_path / "bad.remix.mp4").exists()


def test_results_in_a_folder_are_no_inputs(run: Run, tmp_path: Path) -> None:
    for name in "ab":
        make_video(tmp_path / f"{name}.mkv", seconds=1.0, audio=tone(1.0))
    words = ("remix", tmp_path, *POINT, "--gain", "a=0.5", "--json", "-y")
    for _ in range(2):
        results = run(*words).json["results"]
        assert isinstance(results, list)
        assert len(results) == 2
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"a.mkv", "a.remix.mkv", "b.mkv", "b.remix.mkv"}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("remix", (*POINT, "--gain", "a=mute")),
        ("separate", POINT),
        ("regions", ()),
        ("heatmap", ()),
    ],
)
def test_several_files_need_a_folder_and_that_is_said_once(
    run: Run, video: Path, command: str, words: tuple[str, ...]
) -> None:
    for target in ("nowhere", video.name):
        ran = run(command, video, video, *words, "-o", target)
        assert ran.failed_with(2, f"-o {target}", "existing folder")


def test_skip_existing_and_folders(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("one", "two"):
        make_video(folder / f"{name}.mkv", seconds=1.0, audio=tone(1.0))
    (folder / "notes.txt").write_text("not a video")
    first = run("separate", folder, *POINT, "--json")
    assert first.code == 0, first.err
    second = run("separate", folder, *POINT, "--json", "--skip-existing")
    assert second.code == 0, second.err
    results = second.json["results"]
    assert results == []


def test_models_verifies_checksums(run: Run, tiny_bundle: Path) -> None:
    ran = run("models", tiny_bundle, "--json")
    assert ran.code == 0, ran.err
    (model,) = ran.json["models"]  # type: ignore[misc]
    assert isinstance(model, dict)
    assert model["ok"] is True
    assert model["name"] == "tiny"


def test_default_model_is_found_and_whole(run: Run) -> None:
    assert run("models", "default").code == 0


def test_doctor_says_what_works(run: Run) -> None:
    ran = run("doctor", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["devices"]["cpu"] == "ok"  # type: ignore[index, call-overload]


def test_help_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'av', 'onnxruntime', 'scipy', 'numpy'}"
    code = f"import sys, pixelmix.cli, pixelmix.cli.app; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_and_version(run: Run) -> None:
    ran = run("--help")
    assert ran.code == 0
    for command in ("remix", "separate", "models", "doctor", "import-checkpoint"):
        assert command in ran.out
    assert run("--version").out.startswith("pixelmix ")


def test_gains_come_from_a_file_and_the_command_line_wins(
    run: Run, tmp_path: Path, video: Path
) -> None:
    (tmp_path / "gains.csv").write_text("region,gain,start,end\na,0.5,0.5,1\nrest,mute,,\n")
    ran = run("remix", video, *POINT, "--automation", "gains.csv", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["copied"] is False
    (tmp_path / "gains.csv").write_text("region,gain\na,0.5\nrest,mute\n")
    both = ("--automation", "gains.csv", "--gain", "a=1", "--gain", "rest=1")
    assert run("remix", video, *POINT, *both, "-y", "--json").json["copied"] is True
    (tmp_path / "gains.csv").write_text("region,gain\na,0.5\nb,0.5\n")
    ran = run("remix", video, *POINT, "--automation", "gains.csv", "-y")
    assert ran.failed_with(2, "gains.csv, line 3", "'b'", "a, rest")


def test_loudness_and_peaks_are_reported(run: Run, tmp_path: Path) -> None:
    loud = make_video(tmp_path / "in.mkv", audio=1.8 * tone(2.0), audio_codec="flac")
    words = ("remix", loud, *POINT, "--gain", "a=6dB", "--gain", "rest=6dB", "-y")
    ran = run(*words, "--clip", "none", "--json")
    before, after = ran.json["before"], ran.json["after"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    for key in ("lufs", "true_peak_dbtp"):
        assert float(str(after[key])) == pytest.approx(float(str(before[key])) + 6, abs=0.1)
    assert "full scale" in ran.err
    ran = run(*words, "--clip", "rescale")
    assert " LUFS, true peak -0.9 -> -0.1 dBTP" in ran.out
    assert "all sound was turned down by" in ran.err


def test_stems_are_stored_as_asked(run: Run, tmp_path: Path, video: Path) -> None:
    ran = run("separate", video, *POINT, "--format", "flac", "--json")
    assert ran.code == 0, ran.err
    names = {path.name for path in (tmp_path / "in.stems").iterdir()}
    assert names == {"a.flac", "rest.flac"}
    with av.open(str(tmp_path / "in.stems" / "rest.flac")) as container:
        assert container.streams.audio[0].codec_context.format.name == "s32"
    assert run("separate", video, *POINT, "--format", "wav", "--bits", "16", "-y").code == 0
    with av.open(str(tmp_path / "in.stems" / "rest.wav")) as container:
        assert container.streams.audio[0].codec_context.name == "pcm_s16le"
    wrong = run("separate", video, *POINT, "--format", "flac", "--bits", "32f", "-y")
    assert wrong.failed_with(2, "FLAC", "--bits 16 or 24")


def test_several_files_at_a_time(run: Run, tmp_path: Path, video: Path) -> None:
    names = ["a.mp4", "bad.mp4", "c.mp4", "d.mp4"]
    for name in names:
        (tmp_path / name).write_bytes(b"no video" if name == "bad.mp4" else video.read_bytes())
    alone = run("remix", *names, *POINT, "--gain", "a=mute")
    outputs = [tmp_path / f"{name[0]}.remix.mp4" for name in names if name != "bad.mp4"]
    wanted = [output.read_bytes() for output in outputs]
    together = run("remix", *names, *POINT, "--gain", "a=mute", "-y", "--jobs", "2")
    assert alone.code == together.code == 1
    assert [output.read_bytes() for output in outputs] == wanted

    def timeless(ran: Ran) -> list[str]:
        return [line.split(", in ")[0] for line in (ran.out + ran.err).splitlines()]

    assert timeless(together) == timeless(alone)
