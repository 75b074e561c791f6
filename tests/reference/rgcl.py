"""Writes tests/goldens/rgcl.safetensors: a step of retrieval-guided contrastive learning (Mei et al., ACL 2024) in PyTorch.

    pip install -r tests/reference/requirements.txt
    python tests/reference/rgcl.py

The head is memeclip.py beside this file, of the tiny model's sizes; the embedding of a meme is what its last hidden layer
gives before the ReLU. Features, labels and the head before training are those of training.safetensors, which training.py
writes; the bank has the embeddings of all rows. The file holds, for the batch of the first 16 rows,

    labels                 I64 [rows]
    loss                   [1]: the sum of the contrastive loss and the cross-entropy
    gradient.<parameter>   of that sum, by the authors' names

    nearest                [rows, classes]: the authors' read-out of the 20 nearest rows other than the row itself: rank weights
                           20 to 1 times cosine, summed over the rows of each class, divided by the sum of the weights
    gap                    [rows]: the least difference of two neighbours' cosines, below which their order is chance

and `rare.<the same>`, of that gradient one parameter's, for labels of which one is unique and two are rare.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import memeclip

GOLDENS = Path(__file__).parents[1] / "goldens"
BATCH, NEAREST = 16, 12


def step(head, embedded, image, text, labels):
    """The bank, what each meme of the batch is compared with, and both losses."""
    with torch.no_grad():
        head(image, text)
    bank = embedded.pop()
    logits = head(image[:BATCH], text[:BATCH])
    g = embedded.pop()

    terms, nearest = [], []
    for i in range(BATCH):
        cosines = F.cosine_similarity(g[i].detach(), bank)
        cosines[i] = -torch.inf
        order = cosines.argsort(descending=True).tolist()
        positive = next((j for j in order if labels[j] == labels[i] and j != i), None)
        negative = next((j for j in order[:NEAREST] if labels[j] != labels[i]), None)
        nearest.append([-1 if row is None else row for row in (positive, negative)])
        if positive is None:
            terms.append(torch.tensor(0.0))
            continue
        others = [F.cosine_similarity(g[i], g[j], dim=0) for j in range(BATCH) if labels[j] != labels[i]]
        if negative is not None:
            others.append(F.cosine_similarity(g[i], bank[negative], dim=0))
        positive = F.cosine_similarity(g[i], bank[positive], dim=0)
        # -log(e^positive / (e^positive + sum of e^others))
        terms.append(F.cross_entropy(torch.stack([positive, *others]).unsqueeze(0), torch.tensor([0])))
    contrast = torch.stack(terms).mean()
    return bank, nearest, contrast, contrast + F.cross_entropy(logits, labels[:BATCH])


def vote(bank, labels, count=20, classes=3):
    bank = F.normalize(bank)
    cosines = bank @ bank.T
    cosines.fill_diagonal_(-torch.inf)
    top, further = cosines.topk(count), cosines.topk(count + 1).values
    weights = torch.arange(count, 0, -1) / sum(range(count + 1))
    votes = [(top.values * weights * (labels[top.indices] == label)).sum(1) for label in range(classes)]
    return torch.stack(votes, 1), (further[:, :-1] - further[:, 1:]).amin(1)


def main():
    golden = load_file(GOLDENS / "training.safetensors")
    image, text, labels = golden["image"], golden["text"], golden["labels"]
    head = memeclip.Head(64, 96, 128, 3).eval()
    head.load_state_dict({k.removeprefix("initial."): v for k, v in golden.items() if k.startswith("initial.")})
    embedded = []
    # The last layer before the ReLU: memeclip.Head.pre_output is Dropout, Linear, ReLU, Dropout.
    head.pre_output[1].register_forward_hook(lambda _module, _inputs, output: embedded.append(output))

    out = {}
    # Of `rare`, row 0 is the only one of its class, and most rows have no other class nearby.
    rare = torch.zeros_like(labels)
    rare[0], rare[1], rare[50:53] = 1, 2, 2
    for name, labels in [("", labels), ("rare.", rare)]:
        head.zero_grad()
        bank, nearest, contrast, loss = step(head, embedded, image, text, labels)
        loss.backward()
        out |= {f"{name}labels": labels, f"{name}loss": loss.detach().reshape(1)}
        out[f"{name}gradient.pre_output.1.weight"] = head.pre_output[1].weight.grad.clone()
        if not name:
            out["nearest"], out["gap"] = vote(bank, labels)
            out |= {f"gradient.{key}": value.grad.clone() for key, value in head.named_parameters()}
        print(f"{name}contrast {contrast.item():.4f}, loss {loss.item():.4f}, nearest {nearest}")
    save_file(out, GOLDENS / "rgcl.safetensors")


if __name__ == "__main__":
    main()
