//! The same bits, whatever instructions the loops were compiled for and whatever processor has them.
//!
//! After a wanted change of a controller run `UPDATE_GOLDEN=1 cargo test -p snn --test all instructions`.

use std::fmt::Write as _;

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

/// Controllers by name: every kind of loop.
fn cases() -> Vec<(String, String)> {
    let mut cases = vec![
        ("mlp".to_owned(), "Mlp(hidden: [40])".to_owned()),
        ("mlp relu".to_owned(), "Mlp(hidden: [40], activation: Relu)".to_owned()),
        (
            "own model".to_owned(),
            format!("Snn(hidden: [Recurrent(neurons: 20, model: {OWN:?})], input_gain: 4)"),
        ),
        (
            "plasticity".to_owned(),
            "Snn(hidden: [Recurrent(neurons: 37, excitatory: Some(0.6))], input_gain: 6, plasticity: [
            (rule: Hebbian, blocks: [\"hidden.0.input\", \"hidden.0.recurrent\"]),
            (rule: RewardStdp(), blocks: [\"readout.weight\"], rate: 0.3)])"
                .to_owned(),
        ),
    ];
    for model in snn::neurons().into_iter().filter(|neuron| neuron.spikes) {
        for precision in Precision::ALL {
            let text = format!(
                "Snn(hidden: [Recurrent(neurons: 70, model: \"{}\"), Dense(neurons: 20)], \
                 precision: {precision:?}, encoder: Current(negated: true), input_gain: 4)",
                model.name
            );
            cases.push((format!("{} {precision:?}", model.name), text));
        }
    }
    cases
}

/// The bits of all [`cases`], then of gradients, each with its name.
fn run() -> Vec<(String, Vec<u32>)> {
    let snn = |precision| ControllerConfig::Snn(SnnConfig { precision, ..SnnConfig::default() });
    let gradients = [
        ("gradient mlp", ControllerConfig::Mlp(MlpConfig::default())),
        ("gradient F32", snn(Precision::F32)),
        ("gradient I8", snn(Precision::I8)),
    ];
    let gradients = gradients.map(|(name, config)| (name.to_owned(), gradient(&config)));
    cases().into_iter().map(|(name, text)| (name, actions(&text))).chain(gradients).collect()
}

#[test]
fn all_instruction_sets_give_the_same_bits() {
    Instructions::Plain.limit();
    let expected = run();
    let distinct = |bits: &[u32]| bits.iter().any(|b| *b != bits[0]);
    assert!(expected.iter().filter(|(_, bits)| distinct(bits)).count() * 10 > expected.len() * 9);
    for set in Instructions::ALL {
        let used = set.limit();
        for ((name, found), (_, expected)) in run().iter().zip(&expected) {
            assert_eq!(found, expected, "{used:?}: {name}");
        }
    }
    // The widest stays in use for the other tests.
    Instructions::Avx512Count.limit();
}

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all/golden.txt");

/// FNV-1a with whole words in place of bytes.
fn hash(bits: &[u32]) -> u64 {
    bits.iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &word| (hash ^ u64::from(word)).wrapping_mul(0x0100_0000_01b3))
}

/// What is not in the list, a new neuron say, may be anything.
#[test]
fn controllers_and_gradients_have_the_bits_they_had() {
    let mut found = String::new();
    for (name, bits) in run() {
        writeln!(found, "{name} {:016x}", hash(&bits)).unwrap();
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &found).unwrap();
    }
    let expected = std::fs::read_to_string(GOLDEN).unwrap();
    assert!(expected.lines().count() > 10);
    let found: Vec<&str> = found.lines().collect();
    let lost: Vec<&str> = expected.lines().filter(|line| !found.contains(line)).collect();
    assert!(lost.is_empty(), "{lost:#?} are not in {found:#?}");
}
