//! Data sets in files.

use std::path::Path;

use crate::gradient::labels::data::Answers;
use crate::gradient::labels::data::DataSet;
use crate::gradient::{ArraysConfig, DataConfig, HeidelbergConfig, RandmanConfig, YinYangConfig};

fn file(name: &str) -> String {
    format!("{}/../../tests/data/labels/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn arrays(x: &str, y: &str) -> ArraysConfig {
    let text = format!("(x: {x:?}, y: {y:?}, validation: 0, test: 0)");
    records::text::parse("arrays.ron", &text).unwrap()
}

fn spikes() -> HeidelbergConfig {
    let text =
        format!("(train: {:?}, validation: 0, units: 20, pool: 10, frames: 10, dt: 0.01)", file("spikes.h5"));
    records::text::parse("spikes.ron", &text).unwrap()
}

fn load(config: &DataConfig) -> DataSet {
    DataSet::load(config, true).unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "made for the call")]
fn message(config: DataConfig) -> String {
    DataSet::load(&config, true).unwrap_err().to_string()
}

#[test]
fn arrays_of_numpy_in_every_wrapping_are_the_same() {
    let stored = arrays(&file("stored.npz:X"), &file("stored.npz:y"));
    let packed = arrays(&file("packed.npz:X"), &file("packed.npz:y"));
    let data = load(&DataConfig::Arrays(stored));
    assert_eq!(data, load(&DataConfig::Arrays(packed)));
    assert_eq!((data.train.len(), data.train.frames, data.train.features), (30, 6, 2));
    assert_eq!(data.classes, ["0", "1"]);
    assert_eq!(data.train.labels()[..8], [0, 1, 1, 0, 0, 0, 1, 1]);
    let mut batch = Vec::new();
    data.train.batch(&[3, 0], &mut batch);
    // Frame 0 of samples 3 and 0, two features each; then frame 1.
    assert_eq!((batch.len(), batch[2], batch[3]), (24, 0.468_404_32, 0.876_242_2));
    assert_eq!(batch[6..8], [0.256_485_64, -0.094_828_34]);
}

#[test]
fn samples_of_one_frame_and_shares_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let x: Vec<f32> = (0..40).map(|i| i as f32).collect();
    records::npy::write_f32(Path::new(&path("x.npy")), &[20, 2], &x).unwrap();
    let y: Vec<f32> = (0..20).map(|i| (i % 3) as f32).collect();
    records::npy::write_f32(Path::new(&path("y.npy")), &[20], &y).unwrap();
    let config = ArraysConfig { validation: 0.2, test: 0.1, ..arrays(&path("x.npy"), &path("y.npy")) };
    let data = load(&DataConfig::Arrays(config.clone()));
    assert_eq!((data.train.len(), data.validation.len(), data.test.len()), (14, 4, 2));
    // Each sample is in one part, and has kept its label.
    let mut seen = Vec::new();
    for part in [&data.train, &data.validation, &data.test] {
        let mut batch = Vec::new();
        for (sample, &label) in part.labels().iter().enumerate() {
            part.batch(&[sample], &mut batch);
            let index = batch[0] as usize / 2;
            assert_eq!(label, index % 3);
            seen.push(index);
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
    assert_eq!(data, load(&DataConfig::Arrays(config.clone())));
    let other = ArraysConfig { seed: 1, ..config.clone() };
    assert_ne!(data, load(&DataConfig::Arrays(other)));

    let classes = ArraysConfig { classes: Some(2), ..config.clone() };
    let text = message(DataConfig::Arrays(classes));
    assert!(text.ends_with("y.npy: label 2 of sample 2 is out of range; valid: 0 to 1"), "{text}");
    let test = ArraysConfig { x_test: Some(path("x.npy")), ..config.clone() };
    assert!(message(DataConfig::Arrays(test)).contains("both x_test and y_test"));
    records::npy::write_f32(Path::new(&path("y.npy")), &[20], &[0.5; 20]).unwrap();
    assert!(message(DataConfig::Arrays(config.clone())).contains("label 0.5 of sample 0"));
    records::npy::write_f32(Path::new(&path("y.npy")), &[3], &[0.0; 3]).unwrap();
    let text = message(DataConfig::Arrays(config));
    assert!(text.contains("y.npy has 3 labels, but") && text.ends_with("has 20 samples"), "{text}");
}

#[test]
fn parts_of_their_own_are_taken_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, shape: &[usize]| {
        let path = folder.path().join(name);
        let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| (i % 3) as f32).collect();
        records::npy::write_f32(&path, shape, &values).unwrap();
        path.display().to_string()
    };
    let (x, y) = (write("x.npy", &[12, 2, 3]), write("y.npy", &[12]));
    let (x_own, y_own) = (write("x_own.npy", &[6, 2, 3]), write("y_own.npy", &[6]));
    let config = ArraysConfig {
        x_validation: Some(x_own.clone()),
        y_validation: Some(y_own.clone()),
        validation: 0.5,
        test: 0.25,
        ..arrays(&x, &y)
    };
    let data = load(&DataConfig::Arrays(config.clone()));
    assert_eq!((data.train.len(), data.validation.len(), data.test.len()), (9, 6, 3));
    let both = ArraysConfig { x_test: Some(x_own), y_test: Some(y_own), ..config.clone() };
    let both = load(&DataConfig::Arrays(both));
    assert_eq!((both.train.len(), &both.validation), (12, &both.test));
    let alone = ArraysConfig { y_validation: None, ..config.clone() };
    assert!(message(DataConfig::Arrays(alone)).contains("both x_validation and y_validation"));
    // Frames and features must be those of `x`.
    let (x_test, y_test) = (Some(write("x_test.npy", &[6, 3, 2])), Some(write("y_test.npy", &[6])));
    let text = message(DataConfig::Arrays(ArraysConfig { x_test, y_test, ..config }));
    assert!(text.contains("x_test.npy has 3 frames × 2 features, but"), "{text}");
    assert!(text.ends_with("x.npy has 2 frames × 3 features"), "{text}");
    // As in SSC: a file for validation.
    let own = HeidelbergConfig { valid: Some(file("spikes.h5")), validation: 0.5, ..spikes() };
    let data = load(&DataConfig::Heidelberg(own));
    assert_eq!((data.train.len(), &data.validation), (12, &data.train));
}

