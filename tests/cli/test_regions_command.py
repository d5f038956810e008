"""`pixelmix regions` as a user runs it, and what it is good for afterwards."""

from pathlib import Path

import pytest

from pixelmix.regions.project import load
from tests.cli.conftest import Json, Ran, Run
from tests.discovery.known_model import SIZE, ByteArray, build_known_bundle, squares, tones
from tests.media_files import make_video

TWO = squares(("red", 16, 32), ("blue", 112, 32))


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_known_bundle(tmp_path_factory.mktemp("model") / "known")


def clip(folder: Path, name: str = "duet.mp4", picture: ByteArray = TWO, loud: float = 1.0) -> Path:
    sound = tones(4.0, {"red": None, "blue": ((1.0, 2.0),)}) * loud
    return make_video(
        folder / name,
        seconds=4.0,
        fps=5,
        size=SIZE,
        draw=lambda _: picture,
        audio=sound,
        rate=22_050,
    )


def regions_of(ran: Ran) -> list[dict[str, Json]]:
    assert ran.code == 0, ran.err
    regions = ran.json["regions"]
    assert isinstance(regions, list)
    return [region for region in regions if isinstance(region, dict)]


def test_a_document_a_project_and_a_picture(run: Run, tmp_path: Path, known: Path) -> None:
    video = clip(tmp_path)
    ran = run("regions", video, "--model", known, "--json")
    first, second = regions_of(ran)
    project, picture = tmp_path / "duet.pixelmix.json", tmp_path / "duet.regions.png"
    assert ran.json["input"] == str(video)
    assert ran.json["model"] == "known"
    assert ran.json["project"] == str(project)
    assert ran.json["picture"] == str(picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert (first["name"], second["name"]) == ("region1", "region2")
    shares = [float(str(part)) for part in (first["share"], second["share"], ran.json["rest"])]
    assert sum(shares) == pytest.approx(1.0, abs=1e-4)
    kept = load(project)
    for told, found in zip((first, second), kept.regions, strict=True):
        assert told["box"] == pytest.approx(found.region.box.sides, abs=0.011)
        assert told["spans"] == [list(span) for span in found.spans]
        assert told["colour"] == found.colour
        assert told["confidence"] == pytest.approx(found.confidence, abs=1e-4)


def test_what_people_are_told(run: Run, tmp_path: Path, known: Path) -> None:
    ran = run("regions", clip(tmp_path), "--model", known)
    assert ran.code == 0, ran.err
    told = ran.out + ran.err
    assert "duet.regions.png: 2 regions" in told
    assert "sounds 0:00.0-0:04.0" in told
    assert "rest" in told
    assert "cannot be told apart" not in told


def test_remix_needs_the_project_file_alone(run: Run, tmp_path: Path, known: Path) -> None:
    clip(tmp_path)
    assert run("regions", "duet.mp4", "--model", known, "--no-picture").code == 0
    assert not (tmp_path / "duet.regions.png").exists()
    ran = run("remix", "--gain", "region1=0.2", "--model", known, "--json")
    assert ran.code == 0, ran.err
    assert ran.json["output"] == "duet.remix.mp4"
    levels = ran.json["regions"]
    assert isinstance(levels, list)
    names = [level["name"] for level in levels if isinstance(level, dict)]
    assert names == ["region1", "region2", "rest"]
    unknown = run("remix", "--gain", "region9=0.2", "--model", known, "-y")
    assert unknown.failed_with(2, "region9", "region1")


def test_separate_finds_by_itself(run: Run, tmp_path: Path, known: Path) -> None:
    ran = run("separate", clip(tmp_path), "--model", known)
    assert ran.code == 0, ran.err
    stems = {path.name for path in (tmp_path / "duet.stems").iterdir()}
    assert stems == {"region1.wav", "region2.wav", "rest.wav"}
    assert (tmp_path / "duet.pixelmix.json").exists()


def test_nothing_is_replaced_unasked(run: Run, tmp_path: Path, known: Path) -> None:
    video = clip(tmp_path)
    assert run("regions", video, "--model", known).code == 0
    assert run("regions", video, "--model", known).failed_with(1, "duet.pixelmix.json", "-y")
    skipped = run("regions", video, "--model", known, "--skip-existing", "--json")
    assert skipped.json["skipped"] is True
    ran = run("regions", video, "--model", known, "-y", "--count", "1", "--json")
    assert len(regions_of(ran)) == 1


@pytest.mark.parametrize("count", ["0", "13", "many"])
def test_a_count_that_cannot_be(run: Run, tmp_path: Path, known: Path, count: str) -> None:
    ran = run("regions", clip(tmp_path), "--model", known, "--count", count)
    assert ran.code == 2
    assert "--count" in ran.err
    assert "Traceback" not in ran.err


def test_silence_is_said_to_be_silent(run: Run, tmp_path: Path, known: Path) -> None:
    video = clip(tmp_path, loud=0.0)
    ran = run("regions", video, "--model", known)
    assert ran.code == 0, ran.err
    assert "no sounding region found" in ran.out + ran.err
    mixed = run("remix", video, "--gain", "region1=0", "--model", known)
    assert mixed.failed_with(2, "no sounding region", "--point")


def test_alike_places_are_said_to_be_alike(run: Run, tmp_path: Path, known: Path) -> None:
    video = clip(tmp_path, picture=squares(("red", 16, 32), ("red", 112, 32)))
    ran = run("regions", video, "--model", known, "-o", tmp_path)
    assert ran.code == 0, ran.err
    assert "region1 is seen in 2 places" in ran.out + ran.err


def test_a_bad_file_does_not_stop_the_others(run: Run, tmp_path: Path, known: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    (tmp_path / "bad.mp4").write_text("no video")
    clip(tmp_path)
    ran = run("regions", "bad.mp4", "duet.mp4", "-o", folder, "--model", known, "--json")
    assert ran.code == 1
    assert "Traceback" not in ran.err
    results, failed = ran.json["results"], ran.json["failed"]
    assert isinstance(results, list)
    assert isinstance(failed, list)
    assert (len(results), len(failed)) == (1, 1)
    names = {path.name for path in folder.iterdir()}
    assert names == {"duet.pixelmix.json", "duet.regions.png"}


def test_a_folder_that_cannot_be_written_is_no_hindrance(
    run: Run, tmp_path: Path, known: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    video = clip(kept)
    kept.chmod(0o555)
    try:
        ran = run("separate", video, "-o", tmp_path / "stems", "--model", known, "--json")
    finally:
        kept.chmod(0o755)
    assert ran.code == 0, ran.err
    names = {path.name for path in (tmp_path / "stems").iterdir()}
    assert names == {"region1.wav", "region2.wav", "rest.wav"}
    assert [*kept.iterdir()] == [video]
