"""Writes tests/goldens/training.safetensors: how PyTorch trains a head, for the parity tests of training.

    pip install -r tests/reference/requirements.txt
    python tests/reference/training.py

The head is memeclip.py beside this file, of the tiny model's sizes, with three classes. Seeded features and weights; all
in float32, without dropout. The file holds

    image, text, labels      features [rows, 64], [rows, 96] and I64 [rows]
    initial.<parameter>      the head before training, by the authors' names
    gradient.<parameter>     of the mean cross-entropy of the first batch, before training
    weighted_loss            of the first batch with class weights 0.5, 1, 2 before training
    losses                   [steps], of each batch before its step; batches follow each other, from the start again
    trained.<parameter>      the head after the last step
    logits                   [rows, 3] of the trained head
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import memeclip

ROWS, BATCH, STEPS, CLASSES = 64, 16, 200, 3
# Ten and a thousand times the published ones, so that 200 steps tell a wrong rate or decay.
RATE, DECAY = 1e-3, 1e-1


def main():
    torch.manual_seed(3)
    image, text = torch.randn(ROWS, 64), torch.randn(ROWS, 96)
    # Labels that can be learned: which of three directions in the product of both is the strongest.
    labels = ((image[:, :48] * text[:, :48]).reshape(ROWS, CLASSES, 16).sum(dim=-1)).argmax(dim=-1)
    head = memeclip.Head(64, 96, 128, CLASSES).eval()
    out = {"image": image, "text": text, "labels": labels}
    out |= {f"initial.{name}": value.clone() for name, value in head.state_dict().items()}

    optimiser = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY)
    losses = []
    for step in range(STEPS):
        rows = (torch.arange(BATCH) + step * BATCH) % ROWS
        logits = head(image[rows], text[rows])
        if step == 0:
            weights = torch.tensor([0.5, 1, 2])
            out["weighted_loss"] = F.cross_entropy(logits, labels[rows], weight=weights).detach().reshape(1)
        loss = F.cross_entropy(logits, labels[rows])
        optimiser.zero_grad()
        loss.backward()
        if step == 0:
            out |= {f"gradient.{name}": value.grad.clone() for name, value in head.named_parameters()}
        optimiser.step()
        losses.append(loss.item())
    out["losses"] = torch.tensor(losses)
    out |= {f"trained.{name}": value.clone() for name, value in head.state_dict().items()}
    with torch.no_grad():
        out["logits"] = head(image, text)
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    save_file(out, Path(__file__).parents[1] / "goldens" / "training.safetensors")


if __name__ == "__main__":
    main()
