"""Writes the default pack's card: card.md with the figures of results.json and of the scripts filled in."""

import json
from string import Template

import art
import evaluate
import model
import train_clip
import train_heads
from memeclip import CLASSES

USES = {
    "@fontsource/anton": "captions drawn",
    "@iconify-json/emojione": "training art",
    "@iconify-json/fluent-emoji-flat": "held-out art, sample memes",
    "@iconify-json/noto": "training art",
    "@iconify-json/noto-v1": "training art",
    "@iconify-json/twemoji": "training art, names",
    "emojibase-data": "keywords",
}


def row(*cells):
    return f"| {' | '.join(map(str, cells))} |"


def table(results):
    lines = [row("task", "heads", "memes", "accuracy", "macro-F1", "AUROC"), row(*["---"] * 6)]
    for task, by_modality in results[evaluate.HELD_OUT].items():
        for modality, name in zip(train_heads.MODALITIES, ("**both**", "image only", "text only")):
            s = by_modality[modality]
            lines.append(row(task, name, s["memes"], s["accuracy"], s["macro_f1"], s["auroc"]))
    return "\n".join(lines)


def breakdown(results):
    lines = [row("memes", *CLASSES), row("---", *["---"] * len(CLASSES))]
    for name, by_task in results.items():
        # The pack has the heads on both modalities only.
        lines.append(row(name, *(s.get("both", s)["accuracy"] for s in by_task.values())))
    return "\n".join(lines)


def sources():
    packages = ((name, art.load(name, "package.json"), use) for name, use in USES.items())
    return "\n".join(row(f"npm `{name}`", package["version"], package["license"], use) for name, package, use in packages)


def main():
    results = json.loads((art.HERE / "results.json").read_text(encoding="utf-8"))
    config = model.config()
    text = Template((art.HERE / "card.md").read_text(encoding="utf-8")).substitute(
        table=table(results),
        breakdown=breakdown(results),
        sources=sources(),
        count=evaluate.COUNT,
        pack_count=evaluate.PACK_COUNT,
        image=model.IMAGE,
        patch=model.PATCH,
        width=model.WIDTH,
        context=model.CONTEXT,
        merges=model.MERGES,
        vision_layers=config.vision_config.num_hidden_layers,
        text_layers=config.text_config.num_hidden_layers,
        pairs=f"{train_clip.STEPS * train_clip.BATCH:,}",
        memes=f"{train_heads.TRAINING:,}",
        validation=f"{train_heads.VALIDATION:,}",
    )
    (evaluate.PACK / "card.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
