//! `evo nir`: files of other libraries in, our controllers out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use npyz::WriterBuilder as _;
use safetensors::SafeTensors;
use serde_json::Value;
use tests::{data, refuse, succeed, text};

fn write_npy(path: &Path, shape: &[u64], values: &[f32]) {
    let file = fs::File::create(path).expect("file");
    let mut writer =
        npyz::WriteOptions::new().default_dtype().shape(shape).writer(file).begin_nd().expect("header");
    writer.extend(values).expect("values");
    writer.finish().expect("values");
}

fn read_npy(path: &Path) -> (Vec<u64>, Vec<f32>) {
    let npy = npyz::NpyFile::new(fs::File::open(path).expect("file")).expect("header");
    (npy.shape().to_vec(), npy.into_vec().expect("float32"))
}

/// A float32 tensor of a safetensors file with its shape.
fn tensor(path: &Path, name: &str) -> (Vec<usize>, Vec<f32>) {
    let bytes = fs::read(path).expect("file");
    let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
    let tensor = tensors.tensor(name).expect("tensor");
    let values = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().expect("four bytes")));
    (tensor.shape().to_vec(), values.collect())
}

/// A file of the set and its recorded input as `.npy`.
fn example(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (shape, x) = tensor(&data(&format!("traces/{name}.safetensors")), "x");
    let input = folder.join("x.npy");
    write_npy(&input, &shape.iter().map(|&n| n as u64).collect::<Vec<_>>(), &x);
    (data(&format!("nir/{name}.nir")), input)
}

#[test]
fn files_run_over_recorded_input() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let out = folder.path().join("y.npy");
    for (name, dt) in [
        ("01_linear_lif", Some("1e-3")),
        ("06_affine_if", None),
        ("12_conv2d_if_sumpool", None),
        ("14_metadata_f64", None),
    ] {
        let (file, input) = example(folder.path(), name);
        let mut arguments = vec!["nir", "run", text(&file), "--input", text(&input), "--output", text(&out)];
        arguments.extend(dt.into_iter().flat_map(|dt| ["--dt", dt]));
        assert_eq!(succeed(&arguments).trim_end(), text(&out));
        let (shape, expected) = tensor(&data(&format!("traces/{name}.safetensors")), "euler32/output");
        let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        assert_eq!(read_npy(&out), (shape, expected.clone()), "{name}");
        if name == "01_linear_lif" {
            let _ = succeed(&[&arguments[..], &["--reset", "subtract"]].concat());
            assert_ne!(read_npy(&out).1, expected, "another reset is another network");
            let _ = succeed(&[&arguments[..], &["--reset", "to_v_reset"]].concat());
            assert_eq!(read_npy(&out).1, expected);
        }
    }
}

#[test]
fn info_shows_what_is_in_a_file() {
    let file = data("nir/04_recurrent_lif_subgraph.nir");
    let shown = succeed(&["nir", "info", text(&file)]);
    for part in ["version 1.0.8", "r = tau/dt suggests 0.0001 s", "rlif.lif", "LIF", "rlif.w_rec → rlif.lif"]
    {
        assert!(shown.contains(part), "no '{part}' in {shown}");
    }
    let info: Value =
        serde_json::from_str(&succeed(&["nir", "info", text(&file), "--json"])).expect("stdout is JSON");
    assert_eq!(info["dt_guess"], 1e-4);
    assert_eq!(info["inputs"][0]["shape"], serde_json::json!([3]));
    assert_eq!(info["outputs"][0]["shape"], serde_json::json!([2]));
    assert_eq!((&info["runs"], &info["problem"]), (&Value::Bool(true), &Value::Null));
    assert_eq!(info["needs_dt"], true);
    let nodes = info["nodes"].as_array().expect("nodes");
    let lif = nodes.iter().find(|node| node["name"] == "rlif.lif").expect("the neuron");
    assert_eq!(lif["type"], "LIF");
    assert_eq!(lif["parameters"]["tau"]["shape"], serde_json::json!([6]));
    assert!(
        info["edges"].as_array().expect("edges").contains(&serde_json::json!(["rlif.lif", "rlif.w_rec"]))
    );
    let info: Value =
        serde_json::from_str(&succeed(&["nir", "info", text(&data("nir/14_metadata_f64.nir")), "--json"]))
            .expect("stdout is JSON");
    assert_eq!((&info["dt"], &info["metadata"]["made_by"]), (&0.001.into(), &"lab".into()));
    assert_eq!(info["nodes"][0]["metadata"]["note"], "node meta");
}

