//! `memeclip chat` against a real HTTP server on this machine that answers as servers do, and as they should not.

#[path = "../common/mod.rs"]
mod common;
mod program;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use common::fresh;
use memeclip::preprocess::decode;
use program::command;
use serde_json::{Value, json};

const KEY: &str = "sk-a-secret-of-this-test";

/// A request that the server got.
#[derive(Clone)]
struct Request {
    line: String,
    /// By names in lower case.
    headers: BTreeMap<String, String>,
    body: Value,
}

impl Request {
    /// The words on the meme.
    fn words(&self) -> String {
        let text = self.body["messages"][1]["content"][0]["text"].as_str().unwrap();
        text.lines().last().unwrap().into()
    }

    /// The meme's image, as it was sent.
    fn image(&self) -> Vec<u8> {
        let url = self.body["messages"][1]["content"][1]["image_url"]["url"].as_str().unwrap();
        BASE64_STANDARD.decode(url.strip_prefix("data:image/jpeg;base64,").unwrap()).unwrap()
    }
}

/// What the server does about a request.
#[derive(Clone)]
enum Play {
    /// Status, further headers, body.
    Json(u16, &'static str, Value),
    /// Bytes as they are; then it closes the connection.
    Raw(&'static str),
    /// Waits before it answers.
    Slow(Duration, Value),
}

/// A completion with this content.
fn says(content: &str) -> Value {
    completion(json!({ "role": "assistant", "content": content }), "stop")
}

fn completion(message: Value, finish: &str) -> Value {
    let choice = json!({ "index": 0, "message": message, "finish_reason": finish });
    json!({ "id": "1", "object": "chat.completion", "model": "played-2024", "choices": [choice] })
}

fn ok(content: &str) -> Play {
    Play::Json(200, "", says(content))
}

fn error(status: u16, headers: &'static str, error: Value) -> Play {
    Play::Json(status, headers, json!({ "error": error }))
}

struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// A server; `play` is given a request, and how many of the same meme came before.
    fn new(play: impl Fn(&Request, usize) -> Play + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (play, seen) = (Arc::new(play), requests.clone());
        spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (play, seen) = (play.clone(), seen.clone());
                spawn(move || {
                    // A killed program sends no whole request.
                    let Some(request) = receive(&stream) else { return };
                    let before = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(request.clone());
                        seen.iter().filter(|other| other.words() == request.words()).count() - 1
                    };
                    answer(stream, play(&request, before));
                });
            }
        });
        Server { port, requests }
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// How many requests there were about each meme, since the last call.
    fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for request in self.requests.lock().unwrap().drain(..) {
            *counts.entry(request.words()).or_insert(0) += 1;
        }
        counts
    }
}

fn receive(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_string()),
        }
    }
    let header = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_string()));
    let headers: BTreeMap<String, String> = lines.iter().skip(1).filter_map(header).collect();
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Request { line: lines.first()?.clone(), headers, body: serde_json::from_slice(&body).ok()? })
}

