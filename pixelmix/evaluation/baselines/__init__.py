"""What a model is compared with; ``docs/baselines.md`` says what each is and where it is from."""

from collections.abc import Callable, Sequence

from pixelmix.data.dataset import Dataset
from pixelmix.errors import UsageError
from pixelmix.evaluation.baselines.bounds import IdealMask, Mixture
from pixelmix.evaluation.methods import Method
from pixelmix.types import FrontEnd

NAMES = ("mixture", "ideal-binary", "ideal-ratio", "nmf", "deepconvsep", "spectral-regression")
ALL = "all"


def baselines(
    names: Sequence[str],
    dataset: Dataset,
    fe: FrontEnd,
    seed: int = 0,
    steps: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Method]:
    """Make baselines ready, in the order of their names (``all`` stands for every one).

    Those that must be trained are trained here, on the training split: the same dataset, front
    end and seed give the same. ``steps`` replaces the number of training steps of the networks.
    ``say`` takes lines that tell how far this is.

    Raises
    ------
    UsageError
        If there is no baseline of such a name.
    InputError
        If a trained baseline finds no kinds to learn, or no sounds of one.
    """
    unknown = [name for name in names if name not in (*NAMES, ALL)]
    if unknown:
        raise UsageError(
            f"there is no baseline {unknown[0]!r}; choose from {', '.join(NAMES)} or {ALL}"
        )
    chosen = NAMES if ALL in names else dict.fromkeys(names)
    return [_make(name, dataset, fe, seed, steps, say) for name in chosen]


def _make(
    name: str,
    dataset: Dataset,
    fe: FrontEnd,
    seed: int,
    steps: int | None,
    say: Callable[[str], None],
) -> Method:
    if name == "mixture":
        return Mixture()
    if name == "ideal-binary":
        return IdealMask(fe, "binary")
    if name == "ideal-ratio":
        return IdealMask(fe, "ratio")
    # Imported here: torch takes seconds, and cheap baselines do without it.
    from pixelmix.evaluation.baselines.solos import Solos

    solos = Solos(dataset)
    if name == "nmf":
        from pixelmix.evaluation.baselines.nmf import Nmf

        return Nmf(solos, fe, seed, say)
    if name == "deepconvsep":
        from pixelmix.evaluation.baselines import deepconvsep

        return deepconvsep.train(solos, fe, seed, steps, say)
    from pixelmix.evaluation.baselines import regression

    return regression.train(solos, fe, seed, steps, say)
