use std::path::Path;

use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::checkpoint::{Checkpoint, State};
use super::trained::{Epoch, Trained};
use super::{AdamW, Bank, Examples, HeadModel, Model, Parameters, Pass, Recipe, Retrieval, Settings, logits};
use crate::data::{Features, Split};
use crate::engine::Burn;
use crate::metrics::{self, Predictions};
use memeclip::classifier::softmax;
use memeclip::task::Task;
use memeclip::{Error, Result};

/// Trains the head of a task on the split `train`, chooses the epoch with the best AUROC on `val`, and fits the temperature
/// there. The split `test` is not used, unless [`Protocol::Published`](super::Protocol) has it in place of `val`.
///
/// With `checkpoint`, the state is saved to that file after each epoch, and an interrupted training resumes from it. The
/// caller may remove the file once the head is written. `report` is called after each epoch.
///
/// # Errors
/// [`Error::Argument`] if a setting is out of range, a split has labels of fewer than two classes, or the loss diverges;
/// [`State`](crate::Error::State) if the file is damaged; [`Error::Io`] if it cannot be written; and the errors of the
/// engine.
pub fn train(
    engine: &Burn,
    features: &Features,
    task: &Task,
    recipe: &Recipe,
    settings: &Settings,
    checkpoint: Option<&Path>,
    report: impl FnMut(&Epoch),
) -> crate::Result<Trained> {
    let model = HeadModel::new(&recipe.architecture, features, task);
    let class_weights = recipe.semantic.then(|| &features.prompts[&task.name].class_weights[..]);
    let initial = Parameters::initial(engine, &model.shape, class_weights, &mut initial_random(settings))?;
    fit(engine, &model, initial, features, task, settings, checkpoint, report)
}

/// As [`train`], for any model of the memes that `features` tells splits and labels of. `initial`: its parameters at first.
///
/// # Errors
/// As [`train`], and those of the model.
#[expect(clippy::too_many_arguments, reason = "each is another thing, and there are two callers")]
pub fn fit<M: Model>(
    engine: &Burn,
    model: &M,
    initial: Parameters,
    features: &Features,
    task: &Task,
    settings: &Settings,
    checkpoint: Option<&Path>,
    mut report: impl FnMut(&Epoch),
) -> crate::Result<Trained> {
    let choosing = settings.protocol.split();
    let [training, validation] = [Split::Train, choosing].map(|split| Examples::new(features, task, split));
    check(task, settings, &training, &validation)?;
    let checkpoint = checkpoint.map(|path| Checkpoint::new(path, settings, model, &initial, [&training, &validation]));
    let adamw = AdamW::new(settings.learning_rate, settings.weight_decay);
    let optimizer = AdamW { coupled: settings.coupled, clip: settings.clip, decays: M::decays, ..adamw };
    let mut state = State { best: initial.tensors.clone(), parameters: initial, optimizer, epochs: Vec::new() };
    if let Some(checkpoint) = &checkpoint {
        checkpoint.load(engine, settings.epochs, &mut state)?;
    }

    let weights = settings.balanced.then(|| balanced(&training));
    while state.epochs.len() < settings.epochs && !patience_is_out(settings, &state.epochs) {
        let number = state.epochs.len() + 1;
        let loss = epoch(engine, model, settings, number, &training, weights.as_deref(), &mut state)?;
        let predictions = predict(&logits(engine, model, &state.parameters, &validation.rows)?, &validation)?;
        let auroc = metrics::auroc(&predictions).ok_or_else(|| {
            let reason = format!(
                "task {}: the AUROC on {choosing} is undefined; add labelled memes of at least two classes to it",
                task.name
            );
            Error::Argument { reason }
        })?;
        let epoch = Epoch { number, loss, auroc, accuracy: metrics::accuracy(&predictions) };
        if best(&state.epochs).is_none_or(|best| auroc > best.auroc) {
            state.best = state.parameters.tensors.clone();
        }
        report(&epoch);
        state.epochs.push(epoch);
        if let Some(checkpoint) = &checkpoint {
            checkpoint.save(&state)?;
        }
    }

    state.parameters.tensors = state.best;
    let scores = logits(engine, model, &state.parameters, &validation.rows)?;
    let temperature = metrics::temperature(&scores, &validation.labels, validation.classes);
    let best = best(&state.epochs).map_or(0, |best| best.number);
    Ok(Trained { task: task.name.clone(), parameters: state.parameters, temperature, epochs: state.epochs, best })
}

