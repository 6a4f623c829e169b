//! Gradients of the perceptron against differences, and its forward pass against the evaluator.

use super::{Weighted, batch, noise};
use crate::config::{Activation, ControllerConfig, MlpConfig, SnnConfig};
use crate::gradient::{
    ActivityConfig, Batch, Bptt, BpttConfig, Differentiable, GradientError, Loss, LossConfig, Perceptron,
    Targets, differentiable,
};

const FRAMES: usize = 3;
const SAMPLES: usize = 21;

fn config(hidden: &[usize], activation: Activation) -> MlpConfig {
    MlpConfig { hidden: hidden.to_vec(), activation, ..MlpConfig::default() }
}

fn values(seed: u64, count: usize) -> Vec<f32> {
    noise(seed, count).into_iter().map(|x| x as f32).collect()
}

#[test]
fn gradients_are_those_of_differences() {
    for (hidden, activation) in [
        (&[][..], Activation::Tanh),
        (&[7], Activation::Tanh),
        (&[6], Activation::Relu),
        (&[6, 5], Activation::Tanh),
    ] {
        let network = Perceptron::new(&config(hidden, activation), 4, 3).unwrap();
        let mut theta = values(3, network.layout().len());
        if activation == Activation::Relu {
            // Away from the kink, which no difference must cross.
            let bias = network.layout().block("hidden.0.bias").unwrap().range();
            theta[bias].copy_from_slice(&[3.0, -3.0, 3.0, 3.0, -3.0, 3.0]);
        }
        let x = values(5, FRAMES * SAMPLES * 4);
        let objective = Weighted { seed: 9, spikes: false, squares: true };
        let of = |theta: &[f32]| network.gradient(theta, &batch(SAMPLES, &x), &objective).unwrap();
        let gradient = of(&theta).gradient;
        for at in 0..theta.len() {
            let moved = |by: f32| {
                let mut theta = theta.clone();
                theta[at] += by;
                of(&theta).loss
            };
            let expected = (moved(2e-3) - moved(-2e-3)) / 4e-3;
            let error = (f64::from(gradient[at]) - expected).abs();
            assert!(
                error < 2e-3 * (1.0 + expected.abs()),
                "{hidden:?}, {at}: {}, not {expected}",
                gradient[at]
            );
        }
    }
}

#[test]
fn forwards_it_is_the_evaluator() {
    for activation in [Activation::Tanh, Activation::Relu] {
        let config = ControllerConfig::Mlp(config(&[9, 5], activation));
        let network = differentiable(&config, 4, 3, &BpttConfig::default()).unwrap();
        let controller = config.build(4, 3).unwrap();
        let theta = values(2, controller.layout().len());
        let x = values(7, SAMPLES * 4);
        let run = network.run(&theta, &batch(SAMPLES, &x)).unwrap();
        let mut evaluator = controller.evaluator(SAMPLES);
        (0..SAMPLES).for_each(|slot| evaluator.load(slot, &theta));
        let mut actions = vec![0.0; SAMPLES * 3];
        evaluator.step(&[true; SAMPLES], &x, &mut actions).unwrap();
        let own: Vec<f32> = run.values.iter().map(|&value| crate::tanh(value)).collect();
        assert_eq!(own, actions);
        // One frame after the other is the same as all at once.
        let by_frames = network.run(&theta, &batch(3, &x)).unwrap();
        assert_eq!((by_frames.frames, by_frames.values), (7, run.values));
    }
}

#[test]
fn threads_change_no_bit() {
    let network = Perceptron::new(&config(&[8], Activation::Tanh), 4, 3).unwrap();
    let (theta, x) = (values(3, network.layout().len()), values(5, 150 * 4));
    let objective = Weighted { seed: 9, spikes: false, squares: true };
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| network.gradient(&theta, &batch(150, &x), &objective).unwrap())
    };
    assert_eq!(on(1), on(4));
}

