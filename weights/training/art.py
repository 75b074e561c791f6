"""Emoji art by style, as Pillow images, and its names and keywords."""

import io
import json
from functools import cache
from pathlib import Path

import resvg_py
from PIL import Image

HERE = Path(__file__).parent
WORK = HERE.parents[1] / "target" / "default-pack"
PACKAGES = HERE / "node_modules"

TRAINING_STYLES = ("twemoji", "noto", "noto-v1", "emojione")
HELD_OUT_STYLE = "fluent-emoji-flat"

# Our own drawing of pride flags, top to bottom: several art sets lack them, and on real pictures they are plain cloth.
STRIPES = {
    "rainbow-flag": ("#e40303", "#ff8c00", "#ffed00", "#008026", "#24408e", "#732982"),
    "transgender-flag": ("#5bcefa", "#f5a9b8", "#ffffff", "#f5a9b8", "#5bcefa"),
    "bisexual-flag": ("#d60270", "#d60270", "#9b4f96", "#0038a8", "#0038a8"),
    "pansexual-flag": ("#ff218c", "#ffd800", "#21b1ff"),
    "lesbian-flag": ("#d52d00", "#ff9a56", "#ffffff", "#d362a4", "#a30262"),
}

# Emojibase's groups of letters, clocks, arrows and country flags show nothing that a keyword would describe.
LEFT_OUT_GROUPS = (2, 8, 9)


def load(package, file):
    return json.loads((PACKAGES / package / file).read_text(encoding="utf-8"))


@cache
def icon_set(style):
    return load(f"@iconify-json/{style}", "icons.json")


def svg(style, slug):
    if style == "stripes":
        colours = STRIPES[slug]
        stripes = "".join(f'<rect y="{i}" width="8" height="1" fill="{c}"/>' for i, c in enumerate(colours))
        box = f'viewBox="0 0 8 {len(colours)}" preserveAspectRatio="none"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" width="36" height="24" {box}>{stripes}</svg>'
    icons = icon_set(style)
    icon = icons["icons"][icons.get("aliases", {}).get(slug, {"parent": slug})["parent"]]
    width, height = (icon.get(side, icons.get(side, 16)) for side in ("width", "height"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">{icon["body"]}</svg>'
    )


def slugs(style):
    if style == "stripes":
        return frozenset(STRIPES)
    icons = icon_set(style)
    return frozenset(icons["icons"]) | frozenset(icons.get("aliases", {}))


@cache
def keywords():
    """{slug: [keyword]} of the emoji worth showing, without the variants by skin colour."""
    names = {code.replace("-fe0f", ""): slug for code, slug in load("@iconify-json/twemoji", "chars.json").items()}
    out = {slug: ["flag", "pride", "lgbtq"] for slug in STRIPES}
    for emoji in load("emojibase-data", "en/data.json"):
        slug = names.get(emoji["hexcode"].lower().replace("-fe0f", ""))
        pride = slug in STRIPES
        if slug and (pride or emoji.get("group", 8) not in LEFT_OUT_GROUPS):
            out[slug] = emoji.get("tags", [])
    return out


def name(slug):
    return slug.replace("-", " ")


def render(style, slug, size):
    """RGBA, the longer side `size`."""
    png = resvg_py.svg_to_bytes(svg_string=svg(style, slug), width=size, skip_system_fonts=True)
    image = Image.open(io.BytesIO(bytes(png))).convert("RGBA")
    image.thumbnail((size, size))
    return image


class Art:
    """The pictures of one style; what it lacks comes from the `fallback` style. Each is rendered once, kept on disk."""

    def __init__(self, style, wanted, size, fallback=None):
        self.images = {}
        for source in filter(None, (fallback, style)):
            folder = WORK / "art" / f"{source}-{size}"
            folder.mkdir(parents=True, exist_ok=True)
            for slug in sorted(set(wanted) & slugs(source)):
                self.images[slug] = self.cached(folder / f"{slug}.png", source, slug, size)

    @staticmethod
    def cached(file, style, slug, size):
        if not file.exists():
            render(style, slug, size).save(file)
        with Image.open(file) as image:
            return image.copy()


def training_art(wanted, size):
    """One `Art` a training style."""
    return [Art(style, wanted, size, fallback="stripes") for style in TRAINING_STYLES]


def held_out_art(wanted, size):
    return Art(HELD_OUT_STYLE, wanted, size)
