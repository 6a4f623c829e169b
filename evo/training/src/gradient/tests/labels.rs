//! Supervised training.

use super::config;
use crate::gradient::FinetuneError;
use crate::gradient::labels::Classifier;

const SMALL: &str = r#"(
    task: Classify(
        data: YinYang(train: 300, validation: 60, test: 90),
        batch: 32,
        normalize: true,
        gradient: (
            surrogate: (function: "fast_sigmoid", parameters: {"slope": 5}),
            optimizer: Adam(learning_rate: 0.05),
        ),
    ),
    controller: Snn(hidden: [Dense(neurons: 24, parameters: {"decay": 0.5})], ticks: 6, input_gain: 8),
)"#;

fn learner(sets: &[&str], threads: usize) -> Classifier {
    Classifier::new(&config(SMALL, sets), threads).unwrap()
}

#[test]
fn it_learns_and_threads_change_no_bit() {
    let [mut one, mut three] = [1, 3].map(|threads| learner(&[], threads));
    let first = one.advance().unwrap();
    assert_eq!(first, three.advance().unwrap());
    let mut last = first;
    for _ in 0..14 {
        last = one.advance().unwrap();
        assert_eq!(last, three.advance().unwrap());
    }
    assert_eq!(one.checkpoint().to_bytes(), three.checkpoint().to_bytes());
    assert!(last.accuracy > Some(0.8) && last.loss < first.loss, "{last:?} after {first:?}");
    let assessment = one.validate().unwrap().unwrap();
    assert!(assessment.accuracy() > Some(0.7), "{assessment:?}");
    assert_eq!(assessment.confusion.unwrap().counts.iter().sum::<u64>(), 60);
    assert!(last.spike_rate.is_some_and(|rate| rate > 0.0 && rate < 1.0));
}

#[test]
fn perceptrons_learn_too() {
    let mut learner = learner(&["controller=Mlp(hidden: [32])"], 1);
    let mut last = learner.advance().unwrap();
    assert_eq!(last.spike_rate, None);
    for _ in 0..20 {
        last = learner.advance().unwrap();
    }
    assert!(last.accuracy > Some(0.8), "{last:?}");
}

#[test]
fn a_resumed_training_is_that_without_a_break() {
    let mut whole = learner(&[], 1);
    for _ in 0..2 {
        let epoch = whole.advance().unwrap();
        whole.note(epoch.accuracy.unwrap(), epoch.loss);
    }
    let mut again = learner(&[], 1);
    again.restore(&whole.checkpoint()).unwrap();
    assert_eq!(again.best(), whole.best());
    for _ in 0..2 {
        assert_eq!(whole.advance().unwrap(), again.advance().unwrap());
    }
    assert_eq!(whole.checkpoint().to_bytes(), again.checkpoint().to_bytes());
    // From its parameters, another training starts where it ended.
    let mut next = learner(&["run.seed=7"], 1);
    next.warm_start(&whole.checkpoint()).unwrap();
    assert_eq!(next.generation(), 0);
    assert_eq!(next.validate().unwrap(), whole.validate().unwrap());
    let mut other = learner(&["controller.ticks=5"], 1);
    let text = other.warm_start(&whole.checkpoint()).unwrap_err().to_string();
    assert!(text.contains("another controller"), "{text}");
}

#[test]
fn the_best_parameters_are_tested() {
    let mut learner = learner(&[], 1);
    for _ in 0..6 {
        learner.advance().unwrap();
    }
    assert!(learner.note(0.5, 1.0) && !learner.note(0.5, 1.0) && learner.note(0.5, 0.9));
    let (part, best) = learner.test().unwrap();
    assert_eq!((part, learner.best()), ("test", Some((6, 0.5, 0.9))));
    for _ in 0..3 {
        learner.advance().unwrap();
    }
    assert_eq!(learner.test().unwrap().1, best);
    learner.forget_best();
    assert_ne!(learner.test().unwrap().1, best);
}

