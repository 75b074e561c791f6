"""Writes tests/goldens/issues: how PyTorch computes and trains ISSUES (Burbi et al., ICCVW 2023) on a tiny CLIP.

    pip install -r tests/reference/requirements.txt
    cargo run --release -- synth --arch tiny --seed 1 --out target/synth/tiny
    python tests/reference/issues.py target/synth/tiny

The model is the authors' `text-inv-comb`, with two stages: `adaptation` trains the maps of both features, which `exact`
keeps; `exact` sends what φ makes of the image through CLIP's text tower, and `fixed` reads the feature of φ of the image in
the joint space. The text tower's feature is that before the text projection. Seeded features, φ and weights; all in
float64, without dropout. The folder holds

    searle.pt, issues.pt    φ as SEARLE and as ISSUES publish it
    issues.safetensors      phi.<parameter>; ids I64 [memes, 77] of the prompts, whose texts are in the metadata; joint, image_pre, text,
                            labels: what is made up for each meme; inversion [memes, text width]; and for each model
                            `<m>` of adaptation, fixed and exact

        <m>.initial.<parameter>    before training, by the authors' names
        <m>.frozen.<parameter>     what is not trained
        <m>.logits                 [memes, 1], before training
        <m>.gradient.<parameter>   of the loss of the first batch, before clipping
        <m>.norm                   [1], of that gradient
        <m>.losses                 [steps], of each batch before its step; batches follow each other, from the start again

and for the training of φ, which brings "a photo of $" close to the image in the joint space, training.loss of all memes and
training.gradient.phi.<parameter>.
"""

import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from open_clip.tokenizer import SimpleTokenizer
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPModel

import memeclip

OUT = Path(__file__).parents[1] / "goldens" / "issues"
TEXTS = [
    "one does not simply walk into mordor",
    "",
    "None",
    "nothing",
    "my $ and your $5, 100 $ in all",
    "ME: I'll sleep early tonight 😴\n3 AM: 👀🔥",
    "when you said you would be on time and it is now tomorrow, " * 12,
    "a",
]
BATCH = 4
# Ten times the published rate, so that few steps tell a wrong one. The norm's limit is the published one.
RATE, DECAY, CLIP = 1e-3, 1e-4, 0.1
# Of the tiny CLIP: the joint space, the vision tower and the text tower.
JOINT, VISION, TEXT = 64, 128, 96
SIZE, LAYERS = 8, 2


def phi():
    hidden = 32
    first, second = nn.Linear(JOINT, hidden), nn.Linear(hidden, hidden)
    return nn.Sequential(first, nn.GELU(), nn.Dropout(), second, nn.GELU(), nn.Dropout(), nn.Linear(hidden, TEXT))


class Combiner(nn.Module):
    def __init__(self, size):
        super().__init__()
        wide = 2 * size
        hidden = lambda inputs: [nn.Linear(inputs, 2 * inputs), nn.ReLU(), nn.Dropout()]
        self.comb_image_proj = nn.Sequential(*hidden(size))
        self.comb_text_proj = nn.Sequential(*hidden(size))
        self.comb_shared_branch = nn.Sequential(*hidden(wide), nn.Linear(2 * wide, 1), nn.Sigmoid())
        self.comb_concat_branch = nn.Sequential(*hidden(wide), nn.Linear(2 * wide, size))

    def forward(self, image, text):
        both = self.comb_image_proj(image) * self.comb_text_proj(text)
        share = self.comb_shared_branch(both)
        return self.comb_concat_branch(both) + (1 - share) * image + share * text


def output():
    """The MLP: (pre_output, output)."""
    layers = [nn.Dropout()]
    for _ in range(LAYERS):
        layers += [nn.Linear(SIZE, SIZE), nn.ReLU(), nn.Dropout()]
    return nn.Sequential(*layers), nn.Linear(SIZE, 1)


class Adaptation(nn.Module):
    def __init__(self):
        super().__init__()
        self.image_map, self.text_map = nn.Linear(VISION, SIZE), nn.Linear(TEXT, SIZE)
        self.pre_output, self.output = output()

    def forward(self, memes):
        fused = self.image_map(memes["image_pre"]) * self.text_map(memes["text"])
        return self.output(self.pre_output(fused))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.image_map, self.post_inversion_map = nn.Linear(VISION, SIZE), nn.Linear(TEXT, SIZE)
        self.comb = Combiner(SIZE)
        self.pre_output, self.output = output()

    def forward(self, memes):
        features = self.comb(self.image_map(memes["image_pre"]), self.post_inversion_map(memes["inversion"]))
        return self.output(self.pre_output(features))


class Exact(nn.Module):
    def __init__(self, encode, phi):
        super().__init__()
        self.encode = encode
        self.phi = phi
        self.image_map, self.pre_inversion_map = nn.Linear(VISION, SIZE), nn.Linear(VISION, JOINT)
        for module in [self.phi, self.image_map, self.pre_inversion_map]:
            module.requires_grad_(False)
        self.phi_map, self.post_inversion_map = nn.Linear(TEXT, TEXT), nn.Linear(TEXT, SIZE)
        self.comb = Combiner(SIZE)
        self.pre_output, self.output = output()

    def forward(self, memes):
        image = memes["image_pre"]
        words = self.phi_map(self.phi(self.pre_inversion_map(image)))
        text = self.post_inversion_map(self.encode(memes["ids"], words))
        return self.output(self.pre_output(self.comb(self.image_map(image), text)))


