"""Outputs appear when they are complete, or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pixelmix.errors import InputError, OutputError
from pixelmix.media.atomic import partial_folder, partial_path, remove_stale

NO_PID = 2**22 + 1
"""Larger than any process id of Linux."""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_name_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with partial_path(target) as partial:
        assert partial.parent == tmp_path
        assert partial.suffix == ".mp4"
        assert partial.name.startswith(f".out.partial-{os.getpid()}-")
        partial.write_text("new")
        assert not target.exists()
    assert names(tmp_path) == ["out.mp4"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OutputError])
def test_nothing_is_left_of_what_failed(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "out.mp4"

    def fail() -> None:
        with partial_path(target) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert names(tmp_path) == []


def test_an_existing_output_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_text("old")
    with pytest.raises(OutputError, match=r"already exists.*-y"), partial_path(target):
        pytest.fail("the block must not run")
    with partial_path(target, overwrite=True) as partial:
        partial.write_text("new")
    assert target.read_text() == "new"


def test_an_output_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"

    def race() -> None:
        with partial_path(target) as partial:
            partial.write_text("mine")
            target.write_text("theirs")

    with pytest.raises(OutputError, match="already exists"):
        race()
    assert target.read_text() == "theirs"
    assert names(tmp_path) == ["out.mp4"]


def test_the_input_is_never_the_output(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    source.write_text("in")
    link = tmp_path / "link.mp4"
    link.symlink_to(source)
    for target in (source, link, tmp_path / "x" / ".." / "in.mp4"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with (
            pytest.raises(OutputError, match="replace the input"),
            partial_path(target, overwrite=True, inputs=(source,)),
        ):
            pytest.fail("the block must not run")
    assert source.read_text() == "in"


def test_folders_are_checked_first(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="folder does not exist"),
        partial_path(tmp_path / "gone" / "out.mp4"),
    ):
        pytest.fail("the block must not run")
    with pytest.raises(OutputError, match="this is a folder"), partial_path(tmp_path):
        pytest.fail("the block must not run")


def test_system_errors_in_the_block_are_translated(tmp_path: Path) -> None:
    def full() -> None:
        with partial_path(tmp_path / "out.mp4"):
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="disk is full"):
        full()


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    code = (
        "import os, signal; from pathlib import Path;"
        "from pixelmix.media.atomic import partial_folder, partial_path\n"
        f"with partial_path(Path({str(tmp_path / 'out.mp4')!r})) as partial:\n"
        "    partial.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert len(names(tmp_path)) == 1
    with partial_path(tmp_path / "out.mp4") as partial:
        partial.write_text("whole")
    assert names(tmp_path) == ["out.mp4"]


def test_only_stale_leftovers_of_this_target_are_removed(tmp_path: Path) -> None:
    stale = [f".out.partial-{pid}-0123abcd.mp4" for pid in (NO_PID, os.getpid())]
    kept = [
        f".out.partial-{os.getppid()}-0123abcd.mp4",
        f".out.partial-{NO_PID}-0123abcd.mkv",
        f".other.partial-{NO_PID}-0123abcd.mp4",
        f".out.partial-{NO_PID}-xyz.mp4",
        "out.mp4",
    ]
    for name in (*stale, *kept):
        (tmp_path / name).touch()
    remove_stale(tmp_path / "out.mp4")
    assert names(tmp_path) == sorted(kept)


@pytest.mark.parametrize("folder", [False, True])
def test_an_input_that_changes_meanwhile_is_told(tmp_path: Path, folder: bool) -> None:
    source = tmp_path / "in.mp4"
    source.write_text("in")
    target, inputs = tmp_path / "out", (source,)
    opened = (
        partial_folder(target, (), inputs=inputs) if folder else partial_path(target, inputs=inputs)
    )

    def work() -> None:
        with opened as partial:
            (partial / "a.wav" if folder else partial).write_text("half")
            source.write_text("input")

    with pytest.raises(InputError, match=r"in\.mp4: changed while it was read"):
        work()
    assert names(tmp_path) == ["in.mp4"]


def test_an_input_that_is_deleted_was_read_all_the_same(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    source.write_text("in")
    with partial_path(tmp_path / "out.mp4", inputs=(source,)) as partial:
        partial.write_text("whole")
        source.unlink()
    assert names(tmp_path) == ["out.mp4"]


def test_errors_speak_of_the_target(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with pytest.raises(OutputError, match=r"/out\.mp4: full$"), partial_path(target) as partial:
        raise OutputError(f"{partial}: full")


def test_a_new_folder_appears_whole(tmp_path: Path) -> None:
    folder = tmp_path / "stems"
    with partial_folder(folder, ("a.wav", "b.wav")) as partial:
        (partial / "a.wav").write_text("a")
        (partial / "b.wav").write_text("b")
        assert not folder.exists()
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "a.wav": "a",
        "b.wav": "b",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["stems"]


def test_a_folder_that_is_there_keeps_what_else_is_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "stems"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / "a.wav").write_text("old")
    with (
        pytest.raises(OutputError, match=r"a\.wav.*already exists"),
        partial_folder(folder, ("a.wav",)),
    ):
        pytest.fail("the block must not run")
    with partial_folder(folder, ("a.wav",), overwrite=True) as partial:
        (partial / "a.wav").write_text("new")
    assert (folder / "a.wav").read_text() == "new"
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with partial_folder(tmp_path / "stems", ("a.wav",)) as partial:
            (partial / "a.wav").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="this is a file"), partial_folder(tmp_path / "file", ()):
        pytest.fail("the block must not run")
