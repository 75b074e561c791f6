use std::path::{Path, PathBuf};

use burn::tensor::{Bool, Tensor};

use super::config::{check_blocks, only, read, share};
use super::parameters::{Classifier, Current, Layout, Published, Publisher, Within};
use super::wordpiece::WordPiece;
use crate::engine::Burn;
use crate::training::{Named, Parameters};
use memeclip::engine::{Activation, Engine};
use memeclip::model::{BlockConfig, LayerNorm, Linear, Weights};
use memeclip::pack::checkpoint::Checkpoint;
use memeclip::pack::json_file::JsonFile;
use memeclip::pack::safetensors_file::Entry;
use memeclip::{Error, Result};

/// BERT with a classifier (Devlin et al., NAACL 2019), as `BertForSequenceClassification` computes it.
pub struct Bert {
    /// Where its files are.
    pub folder: PathBuf,
    /// Text to token ids.
    pub tokenizer: WordPiece,
    /// The most token ids of a text.
    pub length: usize,
    /// The sizes.
    pub config: BertConfig,
    /// Number of classes.
    pub classes: usize,
    /// All weights, also the classifier's.
    pub parameters: Parameters,
}

/// The sizes of a BERT. What `config.json` leaves out is as in BERT-base.
#[derive(Debug, Clone)]
pub struct BertConfig {
    /// Number of tokens that the model knows.
    pub vocabulary: usize,
    /// The largest number of tokens in a text.
    pub context: usize,
    /// Number of kinds of text. A meme's is the first.
    pub types: usize,
    /// Number of transformer blocks.
    pub layers: usize,
    /// What all blocks share.
    pub block: BlockConfig,
    /// What training drops.
    pub dropout: BertDropout,
}

/// The shares of values that dropout sets to 0, while the engine [has it](Burn::with_dropout).
#[derive(Debug, Clone, Copy)]
pub struct BertDropout {
    /// Of the embeddings, and of what each attention and each MLP adds.
    pub hidden: f32,
    /// Of the attention's weights.
    pub attention: f32,
    /// Of what the classifier sees.
    pub classifier: f32,
}

impl BertConfig {
    fn read(file: &JsonFile) -> Result<Self> {
        only(file, "position_embedding_type", "absolute".to_string())?;
        only(file, "is_decoder", false)?;
        let hidden = share(file, "hidden_dropout_prob", 0.1)?;
        let config = BertConfig {
            vocabulary: file.field(&["vocab_size"], 30522)?,
            context: file.field(&["max_position_embeddings"], 512)?,
            types: file.field(&["type_vocab_size"], 2)?,
            layers: file.field(&["num_hidden_layers"], 12)?,
            block: BlockConfig {
                width: file.field(&["hidden_size"], 768)?,
                heads: file.field(&["num_attention_heads"], 12)?,
                mlp: file.field(&["intermediate_size"], 3072)?,
                activation: file.field(&["hidden_act"], Activation::Gelu)?,
                layer_norm_eps: file.field(&["layer_norm_eps"], 1e-12)?,
            },
            dropout: BertDropout {
                hidden,
                attention: share(file, "attention_probs_dropout_prob", 0.1)?,
                classifier: share(file, "classifier_dropout", hidden)?,
            },
        };
        check_blocks(file, config.layers, config.block)?;
        if config.types == 0 {
            return Err(file.invalid("type_vocab_size is 0, expected at least 1".into()));
        }
        Ok(config)
    }
}

fn layout(base: &str) -> Layout<'_> {
    Layout { base, layers: &LAYERS, shapes: &[] }
}

const LAYERS: [(&str, &[&str]); 11] = [
    ("word", &["embeddings.word_embeddings"]),
    ("position", &["embeddings.position_embeddings"]),
    ("type", &["embeddings.token_type_embeddings"]),
    ("norm", &["embeddings.LayerNorm"]),
    ("qkv", &["attention.self.query", "attention.self.key", "attention.self.value"]),
    ("out", &["attention.output.dense"]),
    ("norm1", &["attention.output.LayerNorm"]),
    ("fc1", &["intermediate.dense"]),
    ("fc2", &["output.dense"]),
    ("norm2", &["output.LayerNorm"]),
    ("pooler", &["pooler.dense"]),
];

