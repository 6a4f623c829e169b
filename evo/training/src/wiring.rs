//! Evolved wirings in a run: which controllers they are for, what the strategy is told of one, and what a run shows.

use snn::{Block, Code, ControllerConfig, LayerConfig, Precision, SnnConfig};
use strategies::{StrategyConfig, Topology, WeightBlock};

use crate::config::Config;
use crate::field::{InvalidField, require};

/// The group of biases, whose connections are not split.
const BIAS: &str = "bias";

/// Columns of the metrics: species of the next generation, and connections and hidden neurons of the mean.
pub(crate) const COLUMNS: [&str; 3] = ["species", "connections", "neurons"];

/// The cells of the columns.
pub(crate) fn cells(topology: Topology) -> [f64; 3] {
    [topology.species as f64, topology.connections as f64, topology.neurons as f64]
}

/// Refuses a controller whose wiring a strategy cannot evolve, if it does that.
pub(crate) fn check(config: &Config) -> Result<(), InvalidField> {
    if config.strategy.blocks().is_none() {
        return Ok(());
    }
    let name = config.strategy.info().config;
    let refuse = |field: &str, value: String, what: &str| {
        require(false, field, value, format!("{what} with {name}, which evolves what is connected"))
    };
    let network = match &config.controller {
        ControllerConfig::Snn(network) => network,
        other => {
            let kind = if matches!(other, ControllerConfig::Mlp(_)) { "Mlp(…)" } else { "Events(…)" };
            return refuse("controller", kind.to_owned(), "Snn(…) with a Recurrent(…) layer");
        }
    };
    if let Some((field, value, what)) = misfit(network) {
        return refuse(&field, value, what);
    }
    let expected =
        format!("left out with {name}: it would be taken on all weights, those that are not there included");
    require(config.refine.is_none(), "refine", "(…)", expected)
}

/// A field by which neurons differ from each other, or weights are shared or no connections; with its value, and what it
/// would have to be.
fn misfit(network: &SnnConfig) -> Option<(String, String, &'static str)> {
    if network.precision == Precision::Binary {
        return Some(("controller.precision".to_owned(), "Binary".to_owned(), "F32, F32Free or I8"));
    }
    if !network.plasticity.is_empty() {
        return Some(("controller.plasticity".to_owned(), "[…]".to_owned(), "[]"));
    }
    let own = |layer: &LayerConfig| {
        let found = [
            (layer.density < 1.0).then(|| ("density", layer.density.to_string(), "1")),
            (layer.delay != (0, 0)).then(|| ("delay", format!("{:?}", layer.delay), "(0, 0)")),
            layer.excitatory.map(|share| ("excitatory", format!("Some({share})"), "None")),
            layer.push_pull.then(|| ("push_pull", "true".to_owned(), "false")),
            (layer.code != Code::Evolved).then(|| ("code", "Pairs(…)".to_owned(), "Evolved")),
        ];
        found.into_iter().flatten().next()
    };
    network.hidden.iter().enumerate().find_map(|(index, layer)| {
        let (field, value, what) = own(layer.config())?;
        Some((format!("controller.hidden[{index}].{field}"), value, what))
    })
}

/// The strategy of a config, told of the controller if it evolves wirings.
///
/// # Errors
/// If the controller has other parameters than weights.
pub(crate) fn strategy(config: &StrategyConfig, blocks: &[Block]) -> Result<StrategyConfig, InvalidField> {
    if config.blocks().is_none() {
        return Ok(config.clone());
    }
    let told: Vec<Vec<WeightBlock>> =
        blocks.iter().map(|block| told(block, blocks).unwrap_or_default()).collect();
    if let Some(index) = told.iter().position(Vec::is_empty) {
        let expected =
            format!("weights alone with {}: no evolved parameters of neurons", config.info().config);
        require(false, "controller", &blocks[index].name, expected)?;
    }
    Ok(config.with_blocks(&told.concat()))
}

