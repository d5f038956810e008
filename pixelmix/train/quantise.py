"""A model whose convolutions compute in 8 bits: cheaper on processors that can, and smaller.

Weights get a scale per channel; what flows between the layers gets one per tensor, from its range
on examples of a dataset (Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018, section 2). ONNX Runtime's quantiser does it.
"""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, numpy_helper
from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

from pixelmix.data.dataset import Dataset
from pixelmix.errors import ModelError
from pixelmix.mix.plan import spectrogram
from pixelmix.model.bundle import load_bundle, read_checked
from pixelmix.model.card import write_texts
from pixelmix.model.graphs import Graph, expected_graphs
from pixelmix.model.images import network_input
from pixelmix.model.schema import Bundle, Description, check_name
from pixelmix.model.session import Networks
from pixelmix.train.assemble import Words
from pixelmix.train.export import new_folder
from pixelmix.types import FloatArray

_MIXTURES = 64
"""Of two recordings each, for the ranges of the audio network."""
_PICTURES = 64
"""For those of the vision network."""
_WIDE = 16 / 9
"""Every other picture is stretched to it, as films are."""
_COMPUTING = ("Conv",)
"""What computes in 8 bits ..."""
_PASSING = ("Relu", "LeakyRelu", "Clip", "Add", "Concat", "Resize", "AveragePool")
"""... and what passes them on, so that nothing is turned back and forth between two layers."""
_VISION_ENDS = (1, 3)
"""Convolutions at the vision network's start and end that stay as they are: pixels, and vectors
that masks are made of (0.08 dB for a tenth of its time)."""


def quantise(
    bundle: Bundle, dataset: Dataset, target: Path, words: Words, *, overwrite: bool = False
) -> tuple[Bundle, float]:
    """Write a bundle as one whose convolutions compute in 8 bits.

    Returns the new bundle, and by how much its masks differ on average on the dataset's examples.

    Raises
    ------
    ModelError
        If the bundle is damaged, or its networks or front end are not ones this can be done with.
    OutputError
        If the target exists (without ``overwrite``) or cannot be written.
    """
    name = check_name(target.absolute().name, f"bundle folder {target}")
    if dataset.rate != bundle.front_end.rate:
        raise ModelError(
            f"{dataset.folder} has sound at {dataset.rate} Hz, the model wants "
            f"{bundle.front_end.rate}; prepare it with --rate {bundle.front_end.rate}"
        )
    spectra, images = _spectra(bundle, dataset), _images(bundle, dataset)
    if not spectra or not images:
        raise ModelError(f"{dataset.folder}: has no sounds or no pictures to look at")
    vision, audio, synthesizer = expected_graphs(bundle)
    with new_folder(target, overwrite=overwrite) as folder:
        _write(bundle, vision, images, folder, _VISION_ENDS)
        _write(bundle, audio, spectra, folder, (0, 0))
        (folder / synthesizer.file).write_bytes(read_checked(bundle, synthesizer.file))
        write_texts(folder, _about(bundle, name, dataset, words))
        gap = _gap(bundle, load_bundle(folder), images[0], spectra)
    return load_bundle(target), gap


def _spectra(bundle: Bundle, dataset: Dataset) -> list[FloatArray]:
    random = np.random.default_rng(0)
    fe, sounds = bundle.front_end, dataset.split("train") or dataset.sounds
    found = []
    for _ in range(_MIXTURES if sounds else 0):
        mixture = np.zeros(fe.window_samples, np.float32)
        for sound in (sounds[i] for i in random.integers(len(sounds), size=2)):
            first = int(random.integers(max(1, sound.samples - fe.window_samples)))
            mixture += dataset.samples(sound, first, fe.window_samples)
        found.append(spectrogram(fe, mixture[None]).log_magnitude)
    return found


