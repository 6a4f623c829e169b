//! Data sets in files.

use std::path::Path;

use crate::finetune::data::DataSet;
use crate::finetune::{ArraysConfig, DataConfig, HeidelbergConfig, YinYangConfig};

fn file(name: &str) -> String {
    format!("{}/../tests/data/labels/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn arrays(x: &str, y: &str) -> ArraysConfig {
    let text = format!("(x: {x:?}, y: {y:?}, validation: 0, test: 0)");
    crate::ron_io::parse("arrays.ron", &text).unwrap()
}

fn spikes() -> HeidelbergConfig {
    let text =
        format!("(train: {:?}, validation: 0, units: 20, pool: 10, frames: 10, dt: 0.01)", file("spikes.h5"));
    crate::ron_io::parse("spikes.ron", &text).unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "made for the call")]
fn message(config: DataConfig) -> String {
    DataSet::load(&config).unwrap_err().to_string()
}

#[test]
fn arrays_of_numpy_in_every_wrapping_are_the_same() {
    let stored = arrays(&file("stored.npz:X"), &file("stored.npz:y"));
    let packed = arrays(&file("packed.npz:X"), &file("packed.npz:y"));
    let data = DataSet::load(&DataConfig::Arrays(stored)).unwrap();
    assert_eq!(data, DataSet::load(&DataConfig::Arrays(packed)).unwrap());
    assert_eq!((data.train.len(), data.train.frames, data.train.features), (30, 6, 2));
    assert_eq!(data.classes, ["0", "1"]);
    assert_eq!(data.train.labels[..8], [0, 1, 1, 0, 0, 0, 1, 1]);
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
    crate::npy::write_f32(Path::new(&path("x.npy")), &[20, 2], &x).unwrap();
    let y: Vec<f32> = (0..20).map(|i| (i % 3) as f32).collect();
    crate::npy::write_f32(Path::new(&path("y.npy")), &[20], &y).unwrap();
    let config = ArraysConfig { validation: 0.2, test: 0.1, ..arrays(&path("x.npy"), &path("y.npy")) };
    let data = DataSet::load(&DataConfig::Arrays(config.clone())).unwrap();
    assert_eq!((data.train.len(), data.validation.len(), data.test.len()), (14, 4, 2));
    // Each sample is in one part, and has kept its label.
    let mut seen = Vec::new();
    for part in [&data.train, &data.validation, &data.test] {
        let mut batch = Vec::new();
        for (sample, &label) in part.labels.iter().enumerate() {
            part.batch(&[sample], &mut batch);
            let index = batch[0] as usize / 2;
            assert_eq!(label, index % 3);
            seen.push(index);
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
    assert_eq!(data, DataSet::load(&DataConfig::Arrays(config.clone())).unwrap());
    let other = ArraysConfig { seed: 1, ..config.clone() };
    assert_ne!(data, DataSet::load(&DataConfig::Arrays(other)).unwrap());

    let classes = ArraysConfig { classes: Some(2), ..config.clone() };
    let text = message(DataConfig::Arrays(classes));
    assert!(text.ends_with("y.npy: label 2 of sample 2 is out of range; valid: 0 to 1"), "{text}");
    let test = ArraysConfig { x_test: Some(path("x.npy")), ..config.clone() };
    assert!(message(DataConfig::Arrays(test)).contains("both x_test and y_test"));
    crate::npy::write_f32(Path::new(&path("y.npy")), &[20], &[0.5; 20]).unwrap();
    assert!(message(DataConfig::Arrays(config.clone())).contains("label 0.5 of sample 0"));
    crate::npy::write_f32(Path::new(&path("y.npy")), &[3], &[0.0; 3]).unwrap();
    let text = message(DataConfig::Arrays(config));
    assert!(text.contains("y.npy has 3 labels, but") && text.ends_with("has 20 samples"), "{text}");
}

#[test]
fn spike_trains_are_counted_per_frame_and_pool() {
    let data = DataSet::load(&DataConfig::Heidelberg(spikes())).unwrap();
    assert_eq!((data.train.len(), data.train.frames, data.train.features), (12, 10, 2));
    assert_eq!(data.train.labels, [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
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
    DataSet::load(&DataConfig::Heidelberg(short)).unwrap().train.batch(&[0], &mut batch);
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
    let nir = format!("{}/../tests/data/nir", env!("CARGO_MANIFEST_DIR"));
    let other = std::fs::read_dir(nir).unwrap().flatten().map(|entry| entry.path());
    let other = other.into_iter().find(|path| path.extension().is_some_and(|end| end == "nir")).unwrap();
    let train = other.display().to_string();
    let text = message(DataConfig::Heidelberg(HeidelbergConfig { train, ..spikes() }));
    assert!(text.contains("it has no 'spikes'; it has: "), "{text}");
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