#[test]
fn what_is_not_finite_stops_the_training_with_its_step() {
    let sets = ["task.gradient.optimizer.learning_rate=1e40", "task.gradient.clip=None"];
    let mut learner = learner(&sets, 1);
    let before = learner.checkpoint();
    let error = learner.advance().unwrap_err();
    assert!(matches!(error, FinetuneError::Gradient(_)), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("parameter of ") && text.ends_with("is not finite (step 0)"), "{text}");
    assert_eq!(learner.checkpoint().to_bytes(), before.to_bytes());
}

#[test]
fn mistakes_are_found_before_training() {
    for (set, text) in [
        ("task.batch=0", "task.batch = 0: must be at least 1"),
        ("task.loss=CrossEntropyMembrane(smoothing: 1)", "`smoothing` is 1"),
        ("task.loss=CrossEntropyCount()", "multiple of the 3 classes"),
        ("task.gradient.window=0", "`window` is 0"),
        ("task.gradient.optimizer.learning_rate=0", "`optimizer.learning_rate` is 0"),
        ("task.gradient.surrogate.function=\"1/(1 + k*abs(u))\"", "unknown symbol `k`"),
        ("task.gradient.surrogate.function=\"fast\"", "unknown surrogate \"fast\"; valid: arctan"),
        (
            "task.gradient.preset=\"brian\"",
            "`preset`: unknown library \"brian\"; valid: \"snntorch\", \"spyx\"",
        ),
        ("controller.plasticity=[()]", "`plasticity`"),
        ("controller.precision=Binary", "Binary networks have no gradient"),
        ("task=None", "task = None: must be Classify(…), Regress(…), Imitate(…) or Ppo(…)"),
    ] {
        // 24 neurons are a multiple of 3; 25 are none.
        let neurons = "controller.hidden=[Dense(neurons: 25)]";
        let sets = if set.contains("Count") { vec![neurons, set] } else { vec![set] };
        let error = Classifier::new(&config(SMALL, &sets), 1).map(drop).unwrap_err().to_string();
        assert!(error.contains(text), "{set}: {error}");
    }
}

/// Three sums of the inputs over the frames, and spike trains that follow them.
fn write_values(folder: &std::path::Path) {
    let (samples, frames) = (96, 5);
    let write = |name: &str, shape: &[usize], value: &dyn Fn(usize) -> f32| {
        let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
        records::npy::write_f32(&folder.join(name), shape, &values).unwrap();
    };
    let x = |i: usize| ((i * 37 + i / 7 * 11) % 41) as f32 / 20.0 - 1.0;
    write("x.npy", &[samples, frames, 2], &x);
    let mean = |sample: usize| (0..frames).map(|f| x((sample * frames + f) * 2)).sum::<f32>() / frames as f32;
    write("mean.npy", &[samples, 2], &|i| 0.5 * mean(i / 2) * if i % 2 == 0 { 1.0 } else { -1.0 });
    write("each.npy", &[samples, frames, 2], &|i| 0.3 * x(i));
    write("trains.npy", &[samples, frames, 6], &|i| f32::from(u8::from(x(i / 6 * 2) > 0.3)));
}

