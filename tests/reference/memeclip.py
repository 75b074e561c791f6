"""MemeCLIP in PyTorch: what the Rust implementation is compared with, and what trains the default pack.

The towers are Hugging Face `CLIPModel`; the head below follows the published code (Shah et al., EMNLP 2024,
section 4) and keeps its parameter names, so that its `state_dict` reads like the authors' checkpoint.
"""

import torch
import torch.nn.functional as F
from torch import nn

# Label order of PrideMM's CSV, and the class names that the semantic-aware initialisation puts into its prompt.
CLASSES = {
    "hate": ["Benign Meme", "Harmful Meme"],
    "target": ["No particular target", "Individual", "Community", "Organization"],
    "stance": ["Neutral", "Support", "Oppose"],
    "humor": ["No Humour", "Humour"],
}
PROMPT = "a photo of a {}."


class LinearProjection(nn.Module):
    def __init__(self, input_dim, output_dim, dropout):
        super().__init__()
        self.proj = nn.Sequential(nn.Linear(input_dim, output_dim), nn.Dropout(dropout))

    def forward(self, x):
        return self.proj(x)


class Adapter(nn.Module):
    def __init__(self, dim, reduction=4):
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(dim, dim // reduction, bias=False),
            nn.ReLU(),
            nn.Linear(dim // reduction, dim, bias=False),
            nn.ReLU(),
        )

    def forward(self, x):
        return self.fc(x)


class CosineClassifier(nn.Module):
    def __init__(self, dim, classes, scale=30.0):
        super().__init__()
        self.scale = scale
        self.weight = nn.Parameter(torch.empty(classes, dim))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def forward(self, x):
        return F.linear(F.normalize(x, dim=-1), F.normalize(self.weight, dim=-1)) * self.scale


class Head(nn.Module):
    """(image features [n, image_dim], text features [n, text_dim]) -> logits [n, classes]."""

    def __init__(self, image_dim, text_dim, map_dim, classes, ratio=0.2, dropout=(0.1, 0.4, 0.2)):
        super().__init__()
        self.ratio = ratio
        self.image_map = LinearProjection(image_dim, map_dim, dropout[0])
        self.text_map = LinearProjection(text_dim, map_dim, dropout[0])
        self.img_adapter = Adapter(map_dim)
        self.text_adapter = Adapter(map_dim)
        self.pre_output = nn.Sequential(
            nn.Dropout(dropout[1]), nn.Linear(map_dim, map_dim), nn.ReLU(), nn.Dropout(dropout[2])
        )
        self.classifier = CosineClassifier(map_dim, classes)

    def forward(self, image, text):
        image, text = self.image_map(image), self.text_map(text)
        image = self.ratio * self.img_adapter(image) + (1 - self.ratio) * image
        text = self.ratio * self.text_adapter(text) + (1 - self.ratio) * text
        fused = F.normalize(image, dim=-1) * F.normalize(text, dim=-1)
        return self.classifier(self.pre_output(fused))


def image_features(clip, pixels):
    """Pooled vision state through the visual projection: [n, projection_dim]."""
    return clip.visual_projection(clip.vision_model(pixel_values=pixels).pooler_output)


def text_features(clip, ids):
    """Last-LayerNorm state at the end-of-text token, without the text projection: [n, text width]."""
    hidden = clip.text_model(input_ids=ids).last_hidden_state
    return hidden[torch.arange(len(ids)), ids.argmax(dim=-1)]


def semantic_initialisation(clip, class_ids):
    """Class weights from tokenised class prompts `class_ids` [classes, 77]: [classes, vision width]."""
    prompts = F.normalize(clip.text_projection(text_features(clip, class_ids)), dim=-1)
    return F.normalize(prompts @ clip.visual_projection.weight, dim=-1)
