//! Configurations: their text form, their defaults and what is refused.

#![expect(clippy::unwrap_used, reason = "tests")]

use ron::extensions::Extensions;
use snn::{
    Activation, Code, ControllerConfig, Current, DecoderConfig, EncoderConfig, FilteredRate, HiddenLayer,
    LayerConfig, MlpConfig, PopulationCode, Precision, ResetAt, ResetBy, Scope, SnnConfig, SnnError,
    Switches, SwitchesConfig,
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

/// All weights are counted before any is laid out: these would take more memory than there is.
#[test]
fn what_is_too_large_is_refused_at_once() {
    let layers = |count: usize, more: &str| {
        format!("Snn(hidden: [{}])", vec![format!("Recurrent(neurons: 4096{more})"); count].join(", "))
    };
    let square = 4096 * 4096;
    let first = 4096 * (3 + 1 + 4096);
    let expected = |weights: usize, layer: &str, own: usize| {
        format!(
            "the controller would have {weights} weights, {own} of them into `{layer}`; valid: at most 134217728 \
             (512 MiB); use fewer or smaller layers in `hidden`, or fewer observations"
        )
    };
    let all = expected(first + 59 * 2 * square + 4096 * 2, "hidden[1]", 2 * square);
    assert_eq!(refusal(&layers(60, "")), all);
    // Those that a density leaves out count as well, as their places are stored.
    assert_eq!(refusal(&layers(60, ", density: 0.001")), all);
    assert!(parse(&layers(4, "")).build(3, 2).is_ok());
    let mlp = format!("Mlp(hidden: {:?})", [4096; 60]);
    assert_eq!(refusal(&mlp), expected(4096 * 4 + 59 * 4097 * 4096 + 4097 * 2, "hidden[1]", 4097 * 4096));
    let inputs = 1 << 40;
    let message = parse("Snn()").build(inputs, 2).err().unwrap().to_string();
    assert!(message.contains("of them into `hidden[0]`; valid: at most 134217728"), "{message}");
    assert!(parse("Mlp()").build(usize::MAX, 2).is_err());
}

/// A dry run builds evaluators only to see whether that goes: the 30 GB of these are never touched.
#[test]
fn an_evaluator_takes_memory_when_it_is_loaded() {
    let large = "Snn(hidden: [Recurrent(neurons: 4096), Recurrent(neurons: 4096), Recurrent(neurons: 4096)])";
    for text in [large, "Mlp(hidden: [4096, 4096, 4096, 4096, 4096, 4096])"] {
        assert_eq!(parse(text).build(3, 2).unwrap().evaluator(90).slots(), 90);
    }
    // And before that its weights are zero.
    for text in ["Snn()", "Snn(decoder: Population())", "Snn(plasticity: [()])", "Mlp()"] {
        let controller = parse(text).build(3, 2).unwrap();
        let act = |load: bool| {
            let mut evaluator = controller.evaluator(2);
            if load {
                (0..2).for_each(|slot| evaluator.load(slot, &vec![0.0; controller.layout().len()]));
                (0..2).for_each(|slot| evaluator.reset(slot, 0));
            }
            let mut actions = [1.0; 4];
            for _ in 0..3 {
                evaluator.step(&[true; 2], &[9.0; 6], &mut actions).unwrap();
            }
            (actions, evaluator.activity(1))
        };
        assert_eq!(act(false), act(true), "{text}");
    }
}

#[test]
fn round_trip() {
    let layer = LayerConfig {
        neurons: 12,
        parameters: [("decay".into(), 0.9), ("threshold".into(), 0.5)].into(),
        evolve: [("decay".into(), Scope::Neuron)].into(),
        reset: Some("subtract".into()),
        refractory: 3,
        skip: vec!["input".into()],
        density: 0.25,
        delay: (0, 4),
        excitatory: Some(0.8),
        push_pull: false,
        fresh: true,
        code: Code::Pairs(PopulationCode { spread: 0.3, ..PopulationCode::default() }),
        ..LayerConfig::default()
    };
    let configs = [
        ControllerConfig::default(),
        ControllerConfig::Snn(SnnConfig {
            hidden: vec![HiddenLayer::Dense(layer.clone()), HiddenLayer::Recurrent(layer)],
            ticks: 7,
            precision: Precision::I8,
            encoder: EncoderConfig::Current(Current { negated: true }),
            decoder: DecoderConfig::Rate(FilteredRate { decay: 0.1 }),
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

/// A named neuron is the one that its text makes, bit for bit.
#[test]
fn neurons_of_libraries_are_their_switches() {
    let act = |layer: LayerConfig| {
        let hidden = vec![HiddenLayer::Recurrent(layer)];
        let controller = ControllerConfig::Snn(SnnConfig { hidden, ..SnnConfig::default() });
        let controller = controller.build(3, 2).unwrap();
        let mut evaluator = controller.evaluator(1);
        let theta: Vec<f32> =
            (0..controller.layout().len()).map(|i| ((i * 37 % 23) as f32 - 11.0) / 8.0).collect();
        evaluator.load(0, &theta);
        evaluator.reset(0, 0);
        let mut actions = vec![0.0; 2 * 20];
        for (step, action) in actions.chunks_mut(2).enumerate() {
            let x = [step as f32 / 8.0 - 1.0, 0.75, -0.5];
            evaluator.step(&[true], &x, action).unwrap();
        }
        actions
    };
    let mut all = Vec::new();
    for (like, switches, expected) in [
        ("snntorch", SwitchesConfig::default(), Switches::SNNTORCH),
        ("spyx", SwitchesConfig::default(), Switches::SPYX),
        ("norse", SwitchesConfig::default(), Switches::NORSE),
        (
            "snntorch",
            SwitchesConfig { reset: Some(ResetBy::Zero), at: Some(ResetAt::Corrected), ..Default::default() },
            Switches { reset: ResetBy::Zero, at: ResetAt::Corrected, ..Switches::SNNTORCH },
        ),
    ] {
        let text = LayerConfig { neurons: 12, model: expected.model(), ..LayerConfig::default() };
        let named = LayerConfig { neurons: 12, like: Some(like.into()), switches, ..LayerConfig::default() };
        let actions = act(named);
        assert_eq!(actions, act(text), "{like}");
        assert!(!all.contains(&actions), "{like} {switches:?}");
        all.push(actions);
    }
}

#[test]
fn unknown_names_are_refused_by_the_reader() {
    for (text, expected) in [
        ("Snn(tick: 4)", "`tick`"),
        ("Snn(hidden: [Dense(neuron: 4)])", "`neuron`"),
        ("Snn(precision: I4)", "`I4`"),
        ("Snn(encoder: Rate(frequency: 4))", "`frequency`"),
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
        (
            r#"Snn(hidden: [Dense(like: Some("brian"))])"#,
            r#"`hidden[0].like` is "brian"; valid: "snntorch", "spyx", "norse""#,
        ),
        (
            "Snn(hidden: [Dense(switches: (reset: Some(Zero)))])",
            r#"`hidden[0].like` is None, but there are `switches`; valid: "snntorch", "spyx", "norse""#,
        ),
        (
            r#"Snn(hidden: [Dense(like: Some("spyx"), model: "alif")])"#,
            r#"`hidden[0].model` is "alif", but `like` is "spyx"; valid: one of the two"#,
        ),
        (
            r#"Snn(hidden: [Dense(like: Some("spyx"), reset: Some("zero"))])"#,
            r#"`hidden[0].reset` is "zero", but `like` is "spyx"; valid: `switches: (reset: …)` with Subtract, Zero or Never"#,
        ),
        (
            r#"Snn(hidden: [Dense(like: Some("norse"), parameters: {"tau": 4})])"#,
            "`hidden[0].parameters`: neuron model \"lif_variant\" has no parameter \"tau\"; valid: decay, threshold",
        ),
        ("Snn(ticks: 0)", "`ticks` is 0; valid: 1 to 4096"),
        (
            "Snn(hidden: [])",
            "`hidden` of a spiking controller needs at least 1 layer; \
             `Mlp(hidden: [])` is the linear policy",
        ),
        (
            r#"Snn(hidden: [Dense(parameters: {"decay": 1.5})])"#,
            "`hidden[0].parameters.decay` is 1.5; valid: [0, 1]",
        ),
        (
            r#"Snn(hidden: [Dense(parameters: {"decay": NaN})])"#,
            "`hidden[0].parameters.decay` is NaN; valid: [0, 1]",
        ),
        (
            r#"Snn(hidden: [Dense(parameters: {"threshold": 0})])"#,
            "`hidden[0].parameters.threshold` is 0; valid: (0, inf)",
        ),
        (
            r#"Snn(hidden: [Dense(parameters: {"tau": 4})])"#,
            "`hidden[0].parameters`: neuron model \"lif\" has no parameter \"tau\"; valid: decay, threshold, \
             v_reset",
        ),
        (
            r#"Snn(hidden: [Dense(evolve: {"tau": Layer})])"#,
            "`hidden[0].evolve`: neuron model \"lif\" has no parameter \"tau\"; valid: decay, threshold, \
             v_reset",
        ),
        (
            r#"Snn(hidden: [Dense(reset: Some("none"))])"#,
            "`hidden[0].reset`: no reset \"none\"; valid: zero, subtract",
        ),
        (
            r#"Snn(hidden: [Dense(), Dense(skip: ["hidden.2"])])"#,
            "`hidden[1].skip`: \"hidden.2\" cannot be a source; valid: \"input\", \"hidden.0\", \"hidden.1\"",
        ),
        (
            r#"Snn(hidden: [Recurrent(skip: ["hidden.0"])])"#,
            "`hidden[0].skip`: \"hidden.0\" cannot be a source; valid: a source that the layer does not have \
             already",
        ),
        (
            r#"Snn(readout_skip: ["input"])"#,
            "`readout_skip`: \"input\" cannot be a source; valid: \"hidden.0\"",
        ),
        ("Snn(hidden: [Dense(density: 0)])", "`hidden[0].density` is 0; valid: above 0 and at most 1"),
        (
            "Snn(hidden: [Dense(delay: (3, 2))])",
            "`hidden[0].delay` is 2; valid: two numbers in order, 0 to 255",
        ),
        ("Snn(hidden: [Dense(refractory: 999)])", "`hidden[0].refractory` is 999; valid: 0 to 128"),
        ("Snn(hidden: [Dense(excitatory: Some(2))])", "`hidden[0].excitatory` is 2; valid: 0 to 1"),
        (
            "Snn(hidden: [Dense(neurons: 7, push_pull: true)])",
            "`hidden[0].neurons` is 7; valid: even with `push_pull`",
        ),
        (
            "Snn(hidden: [Dense(push_pull: true, density: 0.5)])",
            "`push_pull: true` and `density` do not go together; valid: `density: 1`",
        ),
        (
            "Snn(hidden: [Dense(push_pull: true)], plasticity: [()])",
            "`push_pull: true` and `plasticity` do not go together; valid: `plasticity: []`",
        ),
        (
            "Snn(hidden: [Dense(code: Pairs())])",
            "`hidden[0].neurons` is 64; valid with `code`: a multiple of 6, two for each observation",
        ),
        (
            "Snn(hidden: [Dense(code: Pairs(drive: 0))])",
            "`hidden[0].code.drive` is 0; valid: finite and above 0",
        ),
        (
            "Snn(hidden: [Dense(), Dense(code: Pairs())])",
            "`code` and `a layer after the first` do not go together; valid: `code` in `hidden[0]`",
        ),
        (
            "Snn(hidden: [Dense(code: Pairs())], encoder: Delta())",
            "`code` and `encoder` do not go together; valid: `encoder: Current()`",
        ),
        ("Snn(encoder: Rate(rate: 2))", "`encoder.rate` is 2; valid: above 0 and at most 1"),
        ("Snn(encoder: Delta(threshold: 0))", "`encoder.threshold` is 0; valid: finite and above 0"),
        ("Snn(decoder: Rate(decay: 1))", "`decoder.decay` is 1; valid: at least 0 and below 1"),
        (
            "Snn(precision: Binary, decoder: Population())",
            "`precision: Binary` and `decoder: Population()` do not go together; valid: the decoders \
             Membrane, Rate and Count",
        ),
        (
            r#"Snn(hidden: [Dense(), Dense()], decoder: Population(), readout_skip: ["hidden.0"])"#,
            "`decoder: Population()` and `readout_skip` do not go together; valid: `readout_skip: []`, since \
             votes have no weights, or the decoders Membrane, Rate and Count",
        ),
        (
            r#"Snn(hidden: [Dense(model: "li")])"#,
            "`hidden[0].model`: \"li\" never spikes, so it can only be the model of a Membrane decoder",
        ),
        (
            r#"Snn(decoder: Membrane(model: "lif"))"#,
            "`decoder.model`: \"lif\" spikes; a readout needs a model that does not, such as \"li\"",
        ),
        (
            "Snn(hidden: [Dense(model: \"model mine\\nstate v = 0\\nv = v + J\\nspike v > 1\\n\")])",
            "`hidden[0].model`: line 3, column 9: unknown symbol `J`; valid: v, I, I_in, I_rec",
        ),
        ("Snn(input_gain: inf)", "`input_gain` is inf; valid: finite and at least 0"),
        ("Snn(output_gain: -1)", "`output_gain` is -1; valid: finite and at least 0"),
        (
            r#"Snn(hidden: [Dense(model: "lfi")])"#,
            "`hidden[0].model`: unknown neuron model \"lfi\"; valid: adex, alif, cuba_lif, ec_lif, if, izhikevich, li, \
             lif, plif, threshold, the text of a model, or a file .neuron",
        ),
        ("Mlp(hidden: [4, 0])", "`hidden[1]` is 0; valid: 1 to 4096"),
        ("Mlp(hidden_gain: NaN)", "`hidden_gain` is NaN; valid: finite and at least 0"),
    ] {
        assert_eq!(refusal(text), expected);
    }
    assert_eq!(
        parse("Snn(encoder: Rate())").build(70_000, 2).err().unwrap().to_string(),
        "the encoder makes 70000 sources of 70000 observations; valid: at most 65536 where it makes spikes; \
         Current and Population make currents and have no such limit"
    );
    assert!(
        parse("Snn(encoder: Rate())").build(65_536, 2).is_ok() && parse("Snn()").build(70_000, 2).is_ok()
    );
    let config = ControllerConfig::default();
    assert_eq!(config.build(0, 2).err(), Some(SnnError::NoInputs));
    assert_eq!(config.build(2, 0).err(), Some(SnnError::NoOutputs));
}
