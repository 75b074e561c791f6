"""Writes tests/goldens/momenta.safetensors: how PyTorch trains MOMENTA's head.

    pip install -r tests/reference/requirements.txt
    python tests/reference/momenta.py

The head is that of its authors' code (Pramanick et al., Findings of EMNLP 2021; class `MM`), with their names of the
parameters and smaller widths: the regions of the image through two layers, its entities through one, each attended to with
CLIP's feature of the same modality, then both; for two classes one logit with binary cross-entropy. The optimizer is Adam
with L2 regularisation. Seeded features and weights; all in float32, without dropout. `momenta` reads four features of their
own. `fallback` has neither regions nor entities nor a text projection: its entities and its text are one feature, of a width
other than the image's. For each of them `<s>` the file holds

    <s>.image, <s>.regions, <s>.text, <s>.entities   features [rows, width]
    <s>.labels                                        I64 [rows]
    <s>.initial.<parameter>                           before training
    <s>.gradient.<parameter>                          of the first batch's loss
    <s>.losses                                        [steps], of each batch before its step; batches follow each other
    <s>.trained.<parameter>                           after the last step
    <s>.logits                                        [rows, outputs] before training

Then, for parts of images as the authors cut them out, with numpy for the regions and with Pillow, as their version of
torchvision does, for a square in the middle:

    image.<i>                 U8 [height, width, 3]
    region.<i>.<j>            [4], f64: left, top, right, bottom
    region.<i>.<j>.cut        U8 [height, width, 3]
    centre.<i>.<side>         U8 [side, side, 3]
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from torch import nn

ROWS, BATCH, STEPS = 48, 16, 9
# The published rate, and a thousand times the published decay, so that few steps tell a wrong one.
RATE, DECAY = 1e-3, 1e-2
# Widths of the first layer, of keys, and of the layer before the output; published: 1024, 256, 256.
HIDDEN, KEYS, OUTPUT = 40, 12, 16


class MM(nn.Module):
    def __init__(self, image, regions, text, entities, outputs):
        super().__init__()
        self.dense_vgg_1024 = nn.Linear(regions, HIDDEN)
        self.dense_vgg_512 = nn.Linear(HIDDEN, image)
        self.dense_drob_512 = nn.Linear(entities, text)
        self.gen_key_L1, self.gen_query_L1 = nn.Linear(image, KEYS), nn.Linear(image, KEYS)
        self.gen_key_L2, self.gen_query_L2 = nn.Linear(text, KEYS), nn.Linear(text, KEYS)
        self.gen_key_L3, self.gen_query_L3 = nn.Linear(image, KEYS), nn.Linear(image, KEYS)
        self.project_dense_512a = nn.Linear(2 * image, image)
        self.project_dense_512b = nn.Linear(2 * text, image)
        self.project_dense_512c = nn.Linear(2 * image, image)
        self.fc_out = nn.Linear(image, OUTPUT)
        self.out = nn.Linear(OUTPUT, outputs)

    def forward(self, image, regions, text, entities):
        regions = F.relu(self.dense_vgg_512(F.relu(self.dense_vgg_1024(regions))))
        entities = F.relu(self.dense_drob_512(entities))
        image = fuse(self.gen_query_L1, self.gen_key_L1, self.project_dense_512a, regions, image)
        text = fuse(self.gen_query_L2, self.gen_key_L2, self.project_dense_512b, entities, text)
        both = fuse(self.gen_query_L3, self.gen_key_L3, self.project_dense_512c, image, text)
        return self.out(F.relu(self.fc_out(both)))


def fuse(query, key, project, first, second):
    queries = [F.relu(query(x)).unsqueeze(1) for x in (first, second)]
    keys = [F.relu(key(x)).unsqueeze(2) for x in (second, first)]
    scores = torch.cat([torch.bmm(q, k).squeeze(2) for q, k in zip(queries, keys)], dim=1)
    shares = scores.softmax(dim=1)
    return F.relu(project(torch.cat([first * shares[:, :1], second * shares[:, 1:]], dim=1)))


def loss(logits, labels):
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
    return F.cross_entropy(logits, labels)


def cuts():
    out = {}
    for i, (width, height) in enumerate([(13, 8), (7, 10), (30, 20), (1, 9)]):
        image = torch.randint(0, 256, (height, width, 3), dtype=torch.uint8)
        out[f"image.{i}"] = image
        for j, box in enumerate([(0.1, 0.2, 0.7, 0.9), (0, 0, 1, 1), (0.3, 0, 0.6, 1), (0.5, 0.34, 1, 0.67)]):
            left, top, right, bottom = box
            x1, x2 = int(np.floor(left * width)), int(np.floor(right * width))
            y1, y2 = int(np.floor(top * height)), int(np.floor(bottom * height))
            cut = image[y1:y2, x1:x2]
            if cut.numel():
                out[f"region.{i}.{j}"] = torch.tensor(box, dtype=torch.float64)
                out[f"region.{i}.{j}.cut"] = cut.clone()
        for side in (4, 9, 12):
            left, top = int(round((width - side) / 2.0)), int(round((height - side) / 2.0))
            cut = Image.fromarray(image.numpy()).crop((left, top, left + side, top + side))
            out[f"centre.{i}.{side}"] = torch.from_numpy(np.array(cut))
    return out


def main():
    torch.manual_seed(6)
    out = {}
    for name, classes in [("momenta", 3), ("fallback", 2)]:
        image, regions = torch.randn(ROWS, 24), torch.randn(ROWS, 36)
        if name == "momenta":
            text, entities = torch.randn(ROWS, 24), torch.randn(ROWS, 30)
        else:
            text = entities = torch.randn(ROWS, 30)
        inputs = {"image": image, "regions": regions, "text": text, "entities": entities}
        labels = (image * text[:, :24]).reshape(ROWS, classes, -1).sum(dim=-1).argmax(dim=-1)
        model = MM(*(x.shape[1] for x in inputs.values()), 1 if classes == 2 else classes)
        golden = {**{key: value.clone() for key, value in inputs.items()}, "labels": labels}
        golden |= {f"initial.{key}": value.clone() for key, value in model.state_dict().items()}
        with torch.no_grad():
            golden["logits"] = model(**inputs)
        optimiser = torch.optim.Adam(model.parameters(), lr=RATE, weight_decay=DECAY)
        losses = []
        for step in range(STEPS):
            rows = (torch.arange(BATCH) + step * BATCH) % ROWS
            value = loss(model(**{key: x[rows] for key, x in inputs.items()}), labels[rows])
            optimiser.zero_grad()
            value.backward()
            if step == 0:
                golden |= {f"gradient.{key}": value.grad.clone() for key, value in model.named_parameters()}
            optimiser.step()
            losses.append(value.item())
        golden["losses"] = torch.tensor(losses)
        golden |= {f"trained.{key}": value.clone() for key, value in model.state_dict().items()}
        print(f"{name}: loss {losses[0]:.4f} -> {losses[-1]:.4f}")
        out |= {f"{name}.{key}": value for key, value in golden.items()}
    out |= cuts()
    save_file(out, Path(__file__).parents[1] / "goldens" / "momenta.safetensors")


if __name__ == "__main__":
    main()
