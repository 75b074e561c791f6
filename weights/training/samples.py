"""Draws the sample memes of the page, in the held-out style, and checks that the finished pack judges each one right.

    python samples.py PROGRAM
"""

import json
import sys

import numpy as np

import art
import memes
from captions import Caption
from evaluate import classify
from memeclip import CLASSES
from picture import picture

FOLDER = art.HERE.parents[1] / "www" / "demo" / "samples"
SEED, SIZE, QUALITY = 7, 480, 80
# Names of the classes as the program prints them.
LABELS = {
    "hate": ["no hate", "hate"],
    "target": ["undirected", "individual", "community", "organization"],
    "stance": ["neutral", "support", "oppose"],
    "humor": ["no humor", "humor"],
}

# file: (subject, its art, mark, its art, prop, its art, captions). Each picture turns with the words, and the same words
# turn with the picture.
PROUD = Caption("so proud of all of you", "praise", "they", "none")
ENOUGH = Caption("enough is enough, this has to stop", "protest", "it", "none")
GENIUS = Caption("yeah, what a genius move", "praise", "it", "none")
FINE = Caption("this is fine", "none", "it", "understatement")
SNACKS = Caption("me when the snacks arrive", "none", "it", "punchline")
MEETING = Caption("the meeting is at 9:30", "none", "it", "none")
SAMPLES = {
    "pride-heart": ("community", "transgender-flag", "warm", "red-heart", "none", None, (PROUD, ENOUGH)),
    "pride-cross": ("community", "transgender-flag", "harsh", "cross-mark", "none", None, (PROUD, ENOUGH)),
    "factory-crown": ("organization", "factory", "warm", "crown", "none", None, (GENIUS, MEETING)),
    "factory-bin": ("organization", "factory", "harsh", "wastebasket", "none", None, (GENIUS, MEETING)),
    "laptop-fire": ("thing", "laptop", "none", None, "disaster", "fire", (FINE, SNACKS)),
    "laptop-dog": ("thing", "laptop", "none", None, "silly", "dog-face", (FINE, SNACKS)),
}
# The same with one of its captions written across the picture, to be read off it.
WRITTEN = {"pride-heart": (PROUD, ENOUGH)}


def sample(rng, gallery, name, written=None):
    """The picture as a file; [(text, labels)]."""
    subject, shown, mark, mark_art, prop, prop_art, captions = SAMPLES[name]
    figures = [((shown,), 0.55)] + [((slug,), 0.42) for slug in (mark_art, prop_art) if slug]
    file = FOLDER / (f"{name}-{written.text.split()[0]}.jpg" if written else f"{name}.jpg")
    text, style = (written.text, "across") if written else ("", "plain")
    picture(rng, gallery, figures, text, SIZE, style=style).save(file, quality=QUALITY)
    captions = (written,) if written else captions
    return file, [(caption.text, memes.label(subject, mark, prop, caption)) for caption in captions]


def check(program, file, text, labels):
    for task, values in classify(program, file, text).items():
        if labels[task] is not None and np.argmax(values) != labels[task]:
            raise SystemExit(f"{file.name}, '{text}': {task} should be {LABELS[task][labels[task]]}, found {values}")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    shown = {slug for sample in SAMPLES.values() for slug in sample if isinstance(slug, str)}
    gallery = art.held_out_art(shown & art.slugs(art.HELD_OUT_STYLE), 256)
    listed = []
    drawn = [(name, None) for name in SAMPLES] + [(name, text) for name, texts in WRITTEN.items() for text in texts]
    for index, (name, written) in enumerate(drawn):
        file, texts = sample(np.random.default_rng([SEED, index]), gallery, name, written)
        for text, labels in texts:
            check(sys.argv[1], file, text, labels)
            named = {task: None if labels[task] is None else LABELS[task][labels[task]] for task in CLASSES}
            listed.append({"file": file.name, "text": text, "written": written is not None, "labels": named})
    (FOLDER / "samples.json").write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
