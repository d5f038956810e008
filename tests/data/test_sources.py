"""What is found in folders, lists and kits, and what it is called."""

import os
from collections import Counter
from pathlib import Path

import pytest

from pixelmix.data.dataset import LeftOut
from pixelmix.data.items import Item, Options, Pair, Photo, Solo, Video
from pixelmix.data.sources import find
from pixelmix.errors import InputError, UsageError

OPTIONS = Options()


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def items(*sources: Path, options: Options = OPTIONS) -> list[Item]:
    return [item for item in find(sources, options) if isinstance(item, Item)]


def names(*sources: Path) -> list[str]:
    return [item.name for item in find(sources, OPTIONS)]


def test_a_folder_is_searched_with_all_in_it(tmp_path: Path) -> None:
    touch(
        tmp_path / "set", "b.MP4", "cello/a.webm", "cello/notes.txt", "deep/er/c.mkv",
        "cello/.hidden.mp4", ".trash/d.mp4", "sound.mp3",
    )  # fmt: skip
    found = items(tmp_path / "set")
    assert [(item.name, item.kind) for item in found] == [
        ("set/b.MP4", ""),
        ("set/cello/a.webm", "cello"),
        ("set/deep/er/c.mkv", "er"),
    ]
    assert all(isinstance(item, Video) and item.path.is_file() for item in found)
    assert [(item.source, item.licence) for item in found[1:2]] == [("cello/a.webm", "")]


def test_names_do_not_depend_on_how_the_folder_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = touch(tmp_path / "set", "cello/a.mp4")
    monkeypatch.chdir(folder)
    ways = [folder, Path(), Path("cello/.."), Path("../set")]
    assert [names(way) for way in ways] == [["set/cello/a.mp4"]] * 4
    # The same file found twice is taken once.
    assert names(folder, Path()) == ["set/cello/a.mp4"]
    assert names(folder / "cello" / "a.mp4") == ["cello/a.mp4"]


def test_splits_are_stated_by_folders(tmp_path: Path) -> None:
    touch(tmp_path, "train/harp/a.mp4", "val/harp/b.mp4", "harp/test/c.mp4", "test/d.mp4")
    assert [(item.kind, item.split) for item in items(tmp_path)] == [
        ("harp", "test"), ("", "test"), ("harp", "train"), ("harp", "val"),
    ]  # fmt: skip


def test_other_splits_are_stable_and_about_as_large_as_asked(tmp_path: Path) -> None:
    touch(tmp_path / "one", *(f"harp/{number}.mp4" for number in range(400)))
    touch(tmp_path / "two", *(f"harp/{number}.mp4" for number in range(0, 400, 2)), "x/y.mp4")
    splits = {item.name.partition("/")[2]: item.split for item in items(tmp_path / "one")}
    assert 20 <= Counter(splits.values())["val"] <= 60
    for item in items(tmp_path / "two"):
        assert splits.get(item.name.partition("/")[2], item.split) == item.split
    for val, split in ((0.0, "train"), (1.0, "val")):
        found = items(tmp_path / "one", options=Options(val=val))
        assert {item.split for item in found} == {split}
    # Fixed for ever: a dataset that grows must not move its files between the splits.
    assert [n for n in range(60) if splits[f"harp/{n}.mp4"] == "val"] == [0, 10, 25, 34]


def test_sources_and_licences_come_from_a_list(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / "sources.csv").write_text("path,licence,source\na.mp4,CC0,example.org\ngone,x,y\n")
    assert [(item.source, item.licence) for item in items(tmp_path)] == [
        ("example.org", "CC0"), ("b.mp4", ""),
    ]  # fmt: skip
    (tmp_path / "sources.csv").write_text("name\na.mp4\n")
    with pytest.raises(InputError, match=r"sources\.csv.*'path'"):
        find([tmp_path], OPTIONS)


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    touch(tmp_path / "store", "a.mp4")
    touch(tmp_path / "set", "b.mp4")
    (tmp_path / "set" / "flute").symlink_to(tmp_path / "store")
    (tmp_path / "store" / "again").symlink_to(tmp_path / "set")
    (tmp_path / "store" / "gone.mp4").symlink_to(tmp_path / "nowhere")
    assert names(tmp_path / "set") == ["set/b.mp4", "set/flute/a.mp4", "set/flute/gone.mp4"]


def test_different_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for place in ("one", "two"):
        touch(tmp_path / place / "set", "a.mp4")
    with pytest.raises(UsageError, match=r"set/a\.mp4"):
        find([tmp_path / "one" / "set", tmp_path / "two" / "set"], OPTIONS)


def test_file_names_that_are_no_text_can_be_printed(tmp_path: Path) -> None:
    try:
        touch(tmp_path, os.fsdecode(b"caf\xe9.mp4"))
    except OSError:
        pytest.skip("this file system takes no such name")
    (item,) = items(tmp_path)
    assert (item.name.encode(), item.path.exists()) == (f"{tmp_path.name}/caf?.mp4".encode(), True)


