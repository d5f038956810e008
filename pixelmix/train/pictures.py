"""Pictures for training: augmentation that turns lone objects into scenes.

Photographs of instruments mostly show one object, large and often on white, while videos show
players in rooms. So pictures are cropped, pasted small over background scenes, recoloured,
blurred, occluded and degraded the way small web videos are.
"""

import io

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from pixelmix.types import ByteArray

PASTE_PROBABILITY = 0.55


def augment(
    picture: Image.Image, scene: Image.Image, side: int, rng: np.random.Generator
) -> ByteArray:
    """Return a random view ``(side, side, 3)`` of a picture, sometimes pasted over a scene."""
    picture = flipped(picture, rng)
    if rng.random() < PASTE_PROBABILITY:
        view = paste(picture, crop(scene, side, rng, 0.4), rng)
    else:
        view = crop(picture, side, rng, 0.35)
    if rng.random() < 0.25:
        view = occlude(view, crop(scene, side, rng, 0.2), rng)
    return np.asarray(degrade(recolour(view, rng), rng))


def flipped(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a picture, mirrored half of the time."""
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else picture


def crop(picture: Image.Image, side: int, rng: np.random.Generator, smallest: float) -> Image.Image:
    """Return a random part of at least ``smallest`` of the area, resized to the square."""
    width, height = picture.size
    area = width * height * rng.uniform(smallest, 1.0)
    aspect = np.exp(rng.uniform(-0.3, 0.3))
    w = min(width, int(np.sqrt(area * aspect)))
    h = min(height, int(np.sqrt(area / aspect)))
    x = int(rng.integers(0, width - w + 1))
    y = int(rng.integers(0, height - h + 1))
    box = (x, y, x + w, y + h)
    return picture.resize((side, side), Image.Resampling.BILINEAR, box=box)


def crop_and_flip(picture: Image.Image, side: int, rng: np.random.Generator) -> ByteArray:
    """Return a random square of the picture at 1.1 times ``side``, flipped half of the time.

    The published code's augmentation.
    """
    scale = int(side * 1.1) / min(picture.size)
    width, height = (max(side, round(length * scale)) for length in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    x, y = (int(rng.integers(length - side + 1)) for length in picture.size)
    pixels = np.asarray(picture.crop((x, y, x + side, y + side)))
    return np.ascontiguousarray(pixels[:, ::-1] if rng.random() < 0.5 else pixels)


def paste(picture: Image.Image, scene: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Paste a picture, rotated a little and at a random scale, over a scene.

    Where its corners are nearly white the white is cut out; otherwise its edges are feathered.
    """
    side = scene.width
    scale = rng.uniform(0.35, 1.0) * side / max(picture.size)
    size = (max(16, int(picture.width * scale)), max(16, int(picture.height * scale)))
    small, mask = tilted(picture, size, rng)
    view = scene.copy()
    x = int(rng.integers(min(0, side - small.width), max(0, side - small.width) + 1))
    y = int(rng.integers(min(0, side - small.height), max(0, side - small.height) + 1))
    view.paste(small, (x, y), mask)
    return view


def tilted(
    picture: Image.Image, size: tuple[int, int], rng: np.random.Generator
) -> tuple[Image.Image, Image.Image]:
    """Return a picture at a size, rotated a little, and the mask of what is seen of it."""
    small = picture.resize(size, Image.Resampling.BILINEAR)
    mask = cut_out(small)
    angle = float(rng.uniform(-20, 20))
    return (
        small.rotate(angle, Image.Resampling.BILINEAR, expand=True),
        mask.rotate(angle, Image.Resampling.BILINEAR, expand=True),
    )


def cut_out(picture: Image.Image) -> Image.Image:
    """Return an 8-bit mask of the object: not white, or a feathered rectangle."""
    rgb = np.asarray(picture, dtype=np.float32)
    edge = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    if np.mean(edge.min(axis=1) > 235) > 0.6:
        alpha = np.clip((248.0 - rgb.min(axis=2)) / 16.0, 0.0, 1.0)
    else:
        height, width = rgb.shape[:2]
        feather = 0.06 * min(height, width) + 1
        rows = np.minimum(np.arange(height) + 1, height - np.arange(height)) / feather
        cols = np.minimum(np.arange(width) + 1, width - np.arange(width)) / feather
        alpha = np.clip(np.minimum.outer(rows, cols), 0.0, 1.0)
    mask = Image.fromarray((alpha * 255).astype(np.uint8))
    return mask.filter(ImageFilter.GaussianBlur(1))


def occlude(view: Image.Image, scene: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Cover a random rectangle with a piece of a scene."""
    side = view.width
    w, h = (int(v) for v in rng.integers(side // 8, side // 2, size=2))
    x, y = int(rng.integers(0, side - w)), int(rng.integers(0, side - h))
    view = view.copy()
    view.paste(scene.crop((x, y, x + w, y + h)), (x, y))
    return view


def recolour(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Vary brightness, contrast, saturation and white balance."""
    for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        view = kind(view).enhance(float(np.exp(rng.normal(0, 0.25))))
    gains = np.exp(rng.normal(0, 0.08, size=3))
    rgb = np.clip(np.asarray(view, dtype=np.float32) * gains, 0, 255).astype(np.uint8)
    return Image.fromarray(rgb)


def degrade(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Lower the resolution, blur and compress, as small web videos do."""
    if rng.random() < 0.5:
        size = view.size
        small = int(rng.integers(size[0] // 3, size[0]))
        view = view.resize((small, small), Image.Resampling.BILINEAR)
        view = view.resize(size, Image.Resampling.BICUBIC)
    if rng.random() < 0.3:
        view = view.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 2.0))))
    if rng.random() < 0.5:
        buffer = io.BytesIO()
        view.save(buffer, "JPEG", quality=int(rng.integers(15, 80)))
        view = Image.open(buffer).convert("RGB")
    return view
