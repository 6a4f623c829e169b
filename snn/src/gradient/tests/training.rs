//! Optimizers, schedules, learning, and what is refused.

use super::{batch, inputs, theta};
use crate::config::{HiddenLayer, LayerConfig, Precision, SnnConfig};
use crate::gradient::{
    ActivityConfig, Batch, Bptt, BpttConfig, Clip, Decay, GradientError, Loss, LossConfig, Objective,
    Optimizer, OptimizerConfig, Outputs, ScheduleConfig, Score, Sensitivity, Targets, Trainer, TrainerConfig,
};

fn small(neurons: usize, model: &str) -> SnnConfig {
    let layer = LayerConfig { neurons, model: model.into(), ..LayerConfig::default() };
    SnnConfig { hidden: vec![HiddenLayer::Recurrent(layer)], ticks: 1, ..SnnConfig::default() }
}

fn bptt(config: &SnnConfig) -> Bptt {
    Bptt::new(config, 3, 2, &BpttConfig::default()).unwrap()
}

#[test]
fn steps_of_the_optimizers() {
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a}, not {b}");
    let adam = |weight_decay| OptimizerConfig::AdamW {
        learning_rate: 0.1,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay,
    };
    // By hand, gradients 1 then 3.
    let mut optimizer = Optimizer::new(adam(0.5), 1);
    let mut x = [2.0];
    optimizer.step(&mut x, &[1.0], 1.0);
    near(x[0], 2.0 * 0.95 - 0.1 / (1.0 + 1e-8));
    let before = x[0];
    optimizer.step(&mut x, &[3.0], 0.5);
    let m: f64 = (0.9 * 0.1 + 0.1 * 3.0) / (1.0 - 0.81);
    let v: f64 = (0.999 * 0.001 + 0.001 * 9.0) / (1.0 - 0.999 * 0.999);
    near(x[0], before * 0.975 - 0.05 * m / (v.sqrt() + 1e-8));
    // Adam is AdamW without decay.
    let [mut a, mut b] =
        [adam(0.0), OptimizerConfig::Adam { learning_rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }]
            .map(|config| (Optimizer::new(config, 1), [1.0]));
    for g in [0.3, -0.7, 0.1] {
        a.0.step(&mut a.1, &[g], 1.0);
        b.0.step(&mut b.1, &[g], 1.0);
    }
    assert_eq!(a.1, b.1);
    let mut sgd = Optimizer::new(OptimizerConfig::Sgd { learning_rate: 0.5, momentum: 0.5 }, 1);
    let mut x = [0.0];
    sgd.step(&mut x, &[2.0], 1.0);
    sgd.step(&mut x, &[2.0], 1.0);
    near(x[0], -1.0 - 1.5);
}

#[test]
fn schedules_and_clipping() {
    let then = |then| ScheduleConfig { warm_up: 4, then };
    for (schedule, factors) in [
        (then(Decay::Constant), [0.25, 1.0, 1.0, 1.0, 1.0]),
        (then(Decay::Linear { to: 0.2, steps: 10 }), [0.25, 1.0, 0.6, 0.2, 0.2]),
        (then(Decay::Cosine { to: 0.2, steps: 10 }), [0.25, 1.0, 0.6, 0.2, 0.2]),
    ] {
        for (step, factor) in [0, 4, 9, 14, 99].into_iter().zip(factors) {
            assert!((schedule.factor(step) - factor).abs() < 1e-12, "{schedule:?}, {step}");
        }
    }
    // A cosine starts and ends flat.
    let cosine = then(Decay::Cosine { to: 0.0, steps: 10 });
    assert!(cosine.factor(5) > 0.97 && cosine.factor(13) < 0.03);
    let mut gradient = [3.0, -4.0];
    Clip::Norm(10.0).apply(&mut gradient);
    assert_eq!(gradient, [3.0, -4.0]);
    Clip::Norm(1.0).apply(&mut gradient);
    assert!((gradient[0] - 0.6).abs() < 1e-15 && (gradient[1] + 0.8).abs() < 1e-15);
    let mut gradient = [3.0, -0.5];
    Clip::Value(1.0).apply(&mut gradient);
    assert_eq!(gradient, [1.0, -0.5]);
}

/// Which of two inputs came first; silent in between, so that the network must remember.
fn order(samples: usize) -> (Vec<f32>, Vec<usize>) {
    let frames = 12;
    let (mut inputs, mut labels) = (vec![0.0; frames * samples * 3], Vec::new());
    for sample in 0..samples {
        let label = sample % 2;
        let at = |frame: usize, input: usize| (frame * samples + sample) * 3 + input;
        inputs[at(sample / 2 % 3, label)] = 2.0;
        inputs[at(6 + sample / 6 % 3, 1 - label)] = 2.0;
        labels.push(label);
    }
    (inputs, labels)
}