#[test]
fn values_are_read_in_the_order_of_a_loss() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let write = |name: &str, shape: &[usize], values: &[f32]| {
        records::npy::write_f32(Path::new(&path(name)), shape, values).unwrap();
    };
    write("x.npy", &[3, 2, 1], &[0.0; 6]);
    let y: Vec<f32> = (0..12).map(|i| i as f32).collect();
    write("y.npy", &[3, 2, 2], &y);
    let config = DataConfig::Arrays(arrays(&path("x.npy"), &path("y.npy")));
    let data = DataSet::load(&config, false).unwrap();
    assert_eq!((data.train.len(), data.outputs(), data.classes.len()), (3, 2, 0));
    let values = vec![8.0, 9.0, 0.0, 1.0, 10.0, 11.0, 2.0, 3.0];
    assert_eq!(data.train.answers.batch(&[2, 0]), Answers::Values { rows: 2, columns: 2, values });
    let refused = |labels: bool| DataSet::load(&config, labels).unwrap_err().to_string();
    assert!(refused(true).contains("has shape [3, 2, 2], expected [samples]"));
    write("y.npy", &[3], &[0.0; 3]);
    assert!(refused(false).contains("has shape [3], expected [samples, outputs], "));
    write("y.npy", &[2, 1], &[0.0; 2]);
    assert!(refused(false).contains("y.npy has 2 samples, but"));
    write("y.npy", &[3, 1], &[0.0, f32::NAN, 0.0]);
    assert!(refused(false).contains("is not finite"), "{}", refused(false));
    let generated = DataSet::load(&DataConfig::YinYang(YinYangConfig::default()), false).unwrap_err();
    assert!(generated.to_string().contains("YinYang has labels; Regress needs target values"), "{generated}");
}

