//! Answers as Arrow's columns: `verdict`, which has the fields of [`Answer`], `error_code`, `error` and `pack`.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float32Array, ListArray, RecordBatch, StringArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, Field, Fields, SchemaRef};
use memeclip::Result;
use memeclip::classifier::{Answer, TaskVerdict};
use memeclip::task::Task;

/// The columns that are added to those that are passed on.
pub fn fields(tasks: &[Task]) -> Vec<Field> {
    columns(tasks, &[], "").into_iter().map(|(name, array)| Field::new(name, array.data_type().clone(), true)).collect()
}

/// The answers, one for each row of `keys`.
pub fn batch(
    keys: RecordBatch,
    schema: SchemaRef,
    tasks: &[Task],
    answers: &[Result<Answer>],
    pack: &str,
) -> Result<RecordBatch, ArrowError> {
    let answers = columns(tasks, answers, pack).into_iter().map(|(_, array)| array);
    RecordBatch::try_new(schema, keys.columns().iter().cloned().chain(answers).collect())
}

fn columns(tasks: &[Task], answers: &[Result<Answer>], pack: &str) -> Vec<(&'static str, ArrayRef)> {
    let errors = || answers.iter().map(|answer| answer.as_ref().err());
    vec![
        ("verdict", verdicts(tasks, &answers.iter().map(|answer| answer.as_ref().ok()).collect::<Vec<_>>())),
        ("error_code", strings(errors().map(|error| error.map(|error| error.code())))),
        ("error", strings(errors().map(|error| error.map(|error| error.to_string())))),
        ("pack", strings(answers.iter().map(|_| Some(pack)))),
    ]
}

type Rows<'a, T> = [Option<&'a T>];

fn verdicts(tasks: &[Task], answers: &Rows<Answer>) -> ArrayRef {
    let task = |(i, task): (usize, &Task)| {
        let verdicts: Vec<_> = answers.iter().map(|answer| answer.map(|answer| &answer.tasks[i])).collect();
        (task.name.clone(), verdict(task, &verdicts))
    };
    let notices = list(
        answers,
        |answer| answer.notices.iter().collect(),
        |notices| {
            structure(
                [
                    ("code", strings(notices.iter().map(|notice| Some(notice.code())))),
                    ("message", strings(notices.iter().map(|notice| Some(notice.to_string())))),
                ],
                &vec![true; notices.len()],
            )
        },
    );
    structure(
        [
            ("text", strings(answers.iter().map(|answer| answer.map(|answer| &answer.text)))),
            ("device", strings(answers.iter().map(|answer| answer.map(|answer| &answer.device)))),
            ("tasks", structure(tasks.iter().enumerate().map(task), &there(answers))),
            ("notices", notices),
        ],
        &there(answers),
    )
}

fn verdict(task: &Task, verdicts: &Rows<TaskVerdict>) -> ArrayRef {
    let probability = |(i, label): (usize, &String)| {
        let values = verdicts.iter().map(|verdict| verdict.map(|verdict| verdict.probabilities[i]));
        (label.clone(), Arc::new(values.collect::<Float32Array>()) as ArrayRef)
    };
    let flags = |flag: fn(&TaskVerdict) -> bool| -> ArrayRef {
        Arc::new(verdicts.iter().map(|verdict| verdict.map(flag)).collect::<BooleanArray>())
    };
    let logits = list(
        verdicts,
        |verdict| verdict.logits.iter().collect(),
        |logits| Arc::new(Float32Array::from_iter_values(logits.iter().map(|logit| **logit))),
    );
    let outside = list(
        verdicts,
        |verdict| verdict.outside.iter().collect(),
        |outside| strings(outside.iter().map(|modality| Some(modality.name()))),
    );
    structure(
        [
            ("label", strings(verdicts.iter().map(|verdict| verdict.map(|verdict| verdict.label())))),
            ("logits", logits),
            ("probabilities", structure(task.labels.iter().enumerate().map(probability), &there(verdicts))),
            ("zero_shot", flags(|verdict| verdict.zero_shot)),
            ("unsure", flags(TaskVerdict::unsure)),
            ("outside", outside),
        ],
        &there(verdicts),
    )
}

fn there<T>(rows: &Rows<T>) -> Vec<bool> {
    rows.iter().map(Option::is_some).collect()
}

fn strings<S: AsRef<str>>(values: impl Iterator<Item = Option<S>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn structure<N: Into<String>>(columns: impl IntoIterator<Item = (N, ArrayRef)>, there: &[bool]) -> ArrayRef {
    let columns = columns.into_iter().map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array));
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.unzip();
    Arc::new(StructArray::new(Fields::from(fields), arrays, Some(NullBuffer::from(there))))
}

/// A list for each row.
fn list<'a, T, V: 'a>(
    rows: &Rows<'a, T>,
    items: impl Fn(&'a T) -> Vec<&'a V>,
    array: impl Fn(&[&'a V]) -> ArrayRef,
) -> ArrayRef {
    let items: Vec<Vec<&V>> = rows.iter().map(|row| row.map(&items).unwrap_or_default()).collect();
    let offsets = OffsetBuffer::from_lengths(items.iter().map(Vec::len));
    let values = array(&items.concat());
    let field = Field::new_list_field(values.data_type().clone(), true);
    Arc::new(ListArray::new(field.into(), offsets, values, Some(NullBuffer::from(there(rows)))))
}
