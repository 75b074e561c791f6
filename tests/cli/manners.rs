//! How the program behaves among other programs: pipes, names, exit statuses, and what it leaves behind.

#[path = "../common/mod.rs"]
mod common;
mod program;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::{fresh, repository, scratch, tiny_model, tiny_pack};
use program::{command, memeclip};
use serde_json::Value;

const PHOTO: &str = "tests/goldens/images/photo.jpg";
const MEME: &str = "tests/goldens/ocr/banner-00.jpg";

fn image(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::copy(repository(PHOTO), path).unwrap();
}

/// The program in another folder than the repository's.
fn program_in(folder: &Path, arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut program = command(&[]);
    program.args(arguments).current_dir(folder).stdin(Stdio::null());
    program
}

fn run_in(folder: &Path, arguments: &[impl AsRef<OsStr>]) -> Output {
    program_in(folder, arguments).output().unwrap()
}

/// `classify --json` with the tiny pack, a text and these arguments.
fn classify<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    classify_text("words", arguments)
}

fn classify_text<'a>(text: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
    let pack: &'static str = tiny_pack().display().to_string().leak();
    [&["classify", "--json", "--device", "cpu", "--weights", pack, "--text", text], arguments].concat()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A field of each line of JSON.
fn fields(output: &Output, field: &str) -> Vec<String> {
    let lines = std::str::from_utf8(&output.stdout).unwrap().lines();
    lines.map(|line| serde_json::from_str::<Value>(line).unwrap()[field].as_str().unwrap().replace('\\', "/")).collect()
}

/// Commands that print, each another part of the program.
fn printing() -> Vec<Vec<String>> {
    let owned = |arguments: &[&str]| arguments.iter().map(|argument| argument.to_string()).collect();
    vec![
        owned(&["--help"]),
        owned(&["classify", "--help"]),
        owned(&["--version"]),
        owned(&["inspect", "weights/default"]),
        owned(&["completions", "bash"]),
        owned(&classify(&[PHOTO, PHOTO])),
        owned(&["classify", "--device", "cpu", "--why", "--text", "hi", PHOTO]),
        owned(&["read", MEME]),
        owned(&["read", "--json", MEME, MEME]),
    ]
}

