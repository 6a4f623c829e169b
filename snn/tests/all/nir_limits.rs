//! What a NIR file may be, and what it may expand to.

#![expect(clippy::unwrap_used, reason = "tests")]

use hdf5_pure::FileBuilder;
use snn::nir::{self, Executor, Graph, NodeKind, Options};

/// Opening a pipe waits for a writer, and a device may never end.
#[cfg(unix)]
#[test]
fn only_regular_files_are_read() {
    use std::fs::File;
    use std::path::Path;
    use std::process::Command;

    let message = |path: &Path| {
        let (read, version) = (nir::read(path).unwrap_err(), nir::version(path).unwrap_err());
        assert_eq!(read.to_string(), version.to_string());
        read.to_string()
    };
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.nir");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let expected = "it is a pipe or a device; valid: a regular file";
    for path in [&pipe, Path::new("/dev/zero")] {
        assert_eq!(message(path), format!("cannot read {}: {expected}", path.display()));
    }
    let valid = "it is a folder; valid: a NIR file";
    assert_eq!(message(folder.path()), format!("cannot read {}: {valid}", folder.path().display()));

    let large = folder.path().join("large.nir");
    let file = File::create(&large).unwrap();
    // A hole, which takes no room on the disk.
    file.set_len((1 << 30) + 1).unwrap();
    let valid = "it has 1073741825 bytes; valid: at most 1073741824 (1 GiB)";
    assert_eq!(message(&large), format!("cannot read {}: {valid}", large.display()));

    // A link to a file is one.
    let (file, link) = (folder.path().join("a.nir"), folder.path().join("b.nir"));
    nir::write(&file, &delays(1, 1.0)).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_eq!(nir::read(&link).unwrap(), delays(1, 1.0));
}

/// A chain of delays of a thousand values each.
fn delays(nodes: usize, seconds: f32) -> Graph {
    let mut graph = Graph::default();
    graph.add("input", NodeKind::Input { shape: vec![1000] });
    let mut last = "input".to_owned();
    for index in 0..nodes {
        let name = format!("d{index:02}");
        graph.add(&name, NodeKind::Delay { delay: vec![seconds; 1000].into() });
        graph.connect(&last, &name);
        last = name;
    }
    graph.add("output", NodeKind::Output { shape: vec![1000] });
    graph.connect(&last, "output");
    graph
}

/// A small file of many delays took gigabytes: each fitted by itself.
#[test]
fn delays_share_one_budget() {
    let bytes = nir::to_bytes(&delays(100, 10.0)).unwrap();
    assert!(bytes.len() < 600_000, "{} bytes", bytes.len());
    let graph = nir::from_bytes(bytes).unwrap();
    let run = |dt: f64| Executor::new(&graph, &Options { dt: Some(dt), ..Options::default() });
    // 1001 rows of 1000 values a hundred times are within the budget, ten times that are not.
    assert!(run(0.01).is_ok());
    assert_eq!(
        run(0.001).err().unwrap().to_string(),
        "node 'd13' (Delay): 'delay' would keep 10001 ticks of 1000 values: it takes 10001000 values, and \
         4175728 are left of the 134217728 (512 MiB as float32) that all of a file may take"
    );
}

/// Signals count as well, though a file only names their shape.
#[test]
fn signals_share_the_budget() {
    let mut graph = Graph::default();
    let values = 1 << 24;
    graph.add("input", NodeKind::Input { shape: vec![values] });
    let mut last = "input".to_owned();
    for index in 0..8 {
        let name = format!("f{index}");
        graph.add(&name, NodeKind::Flatten { start_dim: 0, end_dim: -1, input_type: None });
        graph.connect(&last, &name);
        last = name;
    }
    graph.add("output", NodeKind::Output { shape: vec![values] });
    graph.connect(&last, "output");
    let error = Executor::new(&graph, &Options::default()).err().unwrap().to_string();
    assert_eq!(
        error,
        "node 'f7' (Flatten) takes 16777216 values, and 0 are left of the 134217728 (512 MiB as float32) that \
         all of a file may take"
    );
}

/// Many texts of a file may be one and the same place of it.
#[test]
fn texts_share_one_budget() {
    let (many, long) = (3000, 100_000);
    let mut file = FileBuilder::new();
    let mut node = file.create_group("node");
    let letters = "x".repeat(long);
    let texts: Vec<&str> = [letters.as_str()].into_iter().chain(vec!["y"; many - 1]).collect();
    node.create_dataset("type").with_vlen_strings(&["NIRGraph"]).with_shape(&[]);
    node.create_dataset("edges").with_vlen_strings(&texts).with_shape(&[many as u64 / 2, 2]);
    let nodes = node.create_group("nodes");
    node.add_group(nodes.finish());
    file.add_group(node.finish());
    let mut bytes = file.finish().unwrap();
    // A text is its length, an address and an index: 16 bytes. All others become the first.
    let length = (long as u32).to_le_bytes();
    let first =
        bytes.windows(20).position(|window| window[..4] == length && window[16..] == [1, 0, 0, 0]).unwrap();
    for at in 1..many {
        bytes.copy_within(first..first + 16, first + 16 * at);
    }
    assert_eq!(
        nir::from_bytes(bytes).unwrap_err().to_string(),
        "node 'node' (NIRGraph): 'edges' claims 300000000 letters, which is more than such a file can hold"
    );
}
