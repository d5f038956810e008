import pytest

from pixelmix.errors import UsageError
from pixelmix.train.checks import check
from pixelmix.train.recipe import Recipe, preset
from pixelmix.train.settings import override


@pytest.mark.parametrize("name", ["default", "paper"])
def test_presets_can_be_trained(name: str) -> None:
    check(preset(name))


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("batch=0", "batch is 0 and must be at least 1"),
        ("views=0", "views"),
        ("workers=-1", "workers"),
        ("learning_rate=-1", "learning_rate"),
        ("sources=0,0,0", "three probabilities"),
        ("level=-10,-20", "level goes from -10 to -20"),
        ("speed=1.5", "speed"),
        ("clutter=2", "clutter is 2 and must be between 0 and 1"),
        ("steps=0", "neither steps nor epochs"),
        ("image_std=1,0,1", "image_std"),
        ("average_decay=1", "average_decay"),
        ("front_end.hop=0", "'hop'"),
        ("front_end.hop=600", "twice 'hop'"),
        ("front_end.rows=60", "60 rows and 256 frames"),
        ("sizes.unet_levels=8", "256 rows and 512 frames"),
        ("sizes.head_kernel=3", "head_kernel"),
        ("sizes.head_width=0", "head_width"),
    ],
)
def test_what_cannot_be_trained_is_said_before_the_work(setting: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(override(Recipe(), [setting]))
    assert str(caught.value).startswith("the recipe cannot be trained: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
