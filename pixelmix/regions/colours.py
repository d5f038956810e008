"""The colours of region labels."""

_PALETTE = (
    "#da772d",
    "#2e5eff",
    "#b81b93",
    "#00ba97",
    "#c4c100",
    "#9a84d4",
    "#df1250",
    "#00cbff",
    "#875f00",
    "#2a7953",
    "#ff8dca",
    "#6f3fc4",
)
"""Chosen for the greatest least distance in Oklab, seen with and without each kind of colour
blindness (hue counts more than lightness, which pictures use for the level); the first ones are
told apart best. All can be seen on black and on white."""


def colour(i: int) -> str:
    """Return the colour of the region with index `i` from the left, ``#rrggbb``; they repeat."""
    return _PALETTE[i % len(_PALETTE)]


def rgb(text: str) -> tuple[int, int, int]:
    """Return the parts of ``#rrggbb``, 0 to 255."""
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue
