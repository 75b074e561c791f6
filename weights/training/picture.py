"""Draws a meme: art on a background, sometimes framed, sometimes with the caption on bands or across the picture."""

import textwrap
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from art import PACKAGES

FONT = PACKAGES / "@fontsource/anton/files/anton-latin-400-normal.woff"


@cache
def font(size):
    return ImageFont.truetype(FONT, size)


def background(rng, width, height):
    """A light, dark or strong colour; sometimes it fades."""
    colour = rng.integers(0, 256, 3)
    colour = (200 + colour // 5, colour // 4, colour)[rng.choice(3, p=(0.6, 0.25, 0.15))]
    if rng.random() < 0.7:
        return Image.new("RGB", (width, height), tuple(colour.tolist()))
    ramp = np.linspace(1, rng.uniform(0.5, 0.9), height)[:, None, None]
    return Image.fromarray((colour * ramp).astype(np.uint8)).resize((width, height))


def row(art, slugs):
    """Pictures side by side."""
    images = [art.images[slug] for slug in slugs]
    if len(images) == 1:
        return images[0]
    height = max(image.height for image in images)
    out = Image.new("RGBA", (sum(image.width for image in images), height))
    left = 0
    for image in images:
        out.paste(image, (left, height - image.height))
        left += image.width
    return out


def places(rng, count):
    """Centres for so many figures, in parts of the panel: in the middle, or in its quarters."""
    if count == 1:
        return rng.uniform(0.42, 0.58, (1, 2))
    quarters = rng.permutation([(0.26, 0.26), (0.74, 0.26), (0.26, 0.74), (0.74, 0.74)])[:count]
    return quarters + rng.uniform(-0.07, 0.07, (count, 2))


def panel(rng, art, figures, width, height):
    image = background(rng, width, height)
    for (slugs, scale), (x, y) in zip(figures, places(rng, len(figures))):
        figure = row(art, slugs)
        stretch = rng.uniform(0.93, 1.07)
        factor = scale * (width * height) ** 0.5 / max(figure.size)
        w = min(max(round(figure.width * factor * stretch), 4), width)
        h = min(max(round(figure.height * factor / stretch), 4), height)
        figure = figure.resize((w, h), Image.BICUBIC)
        left = min(max(round(x * width - w / 2), 0), width - w)
        top = min(max(round(y * height - h / 2), 0), height - h)
        image.paste(figure, (left, top), figure)
    return image


def write(image, text, top, height, fill, stroke):
    """Text in capitals, centred in a horizontal strip."""
    draw = ImageDraw.Draw(image)
    lines = 1 if len(text) < 26 else 2
    text = "\n".join(textwrap.wrap(text.upper(), max(len(text) // lines + 6, 8))[:lines])
    size = max(int(height / lines / 1.25), 5)
    while size > 5 and draw.multiline_textbbox((0, 0), text, font(size))[2] > 0.96 * image.width:
        size -= max(size // 12, 1)
    outline = {"stroke_width": max(size // 12, 1), "stroke_fill": stroke} if stroke else {}
    centre = (image.width / 2, top + height / 2)
    draw.multiline_text(centre, text, fill, font(size), anchor="mm", align="center", spacing=size // 8, **outline)


def picture(rng, art, figures, text, size, style=None):
    """A square RGB image. `style`: plain, bands, across or framed; drawn by chance if not given."""
    style = style or ("plain", "bands", "across", "framed")[rng.choice(4, p=(0.6, 0.2, 0.1, 0.1))]
    words = text.replace("\n", " ")
    half = len(words) // 2 + words[len(words) // 2 :].find(" ") if " " in words[len(words) // 2 :] else len(words)
    parts = [words[:half].strip(), words[half:].strip()] if len(words) > 30 else [words, ""]
    band = round(size * rng.uniform(0.13, 0.18))
    if style == "bands":
        dark = rng.random() < 0.4
        image = Image.new("RGB", (size, size), "black" if dark else "white")
        bottom = band if parts[1] else 0
        image.paste(panel(rng, art, figures, size, size - band - bottom), (0, band))
        for part, top in zip(parts, (0, size - band)):
            write(image, part, top, band, "white" if dark else "black", None)
    elif style == "framed":
        margin = round(size * rng.uniform(0.04, 0.1))
        image = background(rng, size, size)
        image.paste(panel(rng, art, figures, size - 2 * margin, size - 2 * margin), (margin, margin))
    else:
        image = panel(rng, art, figures, size, size)
        if style == "across":
            for part, top in zip(parts, (0, size - band)):
                write(image, part, top, band, "white", "black")
    return image