def _images(bundle: Bundle, dataset: Dataset) -> list[FloatArray]:
    random = np.random.default_rng(1)
    pictures = [still.picture for still in dataset.stills]
    pictures += [one.first_picture + i for one in dataset.sounds for i in range(one.pictures)]
    vision = bundle.vision
    long_side = round(vision.short_side * _WIDE / vision.stride) * vision.stride
    found = []
    for i, number in enumerate(random.permutation(pictures)[:_PICTURES]):
        size = (long_side if i % 2 else vision.short_side, vision.short_side)
        picture = Image.fromarray(dataset.picture(int(number)))
        picture = picture.resize(size, Image.Resampling.BILINEAR)
        found.append(network_input(np.asarray(picture), vision))
    return found


def _write(
    bundle: Bundle,
    graph: Graph,
    examples: Sequence[FloatArray],
    folder: Path,
    ends: tuple[int, int],
) -> None:
    model = _plain(onnx.load_from_string(read_checked(bundle, graph.file)))
    with tempfile.TemporaryDirectory() as name, _quiet():
        plain, ready = Path(name) / "plain.onnx", Path(name) / "ready.onnx"
        onnx.save(model, plain)
        quant_pre_process(plain, ready, skip_symbolic_shape=True)
        layers = [n.name for n in onnx.load(ready).graph.node if n.op_type in _COMPUTING]
        first, last = ends
        quantize_static(
            ready,
            Path(name) / graph.file,
            _Examples(graph.inputs[0].name, examples),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=[*_COMPUTING, *_PASSING],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[*layers[:first], *layers[len(layers) - last :]],
        )
        written = onnx.load(Path(name) / graph.file)
    del written.metadata_props[:], written.graph.value_info[:]
    (folder / graph.file).write_bytes(written.SerializeToString(deterministic=True))


class _Examples:
    """Hands the quantiser one example after the other (a ``CalibrationDataReader``)."""

    def __init__(self, name: str, examples: Sequence[FloatArray]) -> None:
        self._examples = iter([{name: example} for example in examples])

    def get_next(self) -> dict[str, FloatArray] | None:
        """Return the network's next input, None after the last."""
        return next(self._examples, None)


def _plain(model: ModelProto) -> ModelProto:
    """Return a network with numbered nodes, weights stored in half precision as single ones."""
    graph = model.graph
    for number, node in enumerate(graph.node):
        node.name = f"{number}"  # by which some are left out
    stored = {weights.name: weights for weights in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "Cast"]:
        weights = stored.get(node.input[0])
        if weights is not None and weights.data_type == TensorProto.FLOAT16:
            single = numpy_helper.to_array(weights).astype(np.float32)
            weights.CopyFrom(numpy_helper.from_array(single, node.output[0]))
            graph.node.remove(node)
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    # The quantiser gives advice to its own developers on the root logger.
    before = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(before)


def _about(bundle: Bundle, name: str, dataset: Dataset, words: Words) -> Description:
    return replace(
        bundle,
        name=name,
        summary=words.summary or f"{bundle.summary.rstrip('.')}, in 8 bits.",
        training=(
            f"{bundle.training} Then quantised: {bundle.name} ({bundle.id}) with convolutions in 8 "
            f"bits, ranges from {_MIXTURES} mixtures and {_PICTURES} pictures of "
            f"{dataset.folder.absolute().name}."
        ),
        licence=words.licence or bundle.licence,
        scores=words.scores,
    )


def _gap(one: Bundle, other: Bundle, image: FloatArray, spectra: Sequence[FloatArray]) -> float:
    """Return the mean difference of the masks of one picture's cells on some mixtures."""
    masks = []
    for bundle in (one, other):
        with Networks.open(bundle, "cpu") as networks:
            vectors = networks.features(image)[0].reshape(bundle.k, -1).T
            made = [networks.masks(vectors[::7], networks.components(x)) for x in spectra[:4]]
        masks.append(np.concatenate(made))
    return float(np.abs(masks[0] - masks[1]).mean())
