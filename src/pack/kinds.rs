//! Image and text encoders that are not a plain CLIP, by what gives them away: errors name them.

/// What can be read, as a sentence without its full stop.
pub(super) const SUPPORTED: &str = "memeclip reads plain CLIPs: a ViT and a text transformer as OpenAI's, such as \
     openai/clip-vit-large-patch14 or laion/CLIP-ViT-H-14-laion2B-s32B-b79K";

/// Parts of tensors' names, and what has them.
const KINDS: [(&str, &str); 9] = [
    ("text_decoder.resblocks.", "CoCa, which also writes texts"),
    ("visual.trunk.", "a CLIP whose vision tower is a network of timm's, such as ConvNeXt, EVA or open_clip's SigLIP"),
    ("visual.layer1.", "a CLIP whose vision tower is a ResNet"),
    ("visual.blocks.", "EVA-CLIP"),
    ("text.transformer.encoder.", "a CLIP whose text tower is another network, such as XLM-RoBERTa"),
    ("text.transformer.embeddings.", "a CLIP whose text tower is another network, such as XLM-RoBERTa"),
    ("vision_model.head.probe", "SigLIP"),
    ("qformer.", "BLIP-2"),
    ("text_decoder.bert.", "BLIP, which also writes texts"),
];

/// What kind of encoder has tensors of these names, if it is known and no plain CLIP.
pub(super) fn other<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<&'static str> {
    KINDS.iter().find(|(part, _)| names.clone().any(|name| name.contains(part))).map(|(_, what)| *what)
}
