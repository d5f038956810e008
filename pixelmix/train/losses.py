"""What a batch of mixtures costs: masks against who is loudest, vectors against their class."""

from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixelmix.dsp.warp import warp_matrix
from pixelmix.train.mixtures import Batch
from pixelmix.train.model import Separator
from pixelmix.train.recipe import Recipe
from pixelmix.train.sounds import waves
from pixelmix.types import FrontEnd

_RATIO_LIMIT = 5.0
"""Of a ratio mask that is learnt, as published: where sounds cancel each other it has no bound."""


class Losses(NamedTuple):
    """Scalars; ``total`` is what is descended."""

    total: Tensor
    masks: Tensor
    """Of the sources' masks, weighted by magnitude."""
    silent: Tensor
    """The same for the mask of the picture without sound."""
    compete: Tensor
    """Of the pictures (and the rest) competing for every cell."""
    vision: Tensor
    """Divergence of the vision side's activations from the class vectors."""


class Examples(NamedTuple):
    """A batch as the audio network sees it, ``(b, ..., rows, frames)``."""

    log_magnitude: Tensor
    """(b, 1, rows, frames) of the mixture."""
    targets: Tensor
    """(b, slots, rows, frames): the masks wanted; 0 for a silent picture."""
    weights: Tensor
    """(b, 1, rows, frames): what a cell counts."""


class Objective(nn.Module):
    """A separator and what it costs, as one module, so that it can be shared by processes."""

    def __init__(self, separator: Separator, recipe: Recipe) -> None:
        super().__init__()
        self.separator = separator
        self._recipe = recipe

    def forward(self, batch: Batch, progress: float) -> Losses:
        """Return the losses of a batch at a share of the training, 0 to 1.

        Every mixture counts the same, so that the mean over several processes is that over all.
        """
        recipe, model = self._recipe, self.separator
        example = examples(batch, recipe)
        half = recipe.precision == "bf16"
        with torch.autocast(batch.looks.device.type, torch.bfloat16, enabled=half):
            logits = model.vision(batch.looks)
            components = model.audio(
                example.log_magnitude.contiguous(memory_format=torch.channels_last)
            )
        known = batch.classes >= 0
        seen, taught = logits.float().sigmoid(), model.emb(batch.classes.clamp(min=0)).sigmoid()
        by_class = known & (batch.chance < class_share(progress, recipe))
        vectors = torch.where(by_class[..., None], taught, seen)
        masks = model.syn.paired(vectors, components.float())
        cost = _mask_cost(masks, example, recipe)
        heard = batch.heard[0]
        found = cost[:, heard].mean()
        silent = cost[:, ~heard].mean() if not bool(heard.all()) else found.new_zeros(())
        compete = _compete_cost(masks, example) if recipe.compete_weight else found.new_zeros(())
        vision = found.new_zeros(())
        if recipe.vision_weight:
            vision = divergence(seen, taught.detach(), known[..., None].float())
        total = (
            found
            + recipe.silent_weight * silent
            + recipe.compete_weight * compete
            + recipe.vision_weight * vision
        )
        return Losses(total, found, silent, compete, vision)


def class_share(progress: float, recipe: Recipe) -> float:
    """Return the share of pictures for which class vectors stand in."""
    if not recipe.class_share and not recipe.class_decline:
        return 0.0
    return max(recipe.class_share, 1 - recipe.class_decline * progress)


@torch.no_grad()
def examples(batch: Batch, recipe: Recipe) -> Examples:
    """Mix the sounds of a batch and return the spectrogram and the masks wanted."""
    fe = recipe.front_end
    spectra = spectrograms(waves(batch.sounds, batch.samples, recipe), fe)
    warp = _warp(fe).to(spectra.device)
    mixture, parts = warp @ spectra.sum(1).abs(), warp @ spectra.abs()
    slots, sources = batch.heard.shape[1], batch.sounds.crops.shape[1]
    limit = mixture[:, None] if recipe.dominance == "mixture" else parts.sum(1, keepdim=True)
    parts = parts[:, :sources]
    if recipe.mask == "binary":
        targets = (parts > 0.5 * limit).float()
    else:
        targets = (parts / (limit + fe.log_floor)).clamp(0.0, _RATIO_LIMIT)
    targets = F.pad(targets, (0, 0, 0, 0, 0, slots - sources))
    return Examples((mixture + fe.log_floor).log()[:, None], targets, _weights(mixture, recipe))


def spectrograms(samples: Tensor, fe: FrontEnd) -> Tensor:
    """Return the STFT ``(..., bins, frames)`` of ``(..., samples)``."""
    flat = torch.stft(
        samples.flatten(0, -2),
        fe.n_fft,
        fe.hop,
        window=torch.hann_window(fe.n_fft, device=samples.device),
        center=True,
        pad_mode="reflect",
        return_complex=True,
    )
    return flat.reshape(*samples.shape[:-1], *flat.shape[1:])


@cache
def _warp(fe: FrontEnd) -> Tensor:
    return torch.tensor(warp_matrix(fe))


def _weights(mixture: Tensor, recipe: Recipe) -> Tensor:
    if recipe.weighting == "none":
        return torch.ones_like(mixture)[:, None]
    if recipe.weighting == "magnitude":
        return torch.log1p(mixture).clamp(*recipe.weight_range)[:, None]
    # A recording may be silent for longer than a window.
    share = mixture / mixture.mean((1, 2), keepdim=True).clamp(min=recipe.front_end.log_floor)
    weights = torch.log1p(recipe.weight_slope * share).clamp(*recipe.weight_range)
    return (weights / weights.mean((1, 2), keepdim=True))[:, None]


def _mask_cost(masks: Tensor, example: Examples, recipe: Recipe) -> Tensor:
    """Cost ``(b, slots)`` of masks given as logits."""
    if recipe.mask == "binary":
        cost = F.binary_cross_entropy_with_logits(masks, example.targets, reduction="none")
    else:
        cost = (masks.sigmoid() - example.targets).abs()
    return (cost * example.weights).mean((2, 3))


def _compete_cost(masks: Tensor, example: Examples) -> Tensor:
    """Cross entropy of who is loudest; the rest takes part with a logit of zero.

    With a single picture this is that picture's binary cross entropy.
    """
    logits = torch.cat([torch.zeros_like(masks[:, :1]), masks], 1)
    rest = (1 - example.targets.sum(1, keepdim=True)).clamp(min=0.0)
    wanted = torch.cat([rest, example.targets], 1)
    cost = -(wanted * logits.log_softmax(1)).sum(1, keepdim=True)
    return (cost * example.weights).mean()


def divergence(found: Tensor, wanted: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the cross entropy of probabilities above its least value; zero where they agree."""
    inside = 1e-4, 1 - 1e-4
    entropy = F.binary_cross_entropy(wanted.clamp(*inside), wanted, weight)
    return F.binary_cross_entropy(found.clamp(*inside), wanted, weight) - entropy
