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
    first, second = rng.integers(0, 256, (2, 3))
    if rng.random() < 0.5:
        # Mostly light or mostly dark, as backgrounds are.
        return Image.new("RGB", (width, height), tuple(pick_tone(rng, first)))
    ramp = np.linspace(0, 1, height if rng.random() < 0.5 else width)
    colours = first + (second - first) * ramp[:, None]
    rows = colours[:, None, :] if len(ramp) == height and rng.random() < 0.5 else colours[None, :, :]
    return Image.fromarray(rows.astype(np.uint8)).resize((width, height))


def pick_tone(rng, colour):
    tone = rng.random()
    if tone < 0.4:
        return (200 + colour // 5).tolist()
    return (colour // 4 if tone < 0.6 else colour).tolist()


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


def place(rng, placed, width, height, w, h):
    """The best of some random places: the one that hides least."""
    best = None
    for _ in range(12):
        x, y = rng.integers(0, max(width - w, 0) + 1), rng.integers(0, max(height - h, 0) + 1)
        hidden = sum(
            max(min(x + w, px + pw) - max(x, px), 0) * max(min(y + h, py + ph) - max(y, py), 0)
            for px, py, pw, ph in placed
        )
        if best is None or hidden < best[0]:
            best = (hidden, x, y)
        if hidden == 0:
            break
    return best[1:]


def panel(rng, art, figures, width, height):
    image = background(rng, width, height)
    placed = []
    for slugs, scale in figures:
        figure = row(art, slugs)
        stretch = rng.uniform(0.88, 1.14)
        longer = scale * (1.3 if len(slugs) > 1 else 1) * (width * height) ** 0.5
        factor = longer / max(figure.size)
        w = min(max(round(figure.width * factor * stretch), 4), width)
        h = min(max(round(figure.height * factor / stretch), 4), height)
        figure = figure.resize((w, h), Image.BICUBIC)
        if len(slugs) == 1 and "flag" not in slugs[0] and rng.random() < 0.5:
            figure = figure.transpose(Image.FLIP_LEFT_RIGHT)
        x, y = place(rng, placed, width, height, w, h)
        image.paste(figure, (int(x), int(y)), figure)
        placed.append((x, y, w, h))
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
    style = style or ("plain", "bands", "across", "framed")[rng.choice(4, p=(0.4, 0.3, 0.15, 0.15))]
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
