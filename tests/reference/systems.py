"""Writes tests/goldens/systems.safetensors: how PyTorch trains the systems that MemeCLIP is compared with.

    pip install -r tests/reference/requirements.txt
    python tests/reference/systems.py

HateCLIPper as in its authors' code (Kumar and Nandakumar, NLP4PI 2022): features of CLIP's towers before the projections,
a linear map with dropout and L2 normalisation of each, elementwise or outer product or attention between the two, hidden
layers, and for two classes one logit with binary cross-entropy. `clip` puts one feature after the other and has a logit for each class. Seeded
features and weights; all in float32, without dropout. For each system `<s>` the file holds

    <s>.image, <s>.text, <s>.labels   features and I64 [rows]
    <s>.initial.<parameter>           before training, by the authors' names
    <s>.gradient.<parameter>          of the first batch's loss, before clipping
    <s>.norm                          [1], of that gradient
    <s>.losses                        [steps], of each batch before its step; batches follow each other, from the start again
    <s>.trained.<parameter>           after the last step
    <s>.logits                        [rows, outputs] before training
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

ROWS, BATCH, STEPS = 48, 16, 30
IMAGE, TEXT = 48, 40
# Ten times the published rate, so that few steps tell a wrong one. The norm's limit is the published one.
RATE, DECAY, CLIP = 1e-3, 1e-4, 0.1
# Fusion, map, hidden layers and classes.
SYSTEMS = {
    "align": ("align", 32, 3, 2),
    "align_classes": ("align", 32, 1, 3),
    "cross": ("cross", 8, 1, 2),
    "clip": ("concat", 32, 1, 3),
    "attention": ("attention", 32, 3, 2),
}


class HateClipper(nn.Module):
    def __init__(self, fusion, size, hidden, outputs):
        super().__init__()
        self.fusion = fusion
        self.image_map = nn.Linear(IMAGE, size)
        self.text_map = nn.Linear(TEXT, size)
        inputs = {"align": size, "cross": size**2, "concat": 2 * size, "attention": 2 * size}[fusion]
        if fusion == "attention":
            self.gen_query = nn.Linear(size, size // 4)
            self.gen_key = nn.Linear(size, size // 4)
        layers = []
        for _ in range(hidden):
            layers += [nn.Linear(inputs, size), nn.ReLU()]
            inputs = size
        self.pre_output = nn.Sequential(*layers)
        self.output = nn.Linear(size, outputs)

    def forward(self, image, text):
        image = F.normalize(self.image_map(image), p=2, dim=1)
        text = F.normalize(self.text_map(text), p=2, dim=1)
        match self.fusion:
            case "align":
                features = torch.mul(image, text)
            case "cross":
                features = torch.bmm(image.unsqueeze(2), text.unsqueeze(1)).flatten(1)
            case "concat":
                features = torch.cat([image, text], dim=1)
            case "attention":
                # Their `attention_m`, which is published as "CMAF MOMENTA".
                queries = [F.relu(self.gen_query(x)).unsqueeze(1) for x in (image, text)]
                keys = [F.relu(self.gen_key(x)).unsqueeze(2) for x in (text, image)]
                shares = torch.cat([torch.bmm(q, k).squeeze(2) for q, k in zip(queries, keys)], dim=1).softmax(dim=1)
                features = torch.cat([image * shares[:, :1], text * shares[:, 1:]], dim=1)
        return self.output(self.pre_output(features))


def loss(logits, labels):
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
    return F.cross_entropy(logits, labels)


def main():
    torch.manual_seed(5)
    out = {}
    for name, (fusion, size, hidden, classes) in SYSTEMS.items():
        image, text = torch.randn(ROWS, IMAGE), torch.randn(ROWS, TEXT)
        labels = (image[:, :36] * text[:, :36]).reshape(ROWS, classes, -1).sum(dim=-1).argmax(dim=-1)
        model = HateClipper(fusion, size, hidden, 1 if classes == 2 and fusion != "concat" else classes)
        golden = {"image": image, "text": text, "labels": labels}
        golden |= {f"initial.{key}": value.clone() for key, value in model.state_dict().items()}
        with torch.no_grad():
            golden["logits"] = model(image, text)
        optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
        losses, clipped = [], 0
        for step in range(STEPS):
            rows = (torch.arange(BATCH) + step * BATCH) % ROWS
            value = loss(model(image[rows], text[rows]), labels[rows])
            optimiser.zero_grad()
            value.backward()
            if step == 0:
                golden |= {f"gradient.{key}": value.grad.clone() for key, value in model.named_parameters()}
            norm = nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            clipped += norm.item() > CLIP
            if step == 0:
                golden["norm"] = norm.reshape(1)
            optimiser.step()
            losses.append(value.item())
        golden["losses"] = torch.tensor(losses)
        golden |= {f"trained.{key}": value.clone() for key, value in model.state_dict().items()}
        print(f"{name}: loss {losses[0]:.4f} -> {losses[-1]:.4f}, clipped {clipped} of {STEPS} times")
        out |= {f"{name}.{key}": value for key, value in golden.items()}
    save_file(out, Path(__file__).parents[1] / "goldens" / "systems.safetensors")


if __name__ == "__main__":
    main()
