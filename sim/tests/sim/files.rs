//! Models from files that nobody has looked at: reading them ends, stays in its folder and needs little memory.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use sim::{Model, read_mjcf};

const MEBIBYTE: u64 = 1 << 20;

/// The error of a file, which must come soon, with `folder` cut out.
fn error(folder: &Path, file: impl Into<PathBuf>) -> String {
    let path = folder.join(file.into());
    let (answer, answers) = channel();
    std::thread::spawn(move || answer.send(read_mjcf(path).map(|text| text.len())));
    let answer = answers.recv_timeout(Duration::from_secs(20)).expect("reading ends");
    answer.unwrap_err().to_string().replace(&folder.display().to_string(), "ROOT")
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

fn including(name: &str) -> String {
    format!("<mujoco>\n  <include file=\"{name}\"/>\n</mujoco>")
}

/// A file of zeros that takes no room.
fn sparse(path: &Path, size: u64) {
    std::fs::File::create(path).unwrap().set_len(size).unwrap();
}

#[test]
fn an_element_with_attributes_without_end_is_refused_at_once() {
    let root = tempfile::tempdir().unwrap();
    let attributes: String = (0..200_000).map(|index| format!(" a{index}=\"1\"")).collect();
    write(
        root.path(),
        "main.xml",
        &format!("<mujoco>\n<!-- {} -->\n<option{attributes}/></mujoco>", "=".repeat(2000)),
    );
    assert_eq!(error(root.path(), "main.xml"), "ROOT/main.xml:3:1: <option> has more than 1000 attributes");
}

#[test]
fn includes_stay_in_the_folder_of_the_main_file() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("robot");
    std::fs::create_dir_all(folder.join("parts")).unwrap();
    write(root.path(), "secret.xml", "<mujocoinclude><worldbody/></mujocoinclude>");
    write(&folder, "own.xml", "<mujocoinclude><worldbody/></mujocoinclude>");
    let absolute = folder.join("own.xml").display().to_string();
    let mut outside =
        vec!["../secret.xml", "parts/../../secret.xml", "../nothing.xml", "../robot/own.xml", &absolute];
    if cfg!(unix) {
        #[cfg(unix)]
        std::os::unix::fs::symlink("../../secret.xml", folder.join("parts/link.xml")).unwrap();
        outside.push("parts/link.xml");
    }
    for name in outside {
        write(&folder, "main.xml", &including(name));
        let error = error(&folder, "main.xml");
        assert!(error.starts_with("ROOT/main.xml:2:3: "), "{name}: {error}");
        let expected = "is outside the folder of ROOT/main.xml: include files from there or below";
        assert!(error.ends_with(expected), "{name}: {error}");
    }
    for name in ["own.xml", "./own.xml", "parts/../own.xml"] {
        write(&folder, "main.xml", &including(name));
        Model::from_mjcf_file(folder.join("main.xml")).unwrap();
    }
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    std::fs::create_dir(folder.join("folder.xml")).unwrap();
    let mut special = vec!["folder.xml"];
    if cfg!(unix) {
        let made = std::process::Command::new("mkfifo").arg(folder.join("pipe.xml")).status();
        assert!(made.unwrap().success());
        #[cfg(unix)]
        std::os::unix::fs::symlink("/dev/zero", folder.join("zero.xml")).unwrap();
        special.extend(["pipe.xml", "zero.xml"]);
    }
    for name in special {
        let error = error(folder, name);
        assert_eq!(error, format!("cannot read ROOT/{name}: it is not a regular file"));
    }
    write(folder, "main.xml", &including("folder.xml"));
    let error = error(folder, "main.xml");
    assert_eq!(error, "ROOT/main.xml:2:3: cannot read ROOT/folder.xml: it is not a regular file");
}

#[test]
fn files_of_a_model_are_bounded_together() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let told = "a model may have at most 64 MiB, all its files together";
    sparse(&folder.join("large.xml"), 64 * MEBIBYTE + 1);
    assert_eq!(error(folder, "large.xml"), format!("cannot read ROOT/large.xml: {told}"));
    // Each is small enough by itself.
    let part = format!("<mujocoinclude><!--{}--></mujocoinclude>", " ".repeat(40 << 20));
    for name in ["a.xml", "b.xml"] {
        write(folder, name, &part);
    }
    write(folder, "main.xml", "<mujoco>\n<include file=\"a.xml\"/>\n<include file=\"b.xml\"/></mujoco>");
    assert_eq!(error(folder, "main.xml"), format!("ROOT/main.xml:3:1: cannot read ROOT/b.xml: {told}"));
}

#[test]
fn includes_and_elements_are_bounded() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    for depth in 0..40 {
        write(folder, &format!("{depth}.xml"), &including(&format!("{}.xml", depth + 1)));
    }
    write(folder, "40.xml", "<mujoco/>");
    assert_eq!(error(folder, "0.xml"), "ROOT/32.xml:2:3: files are included more than 32 deep");
    assert!(read_mjcf(folder.join("8.xml")).is_ok());
    let many = format!("<mujoco>{}</mujoco>", "<a/>".repeat(1_000_000));
    let error = Model::from_mjcf(&many, "m.xml").unwrap_err().to_string();
    assert_eq!(error, "m.xml:1:1: the file holds more than 1000000 elements and pieces of text");
}
