"""What a batch of mixtures costs: masks against who is loudest, vectors against their class."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from pixelmix.dsp.warp import warp_matrix
from pixelmix.train.batches import Batch
from pixelmix.train.model import Separator
from pixelmix.train.recipe import Recipe


class Losses(NamedTuple):
    """Scalars; ``total`` is what is descended."""

    total: Tensor
    masks: Tensor
    """Cross entropy of the solos' masks, weighted by magnitude."""
    silent: Tensor
    """The same for the mask of the picture without sound."""
    vision: Tensor
    """Divergence of the head's activations from the class vectors."""


class Examples(NamedTuple):
    """A batch as the audio network sees it, ``(b, ..., rows, frames)``."""

    log_magnitude: Tensor
    """(b, 1, rows, frames) of the mixture."""
    targets: Tensor
    """(b, slots, rows, frames): 1 where a solo has more than half; 0 for the silent picture."""
    weights: Tensor
    """(b, 1, rows, frames): loud cells count more, by a logarithm."""


@torch.no_grad()
def examples(waves: Tensor, recipe: Recipe) -> Examples:
    """Turn waves ``(b, slots, samples)`` into the mixture's spectrogram and the masks wanted."""
    fe = recipe.front_end
    flat = torch.stft(
        waves.flatten(0, 1),
        fe.n_fft,
        fe.hop,
        window=torch.hann_window(fe.n_fft),
        center=True,
        pad_mode="reflect",
        return_complex=True,
    )
    spectra = flat.reshape(*waves.shape[:2], *flat.shape[1:])
    warp = torch.tensor(warp_matrix(fe))
    mixture, parts = warp @ spectra.sum(1).abs(), warp @ spectra.abs()
    targets = (parts > 0.5 * parts.sum(1, keepdim=True)).float()
    targets[:, -1] = 0.0
    share = mixture / mixture.mean((1, 2), keepdim=True)
    weights = torch.log1p(recipe.weight_slope * share).clamp(*recipe.weight_range)
    log_magnitude = (mixture + fe.log_floor).log()
    return Examples(log_magnitude[:, None], targets, weights[:, None])


def losses(model: Separator, batch: Batch, progress: float, recipe: Recipe) -> Losses:
    """Return the losses of a batch; ``progress`` is the share of the training done, 0 to 1."""
    example = examples(batch.waves, recipe)
    with torch.autocast("cpu", torch.bfloat16):
        seen = model.head(batch.cells)
        components = model.audio(
            example.log_magnitude.contiguous(memory_format=torch.channels_last)
        )
    seen = seen.float()
    taught = model.emb(batch.classes).sigmoid()
    share = max(recipe.class_share, 1 - recipe.class_decline * progress)
    by_class = (torch.rand(batch.classes.shape) < share)[..., None]
    logits = model.syn.paired(torch.where(by_class, taught, seen), components.float())
    cost = F.binary_cross_entropy_with_logits(logits, example.targets, reduction="none")
    slots = (cost * example.weights).mean((0, 2, 3)) / example.weights.mean()
    masks, silent, vision = slots[:-1].mean(), slots[-1], divergence(seen, taught.detach())
    total = masks + recipe.silent_weight * silent + recipe.vision_weight * vision
    return Losses(total, masks, silent, vision)


def divergence(found: Tensor, wanted: Tensor) -> Tensor:
    """Return the cross entropy of probabilities above its least value; zero where they agree."""
    inside = 1e-4, 1 - 1e-4
    entropy = F.binary_cross_entropy(wanted.clamp(*inside), wanted)
    return F.binary_cross_entropy(found.clamp(*inside), wanted) - entropy
