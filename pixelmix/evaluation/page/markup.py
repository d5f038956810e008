"""HTML that is escaped by construction: a plain string is text, only `Markup` is HTML."""

import html
import re

_VOID = frozenset({"br", "img", "meta"})
_UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


NOTHING = Markup()


def escape(content: str) -> Markup:
    """Return `content` as HTML; characters that no HTML file can hold become U+FFFD."""
    return content if isinstance(content, Markup) else Markup(_escaped(content))


def join(*contents: str) -> Markup:
    """Return `contents` one after the other, each on a line of its own."""
    return Markup("\n".join(escape(content) for content in contents if content))


def element(name: str, /, *contents: str, **attributes: str | None) -> Markup:
    """Return an HTML or SVG element.

    Attributes are named without their trailing underscore and with hyphens for the others
    (``class_``, ``aria_label``); those that are None are left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{''.join(escape(content) for content in contents)}</{name}>")


def isolated(name: str) -> Markup:
    """Return a name from outside; its writing direction touches nothing around it."""
    return element("bdi", name)


def scrolling(content: Markup, label: str) -> Markup:
    """Return a box in which something wide scrolls, so that the page does not."""
    return element("div", content, class_="scroll", tabindex="0", role="region", aria_label=label)


def _escaped(text: str) -> str:
    return html.escape(_UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", text))
