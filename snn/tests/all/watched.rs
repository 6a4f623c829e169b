//! Whoever watches changes nothing. A watched individual runs projection by projection, its neurons interpreted;
//! others run by rows where they can, their neurons compiled. All must agree, whatever the instructions.

use numerics::Instructions;
use proptest::prelude::*;
use proptest::sample::select;
use snn::{Controller, Precision, Probe};

use crate::{bits, built, controller, normals};

/// A layer, without what depends on other layers.
fn layer() -> impl Strategy<Value = String> {
    let models: Vec<(String, Vec<String>)> = snn::neurons()
        .into_iter()
        .filter(|neuron| neuron.spikes)
        .map(|neuron| (neuron.name, neuron.resets))
        .collect();
    let neuron = (select(models), any::<prop::sample::Index>()).prop_map(|((model, resets), index)| {
        let reset = if resets.is_empty() { "None".into() } else { format!("Some({:?})", index.get(&resets)) };
        format!("model: {model:?}, reset: {reset}")
    });
    (
        (prop_oneof![3 => 1_usize..70, 1 => 70_usize..330], neuron, 0..3_usize),
        (select(vec!["1", "0.4"]), select(vec!["None", "Some(0.7)"]), any::<[bool; 3]>()),
        (select(vec!["Dense", "Recurrent"]), select(vec!["(0, 0)", "(0, 0)", "(0, 0)", "(0, 2)"])),
    )
        .prop_map(
            |((neurons, neuron, refractory), (density, excitatory, [fresh, pairs, own]), (kind, delay))| {
                // Pairs share weights that differ in sign.
                let pairs = pairs && excitatory == "None" && density == "1" && delay == "(0, 0)";
                let neurons = if pairs { neurons * 2 } else { neurons };
                let evolve = if own && neuron.contains("lif") { "{\"threshold\": Neuron}" } else { "{}" };
                format!(
                    "{kind}(neurons: {neurons}, {neuron}, refractory: {refractory}, density: {density}, \
                 excitatory: {excitatory}, fresh: {fresh}, push_pull: {pairs}, delay: {delay}, \
                 evolve: {evolve}, skip: SKIP)"
                )
            },
        )
}

/// A network that can be built.
fn network() -> impl Strategy<Value = String> {
    text().prop_filter("a combination that is refused", |text| built(text, 4, 3).is_ok())
}

fn text() -> impl Strategy<Value = String> {
    let encoders = vec!["Current()", "Current(negated: true)", "Population(fields: 3)", "Rate()", "Delta()"];
    let decoders = vec!["Membrane()", "Membrane()", "Rate()", "Count()", "Population()"];
    (
        prop::collection::vec((layer(), any::<[bool; 3]>()), 1..4),
        (select(Precision::ALL.to_vec()), select(encoders), select(decoders), 1..6_usize),
        (any::<bool>(), prop::bool::weighted(0.15), select(vec![0.5, 3.0, 8.0])),
    )
        .prop_map(|(layers, (precision, encoder, decoder, ticks), (skip, plastic, gain))| {
            let count = layers.len();
            let layers = layers.into_iter().enumerate().map(|(index, (layer, wants))| {
                // The input where it is not there already, a later layer, and one before the last.
                let mut skips = Vec::new();
                if wants[0] && index > 0 {
                    skips.push("input".to_owned());
                }
                if wants[1] && index + 1 < count {
                    skips.push(format!("hidden.{}", index + 1));
                }
                if wants[2] && index > 1 {
                    skips.push(format!("hidden.{}", index - 2));
                }
                layer.replace("SKIP", &format!("{skips:?}"))
            });
            let layers: Vec<String> = layers.collect();
            let learns = matches!(precision, Precision::F32 | Precision::F32Free);
            let layers = layers.join(", ");
            let rules = plastic && learns && !layers.contains("push_pull: true");
            let rules = if rules { "[(blocks: [\"hidden.0.input\"])]" } else { "[]" };
            let layers =
                if precision == Precision::Binary { layers.replace("push_pull: true", "push_pull: false") } else { layers };
            let skip = if skip && count > 1 { "[\"hidden.0\"]" } else { "[]" };
            format!(
                "Snn(hidden: [{layers}], precision: {precision:?}, encoder: {encoder}, decoder: {decoder}, \
                 ticks: {ticks}, readout_skip: {skip}, input_gain: {gain}, recurrent_gain: 2, plasticity: {rules})"
            )
        })
}

/// Actions, activity, faults and probes of some steps in open loop.
fn run(controller: &dyn Controller, watched: bool, scale: f32, steps: u64) -> Vec<String> {
    let mut evaluator = controller.evaluator(2);
    for slot in 0..2 {
        let mut parameters = normals(slot as u64, controller.layout().len());
        parameters.iter_mut().for_each(|p| *p = *p * 0.8 + 0.4);
        evaluator.load(slot, &parameters);
        evaluator.reset(slot, slot as u64);
    }
    let (inputs, outputs) = (controller.inputs(), controller.outputs());
    let (mut all, mut probe) = (Vec::new(), Probe::default());
    for step in 0..steps {
        let mut x = normals(step + 50, 2 * inputs);
        x.iter_mut().for_each(|x| *x *= scale);
        // Sometimes beyond all bounds.
        if step == 5 {
            x[0] *= 1e6;
        }
        if step == 8 {
            x[inputs] = f32::NAN;
        }
        let mut actions = vec![0.0; 2 * outputs];
        for slot in 0..2 {
            evaluator.watch(watched.then_some(slot)).unwrap();
            let active = [slot == 0, slot == 1];
            evaluator.begin(&active, &x, &[0.5, -0.5]);
            evaluator.finish(&active, &mut actions).unwrap();
            evaluator.probe(slot, &mut probe).unwrap();
            probe.layers.iter_mut().for_each(|layer| layer.traces.clear());
            all.push(format!("{:?} {} {probe:?}", evaluator.activity(slot), evaluator.fault(slot)));
        }
        all.push(format!("{:x?}", bits(&actions)));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn watching_changes_nothing(text in network(), scale in select(vec![0.3_f32, 2.0, 40.0])) {
        let controller = controller(&text, 4, 3);
        let expected = run(&*controller, true, scale, 12);
        for set in Instructions::ALL {
            let used = set.limit();
            let found = run(&*controller, false, scale, 12);
            for (step, (found, expected)) in found.iter().zip(&expected).enumerate() {
                prop_assert_eq!(found, expected, "{:?}, {}, {}", used, step, text);
            }
        }
        Instructions::Avx512Count.limit();
    }
}
