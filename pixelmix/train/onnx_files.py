"""A PyTorch module as an ONNX file: named axes, half-precision storage, nothing about its maker."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, helper, numpy_helper
from torch import Tensor, nn

from pixelmix.errors import ModelError
from pixelmix.model.graphs import Graph, Port

OPSET = 18
"""The newest operators that all of ONNX Runtime's providers know."""


def write_graph(
    network: nn.Module, example: tuple[Tensor, ...], graph: Graph, folder: Path
) -> None:
    """Write a network as ``folder / graph.file`` with the inputs, output and free axes of `graph`.

    Weights that half precision holds exactly are stored so, followed by a cast that ONNX Runtime
    carries out once when it loads the file. ``example`` has at least 2 along every free axis.

    Raises
    ------
    ModelError
        If the exporter cannot express the network.
    """
    dynamic = {
        axis: torch.export.Dim.DYNAMIC
        for port in graph.inputs
        for axis in port.shape
        if isinstance(axis, str)
    }
    shapes = tuple(
        {i: dynamic[axis] for i, axis in enumerate(port.shape) if isinstance(axis, str)}
        for port in graph.inputs
    )
    program = torch.onnx.export(
        network.eval(),
        example,
        dynamo=True,
        opset_version=OPSET,
        input_names=[port.name for port in graph.inputs],
        output_names=[graph.output.name],
        dynamic_shapes=shapes,
        external_data=False,
        verbose=False,
    )
    if program is None:
        raise ModelError(f"PyTorch could not express {graph.file} as an ONNX graph")
    model = program.model_proto
    _strip(model)
    for value, port in zip(model.graph.input, graph.inputs, strict=True):
        _name_axes(value, port)
    _name_axes(model.graph.output[0], graph.output)
    _store_half(model.graph)
    onnx.checker.check_model(model)
    (folder / graph.file).write_bytes(model.SerializeToString(deterministic=True))


def _strip(model: ModelProto) -> None:
    # The exporter notes source files and call stacks at every node: useless here, and private.
    del model.metadata_props[:], model.graph.metadata_props[:], model.graph.value_info[:]
    model.doc_string = model.graph.doc_string = ""
    notes: Iterable[onnx.NodeProto | TensorProto | ValueInfoProto] = (
        *model.graph.node,
        *model.graph.initializer,
        *model.graph.input,
        *model.graph.output,
    )
    for item in notes:
        del item.metadata_props[:]
        item.doc_string = ""


def _name_axes(value: ValueInfoProto, port: Port) -> None:
    for dim, size in zip(value.type.tensor_type.shape.dim, port.shape, strict=True):
        if isinstance(size, str):
            dim.dim_param = size


def _store_half(graph: GraphProto) -> None:
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        weights = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = weights.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), weights):
            continue
        name, stored = tensor.name, f"{tensor.name}.half"
        tensor.CopyFrom(numpy_helper.from_array(half, stored))
        casts.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