def encoder(clip, placeholder):
    """(ids [n, 77], words [n, TEXT]) -> [n, TEXT]: the text features with the words in place of the first `$`."""

    def encode(ids, words):
        first = (ids == placeholder).int().argmax(dim=1)
        swap = torch.arange(ids.shape[1]) == first[:, None]
        hook = lambda _module, _inputs, embedded: torch.where(swap[..., None], words[:, None], embedded)
        handle = clip.text_model.embeddings.token_embedding.register_forward_hook(hook)
        feature = memeclip.text_features(clip, ids)
        handle.remove()
        return feature

    return encode


def rounded(tensor):
    return tensor.float() if tensor.is_floating_point() else tensor


def train(name, model, memes, steps):
    parameters = dict(model.named_parameters())
    trained = {key: value for key, value in parameters.items() if value.requires_grad}
    golden = {f"initial.{key}": value.detach().clone() for key, value in trained.items()}
    frozen = {key: value for key, value in parameters.items() if key not in trained and not key.startswith("phi.")}
    golden |= {f"frozen.{key}": value for key, value in frozen.items()}
    with torch.no_grad():
        golden["logits"] = model(memes)
    optimiser = torch.optim.AdamW(trained.values(), lr=RATE, weight_decay=DECAY)
    losses = []
    for step in range(steps):
        rows = (torch.arange(BATCH) + step * BATCH) % len(TEXTS)
        batch = {key: value[rows] for key, value in memes.items()}
        loss = F.binary_cross_entropy_with_logits(model(batch)[:, 0], batch["labels"].double())
        optimiser.zero_grad()
        loss.backward()
        if step == 0:
            golden |= {f"gradient.{key}": value.grad.clone() for key, value in trained.items()}
        norm = nn.utils.clip_grad_norm_(trained.values(), CLIP)
        if step == 0:
            golden["norm"] = norm.reshape(1)
        optimiser.step()
        losses.append(loss.item())
    golden["losses"] = torch.tensor(losses)
    print(f"{name}: loss {losses[0]:.4f} -> {losses[-1]:.4f}, norm {golden['norm'].item():.2f}")
    return {f"{name}.{key}": value for key, value in golden.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path, help="directory of the tiny CLIP")
    clip = CLIPModel.from_pretrained(parser.parse_args().model, attn_implementation="eager").double().eval()
    clip.requires_grad_(False)
    tokenizer = SimpleTokenizer()
    torch.manual_seed(7)
    torch.set_default_dtype(torch.float64)

    prompts = ["null" if text in ("", "None", "nothing") else text for text in TEXTS]
    ids = tokenizer([f"a photo of $ , {text}" for text in prompts])
    encode = encoder(clip, tokenizer.encoder["$</w>"])
    count = len(TEXTS)
    memes = {
        "ids": ids,
        "joint": torch.randn(count, JOINT),
        "image_pre": torch.randn(count, VISION),
        "text": torch.randn(count, TEXT),
        "labels": torch.arange(count) % 3 % 2,
    }
    OUT.mkdir(exist_ok=True)
    network = phi()
    state = {f"layers.{key}": value.float() for key, value in network.state_dict().items()}
    torch.save({"epoch": 45, "Phi": state}, OUT / "searle.pt")
    torch.save({"MLPCustom": state}, OUT / "issues.pt")
    network.load_state_dict({key.removeprefix("layers."): value.double() for key, value in state.items()})

    network.eval()
    with torch.no_grad():
        memes["inversion"] = encode(ids, network(memes["joint"]))
    # The features are rounded to what the file holds.
    memes = {key: rounded(value).to(value.dtype) for key, value in memes.items()}
    out = memes | {f"phi.{key}": value for key, value in network.state_dict().items()}
    for value in network.parameters():
        value.requires_grad_(True)
    prompt = tokenizer(["a photo of $"]).repeat(count, 1)
    described = clip.text_projection(encode(prompt, network(memes["joint"])))
    loss = 1 - F.cosine_similarity(described, memes["joint"]).mean()
    loss.backward()
    out["training.loss"] = loss.reshape(1)
    out |= {f"training.gradient.phi.{key}": value.grad for key, value in network.named_parameters()}
    models = [("adaptation", Adaptation(), 10), ("fixed", Fixed(), 10), ("exact", Exact(encode, network), 5)]
    for name, model, steps in models:
        for value in model.parameters():
            value.data = rounded(value.data).double()
        out |= train(name, model.eval(), memes, steps)
    save_file({key: rounded(value.detach()).contiguous() for key, value in out.items()}, OUT / "issues.safetensors", {"texts": json.dumps(TEXTS)})


if __name__ == "__main__":
    main()
