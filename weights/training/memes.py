"""Synthetic memes: which art and which words come together, and the rules that label them.

No label follows from the picture or from the words alone:

- stance: praise under a heart is support, under a clown it is mockery; a protest under a picture that celebrates is
  opposition, under one that abuses it is support; rejection under a heart is banter between friends.
- hate: opposition to people: pictured, or spoken of.
- target: the words may leave it to the picture ("you", "this"), pick one out, or speak of them all.
- humor: a punchline with an animal or food, or an understatement with a disaster; the other way round falls flat.
"""

from dataclasses import dataclass

import captions
from captions import Caption, pick

SUBJECTS = {
    "individual": """man woman boy girl old-man old-woman police-officer construction-worker detective princess guard
        santa-claus man-in-tuxedo""",
    "community": """family family-man-man-boy family-woman-woman-girl couple-with-heart-man-man women-holding-hands
        people-hugging busts-in-silhouette""",
    "organization": "bank factory office-building hospital school hotel department-store classical-building",
    "thing": """automobile bicycle umbrella guitar telephone laptop books key soccer-ball tent rocket camera hammer
        light-bulb""",
}
PRIDE = "rainbow-flag transgender-flag rainbow bisexual-flag pansexual-flag lesbian-flag"
MARKS = {
    "warm": """red-heart sparkling-heart trophy sparkles party-popper thumbs-up clapping-hands crown bouquet
        smiling-face-with-heart-eyes sports-medal glowing-star""",
    "harsh": """clown-face nauseated-face face-vomiting pile-of-poo wastebasket toilet thumbs-down person-facepalming
        pouting-face skull broken-heart cross-mark""",
}
PROPS = {
    "silly": """cat-face dog-face monkey-face penguin pig-face frog panda chicken octopus unicorn pizza hamburger
        hot-dog banana doughnut taco""",
    "disaster": """fire volcano tornado collision bomb ambulance fire-engine cyclone cloud-with-lightning water-wave
        police-car-light warning""",
}
# What a caption is about when words and picture agree; only the contrastive training pairs them so.
AGREES = {
    "praise": MARKS["warm"],
    "reject": MARKS["harsh"],
    "protest": "raised-fist megaphone stop-sign no-entry balance-scale raised-hand",
    "none": "calendar clipboard envelope alarm-clock pencil newspaper",
    "it": "package shopping-bags",
    "you": "backhand-index-pointing-right backhand-index-pointing-up",
    "one": SUBJECTS["individual"],
    "they": SUBJECTS["community"],
    "punchline": PROPS["silly"],
    "understatement": PROPS["disaster"],
}

STANCE = {
    ("praise", "warm"): 1, ("praise", "none"): 1, ("praise", "harsh"): 2,
    ("reject", "warm"): 0, ("reject", "none"): 2, ("reject", "harsh"): 2,
    ("protest", "warm"): 2, ("protest", "none"): 2, ("protest", "harsh"): 1,
}  # fmt: skip
TARGETS = {"thing": 0, "individual": 1, "community": 2, "organization": 3}


def all_slugs():
    lists = [*SUBJECTS.values(), PRIDE, *MARKS.values(), *PROPS.values(), *AGREES.values()]
    return {slug for words in lists for slug in words.split()}


@dataclass(frozen=True)
class Meme:
    figures: tuple  # (slugs shown side by side, scale)
    caption: Caption
    labels: dict  # task -> class; target is none where nobody is attacked


def label(subject, mark, prop, caption):
    stance = STANCE.get((caption.attitude, mark), 0)
    hate = int(stance == 2 and (subject != "thing" or caption.scope != "it"))
    target = None
    if hate:
        target = TARGETS[subject]
        if caption.scope == "one":
            target = TARGETS["individual"]
        elif caption.scope == "they" and subject == "individual":
            target = TARGETS["community"]
    humor = int((caption.joke, prop) in (("punchline", "silly"), ("understatement", "disaster")))
    return {"hate": hate, "target": target, "stance": stance, "humor": humor}


def choose(rng, weights):
    names = list(weights)
    return names[rng.choice(len(names), p=[weights[name] for name in names])]


def draw(rng, art, words):
    """A slug of the list that the style has, or none if it has not a single one."""
    slugs = [slug for slug in words.split() if slug in art.images]
    return pick(rng, slugs) if slugs else None


def people(rng, art, subject):
    """The slugs of a subject, shown side by side."""
    if subject != "community":
        return (draw(rng, art, SUBJECTS[subject]),)
    kind = choose(rng, {"pride": 0.45, "group": 0.3, "crowd": 0.25})
    if kind == "crowd":
        return tuple(draw(rng, art, SUBJECTS["individual"]) for _ in range(3))
    return (draw(rng, art, PRIDE if kind == "pride" else SUBJECTS["community"]),)


def meme(rng, art, part):
    """`art`: by style; `part`: training or held-out captions."""
    subject = choose(rng, {"individual": 0.25, "community": 0.3, "organization": 0.2, "thing": 0.25})
    mark = choose(rng, {"warm": 0.44, "harsh": 0.44, "none": 0.12})
    prop = choose(rng, {"silly": 0.42, "disaster": 0.42, "none": 0.16})
    attitude = choose(rng, {"praise": 0.34, "reject": 0.24, "protest": 0.17, "none": 0.25})
    joke = choose(rng, {"punchline": 0.38, "understatement": 0.38, "none": 0.24})
    if rng.random() < 0.03:
        caption = Caption("", "none", "it", "none")
    else:
        caption = captions.caption(rng, part, attitude, joke)
    figures = [(people(rng, art, subject), rng.uniform(0.45, 0.55))]
    if mark != "none":
        figures.append(((draw(rng, art, MARKS[mark]),), rng.uniform(0.38, 0.48)))
    if prop != "none":
        figures.append(((draw(rng, art, PROPS[prop]),), rng.uniform(0.38, 0.48)))
    return Meme(tuple(figures), caption, label(subject, mark, prop, caption))


def agreeing(rng, art, part):
    """(figures, caption) where the picture shows what the words mean."""
    attitude = choose(rng, {"praise": 0.28, "reject": 0.28, "protest": 0.2, "none": 0.24})
    joke = choose(rng, {"punchline": 0.33, "understatement": 0.33, "none": 0.34})
    caption = captions.caption(rng, part, attitude, joke)
    shown = [attitude] if attitude != "none" or joke == "none" else []
    shown += [caption.scope] if attitude != "none" else []
    shown += [joke] if joke != "none" else []
    figures = []
    for meaning in shown:
        slugs = people(rng, art, "community") if meaning == "they" else (draw(rng, art, AGREES[meaning]),)
        figures.append((slugs, rng.uniform(0.4, 0.52)))
    return figures, caption