/// A short run, its exported controller, and the input of that controller in one recorded episode
/// (`[control step × tick][observation]`) with the actions.
struct Exported {
    file: PathBuf,
    input: PathBuf,
    ticks: usize,
    actions: Vec<f32>,
}

/// `controller` is a setting of it.
fn export(folder: &Path, controller: &str) -> Exported {
    let (run, file) = (folder.join("run"), folder.join("controller.nir"));
    let sets = ["strategy.population=8", "rollout.horizon=40", "run.eval_episodes=1", controller];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let basics = ["--config", "inverted_pendulum.ron", "--out", text(&run), "--generations", "3", "-q"];
    let _ = succeed(&[&basics[..], &sets].concat());
    assert_eq!(succeed(&["nir", "export", text(&run), "--out", text(&file)]).trim_end(), text(&file));
    let recording = folder.join("a.rollout.safetensors");
    let _ = succeed(&["record", text(&run), "--out", text(&recording), "--episodes", "3"]);

    let info: Value =
        serde_json::from_str(&succeed(&["nir", "info", text(&file), "--json"])).expect("stdout is JSON");
    let notes = &info["metadata"];
    let floats = |value: &Value| -> Vec<f32> {
        value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number") as f32).collect()
    };
    let normalizer = &notes["normalizer"];
    let (mean, inverse_std) = (floats(&normalizer["mean"]), floats(&normalizer["inverse_std"]));
    let clip = normalizer["clip"].as_f64().expect("a number") as f32;
    let ticks = notes["ticks"].as_u64().expect("a number") as usize;
    assert_eq!(notes["dt"].as_f64().map(|dt| dt * ticks as f64), Some(0.04), "the control step");
    let (mut rows, mut actions) = (Vec::new(), Vec::new());
    let (shape, observations) = tensor(&recording, "0.observation");
    for observation in observations.chunks_exact(shape[1]) {
        for _ in 0..ticks {
            let moments = mean.iter().zip(&inverse_std);
            rows.extend(
                observation.iter().zip(moments).map(|(x, (mean, std))| ((x - mean) * std).clamp(-clip, clip)),
            );
        }
    }
    actions.extend(tensor(&recording, "0.action").1);
    let input = folder.join("x.npy");
    write_npy(&input, &[(shape[0] * ticks) as u64, shape[1] as u64], &rows);
    Exported { file, input, ticks, actions }
}

#[test]
fn an_exported_controller_acts_as_the_run_does() {
    // NIR has no grid of states.
    acts_as_the_run_does("controller.precision=F32Free");
}

#[test]
fn an_exported_perceptron_acts_as_the_run_does() {
    for perceptron in ["Mlp(hidden: [])", "Mlp(hidden: [9, 5])", "Mlp(hidden: [12], activation: Relu)"] {
        acts_as_the_run_does(&format!("controller={perceptron}"));
    }
}