#[test]
fn a_reader_that_leaves_ends_the_program_quietly() {
    for arguments in printing() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let output = program_in(&repository(""), &arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_line() {
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    for arguments in printing() {
        let output = program_in(&repository(""), &arguments).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        let expected = "memeclip: standard output: No space left on device (os error 28)\n";
        assert_eq!((output.status.code(), &*stderr(&output)), (Some(1), expected), "{arguments:?}");
    }
    // What is wrong cannot be said, but the status says that something is.
    for (arguments, status) in [(classify(&["nowhere.png"]), 1), (vec!["classify"], 2), (vec!["inspect", "nowhere"], 1)]
    {
        let output = program_in(&repository(""), &arguments).stderr(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
    }
    let output = program_in(&repository(""), &classify(&["nowhere.png", PHOTO])).stderr(full()).output().unwrap();
    assert_eq!((output.status.code(), fields(&output, "image")), (Some(1), vec![PHOTO.to_string()]));
}

#[test]
fn values_may_begin_with_a_dash() {
    let folder = fresh("dashes");
    image(&folder.join("-1.jpg"));
    image(&folder.join("--json.jpg"));
    for text in ["-1 social credit", "--", "-", "--json", "-q", "=", ""] {
        let output = run_in(&folder, &classify_text(text, &["--image", "-1.jpg"]));
        assert_eq!(fields(&output, "text"), [text], "{}", stderr(&output));
    }
    for arguments in [&["--image", "-1.jpg"][..], &["--image=-1.jpg"], &["--", "-1.jpg"], &["./-1.jpg"]] {
        let output = run_in(&folder, &classify(arguments));
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    let output = run_in(&folder, &classify(&["--", "-1.jpg", "--json.jpg"]));
    assert_eq!(fields(&output, "image"), ["-1.jpg", "--json.jpg"]);
    // An option that does not exist is not taken for an image.
    let output = run_in(&folder, &classify(&["-1.jpg", "--jsno"]));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn images_keep_their_order_with_and_without_the_option() {
    let folder = fresh("order");
    let names = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"];
    names.iter().for_each(|name| image(&folder.join(name)));
    for arguments in [
        &["a.jpg", "b.jpg", "c.jpg", "d.jpg"][..],
        &["--image", "a.jpg", "b.jpg", "c.jpg", "d.jpg"],
        &["--image", "a.jpg", "b.jpg", "--image", "c.jpg", "d.jpg"],
        &["a.jpg", "--image", "b.jpg", "--image=c.jpg", "d.jpg"],
    ] {
        assert_eq!(fields(&run_in(&folder, &classify(arguments)), "image"), names, "{arguments:?}");
    }
}

/// File systems of other platforms allow no such names.
#[cfg(target_os = "linux")]
#[test]
fn names_need_not_be_unicode_and_cannot_control_the_terminal() {
    use std::os::unix::ffi::OsStrExt;
    let folder = fresh("names");
    let names = [OsStr::from_bytes(b"caf\xe9.jpg"), OsStr::new("\u{1b}[2J\nx.jpg"), OsStr::new("日本 語.jpg")];
    names.iter().for_each(|name| image(&folder.join(name)));
    let arguments = classify(&[]);
    let output = run_in(&folder, &arguments.iter().map(OsStr::new).chain(names).collect::<Vec<_>>());
    assert_eq!(fields(&output, "image"), ["caf\u{fffd}.jpg", "\u{1b}[2J\nx.jpg", "日本 語.jpg"]);
    fs::write(folder.join(names[1]), "no image").unwrap();
    let output = run_in(&folder, &["read", "."]);
    assert_eq!(output.status.code(), Some(1));
    let printed = [output.stdout, output.stderr].concat();
    assert!(!printed.contains(&0x1b) && String::from_utf8_lossy(&printed).contains(r"\u{1b}[2J\nx.jpg"));
}

#[test]
fn an_image_may_come_from_standard_input() {
    let folder = fresh("stdin");
    let with_input = |bytes: &[u8], arguments: &[&str]| {
        let pipes =
            program_in(&folder, arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut program = pipes.unwrap();
        let _ = program.stdin.take().unwrap().write_all(bytes);
        program.wait_with_output().unwrap()
    };
    let photo = fs::read(repository(PHOTO)).unwrap();
    image(&folder.join("photo.jpg"));
    let output = with_input(&photo, &classify(&["-", "photo.jpg"]));
    assert_eq!(fields(&output, "image"), ["-", "photo.jpg"], "{}", stderr(&output));
    let verdicts: Vec<Value> =
        output.stdout.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    assert_eq!(verdicts[0]["tasks"], verdicts[1]["tasks"]);
    for bytes in [&b""[..], b"words", &photo[..300]] {
        let output = with_input(bytes, &classify(&["-"]));
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).starts_with("memeclip: standard input: "), "{}", stderr(&output));
    }
    let output = with_input(&photo, &classify(&["-", "-"]));
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn a_folder_stands_for_its_images() {
    let folder = fresh("folder");
    for name in ["a/z.jpg", "a/deep/b.JPG", "a/without-ending", "a/.hidden.jpg", "a/.git/c.jpg", "a/jpg.txt"] {
        image(&folder.join(name));
    }
    for name in ["a/notes.txt", "a/script.js", "a/empty", "a/page.html", ".outside.jpg"] {
        fs::write(folder.join(name), if name == "a/empty" { "" } else { "<p>words</p>" }).unwrap();
    }
    let found = ["a/deep/b.JPG", "a/jpg.txt", "a/without-ending", "a/z.jpg"];
    let output = run_in(&folder, &classify(&["a"]));
    assert_eq!((fields(&output, "image"), output.status.code()), (found.map(String::from).into(), Some(0)));
    // What is named by the user is taken; what only claims to be an image is reported.
    fs::write(folder.join("a/page.png"), "<p>words</p>").unwrap();
    let output = run_in(&folder, &classify(&["a", "a/.hidden.jpg"]));
    assert_eq!(fields(&output, "image"), [&found[..], &["a/.hidden.jpg"]].concat());
    let said = stderr(&output).replace('\\', "/");
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("a/page.png: ") && said.ends_with("memeclip: 1 of 6 images failed\n"), "{said}");

    fs::create_dir(folder.join("none")).unwrap();
    let output = run_in(&folder, &classify(&["none", "a/z.jpg"]));
    assert_eq!((fields(&output, "image"), output.status.code()), (vec!["a/z.jpg".into()], Some(1)));
    assert!(stderr(&output).contains("none: "), "{}", stderr(&output));
}

/// Neither a loop nor a pipe in a folder keeps the program from its end.
#[cfg(unix)]
#[test]
fn links_are_followed_to_files_only() {
    let folder = fresh("links");
    image(&folder.join("elsewhere/photo.jpg"));
    image(&folder.join("a/photo.jpg"));
    std::os::unix::fs::symlink("..", folder.join("a/loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("a/broken.jpg")).unwrap();
    std::os::unix::fs::symlink("../elsewhere/photo.jpg", folder.join("a/link")).unwrap();
    assert!(Command::new("mkfifo").arg(folder.join("a/pipe.jpg")).status().unwrap().success());
    let output = run_in(&folder, &classify(&["a"]));
    assert_eq!(fields(&output, "image"), ["a/link", "a/photo.jpg"]);
}

#[test]
fn patterns_are_for_shells_without_them() {
    let folder = fresh("patterns");
    for name in ["m/1.jpg", "m/2.jpg", "m/10.png", "m/.3.jpg", "m/[1].jpg", "m/n/4.jpg"] {
        image(&folder.join(name));
    }
    let images = |pattern: &str| fields(&run_in(&folder, &classify(&[pattern])), "image");
    assert_eq!(images("m/*.jpg"), ["m/1.jpg", "m/2.jpg", "m/[1].jpg"]);
    assert_eq!(images("m/?.jpg"), ["m/1.jpg", "m/2.jpg"]);
    assert_eq!(images("m/**/*.jpg"), ["m/1.jpg", "m/2.jpg", "m/[1].jpg", "m/n/4.jpg"]);
    assert_eq!(images("?/n*"), ["m/n/4.jpg"]);
    // A file of this name comes first.
    assert_eq!(images("m/[1].jpg"), ["m/[1].jpg"]);
    let output = run_in(&folder, &classify(&["m/*.gif"]));
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("m/*.gif"), "{}", stderr(&output));
}

#[test]
fn one_bad_image_does_not_stop_the_others() {
    let folder = fresh("several");
    fs::copy(repository(MEME), folder.join("meme.jpg")).unwrap();
    image(&folder.join("photo.jpg"));
    fs::write(folder.join("broken.png"), "no image").unwrap();
    let words = String::from_utf8(run_in(&folder, &["read", "meme.jpg"]).stdout).unwrap();
    assert!(!words.is_empty() && !words.contains("meme.jpg"), "one image needs no name: {words}");
    let output = run_in(&folder, &["read", "broken.png", "meme.jpg", "nowhere.png", "photo.jpg"]);
    let indented = words.lines().map(|line| format!("  {line}\n")).collect::<String>();
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("meme.jpg\n{indented}photo.jpg\n"));
    let said = stderr(&output);
    let lines: Vec<&str> = said.lines().filter(|line| !line.contains("Lines that may be text")).collect();
    assert_eq!((output.status.code(), lines.len()), (Some(1), 3), "{said}");
    assert!(
        lines[0].starts_with("memeclip: broken.png: ") && lines[1].starts_with("memeclip: nowhere.png: "),
        "{said}"
    );
    assert_eq!(lines[2], "memeclip: 2 of 4 images failed");
    let output = run_in(&folder, &["read", "--json", "broken.png", "meme.jpg"]);
    assert_eq!((fields(&output, "image"), output.status.code()), (vec!["meme.jpg".into()], Some(1)));
}

/// Files begin like these by their formats' specifications.
#[test]
fn other_formats_are_named() {
    let folder = fresh("formats");
    let formats = [
        ("a.avif", &b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B"[..], "image/avif is not supported"),
        (
            "page.png",
            b"<!doctype html><title>404</title>",
            "it is an HTML page, not the file itself: download it again from the address of the file",
        ),
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heif is not supported"),
        ("a.jxl", b"\xff\x0a\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00", "image/jxl is not supported"),
        ("a.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf is not supported"),
    ];
    for (name, bytes, reason) in formats {
        fs::write(folder.join(name), bytes).unwrap();
        let output = run_in(&folder, &classify(&[name]));
        let expected = format!(
            "memeclip: {name}: not an image that can be decoded ({reason}). Give a PNG, JPEG, WebP, GIF or BMP file.\n"
        );
        assert_eq!((output.status.code(), stderr(&output)), (Some(1), expected));
    }
    // A document in a folder is no image.
    assert!(stderr(&run_in(&folder, &classify(&["."]))).ends_with("memeclip: 4 of 4 images failed\n"));
}

#[test]
fn tasks_have_other_names_and_come_in_lists() {
    let folder = fresh("tasks");
    image(&folder.join("photo.jpg"));
    let tasks = |arguments: &[&str]| {
        let output = run_in(&folder, &classify(&[&["photo.jpg"], arguments].concat()));
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
        verdict["tasks"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(tasks(&["--task", "hate,stance"]), ["hate", "stance"]);
    assert_eq!(tasks(&["--task=stance, hate"]), ["hate", "stance"]);
    assert_eq!(tasks(&["--task", "humour"]), ["humor"]);
    assert_eq!(tasks(&["--task", "humour,humor", "--task", "humor"]), ["humor"]);
    for unknown in ["typo", "hate,", "Hate"] {
        let output = run_in(&folder, &classify(&["photo.jpg", "photo.jpg", "--task", unknown]));
        assert_eq!((output.status.code(), stderr(&output).lines().count()), (Some(2), 1), "{unknown}");
        assert!(stderr(&output).contains("hate, target, stance, humor"), "{}", stderr(&output));
    }

    let head = format!("humour={}", tiny_model().join("head-humor.safetensors").display());
    let clip = tiny_model().display().to_string();
    let output = run_in(&folder, &["convert", "--clip", &clip, "--head", &head, "--out", "pack"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let inspected = run_in(&folder, &["inspect", "pack"]).stdout;
    assert!(String::from_utf8(inspected).unwrap().contains("humor       trained head"));
    let twice =
        ["convert", "--clip", &clip, "--head", &head, "--head", &head.replace("humour", "humor"), "--out", "twice"];
    assert_eq!(run_in(&folder, &twice).status.code(), Some(2));
}

/// libwayland, for one, says that there is no desktop.
#[test]
fn drivers_say_nothing() {
    let folder = fresh("drivers");
    image(&folder.join("photo.jpg"));
    for device in ["auto", "gpu", "cpu"] {
        let mut program = program_in(&folder, &["classify", "photo.jpg", "--text", "hi", "--device", device]);
        for variable in ["DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR"] {
            program.env_remove(variable);
        }
        let output = program.output().unwrap();
        // A machine without any GPU says so, in one line.
        let expected = if output.status.success() || device != "gpu" { 0 } else { 1 };
        assert_eq!(stderr(&output).lines().count(), expected, "{device}: {}", stderr(&output));
    }
}

#[test]
fn a_log_has_lines_only_and_quiet_has_none() {
    let folder = fresh("log");
    image(&folder.join("images/photo.jpg"));
    fs::write(folder.join("memes.csv"), "name,text,split,hate\nphoto.jpg,hi,train,1\nphoto.jpg,ho,train,0\n").unwrap();
    let pack = tiny_pack().display().to_string();
    let extract = ["extract", "--data", "memes.csv", "--images", "images", "--weights", &pack, "--device", "cpu"];
    let (log, quiet) = (["--out", "log"], ["--out", "quiet", "--quiet"]);
    let output = program_in(&folder, &[&extract[..], &log].concat()).env("CLICOLOR_FORCE", "1").output().unwrap();
    let said = stderr(&output);
    assert!(said.contains("features of 2 memes") && !said.contains(['\r', '\u{1b}', '\u{8}']), "{said:?}");
    let output = run_in(&folder, &[&extract[..], &quiet].concat());
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    // Errors are no noise.
    let output = run_in(&folder, &["-q", "inspect", "nowhere"]);
    assert_eq!((output.status.code(), stderr(&output).lines().count()), (Some(1), 1));
}

/// Bash, with the script that it prints, knows the commands and their options.
#[cfg(target_os = "linux")]
#[test]
fn bash_completes_commands_and_options() {
    let completed = |words: &str| {
        // What bash does when Tab is pressed at the end of the words.
        let script = format!(
            "source /dev/stdin; COMP_WORDS=({words}); COMP_CWORD=$(({} - 1)); \
             _memeclip memeclip \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[*]}}\"",
            words.split(' ').count()
        );
        let mut bash =
            Command::new("bash").args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        bash.stdin.take().unwrap().write_all(memeclip(&["completions", "bash"]).as_bytes()).unwrap();
        String::from_utf8(bash.wait_with_output().unwrap().stdout).unwrap().trim().to_string()
    };
    assert_eq!(completed("memeclip clas"), "classify");
    assert_eq!(completed("memeclip classify --devi"), "--device");
    assert_eq!(completed("memeclip convert --dty"), "--dtype");
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = scratch("man");
    memeclip(&["man", "--out", folder.to_str().unwrap()]);
    let help = memeclip(&["--help"]);
    let commands = help.split_once("Commands:").unwrap().1.split("\n\n").next().unwrap().trim();
    let commands = commands.lines().map(|line| line.split_whitespace().next().unwrap());
    for command in commands.filter(|command| *command != "help") {
        let page = fs::read_to_string(folder.join(format!("memeclip-{command}.1"))).expect(command);
        assert!(page.contains(".SH SYNOPSIS"), "{command}");
    }
    let page = fs::read_to_string(folder.join("memeclip-classify.1")).unwrap();
    assert!(page.contains("no\\-words"), "its options");
}

#[test]
fn it_works_in_any_folder() {
    let folder = fresh("anywhere");
    image(&folder.join("photo.jpg"));
    fs::copy(repository(MEME), folder.join("meme.jpg")).unwrap();
    for arguments in [&["classify", "--device", "cpu", "photo.jpg"][..], &["read", "meme.jpg"]] {
        let output = run_in(&folder, arguments);
        assert!(output.status.success() && !output.stdout.is_empty(), "{}", stderr(&output));
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
}

#[test]
fn a_wrong_pack_is_said_before_anything_is_built() {
    let folder = fresh("demo");
    let output = run_in(&folder, &["demo", "--weights", "typo", "--port", "0"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.starts_with("memeclip: typo") && !said.contains("building"), "{said}");
}

/// The files in a folder and below.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_pack_is_whole_or_not_there() {
    let folder = fresh("packs");
    let clip = tiny_model().display().to_string();
    let convert = ["convert", "--clip", &clip, "--dtype", "q8", "--out", "pack"];
    let pack = folder.join("pack");

    // The head fails after the towers were written.
    fs::write(folder.join("head.safetensors"), "no head").unwrap();
    let output = run_in(&folder, &[&convert[..], &["--head", "humor=head.safetensors"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(files(&pack), [] as [PathBuf; 0]);

    // A process that was stopped while it wrote.
    fs::create_dir_all(pack.join(".memeclip-draft")).unwrap();
    fs::write(pack.join(".memeclip-draft/half.safetensors"), "half").unwrap();
    fs::write(pack.join("card.md"), "# Mine").unwrap();
    assert!(run_in(&folder, &convert).status.success());
    let manifest: Value = serde_json::from_slice(&fs::read(pack.join("manifest.json")).unwrap()).unwrap();
    let components = manifest["components"].as_object().unwrap().values();
    let shards = components.map(|component| component["shards"].as_array().unwrap().len()).sum::<usize>();
    assert_eq!(files(&pack).len(), shards + 2, "the shards, the manifest and the card: {:?}", files(&pack));
    assert!(run_in(&folder, &["inspect", "pack"]).status.success());

    // A pack that cannot be replaced stays as it was.
    let before = files(&pack);
    let output = run_in(&folder, &[&convert[..], &["--head", "humor=head.safetensors"]].concat());
    assert_eq!((output.status.code(), files(&pack)), (Some(1), before));
    assert!(run_in(&folder, &["inspect", "pack"]).status.success());
}

#[test]
fn other_programs_files_are_not_overwritten() {
    let folder = fresh("foreign");
    let clip = tiny_model().display().to_string();
    for manifest in [r#"{"manifest_version": 3, "name": "an extension"}"#, r#"{"format": "other"}"#, "{", ""] {
        fs::write(folder.join("manifest.json"), manifest).unwrap();
        let output = run_in(&folder, &["convert", "--clip", &clip, "--out", "."]);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert_eq!(fs::read_to_string(folder.join("manifest.json")).unwrap(), manifest);
        assert_eq!(files(&folder).len(), 1);
    }
    // The folder of the output is a file.
    fs::write(folder.join("file"), "mine").unwrap();
    for arguments in
        [&["convert", "--clip", &clip, "--out", "file"][..], &["synth", "--arch", "tiny", "--out", "file/x"]]
    {
        let output = run_in(&folder, arguments);
        assert_eq!((output.status.code(), stderr(&output).lines().count()), (Some(1), 1), "{}", stderr(&output));
    }
    assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), "mine");
}
