from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.data.tiny_dataset import make_dataset


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("data") / "kit").folder


def test_table_json_and_page(run: Run, kit: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    few = ("--count", "1", "--sources", "2", "--baselines", "mixture", "--threads", "1")
    table = run("evaluate", tiny_bundle, kit, *few)
    assert table.code == 0, table.err
    for words in ("tiny", "2 different", "2 same", "pictures swapped", "± is half"):
        assert words in table.out
    page = tmp_path / "report.html"
    done = run("evaluate", tiny_bundle, kit, *few, "--json", "--html", page, "--show", "1")
    assert done.code == 0, done.err
    document = done.json
    assert (document["model"], document["dataset"], document["split"]) == ("tiny", "kit", "val")
    assert [row["method"] for row in document["rows"]] == ["tiny", "mixture"] * 2  # type: ignore[union-attr, index, call-overload]
    assert page.read_text(encoding="utf-8").startswith("<!")
    again = run("evaluate", tiny_bundle, kit, *few, "--html", page)
    assert again.failed_with(1, "report.html", "-y")


def test_mistakes_are_said_in_one_line(run: Run, kit: Path, tiny_bundle: Path) -> None:
    assert run("evaluate", tiny_bundle, kit / "no").failed_with(1, "pixelmix prepare")
    assert run("evaluate", tiny_bundle, kit, "--sources", "2,x").failed_with(2, "--sources")
    test = ("-q", "--split", "test")
    assert run("evaluate", tiny_bundle, kit, *test).failed_with(1, "train, val")
    nowhere = kit / "no" / "report.html"
    assert run("evaluate", tiny_bundle, kit, "--html", nowhere).failed_with(1, "no such folder")
