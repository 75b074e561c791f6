"""Writes tests/goldens/encoders: how Hugging Face's transformers computes BERT and ViT, and Pillow resizes for the latter.

    pip install -r tests/reference/requirements.txt
    python tests/reference/encoders.py

    bert/, vit/              tiny seeded models for three classes, as save_pretrained writes them
    pytorch_model.bin        the weights of bert/ as torch.save writes them
    bert.safetensors         ids I64 [texts, tokens], padded; lengths I64 [texts]; and what vit.safetensors has from labels on
    vit.safetensors          pixels [images, 3, 32, 32]; labels I64; feature, which the classifier sees; logits; loss, the
                             mean cross-entropy; gradient.<parameter> of the loss. In float64, without dropout
    tuning.safetensors       bert.<parameter>, vit.<parameter>: the models after STEPS steps of AdamW over all of TEXTS_TUNED and
                             IMAGES_TUNED, with a linear warm-up and decline of the rate, a clipped gradient, and no decay of
                             biases and layer norms; bert.losses, vit.losses: each batch's before its step. In float64,
                             without dropout. Labels are 0, 1, 2, 0, 1. vit.feature: of the
                             images before, in float32
    wordpiece.json           texts and the ids that BertTokenizer gives them, by its settings
    bilinear/<image>.<side>.png   images of tests/goldens/images resized by Pillow
"""

import copy
import json
import random
import shutil
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertTokenizer,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessorPil,
    get_linear_schedule_with_warmup,
)

GOLDENS = Path(__file__).parents[1] / "goldens"
OUT = GOLDENS / "encoders"
SIZES = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, num_labels=3)
CLASSES = 3

TEXTS_TUNED = ["the cat said love", "nobody", "When you can't flag all the memes: my boss!", "猫 is unlovable", ""]
IMAGES_TUNED = "noise large banner column square".split()
# Fifty times the usual rate and decay, so that 7 steps tell a wrong one. The rate is 0 in the first step; the gradient of the
# later ones is not clipped.
STEPS, WARM_UP, RATE, DECAY, CLIP = 7, 3, 1e-3, 0.5, 5.0

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# All words of the texts below that the vocabulary has whole. Others are made of pieces, or unknown.
WORDS = "when you the cat dog me my boss they said love is pride flag we all memes un able nobody can t of a".split()
PIECES = "s ed ing er ly able ness ##ly fl ag wo rd t he ca n est".split()
OTHER = "的 一 猫 日 本 か な ネ コ α β γ ά д о м й ё а i ı é ß ø ñ ü 한 ★ 😂 ½ ² ①".split()

TEXTS = """
When you FINALLY love the cat
nobody: ... Nobody!? can't, won't
unlovable unable unflagged wordly catness dogsest
un-able (flags) [words] {the} <cat> "me" 'my' `boss` ~t~ ^a^ $5 50% a_b a|b a\\b a/b a+b=c #cat @dog
[CLS] the cat [SEP] [MASK] [PAD] [UNK] [sep] [ SEP ]
我爱猫 的一猫日本 catの猫dog 猫cat 한국어 カネコ かな ｶﾅ ﾈｺ
café CAFÉ cafe\u0301 naïve Ñandú über ÜBER ÅNGSTRÖM Łódź ß ẞ straße İstanbul ı Iı ﬁne ǆ
the <url> dog the <URL> catcat [USER] x<url>y\n<url>
αβγ ΑΒΓ Άά ΌΔΟΣ дом ДОМ ёлка й и\u0306
zero\u200bwidth joi\u200dner soft\u00adhyphen \ufeffbom \u202eright\u202c word\u2060joiner a\u0000b re\ufffdplaced
ctrl\u0001\u0002\u0007 \u001b[31mred\u001b[0m del\u007f c1\u0085next pri\ue000vate un\u0378assigned sur\U000f0000face
tab\there\u000bvertical\u000cform\u001cfile\u001funit line\u2028separator para\u2029graph nbsp\u00a0em\u2003thin\u2009wide\u3000end
“the” ‘cat’ — … « me » ‹ my › ¿ ¡ § ¶ · † • ‰ ′ ″ ※ ⁂ ¦ ¬ © ® ° ± × ÷ € £ ¥ ₿ ™ №
😂😂 ★ 💀 👨‍👩‍👧 🏳️‍🌈 ❤️ #️⃣ ☺ 🇩🇪 love😂cat
½ ² ① ㈱ ㎏ Ⅷ ٣٤٥ १२३ 𝓕𝓪𝓷𝓬𝔂 ＷＩＤＥ ﷺ
مرحبا لَا שלום नमस्ते สวัสดี Việt t̷e̸x̵t̴ q̣̇
\U00020000 \U0002a700 \U0002b740 \U0002b820 \U0002b920 \U0002ceb0 \uf900 \ufa6d \U0002f800 \u3400 \u4dbf \u9fff \ua000 \u2e80 \u3000
""".strip().splitlines()
LONG = ["a" * 100, "a" * 101, "猫" * 101, "é" * 100, "é" * 101, "e\u0301" * 60, "a" * 99 + "-" + "a" * 101, "x" * 300, "😂" * 100]