#[test]
fn values_and_spike_trains_are_learned() {
    let folder = tempfile::tempdir().unwrap();
    write_values(folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let text = |y: &str, rest: &str| {
        let (x, y) = (path("x.npy"), path(y));
        format!(
            "(task: Regress(data: Arrays(x: {x:?}, y: {y:?}), batch: 16, {rest} \
             gradient: (optimizer: Adam(learning_rate: 0.05), surrogate: (parameters: {{\"slope\": 5}}))), \
             controller: Snn(hidden: [Dense(neurons: 6, parameters: {{\"decay\": 0.5}})], ticks: 1, input_gain: 6))"
        )
    };
    for (y, loss) in [
        ("mean.npy", ""),
        ("mean.npy", "loss: SquareMembrane(over: Last),"),
        ("each.npy", "loss: SquareMembrane(over: Each),"),
        ("trains.npy", "loss: SquareSpikes(),"),
        ("trains.npy", "loss: VanRossum(decay: 0.7),"),
    ] {
        let mut learner = Classifier::new(&config(&text(y, loss), &[]), 1).unwrap();
        let first = learner.advance().unwrap();
        let before = learner.validate().unwrap().unwrap();
        assert!(learner.note(0.0, before.loss));
        let mut last = first;
        for _ in 0..25 {
            last = learner.advance().unwrap();
        }
        assert!(last.loss < 0.8 * first.loss, "{y} {loss} {} after {}", last.loss, first.loss);
        assert_eq!(last.accuracy, None);
        let after = learner.validate().unwrap().unwrap();
        assert!(after.loss < before.loss && after.confusion.is_none(), "{y} {loss} {after:?}");
        assert!(learner.note(0.0, after.loss) && !learner.note(0.0, before.loss));
    }
    let mut learner = Classifier::new(&config(&text("mean.npy", ""), &[]), 1).unwrap();
    learner.advance().unwrap();
    let mut again = Classifier::new(&config(&text("mean.npy", ""), &[]), 1).unwrap();
    again.restore(&learner.checkpoint()).unwrap();
    assert_eq!(learner.advance().unwrap(), again.advance().unwrap());
    // Shapes and losses that do not fit are found before training.
    for (y, loss, expected) in [
        (
            "mean.npy",
            "loss: SquareMembrane(over: Each),",
            "`targets` has 2 values, but 10 are needed: 5 frames",
        ),
        ("each.npy", "loss: VanRossum(),", "but 30 are needed: 5 ticks × 1 samples × 6 neurons"),
        ("mean.npy", "loss: CrossEntropyCount(),", "cross-entropy takes a label per sample"),
    ] {
        let error = Classifier::new(&config(&text(y, loss), &[]), 1).map(drop).unwrap_err().to_string();
        assert!(error.contains(expected), "{y} {loss} {error}");
    }
}

#[test]
fn presets_set_surrogate_and_reset_together() {
    let gradient = |sets: &[&str]| config(SMALL, sets).task().unwrap().gradient().bptt();
    let all = gradient(&["task.gradient=(preset: \"norse\")"]);
    assert_eq!((all.surrogate.parameters["slope"], all.detach_reset), (1.0, false));
    let own = gradient(&["task.gradient.preset=\"snntorch\"", "task.gradient.detach_reset=false"]);
    // The surrogate of the config comes before that of the preset.
    assert_eq!((own.surrogate.parameters["slope"], own.detach_reset), (5.0, false));
    let arctan = gradient(&["task.gradient=(preset: \"snntorch\")"]);
    assert_eq!((&*arctan.surrogate.function, arctan.detach_reset), ("arctan", true));
    let plain = gradient(&["task.gradient=()"]);
    assert_eq!((&*plain.surrogate.function, plain.detach_reset), ("fast_sigmoid", true));
}

#[test]
fn times_of_spikes_are_told_apart() {
    let text = r#"(
        task: Classify(
            data: Randman(train: 240, validation: 60, test: 0, classes: 3, units: 12, frames: 20),
            batch: 24,
            gradient: (preset: "spyx", optimizer: Adam(learning_rate: 0.1)),
        ),
        controller: Snn(hidden: [Dense(neurons: 32, like: "spyx")], ticks: 1, input_gain: 4),
    )"#;
    let mut learner = Classifier::new(&config(text, &[]), 1).unwrap();
    for _ in 0..12 {
        learner.advance().unwrap();
    }
    let accuracy = learner.validate().unwrap().unwrap().accuracy().unwrap();
    assert!(accuracy > 0.6, "{accuracy}");
}