#[test]
fn every_loss_on_labels_learns() {
    let (x, labels) = order(24);
    for (loss, neurons) in [
        (LossConfig::default(), 32),
        (LossConfig::CrossEntropyCount { smoothing: 0.0 }, 32),
        (LossConfig::CrossEntropyRate { smoothing: 0.0 }, 32),
        (LossConfig::SquareRate { correct: 0.6, incorrect: 0.1 }, 32),
    ] {
        let bptt = bptt(&small(neurons, "alif"));
        let adam = OptimizerConfig::Adam { learning_rate: 0.03, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
        let config =
            TrainerConfig { optimizer: adam, clip: Some(Clip::Norm(1.0)), ..TrainerConfig::default() };
        let mut trainer = Trainer::new(config, &theta(&bptt, 7)).unwrap();
        let objective =
            Loss::new(&loss, ActivityConfig::default(), Targets::Labels(&labels), &bptt, (24, 12)).unwrap();
        let batch = batch(24, &x);
        let first = trainer.step(&bptt, &batch, &objective).unwrap();
        let mut correct = 0.0_f64;
        for _ in 0..150 {
            correct = correct.max(trainer.step(&bptt, &batch, &objective).unwrap().sums[0]);
            if correct == 24.0 {
                break;
            }
        }
        let last = trainer.step(&bptt, &batch, &objective).unwrap();
        assert!(correct >= 23.0, "{loss:?}: {correct} of 24, loss {} to {}", first.loss, last.loss);
    }
}

#[test]
fn activity_has_its_price() {
    let bptt = bptt(&small(20, "lif"));
    let (x, theta) = (inputs(&bptt, 10, 8, 3), theta(&bptt, 5));
    let zeros = vec![0.0; 8 * 2];
    let rate = |activity| {
        let square = LossConfig::SquareMembrane { over: crate::gradient::Over::Mean };
        let objective = Loss::new(&square, activity, Targets::Values(&zeros), &bptt, (8, 10)).unwrap();
        let adam = OptimizerConfig::Adam { learning_rate: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
        let config = TrainerConfig { optimizer: adam, ..TrainerConfig::default() };
        let mut trainer = Trainer::new(config, &theta).unwrap();
        for _ in 0..60 {
            trainer.step(&bptt, &batch(8, &x), &objective).unwrap();
        }
        trainer.step(&bptt, &batch(8, &x), &objective).unwrap().rates[0]
    };
    let quiet = rate(ActivityConfig { low: 0.0, high: 0.02, weight: 100.0 });
    let busy = rate(ActivityConfig { low: 0.4, high: 1.0, weight: 100.0 });
    assert!(quiet < 0.1 && busy > 0.25, "{quiet}, {busy}");
}

#[test]
fn saved_training_goes_on_where_it_was() {
    let bptt = bptt(&small(10, "lif"));
    let (x, labels) = order(8);
    let batch = batch(8, &x);
    let objective = Loss::new(
        &LossConfig::default(),
        ActivityConfig::default(),
        Targets::Labels(&labels),
        &bptt,
        (8, 12),
    )
    .unwrap();
    let mut trainer = Trainer::new(TrainerConfig::default(), &theta(&bptt, 7)).unwrap();
    trainer.step(&bptt, &batch, &objective).unwrap();
    let mut again: Trainer = serde_json::from_str(&serde_json::to_string(&trainer).unwrap()).unwrap();
    for _ in 0..3 {
        trainer.step(&bptt, &batch, &objective).unwrap();
        again.step(&bptt, &batch, &objective).unwrap();
    }
    assert_eq!(trainer, again);
    assert_eq!(trainer.steps(), 4);
}

struct Broken(f64, f64);

impl Objective for Broken {
    fn evaluate(&self, outputs: &Outputs, sensitivity: &mut Sensitivity) -> Score {
        for sample in 0..outputs.samples.len() {
            sensitivity.value(0, sample).fill(self.1);
        }
        Score { loss: self.0, sums: Vec::new() }
    }
}

#[test]
fn what_is_not_finite_is_named_with_step_and_layer() {
    let bptt = bptt(&small(10, "lif"));
    let theta = theta(&bptt, 7);
    let x = inputs(&bptt, 4, 2, 3);
    let batch_of = batch(2, &x);
    let config = TrainerConfig::default();
    let mut trainer = Trainer::new(config, &theta).unwrap();
    trainer.step(&bptt, &batch_of, &Broken(1.0, 0.5)).unwrap();
    let before = trainer.clone();
    let error = trainer.step(&bptt, &batch_of, &Broken(f64::NAN, 0.0)).unwrap_err();
    assert_eq!(error.to_string(), "loss of outputs is not finite (step 1)");
    let error = trainer.step(&bptt, &batch_of, &Broken(1.0, f64::INFINITY)).unwrap_err();
    assert!(error.to_string().starts_with("gradient of "), "{error}");
    assert!(error.to_string().ends_with("is not finite (step 1)"), "{error}");
    assert!(trainer == before, "θ is what it was");

    let mut bad = theta.clone();
    bad[bptt.layout().block("hidden.0.recurrent").unwrap().offset] = f32::NAN;
    let error = bptt.gradient(&bad, &batch_of, &Broken(1.0, 0.0)).unwrap_err();
    assert_eq!(error.to_string(), "parameter of hidden.0.recurrent is not finite");
    let mut bad = x.clone();
    bad[2 * 3 * 2 + 4] = f32::INFINITY;
    let error = bptt.run(&theta, &batch(2, &bad)).unwrap_err();
    assert_eq!(error.to_string(), "input of sample 1 is not finite in tick 2");

    // A state that squares itself every tick.
    let model = "model wild\nstate v = 3\nv = v*v + I\nspike v > 1e30\n";
    let config = SnnConfig { precision: Precision::F32Free, ..small(4, model) };
    let wild = Bptt::new(&config, 3, 2, &BpttConfig::default()).unwrap();
    let zero = vec![0.0; wild.layout().len()];
    let still = vec![0.0; 12 * 3];
    let error = Trainer::new(TrainerConfig::default(), &zero)
        .unwrap()
        .step(&wild, &batch(1, &still), &Broken(1.0, 0.0))
        .unwrap_err();
    // 3^(2^7) is the first beyond an f32.
    assert_eq!(error.to_string(), "state of hidden.0 is not finite in tick 6 (step 0)");
}

#[test]
fn what_does_not_fit_is_refused() {
    let bptt = bptt(&small(9, "lif"));
    let theta = theta(&bptt, 7);
    let x = inputs(&bptt, 4, 2, 3);
    let fails = |theta: &[f32], batch: Batch<'_>, words: &[&str]| {
        let error = bptt.gradient(theta, &batch, &Broken(1.0, 0.0)).unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    };
    fails(&theta[1..], batch(2, &x), &["`theta`", "are needed"]);
    fails(&theta, batch(2, &x[1..]), &["`inputs` has 23", "24 are needed", "2 samples × 3 inputs"]);
    fails(&theta, batch(2, &[]), &["`inputs` has 0"]);
    fails(&theta, batch(0, &x), &["`inputs`", "at least 1"]);
    fails(&theta, Batch { seeds: &[1], ..batch(2, &x) }, &["`seeds` has 1"]);
    fails(&theta, Batch { resets: &[true], ..batch(2, &x) }, &["`resets` has 1", "8 are needed"]);
    let other = Bptt::new(&small(8, "lif"), 3, 2, &BpttConfig::default()).unwrap();
    let zero = vec![0.0; other.layout().len()];
    let end = other.run(&zero, &batch(2, &x)).unwrap().end;
    fails(&theta, Batch { start: &end, ..batch(2, &x) }, &["`start[0]`", "another network"]);

    let loss = |config: LossConfig, targets: Targets<'_>| {
        Loss::new(&config, ActivityConfig::default(), targets, &bptt, (2, 4)).map(drop).unwrap_err()
    };
    let entropy = LossConfig::default();
    let label = loss(entropy.clone(), Targets::Labels(&[1, 2]));
    assert_eq!(label, GradientError::Label { sample: 1, label: 2, last: 1 });
    assert_eq!(label.to_string(), "label 2 of sample 1 is out of range; valid: 0 to 1");
    for (error, words) in [
        (loss(entropy.clone(), Targets::Labels(&[1])), "`labels` has 1 values, but 2"),
        (loss(entropy, Targets::Values(&[0.0; 4])), "cross-entropy takes a label"),
        (
            loss(LossConfig::CrossEntropyCount { smoothing: 0.0 }, Targets::Labels(&[0, 1])),
            "9 neurons, but 10",
        ),
        (
            loss(LossConfig::CrossEntropyCount { smoothing: 1.0 }, Targets::Labels(&[0, 1])),
            "`smoothing` is 1",
        ),
        (loss(LossConfig::SquareSpikes {}, Targets::Values(&[0.0; 8])), "4 ticks × 2 samples × 9 neurons"),
        (loss(LossConfig::SquareSpikes {}, Targets::Labels(&[0, 1])), "spike trains"),
        (
            loss(LossConfig::SquareMembrane { over: Default::default() }, Targets::Values(&[f32::NAN; 4])),
            "finite",
        ),
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }

    let new = |config: &SnnConfig, bptt: &BpttConfig| Bptt::new(config, 3, 2, bptt).map(drop).unwrap_err();
    let binary = SnnConfig { precision: Precision::Binary, ..small(9, "lif") };
    assert_eq!(new(&binary, &BpttConfig::default()), GradientError::Binary);
    let plastic = SnnConfig { plasticity: vec![Default::default()], ..small(9, "lif") };
    let error = new(&plastic, &BpttConfig::default());
    assert_eq!(error, GradientError::Plastic);
    assert!(error.to_string().contains("valid: `plasticity: []`"), "{error}");
    let window = BpttConfig { window: Some(0), ..BpttConfig::default() };
    assert!(new(&small(9, "lif"), &window).to_string().contains("`window` is 0"));
    assert!(matches!(new(&small(9, "li"), &BpttConfig::default()), GradientError::Network(_)));
    let clip = TrainerConfig { clip: Some(Clip::Norm(0.0)), ..TrainerConfig::default() };
    assert!(Trainer::new(clip, &theta).unwrap_err().to_string().contains("`clip` is 0"));
}
