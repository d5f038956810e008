"""Every ``--json`` document is as docs/schema.json says; `Ran.json` checks each that tests read."""

import json
from pathlib import Path

import jsonschema
import pytest

from pixelmix import __version__
from pixelmix.cli.app import app
from pixelmix.model.bundle import load_bundle
from tests.cli.conftest import SCHEMA, Run, fits_schema
from tests.media_files import make_video

POINT = ("--point", "a=25%,50%")


def test_the_schema_is_one_and_knows_every_command() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    commands = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    assert {one["$ref"].removeprefix("#/$defs/") for one in schema["anyOf"]} == commands


def test_a_field_too_many_or_too_few_does_not_fit() -> None:
    document: dict[str, str | int] = {"run": "run", "steps": 3, "seconds": 1}
    fits_schema("train", document)
    for other in ({**document, "more": 1}, {"run": "run", "steps": 3}):
        with pytest.raises(jsonschema.ValidationError):
            fits_schema("train", other)


def test_a_run_can_be_repeated_from_its_document(
    run: Run, tmp_path: Path, tiny_bundle: Path
) -> None:
    video = make_video(tmp_path / "in.mkv", seconds=7.0, fps=2)
    document = run("remix", video, *POINT, "--gain", "a=0.5", "--json").json
    used = document["run"]
    assert isinstance(used, dict)
    bundle = load_bundle(tiny_bundle)
    assert (used["pixelmix"], used["model_id"]) == (__version__, bundle.id)
    assert used["model_files"] == {name: file.sha256 for name, file in bundle.files.items()}
    assert (used["device"], used["windows"], used["corrupt_packets"]) == ("cpu", 2, 0)
    assert 0.2 < float(str(used["peak"])) < 0.6
    assert float(str(used["null_error"])) < 1e-6
    assert document["warnings"] == []
    assert used["look"] == bundle.vision.short_side


def test_pictures_are_shown_at_another_size(run: Run, tmp_path: Path) -> None:
    make_video(tmp_path / "in.mkv", seconds=7.0, fps=2)
    shares = []
    for look in ("64", "128"):
        document = run("separate", "in.mkv", *POINT, "--look", look, "-y", "--json").json
        used, stems = document["run"], document["stems"]
        assert isinstance(used, dict)
        assert isinstance(stems, list)
        assert used["look"] == int(look)
        shares.append(stems[0])
    assert shares[0] != shares[1]
    assert run("separate", "in.mkv", *POINT, "--look", "8").code == 2


def test_documents_of_several_and_of_skipped_files(run: Run, tmp_path: Path) -> None:
    make_video(tmp_path / "in.mkv")
    (tmp_path / "bad.mkv").write_bytes(b"no video")
    many = run("separate", "in.mkv", "bad.mkv", *POINT, "--json")
    assert many.code == 1
    assert [len(files) for files in many.json.values() if isinstance(files, list)] == [1, 1]
    assert run("separate", "in.mkv", *POINT, "--skip-existing", "--json").json["skipped"] is True
    assert run("remix", "in.mkv", *POINT, "--gain", "a=1", "--json").json["copied"] is True
    assert run("models", tmp_path / "bad.mkv", "--json").code == 1
