//! What the model is asked: everything about the classes comes from the tasks.

use memeclip::pack::hash::hex;
use memeclip::task::Task;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The definition of the tasks.
pub fn system(tasks: &[&Task]) -> String {
    let mut text = String::from(
        "You classify memes: images with text on them. Judge the image and its text together, as one message. For each \
         task, choose the one label that fits the meme best.\n",
    );
    for task in tasks {
        text += &format!("\nTask \"{}\", with these labels:\n", task.name);
        for (label, prompt) in task.labels.iter().zip(&task.prompts) {
            text += &format!("- \"{label}\": {prompt}\n");
        }
    }
    text + "\nAnswer with a JSON object only. It has one key for each task, and the value is one of the task's labels."
}

/// What is said of a meme beside its image.
pub fn user(text: &str) -> String {
    match text.trim() {
        "" => "The meme. Its text is not given.".into(),
        text => format!("The meme. The text on it is:\n{text}"),
    }
}

/// The JSON schema of an answer.
pub fn schema(tasks: &[&Task]) -> Value {
    let label = |task: &&Task| (task.name.clone(), json!({ "type": "string", "enum": task.labels }));
    let properties: Map<String, Value> = tasks.iter().map(label).collect();
    let names: Vec<&str> = tasks.iter().map(|task| &*task.name).collect();
    json!({ "type": "object", "properties": properties, "required": names, "additionalProperties": false })
}

/// The identity of the prompt: the same for all memes and endpoints.
pub fn hash(tasks: &[&Task]) -> String {
    // The schema says the same as the definition.
    let texts = [system(tasks), user(""), user("text")];
    hex(&Sha256::digest(texts.join("\0")))
}
