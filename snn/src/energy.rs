//! What work costs.

use crate::activity::Activity;
use crate::config::Precision;

impl Activity {
    /// Estimated energy in picojoules of the arithmetic alone, without memory and control: products
    /// with currents as multiplication and addition, other synaptic operations as addition, each
    /// neuron and tick as one multiplication and addition in 32 bits.
    ///
    /// Costs per operation at 45 nm, 0.9 V: 32-bit float addition 0.9 pJ, multiplication 3.7 pJ; 32-bit
    /// integer addition 0.1 pJ; 8-bit integer addition 0.03 pJ, multiplication 0.2 pJ. Source: M.
    /// Horowitz, "Computing's energy problem (and what we can do about it)", ISSCC 2014, figure 1.1.9.
    #[must_use]
    pub fn energy_pj(&self, precision: Precision) -> f64 {
        let (product, sum) = precision.storage().energy();
        let dense = self.dense_operations as f64;
        let sparse = (self.synaptic_operations - self.dense_operations) as f64;
        product * dense + sum * sparse + (3.7 + 0.9) * self.neuron_ticks as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_counts_products_additions_and_updates() {
        let sum =
            Activity { steps: 4, neuron_ticks: 16, spikes: 6, synaptic_operations: 60, dense_operations: 10 };
        // 10 products, 50 additions, 16 neuron updates.
        let energy = sum.energy_pj(Precision::F32);
        assert!((energy - (10.0 * 4.6 + 50.0 * 0.9 + 16.0 * 4.6)).abs() < 1e-9, "{energy}");
        assert!(sum.energy_pj(Precision::Binary) < sum.energy_pj(Precision::I8) + 50.0);
    }
}
