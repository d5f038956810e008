"""One evaluation: a model and other methods on the same mixtures, and one report."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pixelmix.data.dataset import Dataset
from pixelmix.errors import InputError, PixelmixError
from pixelmix.evaluation.channels import audio_channels, confusion, visual_channels
from pixelmix.evaluation.examples import Pool
from pixelmix.evaluation.methods import BundleMethod, Method
from pixelmix.evaluation.metrics import Doubles
from pixelmix.evaluation.pairs import PairTests
from pixelmix.evaluation.report import Report, Row
from pixelmix.evaluation.statistics import Judge, row
from pixelmix.model.session import Networks

CHEAP = ("mixture", "ideal-binary", "ideal-ratio")
"""Baselines that need no training."""
SOURCES = (2, 3, 4)
"""Sounds in a mixture, where the dataset has enough kinds."""

Watch = Callable[[int, int], None]
"""Called with the steps done and their total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is measured. The same options give the same figures."""

    split: str = "val"
    count: int = 50
    """Examples per row."""
    seed: int = 0
    sources: tuple[int, ...] | None = None
    """Sounds in a mixture, each at least 2; None takes those of `SOURCES` that there are."""
    baselines: tuple[str, ...] = CHEAP
    """What the model is compared with, see `pixelmix.evaluation.baselines`."""
    show: int = 4
    """Examples kept in the report to be looked at."""


@dataclass(frozen=True, slots=True)
class _Sort:
    """One sort of mixture."""

    sources: int
    same_kind: bool

    @property
    def pairing(self) -> str:
        return "same" if self.same_kind else "different"


def evaluate(
    networks: Networks,
    dataset: Dataset,
    options: Options,
    watch: Watch = lambda _done, _total: None,
    say: Callable[[str], None] = lambda _line: None,
) -> Report:
    """Compare a model with baselines on mixtures of a dataset's sounds, and test it further.

    ``say`` takes lines about baselines that are trained first.

    Raises
    ------
    InputError
        If the dataset's rate is not the model's, or the split has too little for any mixture, or
        for one that was asked for.
    UsageError
        If there is no baseline of a name.
    """
    began = time.monotonic()
    bundle = networks.bundle
    pool = Pool(dataset, options.split, bundle.front_end, bundle.vision)
    sorts = _sorts(pool, options.sources)
    model = BundleMethod(networks)
    methods = [model, *_baselines(dataset, networks, options, say)]
    steps = _Steps(watch, len(sorts) * options.count + 2 * len(pool.known_kinds))
    tests = PairTests(model, pool, options.seed, options.show)
    rows: list[Row] = []
    for sort in sorts:
        rows += _rows(sort, pool, methods, options, tests, steps)
    visual = visual_channels(model, pool, options.seed, steps.tick)
    audio = audio_channels(model, pool, options.seed, steps.tick)
    return Report(
        model=bundle.name,
        model_id=bundle.id,
        device=networks.device.name,
        dataset=dataset.folder.resolve().name,
        split=options.split,
        seed=options.seed,
        rate=dataset.rate,
        seconds=time.monotonic() - began,
        rows=tuple(rows),
        wrong_click=tests.wrong_click,
        kind_pairs=tests.kind_pairs,
        silent=tests.silent,
        localisation=tests.localisation,
        visual=confusion(visual, bundle.k, options.seed),
        audio=confusion(audio, bundle.k, options.seed),
        shown=tests.shown,
    )


class _Steps:
    """Counts what is done."""

    def __init__(self, watch: Watch, total: int) -> None:
        self._watch, self._total, self._done = watch, total, 0

    def tick(self) -> None:
        self._done += 1
        self._watch(self._done, self._total)


def _sorts(pool: Pool, wanted: Sequence[int] | None) -> list[_Sort]:
    """Return what can be mixed; what was asked for is not checked yet."""
    most = pool.most(same_kind=False)
    counts = [n for n in SOURCES if n <= most] if wanted is None else sorted(set(wanted))
    sorts = [_Sort(count, same_kind=False) for count in counts]
    if (wanted is None or 2 in wanted) and pool.most(same_kind=True) > 1:
        sorts.append(_Sort(2, same_kind=True))
    if not sorts:
        raise InputError(
            f"{pool.dataset.folder}: the split {pool.split!r} has only one sound that can be used; "
            "two are needed for a mixture"
        )
    return sorts


def _baselines(
    dataset: Dataset, networks: Networks, options: Options, say: Callable[[str], None]
) -> list[Method]:
    from pixelmix.evaluation.baselines import baselines

    fe = networks.bundle.front_end
    try:
        return baselines(options.baselines, dataset, fe, seed=options.seed, say=say)
    except ModuleNotFoundError as error:
        raise PixelmixError(
            f"{error.name} is needed to train these baselines; install it with "
            "`pip install 'pixelmix[train]'`, or choose others with --baselines"
        ) from error


def _rows(
    sort: _Sort,
    pool: Pool,
    methods: Sequence[Method],
    options: Options,
    tests: PairTests,
    steps: _Steps,
) -> list[Row]:
    """Return a row per method, the model's first; every method gets the same examples."""
    figures: list[list[Doubles]] = [[] for _ in methods]
    for example in pool.examples(
        sources=sort.sources, same_kind=sort.same_kind, count=options.count, seed=options.seed
    ):
        judge = Judge(example)
        stems = [method.separate(example) for method in methods]
        for found, stem in zip(figures, stems, strict=True):
            found.append(judge.judge(stem))
        if sort == _Sort(2, same_kind=False):
            tests.add(example, stems[0], judge)
        steps.tick()
    return [
        row(method.name, sort.pairing, found)
        for method, found in zip(methods, figures, strict=True)
    ]
