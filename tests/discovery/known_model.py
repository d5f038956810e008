"""A model whose answers are known, and films to ask it about.

What is red sounds below 700 Hz, what is blue above 1.8 kHz, what is green between; all else is
silent. The networks are made by hand, so that nothing about them is left to chance.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from pixelmix.dsp.warp import row_frequencies
from pixelmix.model.card import write_texts
from pixelmix.model.graphs import Graph, Port, expected_graphs
from pixelmix.types import FloatArray, FrontEnd
from tests.tiny_model import tiny_description

ByteArray = npt.NDArray[np.uint8]

COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (30, 200, 30)}
PITCHES = {"red": 310.0, "blue": 3_100.0, "green": 1_150.0}
SIZE = (160, 96)
SIDE = 32
"""Pixels of a square."""

_ABOUT = replace(tiny_description("known", k=3), summary="Knows three colours.")
_BANDS = {"red": (0.0, 700.0), "blue": (1_800.0, 1e6), "green": (700.0, 1_800.0)}


def build_known_bundle(folder: Path, *, more: float = 0.0) -> Path:
    """Write the bundle into a new folder; ``more`` is added to every logit."""
    about = replace(
        _ABOUT, vision=replace(_ABOUT.vision, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    )
    folder.mkdir(parents=True)
    vision, audio, synthesizer = expected_graphs(about)
    stride, rows, frames = about.vision.stride, about.front_end.rows, about.front_end.frames
    # Each component is how much of its colour a cell has beyond the mean of the other two.
    colours = np.array([[1, -0.5, -0.5], [-0.5, -0.5, 1], [-0.5, 1, -0.5]])
    average = np.ones((3, 3, stride, stride)) / stride**2
    steep = 20.0
    _write(
        folder,
        vision,
        [
            helper.make_node("Conv", ["images", "weight", "bias"], ["seen"], strides=[stride] * 2),
            helper.make_node("Sigmoid", ["seen"], ["features"]),
        ],
        {
            "weight": steep * colours[:, :, None, None] * average,
            "bias": np.full(3, -0.35 * steep),
        },
    )
    _write(
        folder,
        audio,
        [
            helper.make_node("Mul", ["log_magnitude", "none"], ["nothing"]),
            helper.make_node("Add", ["nothing", "bands"], ["components"]),
        ],
        {"none": np.zeros((1, 1, 1, 1)), "bands": 8.0 * _bands(about.front_end)[None, :, :, None]},
    )
    shapes = {"flat": [0, 3, rows * frames], "wide": [0, 0, rows, frames]}
    constants = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(shape)))
        for name, shape in shapes.items()
    ]
    _write(
        folder,
        synthesizer,
        [
            *constants,
            helper.make_node("Reshape", ["components", "flat"], ["points"]),
            helper.make_node("MatMul", ["features", "points"], ["products"]),
            helper.make_node("Add", ["products", "bias"], ["logits"]),
            helper.make_node("Sigmoid", ["logits"], ["parts"]),
            helper.make_node("Reshape", ["parts", "wide"], ["masks"]),
        ],
        {"bias": np.array([more - 4.0])},
    )
    write_texts(folder, about)
    return folder


def _bands(fe: FrontEnd) -> npt.NDArray[np.float64]:
    frequencies = row_frequencies(fe)
    bands = [(frequencies >= low) & (frequencies < high) for low, high in _BANDS.values()]
    return np.array(bands, np.float64)


def _write(
    folder: Path,
    graph: Graph,
    nodes: list[NodeProto],
    weights: Mapping[str, npt.NDArray[np.float64]],
) -> None:
    named = [
        numpy_helper.from_array(weight.astype(np.float32), name) for name, weight in weights.items()
    ]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            Path(graph.file).stem,
            [_value(port) for port in graph.inputs],
            [_value(graph.output)],
            named,
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    onnx.checker.check_model(model)
    (folder / graph.file).write_bytes(model.SerializeToString())


def _value(port: Port) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(port.name, TensorProto.FLOAT, port.shape)


def squares(
    *placed: tuple[str, int, int], size: tuple[int, int] = SIZE, ground: int = 128
) -> ByteArray:
    """Return a grey picture with squares: their colour, and pixels of the top left corner."""
    width, height = size
    picture = np.full((height, width, 3), ground, np.uint8)
    for colour, x, y in placed:
        picture[y : y + SIDE, x : x + SIDE] = COLOURS[colour]
    return picture


def tones(
    seconds: float,
    loud: Mapping[str, tuple[tuple[float, float], ...] | None],
    *,
    rate: int = 22_050,
    channels: int = 1,
) -> FloatArray:
    """Return the tones of colours, each sounding in spans of seconds (None: always), and a hiss."""
    time = np.arange(round(seconds * rate)) / rate
    sound = np.random.default_rng(1).normal(0.0, 5e-4, len(time))
    for colour, spans in loud.items():
        tone = 0.2 * np.sin(2 * np.pi * PITCHES[colour] * time)
        heard = np.ones(len(time), np.bool_)
        if spans is not None:
            heard = np.any([(time >= a) & (time < b) for a, b in spans], axis=0)
        sound += tone * heard
    return np.repeat(sound[None], channels, axis=0).astype(np.float32)
