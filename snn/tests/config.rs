//! Configurations: their text form, their defaults and what is refused.

#![expect(clippy::unwrap_used, reason = "tests")]

use ron::extensions::Extensions;
use snn::{
    Activation, ControllerConfig, HiddenLayer, LayerConfig, MlpConfig, NeuronParameters, Reset, SnnConfig,
    SnnError,
};

fn options() -> ron::Options {
    ron::Options::default().with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES)
}

fn parse(text: &str) -> ControllerConfig {
    options().from_str(text).unwrap()
}

/// The message of the error that building `text` for 3 inputs and 2 outputs gives.
fn refusal(text: &str) -> String {
    match parse(text).build(3, 2) {
        Ok(controller) => panic!("{text} was accepted as {}", controller.describe()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn round_trip() {
    let lif = NeuronParameters { decay: 0.9, threshold: 0.5, reset: Reset::Subtract };
    let layer = LayerConfig { neurons: 12, parameters: lif, ..LayerConfig::default() };
    let configs = [
        ControllerConfig::default(),
        ControllerConfig::Snn(SnnConfig {
            hidden: vec![HiddenLayer::Dense(layer.clone()), HiddenLayer::Recurrent(layer)],
            ticks: 7,
            readout_decay: 0.1,
            ..SnnConfig::default()
        }),
        ControllerConfig::Mlp(MlpConfig {
            hidden: vec![],
            activation: Activation::Relu,
            ..MlpConfig::default()
        }),
    ];
    for config in configs {
        let text = options().to_string(&config).unwrap();
        assert_eq!(parse(&text), config, "{text}");
    }
}

#[test]
fn short_forms_mean_the_defaults() {
    let expected = ControllerConfig::default();
    assert_eq!(parse("Snn()"), expected);
    let text = r#"Snn(hidden: [Recurrent(neurons: 64, model: "lif")], ticks: 4, precision: F32)"#;
    assert_eq!(parse(text), expected);
    assert_eq!(parse("Mlp()"), ControllerConfig::Mlp(MlpConfig::default()));
}

#[test]
fn descriptions() {
    let describe = |text: &str| parse(text).build(27, 8).unwrap().describe();
    assert_eq!(describe("Snn()"), "snn 27-64r(lif)-8, 4 ticks, f32, 6408 parameters");
    assert_eq!(
        describe("Snn(hidden: [Dense(neurons: 3), Recurrent(neurons: 2)], ticks: 1)"),
        "snn 27-3(lif)-2r(lif)-8, 1 tick, f32, 118 parameters"
    );
    assert_eq!(describe("Mlp(hidden: [4])"), "mlp 27-4-8, tanh, 152 parameters");
    assert_eq!(describe("Mlp(hidden: [])"), "mlp 27-8, linear, 224 parameters");
}

#[test]
fn unknown_names_are_refused_by_the_reader() {
    for (text, expected) in [
        ("Snn(tick: 4)", "`tick`"),
        ("Snn(hidden: [Dense(neuron: 4)])", "`neuron`"),
        ("Snn(hidden: [Dense(parameters: (tau: 4))])", "`tau`"),
        ("Snn(precision: I8)", "`I8`"),
        ("Mlp(activation: Gelu)", "`Gelu`"),
        ("Rnn()", "`Rnn`"),
    ] {
        let error = options().from_str::<ControllerConfig>(text).unwrap_err();
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
}

#[test]
fn values_out_of_range_are_refused_by_name() {
    for (text, expected) in [
        ("Snn(hidden: [Dense(neurons: 0)])", "`hidden[0].neurons` is 0; valid: 1 to 4096"),
        ("Snn(hidden: [Dense(), Recurrent(neurons: 4097)])", "`hidden[1].neurons` is 4097; valid: 1 to 4096"),
        ("Snn(ticks: 0)", "`ticks` is 0; valid: 1 to 4096"),
        (
            "Snn(hidden: [])",
            "`hidden` of a spiking controller needs at least 1 layer; \
             `Mlp(hidden: [])` is the linear policy",
        ),
        (
            "Snn(hidden: [Dense(parameters: (decay: 1.5))])",
            "`hidden[0].parameters.decay` is 1.5; valid: 0 to 1",
        ),
        (
            "Snn(hidden: [Dense(parameters: (decay: NaN))])",
            "`hidden[0].parameters.decay` is NaN; valid: 0 to 1",
        ),
        (
            "Snn(hidden: [Dense(parameters: (threshold: 0))])",
            "`hidden[0].parameters.threshold` is 0; valid: finite and above 0",
        ),
        (
            "Snn(hidden: [Dense(parameters: (threshold: inf))])",
            "`hidden[0].parameters.threshold` is inf; valid: finite and above 0",
        ),
        ("Snn(readout_decay: -0.1)", "`readout_decay` is -0.1; valid: 0 to 1"),
        ("Snn(input_gain: inf)", "`input_gain` is inf; valid: finite and at least 0"),
        ("Snn(output_gain: -1)", "`output_gain` is -1; valid: finite and at least 0"),
        (
            r#"Snn(hidden: [Dense(model: "lfi")])"#,
            r#"`hidden[0].model`: unknown neuron model "lfi"; valid: lif"#,
        ),
        ("Mlp(hidden: [4, 0])", "`hidden[1]` is 0; valid: 1 to 4096"),
        ("Mlp(hidden_gain: NaN)", "`hidden_gain` is NaN; valid: finite and at least 0"),
    ] {
        assert_eq!(refusal(text), expected);
    }
    let config = ControllerConfig::default();
    assert_eq!(config.build(0, 2).err(), Some(SnnError::NoInputs));
    assert_eq!(config.build(2, 0).err(), Some(SnnError::NoOutputs));
}