#[test]
fn spike_trains_are_counted_per_frame_and_pool() {
    let data = load(&DataConfig::Heidelberg(spikes()));
    assert_eq!((data.train.len(), data.train.frames, data.train.features), (12, 10, 2));
    assert_eq!(data.train.labels(), [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let mut batch = Vec::new();
    data.train.batch(&[0], &mut batch);
    // Spikes after 7.2, 25.6, 47.4 and 47.5 ms, all in the first ten units.
    let counts: Vec<f32> = batch.chunks(2).map(|frame| frame[0]).collect();
    assert_eq!(counts, [1.0, 0.0, 1.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert!(batch.chunks(2).all(|frame| frame[1] == 0.0));
    for sample in 0..12 {
        data.train.batch(&[sample], &mut batch);
        assert_eq!(batch.iter().sum::<f32>(), (4 + sample % 3) as f32);
        let late: f32 = batch[10..].iter().sum();
        assert_eq!(late > 0.0, sample % 2 == 1);
    }
    // Fewer frames leave later spikes out.
    let short = HeidelbergConfig { frames: 3, ..spikes() };
    load(&DataConfig::Heidelberg(short)).train.batch(&[0], &mut batch);
    assert_eq!(batch.iter().sum::<f32>(), 2.0);
    let units = HeidelbergConfig { units: 19, ..spikes() };
    assert!(message(DataConfig::Heidelberg(units)).contains("valid: 0 to 18 (task.data.units)"));
}

#[test]
fn damaged_and_foreign_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let name = path.display().to_string();
    let h5 = std::fs::read(file("spikes.h5")).unwrap();
    let npz = std::fs::read(file("packed.npz")).unwrap();
    // Every length would take minutes; primes meet all parts of both files.
    for length in (0..h5.len()).step_by(97) {
        std::fs::write(&path, &h5[..length]).unwrap();
        let text = message(DataConfig::Heidelberg(HeidelbergConfig { train: name.clone(), ..spikes() }));
        assert!(text.starts_with(&name), "{length}: {text}");
    }
    let cut = folder.path().join("f.npz");
    for length in (0..npz.len()).step_by(13) {
        std::fs::write(&cut, &npz[..length]).unwrap();
        let name = format!("{}:X", cut.display());
        let text = message(DataConfig::Arrays(arrays(&name, &name)));
        assert!(text.contains("complete .npz archive"), "{length}: {text}");
    }
    let text = message(DataConfig::Heidelberg(HeidelbergConfig { train: "/none.h5".into(), ..spikes() }));
    assert!(text.starts_with("/none.h5: cannot read it: "), "{text}");
    let text = message(DataConfig::Arrays(arrays(&file("stored.npz:Z"), &file("stored.npz:y"))));
    assert!(text.ends_with("it has no array 'Z'; it has: X, y"), "{text}");
    let text = message(DataConfig::Arrays(arrays(&file("stored.npz"), &file("stored.npz:y"))));
    assert!(text.contains("say which array"), "{text}");
    let text = message(DataConfig::Arrays(arrays(&file("stored.npz:y"), &file("stored.npz:y"))));
    assert!(text.contains("has shape [30], expected [samples, features]"), "{text}");
    let nir = format!("{}/../../tests/data/nir", env!("CARGO_MANIFEST_DIR"));
    let other = std::fs::read_dir(nir).unwrap().flatten().map(|entry| entry.path());
    let other = other.into_iter().find(|path| path.extension().is_some_and(|end| end == "nir")).unwrap();
    let train = other.display().to_string();
    let text = message(DataConfig::Heidelberg(HeidelbergConfig { train, ..spikes() }));
    assert!(text.contains("it has no 'spikes'; valid: "), "{text}");
}

#[test]
fn settings_out_of_range_are_named() {
    let yin_yang = |c: YinYangConfig| message(DataConfig::YinYang(c));
    let small = YinYangConfig { r_small: 0.3, ..YinYangConfig::default() };
    assert_eq!(
        yin_yang(small),
        "task.data.r_small = 0.3: must be above 0 and below task.data.r_big / 2 = 0.25"
    );
    assert!(yin_yang(YinYangConfig { train: 0, ..YinYangConfig::default() }).contains("task.data.train = 0"));
    for huge in [
        YinYangConfig { validation: usize::MAX, ..YinYangConfig::default() },
        YinYangConfig { test: 10_000_001, ..YinYangConfig::default() },
    ] {
        assert!(yin_yang(huge).ends_with("must be 0 to 10000000"));
    }
    let randman = |c: RandmanConfig| message(DataConfig::Randman(c));
    let config = RandmanConfig::default;
    assert!(randman(RandmanConfig { classes: 1025, ..config() }).contains("must be 2 to 1024"));
    assert!(randman(RandmanConfig { dimensions: 0, ..config() }).contains("task.data.dimensions = 0"));
    assert!(
        randman(RandmanConfig { train: 9_999_999, units: 60_000, ..config() }).contains("1000000000 spikes")
    );
    for (config, text) in [
        (HeidelbergConfig { pool: 0, ..spikes() }, "task.data.pool = 0: must be 1 to task.data.units = 20"),
        (HeidelbergConfig { dt: 0.0, ..spikes() }, "task.data.dt = 0"),
        (HeidelbergConfig { frames: 0, ..spikes() }, "task.data.frames = 0"),
        (HeidelbergConfig { classes: Some(1), ..spikes() }, "task.data.classes = 1"),
        (HeidelbergConfig { validation: 1.0, ..spikes() }, "task.data.validation = 1"),
    ] {
        let found = message(DataConfig::Heidelberg(config));
        assert!(found.contains(text), "{found}");
    }
}
