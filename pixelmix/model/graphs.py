"""What goes into and comes out of the three networks, as ``model.json`` promises it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pixelmix.errors import ModelError
from pixelmix.model.schema import AUDIO_FILE, SYNTHESIZER_FILE, VISION_FILE, Description

_FLOAT = "tensor(float)"


class PortMeta(Protocol):
    """What ONNX Runtime tells about one input or output."""

    name: str
    type: str
    shape: Sequence[object]


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output; sizes are numbers where fixed and axis names where free."""

    name: str
    shape: tuple[int | str, ...]

    def check(self, where: str, shape: Sequence[int]) -> None:
        """Compare the shape of an array.

        Raises
        ------
        ModelError
            If the number of axes or a fixed size differs.
        """
        fits = len(shape) == len(self.shape) and all(
            isinstance(wanted, str) or wanted == found
            for wanted, found in zip(self.shape, shape, strict=True)
        )
        if not fits:
            raise ModelError(f"{where}: {self.name} is {_text(shape)}, not {_text(self.shape)}")

    def check_meta(self, where: str, meta: PortMeta) -> None:
        """Compare what the network itself states.

        Raises
        ------
        ModelError
            If it is no float tensor, or its shape cannot be what ``model.json`` promises.
        """
        if meta.type != _FLOAT:
            raise ModelError(f"{where}: {self.name} is a {meta.type}, not a {_FLOAT}")
        stated = meta.shape
        fits = len(stated) == len(self.shape) and all(
            # A network may leave a fixed size open, but must not fix a free one.
            not isinstance(found, int) or wanted == found
            for wanted, found in zip(self.shape, stated, strict=True)
        )
        if not fits:
            raise ModelError(
                f"{where}: {self.name} is {_text(stated)} where model.json asks for "
                f"{_text(self.shape)}"
            )


@dataclass(frozen=True, slots=True)
class Graph:
    """One network file with its inputs and its output."""

    file: str
    inputs: tuple[Port, ...]
    output: Port

    def check_metas(
        self, where: str, inputs: Sequence[PortMeta], outputs: Sequence[PortMeta]
    ) -> None:
        """Compare names, types and shapes with what the network states.

        Raises
        ------
        ModelError
            If anything differs.
        """
        for kind, ports, metas in (
            ("inputs", self.inputs, inputs),
            ("outputs", (self.output,), outputs),
        ):
            wanted, found = [port.name for port in ports], [meta.name for meta in metas]
            if wanted != found:
                raise ModelError(
                    f"{where}: its {kind} are {', '.join(found)}, not {', '.join(wanted)}"
                )
            for port, meta in zip(ports, metas, strict=True):
                port.check_meta(where, meta)


def expected_graphs(about: Description) -> tuple[Graph, Graph, Graph]:
    """Return the vision, audio and synthesizer graphs that a description promises."""
    rows, frames, k = about.front_end.rows, about.front_end.frames, about.k
    components = Port("components", ("windows", k, rows, frames))
    return (
        Graph(
            VISION_FILE,
            (Port("images", ("pictures", 3, "height", "width")),),
            Port("features", ("pictures", k, "rows", "cols")),
        ),
        Graph(
            AUDIO_FILE,
            (Port("log_magnitude", ("windows", 1, rows, frames)),),
            components,
        ),
        Graph(
            SYNTHESIZER_FILE,
            (Port("features", ("regions", k)), components),
            Port("masks", ("windows", "regions", rows, frames)),
        ),
    )


def _text(shape: Sequence[object]) -> str:
    return f"({', '.join('?' if size is None else str(size) for size in shape)})"
