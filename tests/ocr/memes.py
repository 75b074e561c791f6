"""Draws memes with known text: images and captions.json. Every run gives the same memes.

    pip install pillow==13.0.0 numpy==2.4.6 && npm ci
    python memes.py OUT           all of them, for the benchmark
    python memes.py --few OUT     two of each kind: those in ../goldens/ocr
"""

import argparse
import io
import json
import random
import textwrap
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONTS = Path(__file__).parent / "node_modules/@fontsource"
EACH = 20

CAPTIONS = """
when you finally fix the bug|but now nothing else works
one does not simply|eat only one slice of pizza
my cat at 3 am|watching me sleep like that
nobody:|absolutely nobody: my brain at night
they said it would be fun|they lied to all of us
I don't always test my code|but when I do, it's in production
me explaining to my mom|why I need a fifth guitar
what if I told you|that coffee is just bean soup
that moment when the teacher says|"find a partner"
brace yourselves|the election posts are coming
you can't be late to work|if you never show up
how it started in 2019|how it's going in 2024
waiting for my code review|day 47: still no answer
roses are red, violets are blue|I forgot my umbrella and so did you
love is love|happy pride month to everyone!
trans rights are human rights|and it's not up for debate
they took our jobs|said the man without a resume
keep calm|and blame it on the intern
Monday: I will eat healthy|Monday, 2 hours later: 3 donuts
my last brain cell|trying to do basic math
dad: be home by 10 pm|me at 4:30 am
I was told there would be cake|where is the cake?
studies show that 9 out of 10|people love chocolate, the tenth lies
why walk when|you can roll down the hill
so you're telling me|there's a chance
the wifi goes down for 5 minutes|family: hello, who are you?
this is fine|everything is totally fine
friendship ended with sleep|now coffee is my best friend
parents arguing in the front seat|me and my sister in the back
not sure if smart|or just really lucky
I see no borders|only people who need a home
how dare you|bring pineapple to my house
"just one more episode"|the birds outside: good morning
my plans for the weekend|the weather forecast
at least we have|each other and free snacks
when grandma says|you look hungry
go vote on Tuesday|your voice is worth it
gym membership: $49.99 a month|times I went: 0
look at me|I am the captain now
no one is illegal|on stolen land
""".strip().splitlines()

POSTS = """
I just told my dog he is a good boy and honestly it was the best conversation I had all day
Petition to make the weekend three days long. Sign here with a like.
My grandmother calls every video game "the Nintendo" and she is 100% right
Unpopular opinion: the book was fine and so was the movie
Can't believe it's already November, I still write 2019 on my forms
Be kind to each other out there. You never know what somebody is going through.
The landlord said no pets so I named my plant Kevin
If you think the news is bad, wait until you read the comments
Stop asking people when they will have kids. That's it, that's the post.
Our neighbours brought us soup. Not everything on this planet is terrible!
""".strip().splitlines()

# Font, caption.
FOREIGN = """
roboto-latin|Wenn der Wecker klingelt|und es immer noch dunkel ist
roboto-latin|Früher war alles größer|sogar die Brötchen
roboto-latin|Cuando llega el viernes|y mañana también trabajas
roboto-latin|¿Quién comió mi pastel?|Nadie vio nada
roboto-latin|Quand le chat décide|que tu ne dors plus
roboto-latin|Ça va être une belle journée|après le café
noto-sans-sc-chinese-simplified|今天不想上班|明天也不想
noto-sans-sc-chinese-simplified|我的猫很可爱|但是很懒
""".strip().splitlines()

# In letters that the recogniser does not know: it should read nothing.
CYRILLIC = """
Когда наконец пятница|но ты работаешь завтра
Мой кот утром|я тоже хочу спать
""".strip().splitlines()

NAMES = ["Sam Porter", "Jamie Lin", "Alex Moreno", "Robin Clarke", "Taylor Brooks"]
SITES = ["memeworld.com", "@funny.daily", "made with memebox", "lolpics.net"]


def font(name, size, weight=400):
    family = name.removesuffix("-latin").removesuffix("-cyrillic").removesuffix("-chinese-simplified")
    return ImageFont.truetype(FONTS / family / f"files/{name}-{weight}-normal.woff", size)