/// From where to where the weights of a block lead, the bias apart; none if it has other parameters.
fn told(block: &Block, all: &[Block]) -> Option<Vec<WeightBlock>> {
    let hidden = |index: usize| format!("hidden.{index}");
    let (from, to) = if let Some(kind) = block.name.strip_prefix("readout.") {
        let layers = (0..).take_while(|&index| {
            let first = format!("hidden.{index}.input");
            all.iter().any(|block| block.name == first)
        });
        let from = match kind.strip_prefix("skip.") {
            Some(source) => source.to_owned(),
            None if kind == "weight" => hidden(layers.count().checked_sub(1)?),
            None if kind == "bias" => BIAS.to_owned(),
            None => return None,
        };
        (from, "output".to_owned())
    } else {
        let (index, kind) = block.name.strip_prefix("hidden.")?.split_once('.')?;
        let index: usize = index.parse().ok()?;
        let from = match kind.strip_prefix("skip.") {
            Some(source) => source.to_owned(),
            None if kind == "input" => index.checked_sub(1).map_or_else(|| "input".to_owned(), hidden),
            None if kind == "recurrent" => hidden(index),
            None => return None,
        };
        (from, hidden(index))
    };
    // The bias is the last row.
    let bias = usize::from(block.pairs.bias);
    let mut told = vec![WeightBlock::new(&from, &to, block.rows - bias, block.cols)];
    told.extend((bias > 0).then(|| WeightBlock::new(BIAS, &to, bias, block.cols)));
    (block.len() == block.rows * block.cols).then_some(told)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use records::text::{self, patch};

    use super::*;
    use crate::setup::Setup;

    fn setup(sets: &[&str]) -> Result<(Config, Setup), String> {
        let short =
            "(env: InvertedPendulum(), controller: Snn(hidden: [Recurrent(neurons: 6)]), strategy: Neat())";
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let config: Config = text::parse("short.ron", short).unwrap();
        let config = patch::apply(config, &sets).map_err(|error| error.to_string())?;
        let setup = Setup::new(&config).map_err(|error| error.to_string())?;
        Ok((config, setup))
    }

    fn blocks(sets: &[&str]) -> Vec<(String, String, usize, usize)> {
        let (config, setup) = setup(sets).unwrap();
        let told = strategy(&config.strategy, setup.controller.layout().blocks()).unwrap();
        let each = told.blocks().unwrap().iter();
        each.map(|b| (b.from.clone(), b.to.clone(), b.rows, b.columns)).collect()
    }

    #[test]
    fn the_strategy_is_told_from_where_to_where_weights_lead() {
        let named = |from: &str, to: &str, rows, columns| (from.to_owned(), to.to_owned(), rows, columns);
        let expected = [
            named("input", "hidden.0", 4, 6),
            named("bias", "hidden.0", 1, 6),
            named("hidden.0", "hidden.0", 6, 6),
            named("hidden.0", "output", 6, 1),
            named("bias", "output", 1, 1),
        ];
        assert_eq!(blocks(&[]), expected);
        let two = "controller.hidden=[Dense(neurons: 3), Dense(neurons: 2, skip: [\"input\"])]";
        let expected = [
            named("input", "hidden.0", 4, 3),
            named("bias", "hidden.0", 1, 3),
            named("hidden.0", "hidden.1", 3, 2),
            named("input", "hidden.1", 4, 2),
            named("hidden.1", "output", 2, 1),
            named("hidden.0", "output", 3, 1),
            named("bias", "output", 1, 1),
        ];
        assert_eq!(blocks(&[two, "controller.readout_skip=[\"hidden.0\"]"]), expected);
    }

    #[test]
    fn what_cannot_be_wired_is_refused_by_name() {
        for (set, message) in [
            (
                "controller=Mlp()",
                "controller = Mlp(…): must be Snn(…) with a Recurrent(…) layer with Neat, which evolves",
            ),
            ("controller=Events()", "controller = Events(…): must be Snn(…)"),
            (
                "controller.precision=Binary",
                "controller.precision = Binary: must be F32, F32Free or I8 with Neat",
            ),
            (
                "controller.hidden=[Recurrent(density: 0.5)]",
                "controller.hidden[0].density = 0.5: must be 1 with",
            ),
            (
                "controller.hidden=[Recurrent(delay: (0, 2))]",
                "controller.hidden[0].delay = (0, 2): must be (0, 0)",
            ),
            (
                "controller.hidden=[Recurrent(excitatory: 0.8)]",
                "controller.hidden[0].excitatory = Some(0.8): must be",
            ),
            (
                "controller.hidden=[Recurrent(push_pull: true)]",
                "controller.hidden[0].push_pull = true: must be false",
            ),
            (
                "controller.hidden=[Dense(neurons: 8, code: Pairs())]",
                "controller.hidden[0].code = Pairs(…): must be",
            ),
            ("controller.plasticity=[(rule: Hebbian)]", "controller.plasticity = […]: must be [] with Neat"),
            (
                "controller.hidden=[Recurrent(evolve: {\"decay\": Layer})]",
                "controller = hidden.0.parameter.decay: must be weights alone with Neat",
            ),
            (
                "controller.hidden=[Dense()]",
                "expected two groups that are connected both directly and through hidden",
            ),
            ("controller.decoder=Population()", "expected blocks that lead to \"output\""),
            ("refine=(ppo: ())", "refine = (…): must be left out with Neat"),
        ] {
            let error = setup(&[set]).err().expect(set);
            assert!(error.contains(message), "{set}: {error}");
        }
    }
}
