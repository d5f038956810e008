"""Everything that decides what a training run does; ``docs/training.md`` says why it is so."""

from dataclasses import dataclass, field, replace
from typing import Literal

from pixelmix.errors import UsageError
from pixelmix.train.nets import NetworkSizes
from pixelmix.types import FrontEnd

Vision = Literal["frozen", "tuned"]
PictureChanges = Literal["scenes", "crop"]
Pairing = Literal["kinds", "any"]
Mask = Literal["binary", "ratio"]
Dominance = Literal["parts", "mixture"]
Weighting = Literal["relative", "magnitude", "none"]
Optimiser = Literal["muon", "adamw", "sgd"]
Schedule = Literal["cosine", "steps"]
Precision = Literal["bf16", "fp32"]


def _front_end() -> FrontEnd:
    return FrontEnd(
        rate=11_025,
        window_samples=65_535,
        n_fft=1_022,
        hop=256,
        rows=256,
        warp_base=21.0,
        log_floor=1e-3,
    )


def _sizes() -> NetworkSizes:
    return NetworkSizes(
        backbone="mobilenet_v2",
        k=16,
        unet_width=32,
        unet_levels=7,
        head_kernel=1,
        head_width=256,
        head_context=3,
        same_padding=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a model is trained; the defaults are the preset ``default``.

    Levels are in dB of RMS, full scale 1. "Share of the training" runs from 0 to 1.
    """

    preset: str = "default"
    front_end: FrontEnd = field(default_factory=_front_end)
    sizes: NetworkSizes = field(default_factory=_sizes)
    seed: int = 0

    # Pictures
    vision: Vision = "frozen"
    """The backbone stays as it is and its work is done once; or it is trained too."""
    image_mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    image_std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    short_side: int = 224
    """Pixels of a picture's short side at the network's input."""
    frames: int = 3
    """Pictures of a window."""
    frame_spacing: float = 128 * 256 / 11_025
    """Seconds between them; as windows follow each other, so that neighbours share pictures."""
    picture_changes: PictureChanges = "scenes"
    """Augmentation: pasted over scenes, recoloured, degraded; or a random crop and flip."""
    tuning_steps: int = 2_400
    """Steps of 32 made-up views in which a frozen backbone first learns the classes; 0 for none."""
    tuning_rate: float = 3e-4
    """Learning rate of its layers in these steps."""
    views: int = 5
    """Augmented views of every picture of a frozen backbone."""
    looks_per_sound: int = 8
    """Own pictures of a recording, at most, that a frozen backbone looks at."""
    projection_size: int = 256
    """Principal components kept of a frozen backbone's channels."""
    projection_floor: float = 0.02
    """Added to a component's deviation before dividing by it, so that noise is not blown up."""

    # Mixtures
    batch: int = 16
    """Mixtures of a step, over all processes."""
    sources: tuple[float, float, float] = (0.7, 0.25, 0.05)
    """Probability of 2, 3 and 4 sources ..."""
    many_from: float = 0.0
    """... from this share of the training on; before, it rises from 2 sources only."""
    pairing: Pairing = "kinds"
    """Sources of one mixture are of different classes (where there are any), or any recordings."""
    same_kind: float = 0.0
    """Probability that two sources are nevertheless recordings of one class."""
    silent_picture: float = 1.0
    """Probability that a mixture also has a picture that makes no sound."""
    silent_scene: float = 0.5
    """Such a picture is an empty scene (if there are any); else a source not in the mixture."""
    other_view: float = 0.25
    """A picture is joined with another view of itself (frozen backbone) ..."""
    clutter: float = 0.5
    """... or with an empty scene; otherwise it stands alone."""
    workers: int = 1
    """Processes that prepare mixtures beside each one that trains; 0 for none."""

    # Sounds
    volume: tuple[float, float] = (1.0, 1.0)
    """A source is made so much louder (a factor), where levels are left as recorded."""
    level: tuple[float, float] | None = (-36.0, -14.0)
    """Level of a mixture's sources; ``none`` leaves them and divides by their number."""
    level_spread: float = 6.0
    """A source is up to this much louder or softer than that, dB."""
    speed: float = 0.18
    """Played up to this share faster or slower (and so higher or deeper), ..."""
    speed_probability: float = 0.6
    tone: float = 6.0
    """Deviation of a random smooth equaliser, dB."""
    band_probability: float = 0.35
    """Of a low pass, and of a high pass."""
    room_probability: float = 0.55
    drive_probability: float = 0.2
    """Of soft clipping, up to ``drive`` dB beyond full scale."""
    drive: float = 12.0
    noise_probability: float = 0.5
    """Mixtures with a noise that belongs to no picture."""
    noise_level: tuple[float, float] = (-50.0, -15.0)
    """Its level, dB, against the mixture's; against full scale where levels are as recorded."""

    # Losses
    mask: Mask = "binary"
    dominance: Dominance = "parts"
    """A binary mask is 1 where a source has more than half of all parts' sum, or of the mixture."""
    weighting: Weighting = "relative"
    """Cells count by the logarithm of 1 + their magnitude, times a slope over the mean, ..."""
    weight_slope: float = 0.3
    weight_range: tuple[float, float] = (0.01, 4.0)
    """... kept within this range."""
    silent_weight: float = 0.3
    """Of the silent picture's mask against the mean of the others."""
    compete_weight: float = 0.5
    """Of the cross entropy of who (or the rest) is loudest, all pictures competing."""
    vision_weight: float = 1.0
    """Of the activations' distance from the class vectors."""
    class_share: float = 0.5
    """Share of pictures for which the vector of their class stands in, ..."""
    class_decline: float = 3.0
    """... falling to it from one, by so much per whole training; 0 and a share of 0 for none."""

    # Network starts
    head_bias: float = -1.0
    class_start: tuple[float, float] = (-0.5, 1.2)
    """Mean and deviation of the class vectors before the sigmoid."""
    silent_start: float = -4.0
    """The same for the vector of scenes without instruments."""
    mask_bias: float = -0.5
    audio_start: tuple[float, float] | None = None
    """Deviations of the audio network's kernels, and of its normalisation's scales around 1;
    ``none`` leaves PyTorch's start."""

    # Schedule
    steps: int = 5_500
    """Of the whole training; 0 counts ``epochs`` instead."""
    epochs: int = 0
    """Passes over the recordings."""
    full_from: float = 0.9
    """From this share of the training on windows are whole; before, half as long."""
    optimiser: Optimiser = "muon"
    """Muon takes the kernels of the audio network; AdamW what is left to it, or all."""
    learning_rate: float = 2e-3
    kernel_rate: float = 5e-3
    """Learning rate of Muon's kernels."""
    backbone_rate: float = 1e-4
    """Learning rate of a tuned backbone."""
    schedule: Schedule = "cosine"
    last_rate: float = 0.005
    """Added to the cosine, which falls from 1 to 0, so that the end still learns."""
    rate_drops: tuple[float, ...] = ()
    """Shares of the training at which the rate falls to a tenth (schedule ``steps``)."""
    warmup_steps: int = 100
    weight_decay: float = 0.02
    betas: tuple[float, float] = (0.9, 0.99)
    """Of AdamW; the first is SGD's momentum."""
    clip_norm: float = 1.0
    """Largest norm of a step's gradient; 0 for no limit."""
    average_decay: float = 0.998
    """Of the moving average of the weights, which is what gets exported; 0 exports the last."""
    precision: Precision = "bf16"
    """Of the networks; STFT, synthesizer and losses are always in single precision."""
    compile: bool = False
    """Compile the audio network with ``torch.compile``."""
    log_steps: int = 50
    sample_steps: int = 1_000
    """Every so many steps a mixture with its masks and stems goes to TensorBoard."""
    save_steps: int = 200

    # In use
    threshold: float | None = None
    """Where the exported model's binary masks are cut; ``none`` uses them as they come."""

    @property
    def half_window(self) -> int:
        """Samples of a half window: exactly half as many STFT frames as a whole one."""
        fe = self.front_end
        return fe.frames // 2 * fe.hop - 1

    def total_steps(self, sounds: int) -> int:
        """Return the steps of a training on so many recordings."""
        return self.steps or max(1, self.epochs * sounds // self.batch)


def preset(name: str) -> Recipe:
    """Return a recipe by name.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    presets = {"default": Recipe, "paper": paper}
    if name not in presets:
        raise UsageError(f"no preset {name!r}; there are {', '.join(presets)}")
    return presets[name]()


def paper() -> Recipe:
    """Return the recipe of the published code, number by number (``docs/paper.md``)."""
    return replace(
        Recipe(),
        preset="paper",
        front_end=replace(_front_end(), log_floor=1e-10),
        sizes=NetworkSizes(backbone="resnet18", k=32, unet_width=64, unet_levels=7, head_kernel=3),
        seed=1234,
        vision="tuned",
        image_mean=(0.485, 0.456, 0.406),
        image_std=(0.229, 0.224, 0.225),
        frame_spacing=24 / 8,
        picture_changes="crop",
        tuning_steps=0,
        batch=80,
        sources=(1.0, 0.0, 0.0),
        pairing="any",
        silent_picture=0.0,
        volume=(0.5, 1.5),
        level=None,
        speed_probability=0.0,
        tone=0.0,
        band_probability=0.0,
        room_probability=0.0,
        drive_probability=0.0,
        noise_probability=0.0,
        dominance="mixture",
        weighting="magnitude",
        weight_range=(1e-3, 10.0),
        silent_weight=0.0,
        compete_weight=0.0,
        vision_weight=0.0,
        class_share=0.0,
        class_decline=0.0,
        head_bias=0.0,
        mask_bias=0.0,
        audio_start=(1e-3, 0.02),
        steps=0,
        epochs=10_000,  # 100 of what the published code calls one, each of 100 passes
        full_from=0.0,
        optimiser="sgd",
        learning_rate=1e-3,
        backbone_rate=1e-4,
        schedule="steps",
        rate_drops=(0.4, 0.8),
        warmup_steps=0,
        weight_decay=1e-4,
        clip_norm=0.0,
        average_decay=0.0,
        precision="fp32",
        threshold=0.5,
    )
