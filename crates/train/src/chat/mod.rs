//! A chat model as a zero-shot classifier of a data set's memes: the GPT-4 row of the paper's table 6, by any endpoint that
//! takes OpenAI's chat completions.
//!
//! Each meme is one request, and each answer one line of a JSONL file, so that no answer is paid for twice: a run that is
//! started again asks only about the memes that the file lacks. A request that the server may have answered, such as one
//! whose answer was cut off, is not repeated in the same run.

mod answer;
mod answers;
mod client;
mod endpoint;
mod fault;
mod likelihood;
mod prompt;
mod reply;
mod request;
mod retry;
mod score;
mod sent_image;
mod survey;

pub use answers::{Answer, Answers, read as read_answers};
pub use client::Client;
pub use endpoint::Endpoint;
pub use fault::Fault;
pub use request::Settings;
pub use score::{Figures, Score, score};
pub use sent_image::Detail;
pub use survey::{Estimate, Event, Survey};
