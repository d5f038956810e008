"""``python -m pixelmix.train``: the recipe from a kit of sounds and pictures to a bundle."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pixelmix.errors import PixelmixError
from pixelmix.train.assemble import export_run
from pixelmix.train.cache import prepare
from pixelmix.train.loop import train
from pixelmix.train.recipe import Recipe


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    chosen = _parser().parse_args(arguments)
    cache: Path = chosen.cache or chosen.run / "cache"
    try:
        if chosen.command == "run":
            recipe = Recipe()
            prepare(chosen.kit, cache, recipe, _say)
            train(cache, chosen.run, recipe, chosen.minutes, _say)
        else:
            scores = dict(chosen.score)
            bundle = export_run(
                chosen.run,
                cache,
                chosen.kit,
                chosen.output,
                scores=scores,
                overwrite=chosen.overwrite,
            )
            _say(f"{bundle.path}: model {bundle.name}, id {bundle.id}")
    except PixelmixError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on from the last checkpoint\n")
        return 130
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pixelmix.train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="prepare and train; again on the same RUN goes on")
    run.add_argument("kit", type=Path, help="folder with solos.csv, pictures.csv and their files")
    run.add_argument("-o", "--output", dest="run", metavar="RUN", type=Path, required=True)
    run.add_argument("--minutes", type=_minutes, required=True, help="training time in all")
    export = commands.add_parser("export", help="write a run's averaged weights as a bundle")
    export.add_argument("run", type=Path, help="folder of a run")
    export.add_argument("kit", type=Path, help="the kit, for the backbone's weights")
    export.add_argument("-o", "--output", metavar="BUNDLE", type=Path, required=True)
    export.add_argument(
        "--score", metavar="NAME=VALUE", type=_score, action="append", default=[],
        help="a measured score for the model card; may be given again",
    )  # fmt: skip
    export.add_argument("-y", "--overwrite", action="store_true")
    for command in (run, export):
        command.add_argument("--cache", type=Path, help="prepared data (default: RUN/cache)")
    return parser


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes < float("inf"):
        raise argparse.ArgumentTypeError("must be above zero")
    return minutes


def _score(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, float(value)


if __name__ == "__main__":
    sys.exit(main())