/// Trains on each example once, in random order; returns the mean loss.
fn epoch(
    engine: &Burn,
    model: &impl Model,
    settings: &Settings,
    number: usize,
    training: &Examples,
    weights: Option<&[f32]>,
    state: &mut State,
) -> Result<f64> {
    let bank = match settings.retrieval {
        true => Some(Bank::new(engine, model, &state.parameters, training)?),
        false => None,
    };
    let engine = engine.with_dropout(settings.dropout, random(settings, number, Purpose::Dropout));
    let mut order: Vec<usize> = (0..training.len()).collect();
    order.shuffle(&mut random(settings, number, Purpose::Order));
    let steps = settings.epochs * order.len().div_ceil(settings.batch);
    let mut loss = 0.0;
    for examples in order.chunks(settings.batch) {
        let take = |values: &[usize]| -> Vec<usize> { examples.iter().map(|&example| values[example]).collect() };
        let (rows, labels) = (take(&training.rows), take(&training.labels));
        let retrieval = bank.as_ref().map(|bank| Retrieval { bank, rows: examples });
        let pass = Pass::run(&engine, model, &state.parameters, &rows, &labels, weights, retrieval)?;
        loss += f64::from(pass.loss) * rows.len() as f64;
        state.optimizer.learning_rate = settings.rate(state.optimizer.steps as usize, steps);
        state.optimizer.step(&mut state.parameters, pass)?;
    }
    let loss = loss / training.len() as f64;
    if !loss.is_finite() {
        return Err(Error::Argument { reason: format!("epoch {number}: the loss is {loss}; lower the learning rate") });
    }
    Ok(loss)
}

/// The softmax of the logits [n, classes], with the labels of the examples.
fn predict(logits: &[f32], examples: &Examples) -> Result<Predictions> {
    let probabilities = logits.chunks_exact(examples.classes).flat_map(|logits| softmax(logits, 1.0)).collect();
    Predictions::new(examples.classes, examples.labels.clone(), probabilities)
}

/// The epoch with the largest AUROC, the first in a tie.
fn best(epochs: &[Epoch]) -> Option<&Epoch> {
    epochs.iter().reduce(|best, epoch| if epoch.auroc > best.auroc { epoch } else { best })
}

fn patience_is_out(settings: &Settings, epochs: &[Epoch]) -> bool {
    let since = |best: &Epoch| epochs.len() - best.number;
    settings.patience.is_some_and(|patience| best(epochs).is_some_and(|best| since(best) >= patience))
}

/// The weight of each class: n / (classes · rows of the class), scikit-learn's "balanced"; 0 for a class without rows.
fn balanced(training: &Examples) -> Vec<f32> {
    let weight = |count: usize| match count {
        0 => 0.0,
        _ => training.len() as f32 / (training.classes * count) as f32,
    };
    training.frequencies().into_iter().map(weight).collect()
}

/// The random generator of a model's initial values.
pub fn initial_random(settings: &Settings) -> Pcg64 {
    random(settings, 0, Purpose::Order)
}

enum Purpose {
    /// Initial values (epoch 0) and the order of the examples.
    Order,
    Dropout,
}

/// A random generator of its own for each epoch and purpose, so that an epoch does not depend on the ones before it.
fn random(settings: &Settings, epoch: usize, purpose: Purpose) -> Pcg64 {
    Pcg64::new(settings.seed.into(), 2 * epoch as u128 + purpose as u128)
}

fn check(task: &Task, settings: &Settings, training: &Examples, validation: &Examples) -> Result<()> {
    let argument = |reason: String| Err(Error::Argument { reason });
    for (split, examples) in [(Split::Train, training), (settings.protocol.split(), validation)] {
        if examples.frequencies().iter().filter(|&&count| count > 0).count() < 2 {
            return argument(format!(
                "task {}: the split {split} has {} labelled memes of {} classes, but training needs at least two classes. Check the label and split columns of the data set.",
                task.name,
                examples.len(),
                examples.frequencies().iter().filter(|&&count| count > 0).count(),
            ));
        }
    }
    let rates = settings.dropout;
    let rates = [rates.projection, rates.fusion, rates.output];
    if settings.epochs == 0 || settings.batch == 0 {
        return argument("epochs and batch must be at least 1".into());
    }
    let &Settings { learning_rate, weight_decay, .. } = settings;
    if !(learning_rate > 0.0 && learning_rate.is_finite() && weight_decay >= 0.0 && weight_decay.is_finite()) {
        return argument(format!(
            "learning rate {learning_rate} and weight decay {weight_decay}: the rate must be positive, the decay positive or 0, both finite"
        ));
    }
    if settings.warm_up.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        return argument(format!("warm-up {:?}: the share of steps must be from 0 to 1", settings.warm_up));
    }
    if settings.clip.is_some_and(|clip| !(clip > 0.0 && clip.is_finite())) {
        return argument(format!("clip {:?}: the gradient's largest norm must be positive and finite", settings.clip));
    }
    if rates.iter().any(|rate| !(0.0..1.0).contains(rate)) {
        return argument(format!("dropout {rates:?}: each rate must be at least 0 and less than 1"));
    }
    Ok(())
}