#[test]
fn a_batch_is_the_sum_of_its_samples() {
    // Layers wider and narrower than a block, rows beyond whole blocks.
    let network = Perceptron::new(&config(&[64, 37], Activation::Tanh), 27, 8).unwrap();
    let (count, frames) = (45, 2);
    let (theta, x) = (values(3, network.layout().len()), values(5, frames * count * 27));
    let labels: Vec<usize> = (0..count).map(|sample| sample % 8).collect();
    let gradient = |samples: &[usize]| {
        let mut own = Vec::new();
        for frame in 0..frames {
            samples.iter().for_each(|s| own.extend_from_slice(&x[(frame * count + s) * 27..][..27]));
        }
        let labels: Vec<usize> = samples.iter().map(|&sample| labels[sample]).collect();
        let (config, activity) = (LossConfig::default(), ActivityConfig::default());
        let shape = (samples.len(), frames);
        let loss = Loss::new(&config, activity, Targets::Labels(&labels), &network, shape).unwrap();
        network.gradient(&theta, &batch(samples.len(), &own), &loss).unwrap()
    };
    let all = gradient(&(0..count).collect::<Vec<_>>());
    let mut sum = vec![0.0; theta.len()];
    for sample in 0..count {
        let one = gradient(&[sample]).gradient;
        sum.iter_mut().zip(one).for_each(|(sum, g)| *sum += f64::from(g) / count as f64);
    }
    assert!(sum.iter().any(|g| g.abs() > 0.01));
    for (at, (&found, expected)) in all.gradient.iter().zip(sum).enumerate() {
        assert!((f64::from(found) - expected).abs() < 1e-6, "{at}: {found}, not {expected}");
    }
}

#[test]
fn it_learns_labels_and_refuses_losses_on_spikes() {
    let network = Perceptron::new(&config(&[16], Activation::Tanh), 2, 2).unwrap();
    // Exclusive or.
    let (x, labels) = ([0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [0, 1, 1, 0]);
    let activity = ActivityConfig::default();
    let loss = |config: &LossConfig| {
        Loss::new(config, activity, Targets::Labels(&labels), &network, (4, 1)).map(|_| ())
    };
    assert_eq!(loss(&LossConfig::CrossEntropyCount { smoothing: 0.0 }).unwrap_err(), GradientError::NoSpikes);
    let objective =
        Loss::new(&LossConfig::default(), activity, Targets::Labels(&labels), &network, (4, 1)).unwrap();
    let config: crate::gradient::TrainerConfig =
        ron::from_str("(optimizer: Adam(learning_rate: 0.05))").unwrap();
    let mut trainer = crate::gradient::Trainer::new(config, &values(4, network.layout().len())).unwrap();
    for _ in 0..200 {
        trainer.step(&network, &batch(4, &x), &objective).unwrap();
    }
    assert_eq!(trainer.step(&network, &batch(4, &x), &objective).unwrap().sums, [4.0]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let network = Perceptron::new(&config(&[3], Activation::Tanh), 2, 1).unwrap();
    let theta = values(1, network.layout().len());
    let run = |theta: &[f32], batch: Batch<'_>| network.run(theta, &batch).unwrap_err().to_string();
    assert!(run(&theta[1..], batch(1, &[0.0; 2])).contains("`theta`"));
    assert!(run(&theta, batch(1, &[0.0; 3])).contains("2 inputs"));
    assert_eq!(run(&theta, batch(1, &[0.0, f32::NAN])), "input of sample 0 is not finite in tick 0");
    let mut bad = theta.clone();
    bad[0] = f32::INFINITY;
    assert_eq!(run(&bad, batch(1, &[0.0; 2])), "parameter of hidden.0.weight is not finite");
    assert!(matches!(
        Perceptron::new(&config(&[0], Activation::Tanh), 2, 1).map(|_| ()).unwrap_err(),
        GradientError::Network(_)
    ));
}

#[test]
fn trainers_go_on_from_their_state() {
    let network = Bptt::new(&SnnConfig::default(), 2, 2, &BpttConfig::default()).unwrap();
    let gradient = values(3, network.layout().len());
    let start = values(4, network.layout().len());
    let mut trainer = crate::gradient::Trainer::new(Default::default(), &start).unwrap();
    trainer.apply(&network, &gradient).unwrap();
    let mut other = crate::gradient::Trainer::new(Default::default(), &gradient).unwrap();
    let (theta, optimizer) = trainer.state();
    other.restore(theta, &optimizer.first, &optimizer.second, optimizer.steps).unwrap();
    assert!(other == trainer);
    assert!(other.restore(&theta[1..], &optimizer.first, &optimizer.second, 1).is_err());
    assert!(other == trainer);
}
