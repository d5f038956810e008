"""Every constant of the training recipe; ``docs/training.md`` says why each step is there."""

from dataclasses import dataclass, field

from pixelmix.train.nets import NetworkSizes
from pixelmix.types import FrontEnd


def _front_end() -> FrontEnd:
    return FrontEnd(
        rate=11_025,
        window_samples=65_535,
        n_fft=1_022,
        hop=256,
        rows=256,
        warp_base=21.0,
        log_floor=1e-10,
    )


def _sizes() -> NetworkSizes:
    return NetworkSizes(
        backbone="mobilenet_v2",
        k=16,
        unet_width=16,
        unet_levels=7,
        head_kernel=1,
        head_width=256,
        same_padding=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How the default model is trained. Levels are in dB of RMS, full scale 1."""

    front_end: FrontEnd = field(default_factory=_front_end)
    sizes: NetworkSizes = field(default_factory=_sizes)
    seed: int = 0

    # Pictures, once before training
    views: int = 3
    """Augmented views of every picture in the cache."""
    picture_batch: int = 32
    projection_size: int = 256
    """Principal components kept of the backbone's channels."""
    projection_pictures: int = 800
    """Pictures (at most) on which they are measured."""
    projection_step: int = 7
    """Every so many cells are used for that; neighbouring cells are nearly alike."""
    projection_floor: float = 0.02
    """Added to a component's deviation before dividing by it, so that noise is not blown up."""

    # Mixtures
    batch: int = 16
    three_probability: float = 0.25
    """Mixtures of three solos; the others have two."""
    loudness: tuple[float, float] = (-36.0, -14.0)
    """Range of a mixture's level, dB."""
    level_spread: float = 5.0
    """A solo is up to this much louder or softer than its mixture's level, dB."""
    noise_probability: float = 0.5
    """Mixtures with a noise that belongs to no picture."""
    noise_level: tuple[float, float] = (-50.0, -18.0)
    """Range of that noise against the mixture's level, dB."""
    silent_scene_probability: float = 0.5
    """The picture without a sound is an empty scene; otherwise an instrument not in the mix."""
    other_view_probability: float = 0.25
    """A picture is joined with another view of itself ..."""
    clutter_probability: float = 0.5
    """... or with a scene without instruments; otherwise it stands alone."""
    workers: int = 1
    """Processes that prepare mixtures beside the one that trains; 0 for none."""

    # Losses
    weight_slope: float = 3.0
    """A cell of magnitude ``m`` times the mean counts ``log(1 + slope * m)``, ..."""
    weight_range: tuple[float, float] = (0.01, 4.0)
    """... kept within this range."""
    silent_weight: float = 0.3
    """Of the silent picture's mask against the mean of the others."""
    vision_weight: float = 1.0
    """Of the vision head's distance from the class vectors."""
    class_share: float = 0.5
    """Share of pictures for which the vector of their class stands in, ..."""
    class_decline: float = 3.0
    """... falling to it from one, by so much per whole training."""

    # Network starts
    dropout: float = 0.15
    head_bias: float = -1.0
    class_start: tuple[float, float] = (-0.5, 1.2)
    """Mean and deviation of the class vectors before the sigmoid."""
    silent_start: float = -4.0
    """The same for the vector of scenes without instruments."""
    mask_bias: float = -0.5

    # Schedule
    learning_rate: float = 2e-3
    last_rate: float = 0.005
    """Added to the cosine, which falls from 1 to 0, so that the end still learns."""
    warmup_steps: int = 100
    weight_decay: float = 0.02
    betas: tuple[float, float] = (0.9, 0.99)
    clip_norm: float = 1.0
    full_from: float = 0.5
    """From this share of the time on windows are whole; before, half as long."""
    average_decay: float = 0.998
    """Of the moving average of the weights, which is what gets exported."""
    log_steps: int = 50
    save_seconds: float = 360.0

    @property
    def half_window(self) -> int:
        """Samples of a half window: exactly half as many STFT frames as a whole one."""
        fe = self.front_end
        return fe.frames // 2 * fe.hop - 1
