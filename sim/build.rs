//! Chooses the instruction sets that the lanes engine is compiled for.

#[path = "../snn/numerics/sets.rs"]
mod sets;

fn main() {
    sets::configure("lanes");
}
