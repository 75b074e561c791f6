"""Writes tests/goldens/fimif-<name>.pth and fimif.json: FIMIF's heads in PyTorch.

    pip install -r tests/reference/requirements.txt
    cargo run --release -- synth --arch tiny --seed 1 --out target/synth/tiny
    python tests/reference/fimif.py target/synth/tiny

The head (Ray et al., "Low Dimensional Multimodal Fusion Using Multiplicative Fine Tuning Modules", CASE 2025) is written
anew from its description, with the parameter names of the authors' files. The files are state dicts of seeded weights in
float32. As published, two have 8 and 16 hidden values, and one carries the weights of its classes along; the third head has
12.

`fimif.json` holds {name: [memes][classes]}: the logits, in the authors' order of the classes, on the features of the memes
of tiny.json, by the text projection of the model directory.
"""

import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

GOLDENS = Path(__file__).parents[1] / "goldens"
# The authors do not publish theirs.
EPSILON = 1e-7
# Hidden values and classes.
HEADS = {"hate": (8, 2), "stance": (16, 3), "target": (12, 4)}


class Compression(nn.Module):
    def __init__(self, features, hidden):
        super().__init__()
        self.w1 = nn.Linear(features, hidden)
        self.w2 = nn.Linear(features, hidden)

    def forward(self, x):
        return F.relu(self.w1(x)) + self.w2(x)


class Interaction(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.residual = nn.Linear(hidden, hidden)
        for first in (1, 4):
            setattr(self, f"w{first}", nn.Linear(hidden, hidden))
            setattr(self, f"w{first + 1}", nn.Linear(hidden, hidden, bias=False))
            setattr(self, f"w{first + 2}", nn.Linear(hidden, hidden))

    def products(self, x, inner, powers, outer):
        return outer(torch.exp(powers(torch.log(F.relu(inner(x)) + EPSILON))))

    def forward(self, x):
        first = self.products(x, self.w1, self.w2, self.w3)
        return self.residual(x) + first * self.products(x, self.w4, self.w5, self.w6)


class Fimif(nn.Module):
    def __init__(self, features, hidden, classes):
        super().__init__()
        self.residual = Compression(features, hidden)
        self.mult = Interaction(hidden)
        self.layer_norm = nn.LayerNorm(hidden)
        self.classifier = nn.Linear(hidden, classes)

    def forward(self, image, text):
        x = torch.cat([F.normalize(image, dim=-1), F.normalize(text, dim=-1)], dim=-1)
        return self.classifier(self.layer_norm(self.mult(self.residual(x))))


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="a model by `memeclip synth --arch tiny`")
    projection = load_file(parser.parse_args().directory / "model.safetensors")["text_projection.weight"]
    memes = json.loads((GOLDENS / "tiny.json").read_text())["memes"]
    image, text = (torch.tensor([meme[f"{part}_feature"] for meme in memes]) for part in ("image", "text"))
    text = text @ projection.T
    torch.manual_seed(9)
    out = {}
    for name, (hidden, classes) in HEADS.items():
        model = Fimif(2 * len(projection), hidden, classes)
        for layer in (model.residual.w1, model.residual.w2):
            # Memes differ as much as the published weights make them differ.
            layer.weight.normal_(std=0.2)
        for powers in (model.mult.w2, model.mult.w5):
            # Near the identity, where training starts.
            powers.weight.copy_(torch.eye(hidden) + 0.03 * torch.randn(hidden, hidden))
        for weight in (model.layer_norm.weight, model.layer_norm.bias):
            weight.add_(0.1 * torch.randn(hidden))
        state = model.state_dict()
        if name == "stance":
            state["cross_entropy_loss.weight"] = torch.tensor([0.6, 1.3, 1.1])
        torch.save(state, GOLDENS / f"fimif-{name}.pth")
        logits = model(image, text)
        print(f"{name}: logits {logits.min():.2f} to {logits.max():.2f}, deviation {logits.std(dim=0).mean():.2f}")
        out[name] = logits.tolist()
    (GOLDENS / "fimif.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