/// The most token ids of a text unless chosen: more than 95 % of PrideMM's texts have.
const LENGTH: usize = 128;
/// What is in front of the encoder's names, unless it was saved alone.
const BASE: &str = "bert.";
/// A tensor that every BERT has.
const WORDS: &str = "embeddings.word_embeddings.weight";

impl Bert {
    /// `path`: the model's folder, its folder in Hugging Face's cache, or its weights, with `config.json` and the tokenizer
    /// beside them. `length`: the most token ids of a text; 128 unless given, or as many as the model has positions for. What the
    /// file has for other purposes is ignored.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] for a file that is missing or cannot be used, [`Error::Argument`] if `length` is more than the
    /// model's or less than 3, [`Error::Io`], and those of the engine.
    pub fn open(engine: &Burn, path: &Path, length: Option<usize>, classifier: Classifier) -> Result<Self> {
        let nested = format!("{BASE}{WORDS}");
        let checkpoint = Checkpoint::of_model(path, &[&nested, WORDS])?;
        let config = BertConfig::read(&read(&checkpoint, "bert")?)?;
        let length = length.unwrap_or(LENGTH.min(config.context));
        if length > config.context {
            let reason =
                format!("{length} tokens: this BERT has positions for {}; give at most as many", config.context);
            return Err(Error::Argument { reason });
        }
        let tokenizer = WordPiece::open(&checkpoint.folder, length)?;
        if tokenizer.vocabulary() > config.vocabulary {
            let reason = format!("the tokenizer has {} tokens, expected {}", tokenizer.vocabulary(), config.vocabulary);
            return Err(checkpoint.invalid(reason));
        }
        let base = if checkpoint.shape(&nested).is_ok() { BASE } else { "" };
        let layout = layout(base);
        let classes = classifier.classes(&checkpoint)?;
        let mut published = Published::new(engine, &checkpoint, &layout, classifier);
        Network::load(&mut published, &config, classes)?;
        let parameters = published.parameters;
        Ok(Bert { folder: checkpoint.folder, tokenizer, length, config, classes, parameters })
    }

    /// The tensors of a file as transformers writes it, with these parameters.
    ///
    /// # Errors
    /// [`Error::Internal`] if burn cannot hand out the values.
    pub fn entries(&self, parameters: &Named) -> Result<Vec<Entry>> {
        let layout = layout(BASE);
        let mut publisher = Publisher::new(parameters, &layout);
        Network::load(&mut publisher, &self.config, self.classes)?;
        Ok(publisher.entries)
    }

    /// Logits [texts, classes], with the engine's dropout. `texts`: the token ids of each text, of one at least. `parameters` are the
    /// model's own or, for [`Tensor::backward`], their [`tracked`](Parameters::tracked) copies.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn logits(&self, engine: &Burn, parameters: &Named, texts: &[Vec<u32>]) -> Result<Tensor<2>> {
        let network = self.network(parameters)?;
        let features = engine.dropout_at(network.features(engine, texts), self.config.dropout.classifier);
        Ok(network.classifier.forward(engine, &features, Activation::Identity, None))
    }

    /// What the classifier sees, [texts, width]: the pooled state of the start token (Hugging Face: `pooler_output`). Otherwise
    /// as [`Bert::logits`].
    ///
    /// # Errors
    /// Those of the engine.
    pub fn features(&self, engine: &Burn, parameters: &Named, texts: &[Vec<u32>]) -> Result<Tensor<2>> {
        Ok(self.network(parameters)?.features(engine, texts))
    }

    fn network(&self, parameters: &Named) -> Result<Network> {
        Network::load(&mut Current(parameters), &self.config, self.classes)
    }
}

struct Network {
    word: Tensor<2>,
    position: Tensor<2>,
    kind: Tensor<2>,
    norm: LayerNorm<Burn>,
    blocks: Vec<Block>,
    pooler: Linear<Burn>,
    classifier: Linear<Burn>,
    dropout: BertDropout,
}

