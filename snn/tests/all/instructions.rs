//! The same bits, whatever instructions the loops were compiled for.

use numerics::Instructions;
use snn::gradient::{ActivityConfig, Batch, BpttConfig, Loss, LossConfig, Targets, differentiable};
use snn::{ControllerConfig, MlpConfig, Precision, SnnConfig};

use crate::{bits, controller, normals};

const OWN: &str = "model own
param decay = 0.8 in [0, 1]
state v = 0
v = decay*v + (1 - decay)*I/(1 + abs(v)) + 0.1*exp(floor(v) - 1)
spike v > 1
reset down: v = v - 1
";

/// Actions of some steps in closed loop.
fn actions(text: &str) -> Vec<u32> {
    let controller = controller(text, 5, 3);
    let mut evaluator = controller.evaluator(1);
    evaluator.load(0, &normals(3, controller.layout().len()));
    evaluator.reset(0, 1);
    let (mut x, mut actions, mut all) = (normals(7, 5), [0.0; 3], Vec::new());
    for step in 0..60 {
        evaluator.begin(&[true], &x, &[(step % 5) as f32 - 2.0]);
        evaluator.finish(&[true], &mut actions).unwrap();
        all.extend(bits(&actions));
        let noise = normals(100 + step, 5);
        for (i, x) in x.iter_mut().enumerate() {
            *x = 0.8 * *x + 0.5 * actions[i % 3] + 0.4 * noise[i];
        }
    }
    all
}

/// The gradient of a classifier.
fn gradient(config: &ControllerConfig) -> Vec<u32> {
    let network = differentiable(config, 4, 3, &BpttConfig::default()).unwrap();
    let (inputs, labels) = (normals(5, 10 * 6 * 4), [0, 1, 2, 0, 1, 2]);
    let batch = Batch { samples: 6, inputs: &inputs, ..Batch::default() };
    let (loss, labels) = (LossConfig::default(), Targets::Labels(&labels));
    let loss = Loss::new(&loss, ActivityConfig::default(), labels, &*network, (6, 10)).unwrap();
    bits(&network.gradient(&normals(9, network.layout().len()), &batch, &loss).unwrap().gradient)
}

#[test]
fn all_instruction_sets_give_the_same_bits() {
    let mut texts = vec![
        "Mlp(hidden: [40])".to_owned(),
        "Mlp(hidden: [40], activation: Relu)".to_owned(),
        format!("Snn(hidden: [Recurrent(neurons: 20, model: {OWN:?})], input_gain: 4)"),
        "Snn(hidden: [Recurrent(neurons: 37, excitatory: Some(0.6))], input_gain: 6, plasticity: [
            (rule: Hebbian, blocks: [\"hidden.0.input\", \"hidden.0.recurrent\"]),
            (rule: RewardStdp(), blocks: [\"readout.weight\"], rate: 0.3)])"
            .to_owned(),
    ];
    for model in snn::neurons().into_iter().filter(|neuron| neuron.spikes) {
        for precision in Precision::ALL {
            texts.push(format!(
                "Snn(hidden: [Recurrent(neurons: 70, model: \"{}\"), Dense(neurons: 20)], \
                 precision: {precision:?}, encoder: Current(negated: true), input_gain: 4)",
                model.name
            ));
        }
    }
    let configs = [
        ControllerConfig::Mlp(MlpConfig::default()),
        ControllerConfig::Snn(SnnConfig { precision: Precision::F32, ..SnnConfig::default() }),
        ControllerConfig::Snn(SnnConfig { precision: Precision::I8, ..SnnConfig::default() }),
    ];
    let run = || -> Vec<Vec<u32>> {
        texts.iter().map(|text| actions(text)).chain(configs.iter().map(gradient)).collect()
    };
    Instructions::Plain.limit();
    let expected = run();
    let distinct = |bits: &Vec<u32>| bits.iter().any(|b| *b != bits[0]);
    assert!(expected.iter().filter(|bits| distinct(bits)).count() * 10 > expected.len() * 9);
    for set in Instructions::ALL {
        let used = set.limit();
        for (index, (found, expected)) in run().iter().zip(&expected).enumerate() {
            assert_eq!(found, expected, "{used:?}: {:?}", texts.get(index));
        }
    }
    // The widest stays in use for the other tests.
    Instructions::Avx512Count.limit();
}
