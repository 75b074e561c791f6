//! The images that `classify` and `read` are given: files, folders, patterns and standard input.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use glob::MatchOptions;
use walkdir::{DirEntry, WalkDir};

use memeclip::preprocess::{self, Image};
use memeclip::{Error, Result};
use xtask::{say, warn};

use crate::exit_status::Failure;

/// The name of standard input.
const STDIN: &str = "-";

/// Endings of images' names. A file in a folder that has one is an image, even if its content is not.
const ENDINGS: [&str; 12] = ["avif", "bmp", "gif", "heic", "jfif", "jpe", "jpeg", "jpg", "jxl", "png", "svg", "webp"];

/// The formats that are decoded.
const DECODED: [&str; 5] = ["image/bmp", "image/gif", "image/jpeg", "image/png", "image/webp"];

/// Images on the command line, in the order given.
#[derive(Clone)]
pub struct Images(Vec<PathBuf>);

/// Some images have no answer; each was named.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {all} images failed")]
struct SomeFailed {
    failed: usize,
    all: usize,
}

impl Args for Images {
    fn augment_args(command: Command) -> Command {
        let path = value_parser!(PathBuf);
        command
            .arg(
                Arg::new("images")
                    .value_name("IMAGE")
                    .value_parser(path.clone())
                    .action(ArgAction::Append)
                    .num_args(1..)
                    .required_unless_present("image")
                    .help("Image files, folders or patterns; - for standard input")
                    .long_help(
                        "Image files, folders or patterns such as 'memes/*.png'; - for standard input.\n\
                         Of a folder, all images in it and in the folders below, in the order of their names, but no \
                         hidden ones. Images are found by content.",
                    ),
            )
            .arg(
                Arg::new("image")
                    .long("image")
                    .value_name("IMAGE")
                    .value_parser(path)
                    .action(ArgAction::Append)
                    .help("The same, with the option's name"),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Images {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = ["images", "image"].into_iter().flat_map(|argument| {
            let places = matches.indices_of(argument).into_iter().flatten();
            places.zip(matches.get_many::<PathBuf>(argument).into_iter().flatten().cloned())
        });
        let mut given: Vec<(usize, PathBuf)> = given.collect();
        given.sort();
        Ok(Images(given.into_iter().map(|(_, path)| path).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Images {
    /// Whether there can be more than one image, so that answers need names.
    pub fn several(&self) -> bool {
        match &self.0[..] {
            [path] => path.is_dir() || is_pattern(path),
            _ => true,
        }
    }

    /// Prints the answer on each image. One without an answer does not stop the others: its error is printed instead, and the
    /// failures are counted at the end.
    pub fn answer(&self, mut answer: impl FnMut(&Path, &Image) -> Result<String>) -> Result<(), Failure> {
        if self.0.iter().filter(|path| is_stdin(path)).count() > 1 {
            return Err(Error::Argument { reason: "standard input (-) is given twice".into() }.into());
        }
        let (mut failed, mut all) = (0, 0);
        for path in self.0.iter().flat_map(|path| expand(path)) {
            all += 1;
            match path.and_then(|path| answer(&path, &decode(&path)?)) {
                Ok(answer) if answer.is_empty() => {}
                Ok(answer) => say!("{answer}")?,
                Err(error) if !self.several() => return Err(error.into()),
                Err(error) => {
                    failed += 1;
                    warn!("memeclip: {error}");
                }
            }
        }
        if failed == 0 { Ok(()) } else { Err(SomeFailed { failed, all }.into()) }
    }
}

/// The name for people: without characters that would control their terminal.
pub fn name(path: &Path) -> String {
    if is_stdin(path) {
        return "standard input".into();
    }
    escape(&path.display().to_string())
}

/// A text from elsewhere, without characters that would control the user's terminal.
pub fn escape(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(escaped).collect()
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// Whether the path is a pattern: shells on Windows leave these to the program. A file of this name comes first.
fn is_pattern(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains(['*', '?', '['])) && !path.exists()
}

/// The images of a path from the command line.
fn expand(path: &Path) -> Box<dyn Iterator<Item = Result<PathBuf>>> {
    if is_pattern(path) {
        // Hidden files need a pattern that begins with their dot, as in a shell.
        let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::default() };
        let found = path.to_str().and_then(|pattern| glob::glob_with(pattern, options).ok());
        let mut found = found.into_iter().flatten().peekable();
        if found.peek().is_some() {
            return Box::new(found.flat_map(|found| match found {
                Ok(path) if path.is_dir() => folder(&path),
                Ok(path) => Box::new([Ok(path)].into_iter()),
                Err(e) => Box::new([Err(Error::io(e.path(), io::Error::from(e.error().kind())))].into_iter()),
            }));
        }
    }
    if path.is_dir() { folder(path) } else { Box::new([Ok(path.to_path_buf())].into_iter()) }
}

/// The images in a folder and the folders below.
fn folder(root: &Path) -> Box<dyn Iterator<Item = Result<PathBuf>>> {
    let shown = |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    let entries = WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(shown);
    let fallback = root.to_path_buf();
    let mut images = entries
        .filter_map(move |entry| match entry {
            Ok(entry) => is_image(entry.path()).then(|| Ok(entry.into_path())),
            Err(e) => {
                let path = e.path().unwrap_or(&fallback).to_path_buf();
                Some(Err(Error::io(&path, e.into())))
            }
        })
        .peekable();
    if images.peek().is_none() {
        let reason = "no visible images in this folder".into();
        return Box::new([Err(Error::NotAnImage { name: name(root), reason, source: None })].into_iter());
    }
    Box::new(images)
}

/// Whether a file is an image, by its content or its name. Links to files count, devices and pipes do not.
fn is_image(path: &Path) -> bool {
    let named = path.extension().and_then(|ending| ending.to_str());
    let named = named.is_some_and(|ending| ENDINGS.iter().any(|image| ending.eq_ignore_ascii_case(image)));
    let content = || {
        let mut head = Vec::new();
        let read = File::open(path).and_then(|file| file.take(512).read_to_end(&mut head));
        read.is_ok() && infer::is_image(&head)
    };
    path.is_file() && (named || content())
}

fn decode(path: &Path) -> Result<Image> {
    let name = name(path);
    let io = |e: io::Error| Error::io(Path::new(&name), e);
    let bytes = if is_stdin(path) {
        if io::stdin().is_terminal() {
            return Err(Error::Argument { reason: "standard input is a terminal. Pipe an image into it.".into() });
        }
        preprocess::read_from(io::stdin().lock()).map_err(io)?
    } else {
        let file = File::open(path).map_err(io)?;
        preprocess::check_bytes(&name, file.metadata().map_err(io)?.len())?;
        preprocess::read_from(file).map_err(io)?
    };
    preprocess::decode(&name, &bytes).map_err(|error| match (error, infer::get(&bytes)) {
        // Tell an AVIF, say, from noise. The library knows what stands in a file's place.
        (Error::NotAnImage { name, source, reason }, Some(kind))
            if reason == "unknown format" && !DECODED.contains(&kind.mime_type()) =>
        {
            Error::NotAnImage { name, reason: format!("{} is not supported", kind.mime_type()), source }
        }
        (error, _) => error,
    })
}
