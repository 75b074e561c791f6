"""CLIP's two towers, as every peer gets them."""

import numpy as np
import torch


class Vision(torch.nn.Module):
    def __init__(self, clip):
        super().__init__()
        self.clip = clip

    def forward(self, pixel_values):
        return self.clip.visual_projection(self.clip.vision_model(pixel_values=pixel_values).pooler_output)


class Text(torch.nn.Module):
    def __init__(self, clip):
        super().__init__()
        self.clip = clip

    def forward(self, input_ids):
        return self.clip.text_model(input_ids=input_ids).last_hidden_state[:, -1]


def cosine(a, b):
    a, b = (np.asarray(x, np.float64) for x in (a, b))
    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)))