fn answer(mut stream: TcpStream, play: Play) {
    let whole = |status: u16, headers: &str, body: Value| {
        let body = body.to_string();
        let length = body.len();
        format!(
            "HTTP/1.1 {status} Played\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        )
    };
    let bytes = match play {
        Play::Json(status, headers, body) => whole(status, headers, body),
        Play::Raw(bytes) => bytes.into(),
        Play::Slow(time, body) => {
            sleep(time);
            whole(200, "", body)
        }
    };
    // The program may have left.
    let _ = stream.write_all(bytes.as_bytes());
    let _ = stream.shutdown(Shutdown::Both);
}

/// An uncompressed image of 24 bits; `pixel` is given column and row, from the top left.
fn bmp(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [u8; 3]) -> Vec<u8> {
    let stride = (3 * width).next_multiple_of(4);
    let size = 54 + stride * height;
    let mut file = b"BM".to_vec();
    for value in [size, 0, 54, 40, width, height] {
        file.extend((value as u32).to_le_bytes());
    }
    file.extend([1, 0, 24, 0]);
    file.resize(54, 0);
    for row in (0..height).rev() {
        let line = (0..width).flat_map(|column| pixel(column, row).into_iter().rev());
        file.extend(line);
        file.resize(file.len() + stride - 3 * width, 0);
    }
    file
}

/// A folder with a data set: each meme has its words, and its label of `hate`; images differ.
fn data_set(test: &str, memes: &[(&str, usize)]) -> PathBuf {
    let folder = fresh(test);
    let mut table = csv::Writer::from_path(folder.join("memes.csv")).unwrap();
    table.write_record(["name", "text", "split", "hate"]).unwrap();
    for (index, (words, label)) in memes.iter().enumerate() {
        let name = format!("{index:02}.bmp");
        fs::write(folder.join(&name), bmp(8, 8, |x, y| [index as u8, 20 * x as u8, 20 * y as u8])).unwrap();
        table.write_record([&name, *words, "test", &label.to_string()]).unwrap();
    }
    table.flush().unwrap();
    folder
}

fn arguments(folder: &Path, endpoint: &str, more: &[&str]) -> Vec<String> {
    let path = |name: &str| folder.join(name).display().to_string();
    let model = if more.contains(&"--model") { vec![] } else { vec!["--model", "played"] };
    let (data, out) = (path("memes.csv"), path("answers.jsonl"));
    let images = folder.display().to_string();
    let fixed = ["chat", "--data", &data, "--images", &images, "--out", &out, "--endpoint", endpoint];
    [&fixed[..], &model, more].concat().into_iter().map(String::from).collect()
}

fn chat_command(folder: &Path, endpoint: &str, more: &[&str]) -> std::process::Command {
    let arguments = arguments(folder, endpoint, more);
    let mut command = command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    command.env("OPENAI_API_KEY", KEY).stdin(Stdio::null());
    command
}

/// Runs the program. Whatever happens, it does not print the key or write it.
fn chat(folder: &Path, endpoint: &str, more: &[&str]) -> (Output, String) {
    let output = chat_command(folder, endpoint, more).output().unwrap();
    let said = [&output.stderr[..], &output.stdout].map(String::from_utf8_lossy).concat();
    let written =
        ["answers.jsonl", "answers.report.txt"].map(|name| fs::read_to_string(folder.join(name)).unwrap_or_default());
    assert!(!said.contains(KEY) && !written.concat().contains(KEY), "the key is in {said}{written:?}");
    (output, said)
}

/// The answers in the file, by the words on the memes; each line must be whole, and no meme may be there twice.
fn answers(folder: &Path, memes: &[(&str, usize)]) -> BTreeMap<String, Value> {
    let text = fs::read_to_string(folder.join("answers.jsonl")).unwrap();
    assert!(text.ends_with('\n'));
    let mut answers = BTreeMap::new();
    for line in text.lines().skip(1) {
        let answer: Value = serde_json::from_str(line).unwrap();
        let index: usize = answer["name"].as_str().unwrap()[..2].parse().unwrap();
        assert!(answers.insert(memes[index].0.to_string(), answer).is_none(), "twice: {line}");
    }
    answers
}

/// What becomes of a meme.
enum Expected {
    Label(&'static str),
    Unparsed,
    Refused,
    /// It is named with this reason, and a later run asks again.
    Skipped(&'static str),
}

#[test]
fn each_answer_counts_as_what_it_is() {
    use Expected::*;
    let refusal = json!({ "role": "assistant", "content": null, "refusal": "I will not." });
    let cut = json!({ "role": "assistant", "content": "{\"hate\":\"hate\"" });
    let policy = || json!({ "message": format!("Rejected, {KEY}"), "type": "x", "code": "content_policy_violation" });
    let azure = json!({ "code": "content_filter", "message": "filtered", "innererror": {} });
    let busy = || error(500, "Retry-After: 0\r\n", json!({ "message": "overloaded" }));
    let table: Vec<(&str, Vec<Play>, Expected, usize)> = vec![
        ("right", vec![ok(r#"{"hate":"hate"}"#)], Label("hate"), 1),
        ("fenced", vec![ok("```json\n{\"hate\": \"no hate\"}\n```")], Label("no hate"), 1),
        ("prose", vec![ok("I think that this is no hate.")], Label("no hate"), 1),
        ("two labels", vec![ok("hate or no hate")], Unparsed, 1),
        ("not a label", vec![ok(r#"{"hate":"perhaps"}"#)], Unparsed, 1),
        ("no words", vec![Play::Json(200, "", completion(json!({ "content": null }), "stop"))], Unparsed, 1),
        ("at the most tokens", vec![Play::Json(200, "", completion(cut, "length"))], Unparsed, 1),
        ("500s", vec![busy(); 5], Skipped("cannot answer now (status 500: overloaded)"), 5),
        ("refusal", vec![Play::Json(200, "", completion(refusal, "stop"))], Refused, 1),
        ("refusal in prose", vec![ok("I'm sorry, but I can't assist with that.")], Refused, 1),
        ("filtered", vec![Play::Json(200, "", completion(json!({ "content": "" }), "content_filter"))], Refused, 1),
        ("content policy", vec![error(400, "", policy())], Refused, 1),
        ("content policy of Azure", vec![error(400, "", azure)], Refused, 1),
        ("moderated", vec![error(403, "", json!({ "message": "Your input was flagged", "code": 403 }))], Refused, 1),
        ("429, then 200", vec![error(429, "Retry-After: 1\r\n", json!("slowly")), ok("hate")], Label("hate"), 2),
        (
            "503, then 200",
            vec![Play::Raw("HTTP/1.1 503 No\r\nRetry-After: 0\r\n\r\n<html>"), ok("hate")],
            Label("hate"),
            2,
        ),
        (
            "429 for an hour",
            vec![error(429, "Retry-After: 3600\r\n", json!({}))],
            Skipped("cannot answer now (status 429"),
            1,
        ),
        (
            "bad request",
            vec![error(400, "", json!({ "message": "image\nunreadable" }))],
            Skipped("(status 400: image unreadable)"),
            1,
        ),
        (
            "error with status 200",
            vec![error(200, "", json!({ "message": "odd", "code": 400 }))],
            Skipped("400: odd"),
            1,
        ),
        (
            "cut-off",
            vec![Play::Raw(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{\"choices\":[",
            )],
            Skipped("its answer is cut off"),
            1,
        ),
        (
            "cut-off without a length",
            vec![Play::Raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"choices\":[")],
            Skipped("its answer is cut off"),
            1,
        ),
        ("hung up", vec![Play::Raw("")], Skipped("its answer is cut off"), 1),
        ("between", vec![ok("hate")], Label("hate"), 1),
        (
            "a page",
            vec![Play::Raw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<!doctype html><p>Log in")],
            Skipped("its answer is text/html, not JSON"),
            1,
        ),
        (
            "not JSON",
            vec![Play::Raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\nhate")],
            Skipped("its answer is not JSON"),
            1,
        ),
        ("no choices", vec![Play::Json(200, "", json!({ "choices": [] }))], Skipped("not a chat completion"), 1),
        (
            "slow",
            vec![Play::Slow(Duration::from_secs(9), says("hate"))],
            Skipped("no whole answer within 4 seconds"),
            1,
        ),
        ("last", vec![ok("no hate")], Label("no hate"), 1),
    ];
    let memes: Vec<(&str, usize)> = table.iter().map(|(words, ..)| (*words, 1)).collect();
    let folder = data_set("table", &memes);
    let plays: BTreeMap<String, Vec<Play>> =
        table.iter().map(|(words, plays, ..)| (words.to_string(), plays.clone())).collect();
    let server = Server::new(move |request, before| plays[&request.words()][before].clone());
    let start = Instant::now();
    let (output, said) = chat(&folder, &server.endpoint(), &["--timeout", "4"]);

    let (counts, found) = (server.counts(), answers(&folder, &memes));
    let mut skipped = BTreeMap::new();
    for (words, _, expected, requests) in &table {
        assert_eq!(counts[*words], *requests, "{words}");
        let answer = found.get(*words);
        match expected {
            Label(label) => assert_eq!(answer.unwrap()["labels"]["hate"], *label, "{words}"),
            Unparsed => {
                assert!(answer.unwrap()["labels"]["hate"].is_null() && answer.unwrap()["refusal"].is_null(), "{words}")
            }
            Refused => assert!(answer.unwrap()["refusal"].is_string(), "{words}"),
            Skipped(reason) => {
                assert!(answer.is_none() && said.contains(reason), "{words}: {reason} in {said}");
                skipped.insert(words.to_string(), 1);
            }
        }
    }
    assert_eq!(found["right"]["model"], "played-2024");
    assert!(start.elapsed() > Duration::from_secs(5), "one second of Retry-After, and four of the slow answer");
    let (unanswered, memes_asked) = (skipped.len(), memes.len() - skipped.len());
    assert!(said.contains(&format!("{unanswered} of {} memes have no answer", memes.len())), "{said}");
    assert!(said.contains(&format!("hate: {memes_asked} memes, 4 unparsed, 6 refused")), "{said}");
    assert_eq!(output.status.code(), Some(1));

    // The next run asks only about those, and the one after it nothing.
    let server = Server::new(|_, _| ok(r#"{"hate":"hate"}"#));
    let (output, said) = chat(&folder, &server.endpoint(), &[]);
    assert_eq!((output.status.code(), server.counts()), (Some(0), skipped), "{said}");
    assert!(
        said.contains(&format!("{unanswered} memes to send")) && !folder.join("answers.report.txt").exists(),
        "{said}"
    );
    assert_eq!(answers(&folder, &memes).len(), memes.len());
    let (output, _) = chat(&folder, &server.endpoint(), &[]);
    assert_eq!((output.status.code(), server.counts().len()), (Some(0), 0));
}

#[test]
fn what_no_meme_survives_stops_the_run_at_once() {
    let elsewhere = Server::new(|_, _| ok("hate"));
    let location: &'static str = format!("Location: {}\r\n", elsewhere.endpoint()).leak();
    let said_by_server = |kind: &str| json!({ "message": format!("Wrong key {KEY}"), "code": kind });
    for (name, play, expected) in [
        (
            "401",
            error(401, "", said_by_server("invalid_api_key")),
            "does not accept the key (status 401: Wrong key [the key])",
        ),
        ("403", error(403, "", said_by_server("forbidden")), "does not accept the key (status 403"),
        ("402", error(402, "", said_by_server("")), "the account has no credit (status 402"),
        (
            "quota",
            error(429, "Retry-After: 0\r\n", said_by_server("insufficient_quota")),
            "the account has no credit (status 429",
        ),
        ("404", error(404, "", said_by_server("model_not_found")), "no such model or address (status 404"),
        (
            "501",
            Play::Raw("HTTP/1.1 501 No\r\nContent-Type: text/html\r\n\r\n<!DOCTYPE HTML><p>POST?"),
            "no such model or address (status 501: an HTML page)",
        ),
        ("405", Play::Raw("HTTP/1.1 405 No\r\n\r\n"), "no such model or address (status 405: no reason given)"),
        ("redirect", Play::Json(307, location, json!({})), "it redirects (status 307)"),
    ] {
        let memes = [("first", 1), ("second", 0), ("third", 0)];
        let folder = data_set(&format!("stops-{name}"), &memes);
        let server = Server::new(move |request, _| if request.words() == "first" { ok("hate") } else { play.clone() });
        let (output, said) = chat(&folder, &server.endpoint(), &[]);
        assert!(said.contains(expected) && said.contains(&server.endpoint()), "{name}: {said}");
        assert_eq!((output.status.code(), server.counts().len()), (Some(1), 2), "{name}");
        assert_eq!(answers(&folder, &memes).len(), 1, "{name}");

        let server = Server::new(|_, _| ok("no hate"));
        let (output, said) = chat(&folder, &server.endpoint(), &[]);
        assert!(output.status.success() && said.contains("hate: 3 memes, 0 unparsed, 0 refused"), "{name}: {said}");
        assert_eq!(server.counts().into_keys().collect::<Vec<_>>(), ["second", "third"], "{name}");
    }
    assert_eq!(elsewhere.counts().len(), 0);

    let folder = data_set("stops-refused", &[("first", 1)]);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // A port without a server, and a name without an address.
    for endpoint in [format!("http://{closed}"), "https://memeclip.invalid/v1".into()] {
        let (output, said) = chat(&folder, &endpoint, &["--send-images"]);
        assert!(said.contains("there is no connection to it") && said.contains("Check that the server runs"), "{said}");
        assert_eq!(output.status.code(), Some(1), "{endpoint}");
    }
}

/// As training and evaluation have it.
#[test]
fn the_target_is_asked_of_hateful_memes_only() {
    let folder = fresh("chat-target");
    let table = "name,text,split,hate,target\na.bmp,kind,test,0,1\nb.bmp,cruel,test,1,2\n";
    fs::write(folder.join("memes.csv"), table).unwrap();
    for (name, shade) in [("a.bmp", 10), ("b.bmp", 200)] {
        fs::write(folder.join(name), bmp(8, 8, |x, y| [shade, x as u8, y as u8])).unwrap();
    }
    let server = Server::new(|_, _| ok(r#"{"target":"community"}"#));
    let (output, said) = chat(&folder, &server.endpoint(), &["--task", "target"]);
    assert!(output.status.success() && said.contains("target: 1 memes, 0 unparsed"), "{said}");
    assert_eq!(server.counts(), BTreeMap::from([("cruel".to_string(), 1)]));
}

/// Not every server is down for good, but one that fails ten times in a row gets no more requests.
#[test]
fn a_server_that_never_answers_is_left_alone() {
    let words: Vec<String> = (0..12).map(|meme| format!("meme {meme}")).collect();
    let memes: Vec<(&str, usize)> = words.iter().map(|words| (words.as_str(), 0)).collect();
    let folder = data_set("hopeless", &memes);
    let server = Server::new(|_, _| Play::Json(200, "", json!({})));
    let (output, said) = chat(&folder, &server.endpoint(), &[]);
    assert!(said.contains("not a chat completion") && output.status.code() == Some(1), "{said}");
    assert_eq!(server.counts().len(), 10);
}

#[test]
fn the_request_is_what_it_should_be() {
    let folder = data_set("request", &[("x", 0)]);
    let quadrant = |x: usize, y: usize| match (x < 800, y < 600) {
        (true, true) => [200, 30, 40],
        (false, true) => [10, 180, 60],
        (true, false) => [30, 50, 220],
        (false, false) => [250, 250, 240],
    };
    fs::write(folder.join("large.bmp"), bmp(1600, 1200, quadrant)).unwrap();
    fs::write(folder.join("small.bmp"), bmp(60, 30, |x, y| [4 * x as u8, 8 * y as u8, 100])).unwrap();
    let rows = "large.bmp,well well,test,0,opposes\nsmall.bmp,,test,1,oppose\nsmall.bmp,,test,1,oppose\nsmall.bmp,other,train,1,\n";
    fs::write(folder.join("memes.csv"), format!("name,text,split,hate,stance\n{rows}")).unwrap();
    let server = Server::new(|_, _| ok(r#"{"hate":"hate","stance":"oppose"}"#));
    let (output, said) = chat(&folder, &format!("{}/", server.endpoint()), &["--detail", "low", "--seed", "7"]);
    assert!(output.status.success(), "{said}");
    // One of two equal rows is asked about, and none of another split. Both count.
    let requests = server.requests.lock().unwrap();
    assert_eq!(requests.len(), 2, "{said}");
    assert!(
        said.contains("2 memes to send to played") && said.contains("170 tokens of images at detail low"),
        "{said}"
    );
    assert!(said.contains("hate: 3 memes") && said.contains("stance: 2 memes"), "{said}");

    let [large, small] = &requests[..] else { unreachable!() };
    assert_eq!(large.line, "POST /v1/chat/completions HTTP/1.1");
    assert_eq!(large.headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(large.headers["content-type"], "application/json");
    let body = &large.body;
    assert_eq!((&body["model"], &body["temperature"], &body["seed"]), (&json!("played"), &json!(0), &json!(7)));
    assert_eq!(body["max_tokens"], 256);
    let schema = json!({
        "type": "object",
        "properties": {
            "hate": { "type": "string", "enum": ["no hate", "hate"] },
            "stance": { "type": "string", "enum": ["neutral", "support", "oppose"] },
        },
        "required": ["hate", "stance"],
        "additionalProperties": false,
    });
    let format = &body["response_format"];
    assert_eq!((&format["type"], &format["json_schema"]["strict"]), (&json!("json_schema"), &json!(true)));
    assert_eq!(format["json_schema"]["schema"], schema);
    let [system, user] = &body["messages"].as_array().unwrap()[..] else { panic!("two messages") };
    let definition = system["content"].as_str().unwrap();
    assert_eq!((&system["role"], &user["role"]), (&json!("system"), &json!("user")));
    for part in ["\"hate\"", "- \"no hate\": Benign Meme", "- \"hate\": Harmful Meme", "- \"oppose\": Oppose"] {
        assert!(definition.contains(part), "{part} in {definition}");
    }
    assert!(!definition.contains("humor"), "no meme has a label of it");
    assert_eq!((large.words(), small.words()), ("well well".into(), "The meme. Its text is not given.".into()));
    assert_eq!(user["content"][1]["image_url"]["detail"], "low");

    let sent = decode("large", &large.image()).unwrap().rgb;
    assert_eq!((sent.width, sent.height), (1024, 768));
    for (x, y) in [(200, 200), (800, 200), (200, 600), (800, 600)] {
        let pixel = &sent.data[3 * (y * sent.width + x)..][..3];
        let expected = quadrant(x * 1600 / 1024, y * 1200 / 768);
        assert!(pixel.iter().zip(expected).all(|(sent, drawn)| sent.abs_diff(drawn) <= 3), "{pixel:?} {expected:?}");
    }
    let sent = decode("small", &small.image()).unwrap().rgb;
    assert_eq!((sent.width, sent.height), (60, 30));
    let difference = sent.data.as_chunks::<3>().0.iter().enumerate().map(|(at, pixel)| {
        let drawn = [4 * (at % 60) as u8, 8 * (at / 60) as u8, 100];
        pixel.iter().zip(drawn).map(|(sent, drawn)| sent.abs_diff(drawn) as usize).sum::<usize>()
    });
    assert!(difference.sum::<usize>() < 3 * 3 * 60 * 30, "a mean difference of less than 3");
}

/// A parameter that a model does not take costs one rejected request, not one for each meme.
#[test]
fn parameters_that_a_model_does_not_take_are_left_out() {
    let memes = [("first", 1), ("second", 0), ("third", 0)];
    let folder = data_set("parameters", &memes);
    let server = Server::new(|request, _| {
        let reject = |name: &str, message: String| error(400, "", json!({ "message": message, "param": name }));
        if !request.body["max_tokens"].is_null() {
            let better = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.";
            return error(400, "", json!({ "message": better, "code": "unsupported_parameter" }));
        }
        match ["temperature", "response_format"].into_iter().find(|name| !request.body[name].is_null()) {
            Some(name) => reject(name, "Unsupported value".into()),
            None => ok("hate"),
        }
    });
    let (output, said) = chat(&folder, &server.endpoint(), &["--max-tokens", "50"]);
    assert!(output.status.success() && said.contains("asked without temperature, which it does not take"), "{said}");
    let last = server.requests.lock().unwrap().last().unwrap().body.clone();
    assert_eq!(
        (&last["max_completion_tokens"], &last["max_tokens"], &last["seed"]),
        (&json!(50), &Value::Null, &json!(0))
    );
    assert_eq!(server.counts(), [("first".into(), 4), ("second".into(), 1), ("third".into(), 1)].into());
}

/// Where the server gives its tokens probabilities, the labels have some, and there is an AUROC: here 3/4, since one of the
/// four pairs of a hateful and another meme is in the wrong order.
#[test]
fn probabilities_of_tokens_give_an_auroc() {
    let memes = [("0.9", 1), ("0.3", 1), ("0.6", 0), ("0.1", 0)];
    let folder = data_set("probabilities", &memes);
    let server = Server::new(|request, _| {
        assert_eq!((&request.body["logprobs"], &request.body["top_logprobs"]), (&json!(true), &json!(20)));
        let hate: f64 = request.words().parse().unwrap();
        let label = if hate > 0.5 { "hate" } else { "no hate" };
        let mut body = says(&format!("{{\"hate\":\"{label}\"}}"));
        let alternative = |token: &str, p: f64| json!({ "token": token, "logprob": (0.5 * p).ln() });
        let first = json!({
            "token": label.split(' ').next(),
            "logprob": 0,
            "top_logprobs": [alternative("hate", hate), alternative("no", 1.0 - hate), alternative("maybe", 0.5)],
        });
        let token = |token: &str| json!({ "token": token, "logprob": 0, "top_logprobs": [] });
        let rest = if hate > 0.5 { "\"}" } else { " hate\"}" };
        body["choices"][0]["logprobs"] = json!({ "content": [token("{\"hate\":\""), first, token(rest)] });
        Play::Json(200, "", body)
    });
    for _ in 0..2 {
        let (output, said) = chat(&folder, &server.endpoint(), &[]);
        let auroc = said.lines().find(|line| line.contains("AUROC of the answered"));
        assert!(output.status.success() && auroc.is_some_and(|line| line.contains(" 0.750 ")), "{said}");
        assert!(said.contains("accuracy                   0.500"), "{said}");
    }
    assert_eq!(server.counts().len(), 4);
    let probabilities = answers(&folder, &memes)["0.3"]["probabilities"]["hate"].clone();
    assert!((probabilities[1].as_f64().unwrap() - 0.3).abs() < 1e-6, "{probabilities}");
}

#[test]
fn killed_runs_resume_and_pay_for_no_answer_twice() {
    let words: Vec<String> = (0..40).map(|meme| format!("meme {meme:02}")).collect();
    let memes: Vec<(&str, usize)> = words.iter().map(|words| (words.as_str(), 0)).collect();
    let folder = data_set("killed", &memes);
    let server = Server::new(|_, _| Play::Slow(Duration::from_millis(20), says("no hate")));
    let mut lost = 0;
    for until in [3, 10, 11, 25] {
        let mut child = chat_command(&folder, &server.endpoint(), &[]).stderr(Stdio::null()).spawn().unwrap();
        while server.requests.lock().unwrap().len() < until {
            assert!(child.try_wait().unwrap().is_none(), "the run ended before it was killed");
            sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        lost += 1;
    }
    // A line that was half written is an answer that nobody has.
    let file = folder.join("answers.jsonl");
    let length = fs::metadata(&file).unwrap().len();
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(length - 5).unwrap();
    lost += 1;

    let (output, said) = chat(&folder, &server.endpoint(), &[]);
    assert!(output.status.success() && said.contains("hate: 40 memes, 0 unparsed, 0 refused"), "{said}");
    assert_eq!(answers(&folder, &memes).len(), 40);
    let counts = server.counts();
    let requests: usize = counts.values().sum();
    assert!(counts.len() == 40 && requests <= 40 + lost, "{requests} requests, {lost} were lost");
}

#[test]
fn a_file_of_other_answers_stays_as_it_is() {
    let folder = data_set("other", &[("first", 1)]);
    let server = Server::new(|_, _| ok("hate"));
    let endpoint = server.endpoint();
    assert!(chat(&folder, &endpoint, &[]).0.status.success());
    let file = folder.join("answers.jsonl");
    let written = fs::read(&file).unwrap();
    let tasks = folder.join("tasks.json");
    fs::write(&tasks, r#"[{"name":"hate","labels":["no hate","hate"],"prompts":["kind","unkind"]}]"#).unwrap();
    let tasks = tasks.to_str().unwrap();
    for (more, expected) in [
        (&["--model", "another"][..], r#"its answers are for model "played", not "another""#),
        (&["--detail", "low"], r#"its answers are for detail "high", not "low""#),
        (&["--seed", "1"], "its answers are for seed 0, not 1"),
        (&["--task", "hate,humour"], r#"its answers are for tasks ["hate"], not ["hate","humor"]"#),
        (&["--tasks", tasks], "its answers are to another prompt"),
    ] {
        let (output, said) = chat(&folder, &endpoint, more);
        assert!(said.contains(expected) && said.contains("answers.jsonl: "), "{more:?}: {said}");
        assert!(output.status.code() == Some(1) && fs::read(&file).unwrap() == written, "{more:?}");
    }
    // Another address of the same model is no other model.
    let other = Server::new(|_, _| ok("hate"));
    assert!(chat(&folder, &other.endpoint(), &[]).0.status.success());
    assert_eq!((server.counts().len(), other.counts().len()), (1, 0));

    // Of two runs at once, both would ask about the same memes.
    let other = fs::File::open(&file).unwrap();
    other.lock().unwrap();
    let (output, said) = chat(&folder, &endpoint, &[]);
    assert!(said.contains("another process writes it") && output.status.code() == Some(1), "{said}");
    drop(other);

    // What is not ours stays, too, also without a line's end.
    for content in ["a letter", "a letter\nof two lines", "{\"model\":\"played\"}", "{}\n", "\n"] {
        fs::write(&file, content).unwrap();
        let (output, said) = chat(&folder, &endpoint, &[]);
        assert!(said.contains("it does not begin as a file of answers") && output.status.code() == Some(1), "{said}");
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
    }
    let head = written.split_inclusive(|byte| *byte == b'\n').next().unwrap();
    fs::write(&file, [head, b"{\"name\":\"a letter\"}\n"].concat()).unwrap();
    let (_, said) = chat(&folder, &endpoint, &[]);
    assert!(said.contains("line 2: not an answer"), "{said}");
    // A killed run leaves the beginning of the first line.
    fs::write(&file, &head[..head.len() / 2]).unwrap();
    let (output, said) = chat(&folder, &endpoint, &[]);
    assert!(output.status.success() && fs::read(&file).unwrap() == written, "{said}");
}

#[test]
fn images_stay_on_this_machine_unless_allowed() {
    let folder = data_set("privacy", &[("first", 1)]);
    let server = Server::new(|_, _| ok("hate"));
    // This address leads here, but it is none of this machine alone.
    let open = format!("http://0.0.0.0:{}/v1", server.port);
    for endpoint in [&*open, "https://api.openai.com/v1", "http://127.0.0.1.example.org/v1"] {
        let (output, said) = chat(&folder, endpoint, &[]);
        assert!(said.contains("on another machine") && said.contains("Give --send-images to allow it"), "{said}");
        assert_eq!(output.status.code(), Some(2), "{endpoint}");
        assert!(!folder.join("answers.jsonl").exists() && server.counts().is_empty());
    }
    // A proxy would be another machine as well.
    let proxy = Server::new(|_, _| ok("hate"));
    let mut command = chat_command(&folder, &server.endpoint(), &[]);
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
        command.env(name, format!("http://127.0.0.1:{}", proxy.port));
    }
    assert!(command.output().unwrap().status.success());
    assert_eq!((server.counts().len(), proxy.counts().len()), (1, 0));

    fs::remove_file(folder.join("answers.jsonl")).unwrap();
    let (output, said) = chat(&folder, &open, &["--send-images"]);
    assert!(said.contains("others on the way could read the key") && !said.contains(KEY), "{said}");
    assert_eq!((output.status.code(), server.counts().len()), (Some(2), 0));
    let mut command = chat_command(&folder, &open, &["--send-images"]);
    let output = command.env("NO_PROXY", "*").env_remove("OPENAI_API_KEY").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("which others on the way can read"), "{said}");
    assert_eq!(server.counts().len(), 1);
}

#[test]
fn what_cannot_be_used_is_named() {
    let memes = [("first", 1), ("second", 0), ("third", 0)];
    let folder = data_set("named", &memes);
    fs::write(folder.join("00.bmp"), "no image").unwrap();
    fs::remove_file(folder.join("01.bmp")).unwrap();
    let server = Server::new(|_, _| ok("no hate"));
    let (output, said) = chat(&folder, &server.endpoint(), &[]);
    assert!(said.contains("memes.csv:2: ") && said.contains("00.bmp: not an image"), "{said}");
    assert!(said.contains("memes.csv:3: ") && said.contains("01.bmp: "), "{said}");
    assert!(said.contains("2 of 3 memes have no answer") && output.status.code() == Some(1), "{said}");
    assert!(fs::read_to_string(folder.join("answers.report.txt")).unwrap().lines().count() == 2);
    assert_eq!(server.counts(), [("third".into(), 1)].into());

    for (more, expected) in [
        (&["--split", "val"][..], "no meme of the split val has a label"),
        (&["--task", "stance"], "no meme of the split test has a label"),
        (&["--task", "mood"], "unknown task 'mood'"),
        (&["--limit", "0"], "no meme of the split test has a label"),
        (&["--detail", "higher"], "expected low, high or auto"),
    ] {
        let (output, said) = chat(&folder, &server.endpoint(), more);
        assert!(said.contains(expected) && output.status.code() == Some(2), "{more:?}: {said}");
    }
    let (output, said) = chat(&folder, "http://me:hunter2@127.0.0.1/v1", &[]);
    assert!(
        said.contains("holds a user name") && !said.contains("hunter2") && output.status.code() == Some(2),
        "{said}"
    );
    let output =
        chat_command(&folder, &server.endpoint(), &[]).env("OPENAI_API_KEY", "hunter2\nhunter3").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("has characters that no key has") && !said.contains("hunter"), "{said}");
    assert!(server.counts().is_empty());
}