fn acts_as_the_run_does(controller: &str) {
    let folder = tempfile::tempdir().expect("scratch folder");
    let exported = export(folder.path(), controller);
    let out = folder.path().join("y.npy");
    let _ = succeed(&[
        "nir",
        "run",
        text(&exported.file),
        "--input",
        text(&exported.input),
        "--output",
        text(&out),
    ]);
    let task = envs::EnvConfig::from_name("inverted_pendulum").expect("a task").build().expect("defaults");
    let (_, output) = read_npy(&out);
    // The action is the tanh of the output after the last tick of a control step.
    let last: Vec<f32> = output.iter().copied().skip(exported.ticks - 1).step_by(exported.ticks).collect();
    assert_eq!(last.len(), exported.actions.len());
    for (step, (output, expected)) in last.iter().zip(&exported.actions).enumerate() {
        let mut action = [0.0];
        task.spec().scale_action(&[snn::tanh(*output)], &mut action);
        assert!((action[0] - expected).abs() < 1e-5, "step {step}: {} against {expected}", action[0]);
    }
    assert!(exported.actions.windows(2).any(|pair| pair[0] != pair[1]), "the controller does nothing");

    // Python, where it is there with the package that defines the format, reads and runs it, too.
    let python = |arguments: &[&str]| Command::new("python3").args(arguments).output();
    if !python(&["-c", "import nir"]).is_ok_and(|output| output.status.success()) {
        eprintln!("not checked with Python: it has no package 'nir'");
        return;
    }
    let script = tests::root().join("tests/nir_check.py");
    let arguments = [text(&script), text(&exported.file), text(&exported.input), text(&out)];
    let checked = python(&arguments).expect("python3 runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    eprintln!("{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn bad_files_and_arrays_are_refused() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let (file, input) = example(folder.path(), "01_linear_lif");
    let out = folder.path().join("y.npy");
    let run = |file: &Path, input: &Path, more: &[&str]| {
        let basics = ["nir", "run", text(file), "--input", text(input), "--output", text(&out)];
        refuse(&[&basics[..], more].concat(), 2)
    };
    let says = |message: &str, parts: &[&str]| {
        for part in parts {
            assert!(message.contains(part), "no '{part}' in: {message}");
        }
        assert_eq!(message.trim_end().lines().count(), 1, "one message: {message}");
    };
    says(&run(&file, &input, &[]), &["01_linear_lif.nir", "time step", "--dt"]);
    says(&run(&data("nir/03_affine_cubalif.nir"), &input, &[]), &["0.0001 s", "--dt"]);
    says(
        &run(&file, &input, &["--dt", "0.5"]),
        &["01_linear_lif.nir", "'lif' (LIF)", "'tau'", "time step 0.5"],
    );
    says(&run(&file, &folder.path().join("none.npy"), &["--dt", "1e-3"]), &["none.npy"]);
    says(&run(&folder.path().join("none.nir"), &input, &[]), &["none.nir"]);

    let wrong = folder.path().join("wrong.npy");
    write_npy(&wrong, &[2, 3], &[0.0; 6]);
    says(&run(&file, &wrong, &["--dt", "1e-3"]), &["wrong.npy", "[2, 3]", "[rows, 4]"]);
    write_npy(&wrong, &[1, 4], &[0.0, 1.0, f32::NAN, 0.0]);
    says(&run(&file, &wrong, &["--dt", "1e-3"]), &["wrong.npy", "row 0, column 2", "not finite"]);
    let conv = data("nir/12_conv2d_if_sumpool.nir");
    says(&run(&conv, &wrong, &[]), &["wrong.npy", "[rows, 2, 8, 8]"]);

    let cut = folder.path().join("cut.nir");
    let whole = fs::read(&file).expect("file");
    for length in [0, 4, 100, whole.len() / 2] {
        fs::write(&cut, &whole[..length]).expect("file");
        for arguments in [["nir", "info", text(&cut)], ["nir", "info", text(&wrong)]] {
            says(&refuse(&arguments, 2), &[arguments[2], "not an HDF5 file, or a damaged one"]);
        }
    }
    assert!(!out.exists(), "nothing was written");
    let below = wrong.join("y.npy");
    let message = refuse(
        &["nir", "run", text(&file), "--input", text(&input), "--output", text(&below), "--dt", "1e-3"],
        2,
    );
    says(&message, &["cannot write", "y.npy"]);
}

#[test]
fn a_controller_that_nir_cannot_carry_is_refused() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    let basics = ["--config", "inverted_pendulum.ron", "--out", text(&run), "--generations", "1", "-q"];
    let alif = r#"controller=Snn(hidden: [Dense(neurons: 4, model: "alif")])"#;
    let sets = [alif, "strategy.population=2", "rollout.horizon=5", "run.eval_episodes=1"];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let _ = succeed(&[&basics[..], &sets].concat());
    let out = folder.path().join("a.nir");
    let message = refuse(&["nir", "export", text(&run), "--out", text(&out)], 2);
    assert!(message.contains("NIR cannot carry population 'hidden.0' of model 'alif'"), "{message}");
    assert!(!out.exists());
    assert!(
        refuse(&["nir", "export", text(&folder.path().join("none")), "--out", text(&out)], 2)
            .contains("none")
    );
}
