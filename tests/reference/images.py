"""Draws the pictures of tests/goldens/images, small and of many kinds, and writes what the reference makes of each:
tests/goldens/pixels/<picture>.<side>.png, Pillow's upright RGB pixels, squashed.

    python tests/reference/images.py

Another Pillow writes other bytes: after that run goldens.py again, whose results depend on the pictures.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

GOLDENS = Path(__file__).parents[1] / "goldens"
FOLDER = GOLDENS / "images"
JPEG = {"quality": 90, "subsampling": "4:4:4"}


def turned(orientation):
    """Options that ask viewers to turn or mirror the picture."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return JPEG | {"exif": exif}


def frames(rng):
    """A second frame, which nobody is to see."""
    return {"save_all": True, "append_images": [draw(rng, 60, 40, "RGB", 0)], "duration": 100}


def draw(rng, width, height, mode, noise):
    """A gradient between two colours, shapes on it, noise over all."""
    start, across, down = rng.uniform(0, 255, (3, 3))
    x, y = np.linspace(0, 1, width)[None, :, None], np.linspace(0, 1, height)[:, None, None]
    image = Image.fromarray(np.uint8((start * (1 - x) + across * x) * (1 - y) + down * y))
    pen = ImageDraw.Draw(image)
    for shape in [pen.ellipse, pen.rectangle] * 3:
        left, right = sorted(rng.integers(-width // 4, width * 5 // 4 + 1, 2).tolist())
        top, bottom = sorted(rng.integers(-height // 4, height * 5 // 4 + 1, 2).tolist())
        shape((left, top, right, bottom), fill=tuple(rng.integers(0, 256, 3).tolist()))
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(0.6)), np.float64)
    pixels = np.uint8(np.clip(pixels + rng.normal(0, noise, pixels.shape), 0, 255))
    if mode in ("RGBA", "LA"):  # where alpha is 0 the colours stay: convert('RGB') shows them
        alpha = np.uint8(np.clip(np.broadcast_to(x + y, (height, width, 1)) * 255 - 100, 0, 255))
        image = Image.fromarray(np.concatenate([pixels, alpha], axis=2))
    else:
        image = Image.fromarray(pixels)
    if mode == "I;16":
        high = np.asarray(image.convert("L"), np.uint16)
        return Image.fromarray(high * 256 + rng.integers(0, 256, high.shape, np.uint16))
    return image.quantize(32) if mode == "P" else image.convert(mode)


def seen(name, side):
    """The picture upright, as RGB, squashed as the reference does. Pillow would cut 16-bit greys off at 255, so that
    they are all white; here they keep their high byte, as colours do."""
    image = ImageOps.exif_transpose(Image.open(FOLDER / name))
    if image.mode == "I;16":
        image = Image.fromarray(np.uint8(np.asarray(image) >> 8))
    return image.convert("RGB").resize((side, side), Image.BICUBIC)


# name, width, height, mode, noise in grey levels, further arguments of Image.save
PICTURES = [
    ("portrait.png", 37, 91, "RGB", 0, {}),
    ("landscape.png", 91, 37, "RGB", 0, {}),
    ("square.png", 56, 56, "RGB", 4, {}),
    ("exact.png", 224, 224, "RGB", 0, {}),
    ("banner.png", 301, 13, "RGB", 0, {}),
    ("column.png", 5, 199, "RGB", 0, {}),
    ("speck.png", 3, 2, "RGB", 40, {}),
    ("pixel.png", 1, 1, "RGB", 0, {}),
    ("noise.png", 48, 61, "RGB", 120, {}),
    ("large.png", 420, 309, "RGB", 0, {}),
    ("grey.png", 120, 85, "L", 3, {}),
    ("alpha.png", 75, 75, "RGBA", 0, {}),
    ("grey-alpha.png", 64, 40, "LA", 0, {}),
    ("palette.png", 133, 77, "P", 0, {}),
    ("photo.jpg", 131, 97, "RGB", 6, JPEG),
    ("tall.jpg", 64, 150, "RGB", 2, JPEG),
    ("turned.jpg", 100, 60, "RGB", 0, turned(6)),
    ("grey.jpg", 90, 111, "L", 5, {"quality": 85}),
    ("rough.jpg", 160, 120, "RGB", 20, JPEG | {"quality": 40}),
    ("progressive.jpg", 113, 113, "RGB", 0, JPEG | {"progressive": True}),
    ("mirrored.jpg", 80, 50, "RGB", 0, turned(2)),
    ("upside-down.jpg", 80, 50, "RGB", 0, turned(3)),
    ("transposed.jpg", 80, 50, "RGB", 0, turned(5)),
    ("turned-left.jpg", 80, 50, "RGB", 0, turned(8)),
    ("subsampled.jpg", 120, 90, "RGB", 3, {"quality": 85, "subsampling": "4:2:0"}),
    ("cmyk.jpg", 96, 70, "CMYK", 0, {"quality": 92}),
    ("bits.png", 70, 50, "1", 0, {}),
    ("deep-grey.png", 64, 48, "I;16", 0, {}),
    ("palette-alpha.png", 60, 60, "P", 0, {"transparency": 3}),
    ("still.gif", 90, 60, "P", 0, {}),
    ("holes.gif", 90, 60, "P", 0, {"transparency": 5}),
    ("animated.gif", 60, 40, "RGB", 0, frames),
    ("animated.webp", 60, 40, "RGB", 0, lambda rng: frames(rng) | {"lossless": True}),
    ("lossless.webp", 77, 55, "RGB", 0, {"lossless": True}),
    ("alpha.webp", 77, 55, "RGBA", 0, {"lossless": True, "exact": True}),
    ("picture.bmp", 31, 47, "RGB", 0, {}),
]
# The reference's side, and a small one that shows every picture shrunk and enlarged.
SIDES = {56: [name for name, *_ in PICTURES], 224: ["photo.jpg", "large.png", "speck.png", "noise.png"]}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for seed, (name, width, height, mode, noise, options) in enumerate(PICTURES):
        rng = np.random.default_rng(seed)
        image = draw(rng, width, height, mode, noise)
        image.save(FOLDER / name, **(options(rng) if callable(options) else options))
    (GOLDENS / "pixels").mkdir(exist_ok=True)
    for side, names in SIDES.items():
        for name in names:
            seen(name, side).save(GOLDENS / "pixels" / f"{name}.{side}.png", optimize=True)
