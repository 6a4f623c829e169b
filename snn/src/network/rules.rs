//! Learning rules of a network, and the blocks of their coefficients.

use super::{Network, Weights};
use crate::error::SnnError;
use crate::plasticity::{LearningRule, Plastic, Plasticity, Reward};
use crate::scope::Scope;
use crate::weights::gain;

impl Network {
    /// Appends the rules of the config, and blocks for their coefficients.
    pub(super) fn add_plasticity(&mut self, config: &[Plasticity]) -> Result<(), SnnError> {
        if !self.format.learns() && !config.is_empty() {
            let first = self.format.setting();
            let valid = "F32 or F32Free; weights that change need finer steps";
            return Err(SnnError::Combination { first, second: "plasticity", valid });
        }
        for (index, rule) in config.iter().enumerate() {
            let field = |name: &str| format!("plasticity[{index}].{name}");
            rule.check(field)?;
            for name in &rule.blocks {
                self.add_rule(rule, name, field)?;
            }
        }
        Ok(())
    }

    fn add_rule(
        &mut self,
        rule: &Plasticity,
        name: &str,
        field: impl Fn(&str) -> String,
    ) -> Result<(), SnnError> {
        let blocks = self.layout.blocks();
        let free = || {
            self.projections.iter().enumerate().filter_map(|(index, projection)| match projection.weights {
                Weights::Evolved(block) if projection.plastic.is_none() => Some((index, &blocks[block])),
                _ => None,
            })
        };
        let Some((projection, block)) = free().find(|(_, block)| block.name == name) else {
            let valid: Vec<String> = free().map(|(_, block)| format!("\"{}\"", block.name)).collect();
            return Err(SnnError::Source {
                field: field("blocks"),
                source_name: name.into(),
                valid: if valid.is_empty() { "nothing more".into() } else { valid.join(", ") },
            });
        };
        let (rows, cols) = (self.projections[projection].rows, block.cols);
        let mut mask = Vec::new();
        if let Some(places) = &block.mask {
            mask.resize((rows * cols).div_ceil(32), 0);
            for &place in places.iter().filter(|&&place| (place as usize) < rows * cols) {
                mask[place as usize / 32] |= 1 << (place % 32);
            }
        }
        let (kind, names) = rule.rule.coefficients();
        let unit = self.projections[projection].unit.scale;
        let scale = gain(rule.rate * unit, rows);
        let width = if rule.scope == Scope::Neuron { cols } else { 1 };
        let blocks = names.iter().map(|coefficient| {
            self.layout.push(format!("{name}.{kind}.{coefficient}"), (1, width), scale, 0.0)
        });
        let blocks = blocks.collect();
        let reward = match rule.rule {
            LearningRule::Hebbian => None,
            LearningRule::RewardStdp { eligibility, baseline } => {
                Some(Reward { eligibility, baseline, index: self.rewarded() })
            }
        };
        self.projections[projection].plastic = Some(self.plastic.len());
        self.plastic.push(Plastic {
            projection,
            cols,
            blocks,
            individual: width > 1,
            trace: rule.trace,
            share: 1.0 - rule.trace,
            keep: 1.0 - rule.forget,
            bound: rule.bound * unit,
            reward,
            mask,
        });
        Ok(())
    }
}