impl Network {
    fn load(w: &mut impl Weights<Burn>, c: &BertConfig, classes: usize) -> Result<Self> {
        let width = c.block.width;
        let word = w.tensor("word.weight", c.vocabulary, width)?;
        let position = w.tensor("position.weight", c.context, width)?;
        let kind = w.tensor("type.weight", c.types, width)?;
        let norm = LayerNorm::load(w, "norm", width, c.block.layer_norm_eps)?;
        let blocks = (0..c.layers).map(|block| Block::load(&mut Within { weights: w, block }, c));
        let blocks = blocks.collect::<Result<_>>()?;
        let pooler = Linear::load(w, "pooler", width, width)?;
        let classifier = Linear::load(w, "classifier", classes, width)?;
        Ok(Network { word, position, kind, norm, blocks, pooler, classifier, dropout: c.dropout })
    }

    fn features(&self, engine: &Burn, texts: &[Vec<u32>]) -> Tensor<2> {
        let lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
        let tokens = lengths.iter().copied().max().unwrap_or_default();
        // Any token will do as padding: it is hidden from the others.
        let mut ids = vec![0; texts.len() * tokens];
        texts.iter().zip(ids.chunks_exact_mut(tokens)).for_each(|(text, row)| row[..text.len()].copy_from_slice(text));
        let padding = lengths.iter().any(|&length| length < tokens).then(|| engine.padding(&lengths, tokens));

        let positions: Vec<u32> = (0..tokens as u32).collect();
        let place = engine.gather(&self.position, &positions);
        let place = engine.add_scaled(&place, 1.0, &engine.gather(&self.kind, &[0]), 1.0);
        let x = engine.add_scaled(&engine.gather(&self.word, &ids), 1.0, &place, 1.0);
        let mut x = engine.dropout_at(self.norm.forward(engine, &x), self.dropout.hidden);

        let first: Vec<u32> = (0..texts.len()).map(|text| (text * tokens) as u32).collect();
        for (i, block) in self.blocks.iter().enumerate() {
            let keep = (i + 1 == self.blocks.len()).then_some(&first[..]);
            x = block.forward(engine, &x, texts.len(), padding.clone(), keep);
        }
        self.pooler.forward(engine, &x, Activation::Identity, None).tanh()
    }
}

/// A post-LN transformer block: norm(x + attention(x)), then norm(x + mlp(x)).
struct Block {
    qkv: Linear<Burn>,
    out: Linear<Burn>,
    norm1: LayerNorm<Burn>,
    fc1: Linear<Burn>,
    fc2: Linear<Burn>,
    norm2: LayerNorm<Burn>,
    heads: usize,
    activation: Activation,
    dropout: BertDropout,
}

impl Block {
    fn load(w: &mut impl Weights<Burn>, config: &BertConfig) -> Result<Self> {
        let BlockConfig { width, heads, mlp, activation, layer_norm_eps } = config.block;
        Ok(Block {
            qkv: Linear::load(w, "qkv", 3 * width, width)?,
            out: Linear::load(w, "out", width, width)?,
            norm1: LayerNorm::load(w, "norm1", width, layer_norm_eps)?,
            fc1: Linear::load(w, "fc1", mlp, width)?,
            fc2: Linear::load(w, "fc2", width, mlp)?,
            norm2: LayerNorm::load(w, "norm2", width, layer_norm_eps)?,
            heads,
            activation,
            dropout: config.dropout,
        })
    }

    /// x [sequences · tokens, width]. With `keep`, only those rows continue after the attention.
    fn forward(
        &self,
        engine: &Burn,
        x: &Tensor<2>,
        sequences: usize,
        padding: Option<Tensor<4, Bool>>,
        keep: Option<&[u32]>,
    ) -> Tensor<2> {
        let qkv = self.qkv.forward(engine, x, Activation::Identity, None);
        let mut attended = engine.attend(&qkv, sequences, self.heads, padding, self.dropout.attention);
        let mut x = x.clone();
        if let Some(ids) = keep {
            attended = engine.gather(&attended, ids);
            x = engine.gather(&x, ids);
        }
        let added = self.out.forward(engine, &attended, Activation::Identity, None);
        let x = self.norm1.forward(engine, &(engine.dropout_at(added, self.dropout.hidden) + x));
        let hidden = self.fc1.forward(engine, &x, self.activation, None);
        let added = self.fc2.forward(engine, &hidden, Activation::Identity, None);
        self.norm2.forward(engine, &(engine.dropout_at(added, self.dropout.hidden) + x))
    }
}