ALPHABETS = [
    "abcdefghinostyABCDEF",
    "0123456789",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "áàâäçéèêñöøßüÁÉÑÖÜİı",
    "абвгдеёжзийкАБВГ",
    "αβγδεάέΑΒΓΆ",
    "あかなネコ日本猫的一是",
    "가나다한",
    "\u0300\u0301\u0303\u0308\u0327\u200b\u200d\u00ad\u0000\ufffd\u0007\u202e",
    "😂🤣★💀❤\ufe0f🏳🌈",
    "“”‘’–—…«»§©™×÷€",
]
SPACES = [" ", " ", " ", "", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2028", "\u0085"]


def drawn(rng):
    """Words of the vocabulary, changed words, words of one script, and signs, with uneven white space."""
    pieces = []
    for _ in range(rng.choice([1, 2, 3, 5, 8])):
        word = rng.choice(WORDS)
        kind = rng.random()
        if kind < 0.3:
            word = rng.choice([word, word.upper(), word.title(), word + rng.choice("!?.,…'-")])
        elif kind < 0.6:
            word += "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 3)))
        else:
            word = "".join(rng.choice(rng.choice(ALPHABETS)) for _ in range(rng.randint(1, 6)))
        pieces += [word, rng.choice(SPACES)]
    return "".join(pieces)


def vocabulary():
    letters = "abcdefghilmnoprstuvwy"
    single = list(letters) + list("ABCDT") + list("0123459") + list("!\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~…—“”")
    pieces = [f"##{piece}" for piece in [*PIECES, *letters, *"0123É", "é", "\u0301", "猫", "д", "о"]]
    return list(dict.fromkeys([*SPECIAL, *single, *WORDS, "The", "CAT", "Café", *OTHER, *pieces]))


def tokens(vocabulary):
    rng = random.Random(1)
    texts = [*TEXTS, *LONG, "", " ", "\n", "\u200b", " ".join(TEXTS[:3]) * 4]
    texts = list(dict.fromkeys([*texts, *(text.upper() for text in TEXTS)]))
    while len(texts) < 500:
        text = drawn(rng)
        texts += [text] if text not in texts else []
    ids = {token: id for id, token in enumerate(vocabulary)}
    # What a person writes is text, even if it looks like a special token.
    make = lambda **settings: BertTokenizer(vocab=ids, split_special_tokens=True, **settings)
    settings = [
        (500, {}),
        (150, {"do_lower_case": False}),
        (150, {"strip_accents": False}),
        (150, {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False}),
    ]
    out = {"texts": texts, "settings": []}
    for count, setting in settings:
        rows = make(**setting)(texts[:count])["input_ids"]
        out["settings"].append({"tokenizer_config": setting, "length": 512, "ids": rows})
    short = make()(texts[:150], truncation=True, max_length=8)["input_ids"]
    out["settings"].append({"tokenizer_config": {}, "length": 8, "ids": short})
    added = make()
    added.add_tokens(["<url>", "cat"])
    added.add_tokens(["[USER]"], special_tokens=True)
    added.add_tokens(["Flag"])
    content = json.loads(added.backend_tokenizer.to_str())["added_tokens"]
    rows = added(texts[:150])["input_ids"]
    out["settings"].append({"tokenizer_config": {}, "added_tokens": content, "length": 512, "ids": rows})
    (OUT / "wordpiece.json").write_text(json.dumps(out), encoding="ascii")
    make().save_pretrained(OUT / "bert")
    return make()


def seeded(model):
    """Weights so large that every part of the model matters."""
    for name, value in model.named_parameters():
        norm = name.lower().split(".")[-2].startswith("layernorm")
        if norm and name.endswith("weight"):
            value.data = 1 + 0.2 * torch.randn_like(value)
        elif name.endswith("bias"):
            value.data = 0.2 * torch.randn_like(value)
        else:
            value.data = torch.randn_like(value) * 1.5 / value[0].numel() ** 0.5
    return model.eval()


def step(model, name, inputs, feature, kept):
    model.save_pretrained(OUT / name)
    labels = torch.arange(len(next(iter(inputs.values())))) % CLASSES
    model.double()
    out = model(**inputs, labels=labels)
    out.loss.backward()
    with torch.no_grad():
        feature = feature(model.base_model(**inputs)).float()
    kept = {**kept, "labels": labels, "feature": feature.contiguous(), "logits": out.logits.detach().float(), "loss": out.loss.detach().float().reshape(1)}
    kept |= {f"gradient.{name}": value.grad.float() for name, value in model.named_parameters()}
    return kept


def tuned(model, inputs):
    """The parameters of a copy of the model after STEPS steps, and the losses."""
    model = copy.deepcopy(model).double()
    plain = [name for name, _ in model.named_parameters() if name.endswith("bias") or "layernorm" in name.lower()]
    groups = [
        {"params": [value for name, value in model.named_parameters() if name not in plain], "weight_decay": DECAY},
        {"params": [value for name, value in model.named_parameters() if name in plain], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=RATE)
    schedule = get_linear_schedule_with_warmup(optimiser, WARM_UP, STEPS)
    labels = torch.arange(5) % CLASSES
    losses, norms = [], []
    for _ in range(STEPS):
        loss = model(**inputs, labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP).item())
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    print("losses", losses, "norms", norms)
    trained = {published(name): value.detach().float() for name, value in model.named_parameters()}
    return {"losses": torch.tensor(losses), **trained}


# The names of save_pretrained, which the model's own attributes differ from.
VIT = {"attention.q_proj": "attention.attention.query", "attention.k_proj": "attention.attention.key",
       "attention.v_proj": "attention.attention.value", "attention.o_proj": "attention.output.dense",
       "mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense", "vit.layers": "vit.encoder.layer"}  # fmt: skip


def published(name):
    for own, theirs in VIT.items():
        name = name.replace(own, theirs)
    return name


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    (OUT / "bilinear").mkdir(parents=True)
    torch.manual_seed(5)
    words = vocabulary()
    tokenizer = tokens(words)

    bert = seeded(BertForSequenceClassification(BertConfig(vocab_size=len(words), max_position_embeddings=24, **SIZES)))
    batch = tokenizer(TEXTS_TUNED, padding=True, return_tensors="pt")
    inputs = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
    kept = {"ids": batch["input_ids"], "lengths": batch["attention_mask"].sum(dim=1)}
    tuning = {f"bert.{name}": value for name, value in tuned(bert, inputs).items()}
    save_file(step(bert, "bert", inputs, lambda out: out.pooler_output, kept), OUT / "bert.safetensors")
    torch.save(bert.float().state_dict(), OUT / "pytorch_model.bin")

    vit = seeded(ViTForImageClassification(ViTConfig(image_size=32, patch_size=8, **SIZES)))
    pixels = torch.randn(3, 3, 32, 32)
    processor = ViTImageProcessorPil(size={"height": 32, "width": 32})
    images = [Image.open(GOLDENS / "images" / f"{name}.png").convert("RGB") for name in IMAGES_TUNED]
    inputs = {"pixel_values": processor(images, return_tensors="pt")["pixel_values"].double()}
    tuning |= {f"vit.{name}": value for name, value in tuned(vit, inputs).items()}
    with torch.no_grad():
        tuning["vit.feature"] = vit.base_model(inputs["pixel_values"].float()).last_hidden_state[:, 0].contiguous()
    save_file(tuning, OUT / "tuning.safetensors")
    inputs = {"pixel_values": pixels.double()}
    golden = step(vit, "vit", inputs, lambda out: out.last_hidden_state[:, 0], {"pixels": pixels})
    save_file({published(name): value for name, value in golden.items()}, OUT / "vit.safetensors")
    processor.save_pretrained(OUT / "vit")

    for name in "noise large banner column pixel square portrait landscape exact speck".split():
        image = Image.open(GOLDENS / "images" / f"{name}.png").convert("RGB")
        for side in [32, 57] if name != "speck" else [32, 57, 224]:
            resized = image.resize((side, side), Image.Resampling.BILINEAR)
            resized.save(OUT / "bilinear" / f"{name}.png.{side}.png", optimize=True)


if __name__ == "__main__":
    main()