def photo(rng, width, height):
    """Something like a photograph: patches of colour, edges, grain."""
    small = rng.integers(20, 236, (int(rng.integers(3, 9)), int(rng.integers(3, 9)), 3)).astype(np.uint8)
    image = Image.fromarray(small).resize((width, height), Image.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(4, 14))):
        x, y = int(rng.integers(-width // 4, width)), int(rng.integers(-height // 4, height))
        w, h = int(rng.integers(20, width // 2)), int(rng.integers(20, height // 2))
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)([x, y, x + w, y + h], fill=colour)
    image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 6))))
    grain = rng.normal(0, rng.uniform(2, 12), (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def wrapped(text, face, width):
    """The text in lines that fit the width."""
    longest = next(n for n in range(len(text), 0, -1)
                   if all(face.getlength(line) <= width for line in textwrap.wrap(text, n, break_long_words=False))
                   or n <= max(map(len, text.split())))
    return textwrap.wrap(text, longest, break_long_words=False)


def block(image, lines, face, top, fill, stroke):
    """Centred lines from `top` on; returns where they end."""
    draw = ImageDraw.Draw(image)
    for line in lines:
        draw.text((image.width / 2, top), line, fill, face, anchor="ma", stroke_width=stroke, stroke_fill="black")
        top += sum(face.getmetrics()) * 0.98
    return top


def height_of(lines, face):
    return len(lines) * sum(face.getmetrics()) * 0.98


def outlined(rng, caption):
    """White capitals with a black outline above and below."""
    width = int(rng.integers(420, 900))
    size = int(width * rng.uniform(0.075, 0.11))
    face = font("anton-latin", size)
    above, below = (wrapped(part.upper(), face, width * 0.92) for part in caption.split("|"))
    # The blocks never touch.
    least = height_of(above + below, face) * 1.2
    image = photo(rng, width, int(max(least, rng.integers(400, 900))))
    stroke = max(2, size // 16)
    block(image, above, face, image.height * 0.01, "white", stroke)
    block(image, below, face, image.height * 0.975 - height_of(below, face), "white", stroke)
    return image, above + below


def banner(rng, caption):
    """Black text on white, above an image."""
    width = int(rng.integers(480, 900))
    face = font("roboto-latin", int(width * rng.uniform(0.045, 0.065)))
    lines = [line for part in caption.split("|") for line in wrapped(part[0].upper() + part[1:], face, width * 0.92)]
    below = photo(rng, width, int(rng.integers(240, 500)))
    bar = int(height_of(lines, face)) + 30
    image = Image.new("RGB", (width, bar + below.height), "white")
    image.paste(below, (0, bar))
    block(image, lines, face, 12, "black", 0)
    return image, lines


def post(rng, text):
    """A screenshot of a post."""
    width = int(rng.integers(560, 1000))
    dark = rng.random() < 0.5
    ink, paper, grey = ("white", (21, 32, 43), (136, 153, 166)) if dark else ("black", "white", (83, 100, 113))
    size = width // 22
    face, bold = font("roboto-latin", size), font("roboto-latin", size, 700)
    lines = wrapped(text, face, width * 0.9)
    image = Image.new("RGB", (width, int(size * 4.2 + len(lines) * size * 1.35 + size)), paper)
    draw = ImageDraw.Draw(image)
    left = width * 0.05
    draw.ellipse([left, size, left + size * 2.4, size * 3.4], fill=tuple(int(c) for c in rng.integers(40, 220, 3)))
    name = NAMES[rng.integers(len(NAMES))]
    handle = "@" + name.lower().replace(" ", "_")
    draw.text((left + size * 3, size), name, ink, bold)
    draw.text((left + size * 3, size * 2.2), handle, grey, face)
    for i, line in enumerate(lines):
        draw.text((left, size * 4.2 + i * size * 1.35), line, ink, face)
    return image, [name, handle, *lines]


def rotated(rng, caption):
    """Outlined capitals, rotated by a few degrees."""
    image, lines = outlined(rng, caption)
    angle = float(rng.uniform(2, 7)) * (1 if rng.random() < 0.5 else -1)
    return image.rotate(angle, Image.BICUBIC, expand=True, fillcolor=(90, 90, 90)), lines


def poor(rng, caption):
    """Small, and saved twice as JPEG."""
    image, lines = outlined(rng, caption)
    image.thumbnail((360, 360), Image.BICUBIC)
    return jpeg(image, 25), lines


def marked(rng, caption):
    """With the name of a site in a corner, which is no part of the meme's text."""
    image, lines = outlined(rng, caption)
    face = font("roboto-latin", max(11, image.width // 48))
    site = SITES[rng.integers(len(SITES))]
    ImageDraw.Draw(image).text((image.width - 6, image.height - 4), site, (235, 235, 235), face, anchor="rd")
    return image, lines


def foreign(rng, row):
    """In another language than English."""
    name, caption = row.split("|", 1)
    width = int(rng.integers(480, 900))
    face = font(name, int(width * rng.uniform(0.05, 0.065)))
    lines = [line for part in caption.split("|") for line in wrapped(part, face, width * 0.92)]
    below = photo(rng, width, int(rng.integers(240, 500)))
    image = Image.new("RGB", (width, int(height_of(lines, face)) + 30 + below.height), "white")
    image.paste(below, (0, image.height - below.height))
    block(image, lines, face, 10, "black", 0)
    return image, lines


def cyrillic(rng, caption):
    image, _ = foreign(rng, f"roboto-cyrillic|{caption}")
    return image, []


def jpeg(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


KINDS = {
    outlined: CAPTIONS,
    banner: CAPTIONS,
    post: POSTS,
    rotated: CAPTIONS,
    poor: CAPTIONS,
    marked: CAPTIONS,
    foreign: FOREIGN,
    cyrillic: CYRILLIC,
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--few", action="store_true")
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    records = []
    for kind, texts in KINDS.items():
        name = kind.__name__
        # Each kind takes its own choice of texts.
        order = random.Random(name).sample(texts, len(texts))
        for i in range(2 if options.few else min(EACH, len(texts))):
            rng = np.random.default_rng([*name.encode(), i])
            image, lines = kind(rng, order[i])
            file = f"{name}-{i:02}.jpg"
            image.save(options.out / file, "JPEG", quality=int(rng.integers(60, 90)))
            records.append({"file": file, "kind": name, "lines": lines})
    (options.out / "captions.json").write_text(json.dumps(records, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
