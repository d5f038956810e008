import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pixelmix.errors import ModelError, OutputError
from pixelmix.train import checkpoint, loop
from pixelmix.train.batches import Batch
from pixelmix.train.loop import Trainer, train
from pixelmix.train.losses import Losses, losses
from pixelmix.train.model import Separator
from pixelmix.train.recipe import Recipe
from tests.train.tiny_kit import TINY

MINUTES = 0.1


def clock(seconds: float) -> Callable[[], float]:
    """Return a clock that moves by so much every time it is read."""
    readings = itertools.count(100.0, seconds)
    return lambda: next(readings)


def losses_in(lines: list[str]) -> list[float]:
    return [float(value) for line in lines for value in re.findall(r"masks ([^,]+),", line)]


def test_training_goes_on_where_it_stopped(cache: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    run = tmp_path / "run"
    first = train(cache, run, TINY, MINUTES / 2, lines.append, clock(0.25))
    state = checkpoint.load(run)
    assert first.steps == state.step == len(lines) >= 1
    assert all(0 < loss < 5 for loss in losses_in(lines))
    assert lines[0].startswith("step 1, ")
    second = train(cache, run, TINY, MINUTES, lines.append, clock(0.25))
    assert second.steps == len(lines) > first.steps
    assert second.seconds >= 60 * MINUTES > first.seconds
    assert lines[first.steps].startswith(f"step {first.steps + 1}, ")
    third = train(cache, run, TINY, MINUTES, lines.append, clock(0.25))
    assert third.steps == second.steps
    for ours, kept in zip(
        third.model.state_dict().values(), second.model.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, kept)


def test_windows_become_whole_halfway(cache: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    train(cache, tmp_path, TINY, MINUTES, lines.append, clock(0.25))
    lengths = [int(length) for line in lines for length in re.findall(r"(\d+) samples", line)]
    progress = [float(part) for line in lines for part in re.findall(r", ([\d.]+)%", line)]
    assert set(lengths) == {TINY.half_window, TINY.front_end.window_samples}
    for length, share in zip(lengths, progress, strict=True):
        assert (length == TINY.half_window) == (share < 100 * TINY.full_from)


def test_the_checkpoint_is_replaced_in_one_step(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    save = Trainer.save

    def noted(trainer: Trainer, run: Path) -> None:
        saved.append(trainer.steps)
        save(trainer, run)

    monkeypatch.setattr(Trainer, "save", noted)
    trainer = train(cache, tmp_path, TINY, MINUTES, lambda _: None, clock(0.25))
    assert len(saved) >= 2
    assert saved[-1] == trainer.steps
    assert [file.name for file in tmp_path.iterdir()] == [checkpoint.FILE]


def test_the_average_follows_the_model(cache: Path, tmp_path: Path) -> None:
    trainer = train(cache, tmp_path, TINY, MINUTES, lambda _: None, clock(0.25))
    model, average = trainer.model.state_dict(), trainer.average.state_dict()
    assert not torch.equal(model["head.a.weight"], average["head.a.weight"])
    assert torch.equal(
        model["audio.bn0.num_batches_tracked"], average["audio.bn0.num_batches_tracked"]
    )
    saved = checkpoint.load(tmp_path)
    assert all(torch.equal(saved.average[key], average[key]) for key in average)


def test_the_rate_rises_and_falls() -> None:
    trainer = Trainer(replace(TINY, warmup_steps=10), 4)
    rates = []
    for trainer.steps in range(11):
        rates.append(trainer.learning_rate(0.0))
    assert rates == sorted(rates)
    assert rates[0] == 0
    assert rates[-1] == pytest.approx(TINY.learning_rate, rel=0.01)
    falling = [trainer.learning_rate(share / 10) for share in range(11)]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] == pytest.approx(TINY.learning_rate * TINY.last_rate)


def test_a_run_of_another_recipe_is_refused(cache: Path, tmp_path: Path) -> None:
    Trainer(TINY, 4).save(tmp_path)
    other = replace(TINY, projection_size=TINY.projection_size + 1)
    with pytest.raises(ModelError, match=r"last\.pt: was made with another recipe"):
        train(cache, tmp_path, other, MINUTES)


@pytest.mark.parametrize("content", [b"", b"nothing", {"m": {}}, [1], {"m": {}, "e": 1}])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, content: object) -> None:
    file = tmp_path / checkpoint.FILE
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    with pytest.raises(ModelError, match=r"last\.pt") as caught:
        checkpoint.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_loss_that_is_no_number_stops_the_run(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(model: Separator, batch: Batch, progress: float, recipe: Recipe) -> Losses:
        found = losses(model, batch, progress, recipe)
        return found._replace(total=found.total * float("inf"))

    monkeypatch.setattr(loop, "losses", spoilt)
    with pytest.raises(ModelError, match="no longer finite at step 1"):
        train(cache, tmp_path, TINY, MINUTES, lambda _: None, clock(0.25))
    assert not (tmp_path / checkpoint.FILE).exists()


def test_a_run_that_cannot_be_written_is_an_error(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(OutputError, match="run"):
        train(cache, tmp_path / "run", TINY, MINUTES)
