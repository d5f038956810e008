"""A small model bundle in the real format, built in milliseconds and without torch.

The networks are random but seeded: features differ between cells, masks between features.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from pixelmix.model.card import write_texts
from pixelmix.model.graphs import Graph, Port, expected_graphs
from pixelmix.model.schema import Description
from pixelmix.types import FloatArray, FrontEnd, Vision

FRONT_END = FrontEnd(
    rate=11_025,
    window_samples=65_535,
    n_fft=1_022,
    hop=256,
    rows=256,
    warp_base=21.0,
    log_floor=1e-10,
)
VISION = Vision(
    short_side=224,
    stride=16,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    frames_per_window=3,
    frame_spacing=3.0,
)
_WIDTH = 8


def tiny_description(
    name: str = "tiny", *, k: int = 4, front_end: FrontEnd = FRONT_END, vision: Vision = VISION
) -> Description:
    return Description(
        name=name,
        summary="Random networks for tests.",
        front_end=front_end,
        vision=vision,
        k=k,
        mask_type="ratio",
        mask_threshold=0.5,
        training="none: random numbers",
        licence="CC0-1.0",
        scores={"SDR": 0.25},
    )


def build_tiny_bundle(folder: Path, about: Description | None = None, *, seed: int = 0) -> Path:
    """Write a bundle into the new folder ``folder`` and return it."""
    about = about or tiny_description()
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    vision, audio, synthesizer = expected_graphs(about)
    _write(folder, vision, *_vision(about, random))
    _write(folder, audio, *_audio(about.k, random))
    _write(folder, synthesizer, *_synthesizer(about, random))
    write_texts(folder, about)
    return folder


Parts = tuple[list[NodeProto], dict[str, FloatArray]]


def _vision(about: Description, random: np.random.Generator) -> Parts:
    # One 3x3 convolution of stride 2 for every factor of two in the stride.
    levels = about.vision.stride.bit_length() - 1
    weights: dict[str, FloatArray] = {}
    nodes: list[NodeProto] = []
    value, channels = "images", 3
    for level in range(levels):
        last = level == levels - 1
        width = about.k if last else _WIDTH
        spread = (4.0 if last else 1.4) / np.sqrt(9 * channels)
        weight = random.normal(0.0, spread, (width, channels, 3, 3))
        weights[f"w{level}"] = weight.astype(np.float32)
        nodes.append(_conv(value, f"w{level}", f"c{level}", stride=2))
        value, channels = f"a{level}", width
        nodes.append(
            helper.make_node(
                "Sigmoid" if last else "Relu", [f"c{level}"], ["features" if last else value]
            )
        )
    return nodes, weights


def _audio(k: int, random: np.random.Generator) -> Parts:
    weights = {
        "w0": random.normal(0.0, 0.1, (_WIDTH, 1, 3, 3)).astype(np.float32),
        "w1": random.normal(0.0, 1.0 / np.sqrt(9 * _WIDTH), (k, _WIDTH, 3, 3)).astype(np.float32),
    }
    nodes = [
        _conv("log_magnitude", "w0", "c0"),
        helper.make_node("LeakyRelu", ["c0"], ["a0"], alpha=0.2),
        _conv("a0", "w1", "components"),
    ]
    return nodes, weights


def _synthesizer(about: Description, random: np.random.Generator) -> Parts:
    k, rows, frames = about.k, about.front_end.rows, about.front_end.frames
    weights = {
        "scale": random.normal(0.0, 2.0, k).astype(np.float32),
        "bias": np.array([0.1], np.float32),
    }
    nodes = [
        _shape_node([0, k, rows * frames], "flat_shape"),
        _shape_node([0, 0, rows, frames], "mask_shape"),
        helper.make_node("Reshape", ["components", "flat_shape"], ["flat"]),
        helper.make_node("Mul", ["features", "scale"], ["weighted"]),
        helper.make_node("MatMul", ["weighted", "flat"], ["products"]),
        helper.make_node("Add", ["products", "bias"], ["flat_logits"]),
        helper.make_node("Unsqueeze", ["flat_logits", "last_axis"], ["wide_logits"]),
        helper.make_node("Reshape", ["wide_logits", "mask_shape"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["masks"]),
    ]
    last_axis = numpy_helper.from_array(np.array([3]), "last_axis")
    return [helper.make_node("Constant", [], ["last_axis"], value=last_axis), *nodes], weights


def _conv(value: str, weight: str, result: str, *, stride: int = 1) -> NodeProto:
    return helper.make_node(
        "Conv",
        [value, weight],
        [result],
        kernel_shape=[3, 3],
        strides=[stride, stride],
        pads=[1, 1, 1, 1],
    )


def _shape_node(sizes: list[int], name: str) -> NodeProto:
    tensor = numpy_helper.from_array(np.array(sizes, np.int64), name)
    return helper.make_node("Constant", [], [name], value=tensor)


def _write(
    folder: Path, graph: Graph, nodes: list[NodeProto], weights: dict[str, FloatArray]
) -> None:
    model = helper.make_model(
        helper.make_graph(
            nodes,
            Path(graph.file).stem,
            [_value(port) for port in graph.inputs],
            [_value(graph.output)],
            [numpy_helper.from_array(weight, name) for name, weight in weights.items()],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    onnx.checker.check_model(model)
    (folder / graph.file).write_bytes(model.SerializeToString())


def _value(port: Port) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(port.name, TensorProto.FLOAT, port.shape)
