"""Draws the pictures of tests/goldens/images, small and of many kinds. Those in the repository are the test's input:
another Pillow writes other bytes, so after this run goldens.py again.

    python tests/reference/images.py
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

FOLDER = Path(__file__).parents[1] / "goldens" / "images"
JPEG = {"quality": 90, "subsampling": "4:4:4"}
ROTATED = Image.Exif()
ROTATED[0x0112] = 6  # orientation: the camera was turned, viewers turn the picture by 90 degrees

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
    ("turned.jpg", 100, 60, "RGB", 0, JPEG | {"exif": ROTATED}),
    ("grey.jpg", 90, 111, "L", 5, {"quality": 85}),
    ("rough.jpg", 160, 120, "RGB", 20, JPEG | {"quality": 40}),
    ("progressive.jpg", 113, 113, "RGB", 0, JPEG | {"progressive": True}),
]


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
    return image.quantize(32) if mode == "P" else image.convert(mode)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for seed, (name, width, height, mode, noise, options) in enumerate(PICTURES):
        image = draw(np.random.default_rng(seed), width, height, mode, noise)
        image.save(FOLDER / name, **options)