def test_what_holds_nothing_is_an_error(tmp_path: Path) -> None:
    touch(tmp_path / "set", "a.txt", "kit/solos.csv")
    (tmp_path / "empty.csv").write_text("\n")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    for name, words in (
        ("set", "no video"),
        ("gone", "no such"),
        ("empty.csv", "lists nothing"),
        ("binary.csv", "cannot be read"),
        ("set/kit", "column 'path'"),
        ("set/kit/solos.csv", "give the folder"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            find([tmp_path / name], OPTIONS)
        assert name in str(caught.value)


def write_list(file: Path, *rows: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{row}\n" for row in rows))
    return file


def test_published_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "here", "audio/tuba/b.mp3", "frames/tuba/b.mp4/000001.jpg")
    touch(tmp_path / "lists", "audio/tuba/a.mp3", "frames/tuba/a.mp4/000001.jpg")
    monkeypatch.chdir(tmp_path / "here")
    listed = write_list(
        tmp_path / "lists" / "train.csv",
        "audio/tuba/a.mp3,frames/tuba/a.mp4,1",
        "./audio/tuba/b.mp3, ./frames/tuba/b.mp4, 240",
        "",
        "audio/tuba/c.mp3",
        "audio/tuba/d.mp3,frames/tuba/d.mp4,many",
        "audio/tuba/e.mp3,frames/tuba/e.mp4",
    )
    found = find([listed], Options(list_frame_rate=5.0))
    first, second, third, fourth, last = found
    assert isinstance(first, Pair)
    assert isinstance(second, Pair)
    assert isinstance(last, Pair)
    # Beside the list first, then where the command was called.
    assert first.path == tmp_path / "lists" / "audio" / "tuba" / "a.mp3"
    assert first.frames == tmp_path / "lists" / "frames" / "tuba" / "a.mp4"
    assert second.path == tmp_path / "here" / "audio" / "tuba" / "b.mp3"
    assert [pair.name for pair in (first, second)] == [
        "lists/audio/tuba/a.mp3", "lists/audio/tuba/b.mp3",
    ]  # fmt: skip
    assert (first.kind, first.split, first.count, first.frame_rate) == ("tuba", "train", 1, 5.0)
    assert (second.count, last.count) == (240, None)
    assert [row for row in (third, fourth) if isinstance(row, LeftOut)] == [third, fourth]
    assert "row 3" in third.name
    assert isinstance(fourth, LeftOut)
    assert "'many'" in fourth.reason


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.csv", "train"), ("val.csv", "val"), ("MUSIC_test_21.csv", "test"),
        ("valset.csv", "val"), ("interval.csv", "train"), ("solo.csv", "train"),
    ],
)  # fmt: skip
def test_the_list_says_the_split(tmp_path: Path, name: str, split: str) -> None:
    (item,) = items(write_list(tmp_path / name, "a/b.mp3,c,1"))
    assert item.split == split


def test_a_recording_in_two_lists_stays_in_the_first(tmp_path: Path) -> None:
    lists = [write_list(tmp_path / name, "a/b.mp3,c,1") for name in ("train.csv", "val.csv")]
    assert [item.split for item in items(*lists)] == ["train"]


def test_kits(tmp_path: Path) -> None:
    kit = tmp_path / "kit"
    write_list(
        kit / "solos.csv",
        "\ufeffpath,class,split,kind,sources,licence,seconds",
        'tuba/a.opus,tuba,train,played,"Ann, Bob",CC0,61.28',
        "tuba/b.opus,tuba,val",
        "tuba/c.opus,tuba,training,,,,1",
        "tuba/d.opus,,train,,,,1",
        "tuba/e.opus,tuba,train,,,,long",
    )
    write_list(
        kit / "pictures.csv",
        "path,class,split,source,licence",
        "p/a.jpg,tuba,train,example.org,CC BY",
        "p/s.jpg,_background,val,,",
    )
    first, second, *bad, photo, scene = find([kit], OPTIONS)
    assert isinstance(first, Solo)
    assert isinstance(second, Solo)
    assert (first.name, first.path) == ("kit/tuba/a.opus", kit / "tuba" / "a.opus")
    assert (first.kind, first.split, first.seconds) == ("tuba", "train", 61.28)
    assert (first.source, first.licence) == ("Ann, Bob", "CC0")
    assert (second.split, second.seconds, second.source) == ("val", None, "tuba/b.opus")
    for row, word in zip(bad, ("'training'", "class", "'long'"), strict=True):
        assert isinstance(row, LeftOut)
        assert word in row.reason
    assert isinstance(photo, Photo)
    assert (photo.kind, photo.source, photo.licence) == ("tuba", "example.org", "CC BY")
    assert isinstance(scene, Photo)
    assert (scene.kind, scene.split) == ("_background", "val")


def test_stamps_change_with_the_files(tmp_path: Path) -> None:
    touch(tmp_path, "a/b.mp3", "c/000001.jpg")
    (pair,) = items(write_list(tmp_path / "train.csv", "a/b.mp3,c,1"))
    stamps = [pair.stamp]
    for change in ("c/000002.jpg", "a/b.mp3"):
        touch(tmp_path, change)
        os.utime((tmp_path / change).parent, ns=(1, len(stamps)))
        (tmp_path / change).write_bytes(b"y" * (5 + len(stamps)))
        stamps.append(pair.stamp)
    assert len(set(stamps)) == 3
