import json
import string
from dataclasses import replace
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelmix.errors import ModelError, UsageError
from pixelmix.train.nets import NetworkSizes
from pixelmix.train.recipe import Recipe, preset
from pixelmix.train.settings import dump, load, override
from pixelmix.types import FrontEnd
from tests.train.tiny_recipe import TINY, TUNED

PARTS: dict[str, type] = {"front_end": FrontEnd, "sizes": NetworkSizes}
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def names() -> list[tuple[str, object]]:
    """Every setting's name with its type."""
    whole = [(name, hint) for name, hint in get_type_hints(Recipe).items() if name not in PARTS]
    for part, kind in PARTS.items():
        whole += [(f"{part}.{name}", hint) for name, hint in get_type_hints(kind).items()]
    return whole


def values(hint: object) -> st.SearchStrategy[object]:
    if hint is bool:
        return st.booleans()
    if hint is int:
        return st.integers()
    if hint is float:
        return NUMBERS
    if hint is str:
        # Blanks around a value do not belong to it.
        return st.text(string.ascii_letters + string.digits + "=,._ ").map(str.strip)
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) is tuple:
        several = get_args(hint)[-1] is ...
        return (st.lists(NUMBERS) if several else st.tuples(*[NUMBERS] * len(get_args(hint)))).map(
            tuple
        )
    first, nothing = get_args(hint)
    assert nothing is type(None)
    return st.none() | values(first)


def text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(repr, value)) or "none"
    return str(value).lower() if isinstance(value, bool | None) else str(value)


def found(recipe: Recipe, name: str) -> object:
    part, _, rest = name.rpartition(".")
    return getattr(getattr(recipe, part), rest) if part else getattr(recipe, name)


@pytest.mark.parametrize("recipe", [preset("default"), preset("paper"), TINY, TUNED])
def test_recipes_survive_the_file(recipe: Recipe) -> None:
    assert load(dump(recipe), "recipe.json") == recipe


@given(st.data())
def test_every_setting_can_be_made_and_survives_the_file(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(names()), unique_by=lambda item: item[0]))
    wanted = {name: data.draw(values(hint), name) for name, hint in chosen}
    recipe = override(Recipe(), [f"{name} = {text(value)}" for name, value in wanted.items()])
    assert {name: found(recipe, name) for name in wanted} == wanted
    others = {name for name, _ in names()} - set(wanted)
    assert all(found(recipe, name) == found(Recipe(), name) for name in others)
    assert load(dump(recipe), "recipe.json") == recipe


def test_later_settings_win() -> None:
    assert override(Recipe(), ["batch=3", "steps=9", "batch=5"]) == replace(
        Recipe(), batch=5, steps=9
    )


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("batch", "should be NAME=VALUE"),
        ("bach=3", "a recipe has no 'bach'"),
        ("=3", "a recipe has no ''"),
        ("sizes.depth=3", "a recipe has no 'depth'"),
        ("batch.size=3", "a recipe has no 'size'"),
        ("level.low=3", "a recipe has no 'low'"),
        ("batch=many", "'many' is no whole number"),
        ("batch=1.5", "'1.5' is no whole number"),
        ("batch=", "'' is no whole number"),
        ("batch=none", "'none' is no whole number"),
        ("speed=fast", "'fast' is no number"),
        ("speed=nan", "'nan' is no number"),
        ("level=-inf,0", "-inf is not finite"),
        ("compile=yes", "is true or false"),
        ("vision=melted", "'melted' is none of frozen, tuned"),
        ("sources=1,2", "takes 3 numbers, separated by commas"),
        ("sources=none", "takes 3 numbers"),
        ("rate_drops=", "could not convert string to float: ''"),
        ("level=-30", "takes 2 numbers, separated by commas"),
        ("level=low,high", "could not convert string to float: 'low'"),
        ("front_end.warp_base=wide", "'wide' is no number"),
        ("sizes=large", "name one of its parts"),
    ],
)
def test_wrong_settings_are_named(setting: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        override(Recipe(), ["steps=3", setting])
    message = str(caught.value)
    assert message.startswith(f"--set {setting}: ")
    assert reason in message
    assert "\n" not in message


def changed(**values: object) -> str:
    return json.dumps({**json.loads(dump(Recipe())), **values})


def without(name: str) -> str:
    return json.dumps({k: v for k, v in json.loads(dump(Recipe())).items() if k != name})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "Expecting value"),
        ("[]", "no object"),
        ("{}", "preset"),
        (without("preset"), "'preset'"),
        (changed(colour=3), "'colour'"),
        (changed(batch="16"), "'16' does not fit"),
        (changed(batch=True), "True does not fit"),
        (changed(batch=1.0), "1.0 does not fit"),
        (changed(speed=None), "None does not fit"),
        (changed(speed=False), "False does not fit"),
        (changed(speed=float("inf")), "inf is not finite"),
        pytest.param(changed(speed=10**400), "too large", id="speed too large"),
        (changed(compile=1), "1 does not fit"),
        (changed(vision="melted"), "'melted' is none of frozen, tuned"),
        (changed(vision=["frozen"]), "is none of frozen, tuned"),
        (changed(level="loud"), "takes 2 numbers"),
        (changed(level=[1, 2, 3]), "takes 2 numbers"),
        (changed(betas=[0.9, "x"]), "'x' does not fit"),
        (changed(rate_drops=0.5), "takes numbers"),
        (changed(sizes=3), "3 is no object"),
        (changed(sizes={"k": 3}), "backbone"),
    ],
)
def test_what_is_no_recipe_is_refused(content: str, reason: str) -> None:
    with pytest.raises(ModelError) as caught:
        load(content, "run/recipe.json")
    message = str(caught.value)
    assert message.startswith("run/recipe.json: is no recipe of this version (")
    assert reason in message
    assert "\n" not in message


def test_a_recipe_older_than_a_field_is_read() -> None:
    assert load(without("audio_start"), "recipe.json") == Recipe()


def test_whole_numbers_stand_for_others_in_the_file() -> None:
    recipe = load(changed(speed=0, level=[-30, -20]), "recipe.json")
    assert (recipe.speed, recipe.level) == (0.0, (-30.0, -20.0))
    assert isinstance(recipe.speed, float)


def test_unknown_presets_are_refused() -> None:
    with pytest.raises(UsageError, match="no preset 'papre'; there are default, paper"):
        preset("papre")


def test_presets_bear_their_names_and_differ() -> None:
    default, paper = preset("default"), preset("paper")
    assert (default.preset, paper.preset) == ("default", "paper")
    assert default == Recipe()
    assert default == Recipe() != paper


@given(
    frames=st.integers(1, 50).map(lambda n: 2 * n),
    hop=st.integers(1, 300),
)
def test_half_windows_have_half_the_frames(frames: int, hop: int) -> None:
    fe = replace(TINY.front_end, window_samples=frames * hop - 1, hop=hop)
    recipe = replace(TINY, front_end=fe)
    assert 2 * (recipe.half_window // hop + 1) == fe.frames == frames


@pytest.mark.parametrize(
    ("steps", "epochs", "sounds", "total"),
    [(7, 0, 100, 7), (7, 9, 100, 7), (0, 3, 100, 18), (0, 3, 9, 1), (0, 1, 5, 1)],
)
def test_trainings_last_steps_or_epochs(steps: int, epochs: int, sounds: int, total: int) -> None:
    assert replace(TINY, steps=steps, epochs=epochs, batch=16).total_steps(sounds) == total
