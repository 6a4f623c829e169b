//! Two objectives that contradict each other: as near as possible to 0 and to 2.

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use strategies::{Nsga2Config, Search, StrategyError};

fn main() -> Result<(), StrategyError> {
    let near = |x: &[f64], to: f64| -x.iter().map(|x| (x - to) * (x - to)).sum::<f64>();
    let objectives = ["near 0", "near 2"].map(str::to_owned).to_vec();
    let settings = Nsga2Config { objectives, ..Nsga2Config::default() };
    let mut search: Search = Search::new(&settings, &[1.0; 10], 1)?;
    let mut members = Vec::new();
    for _ in 0..200 {
        search.ask();
        search.population_matrix(&mut members);
        let objectives: Vec<f64> = members.chunks(10).flat_map(|x| [near(x, 0.0), near(x, 2.0)]).collect();
        let fitness: Vec<f64> = objectives.chunks(2).map(|values| values[0]).collect();
        search.tell_with(&fitness, &objectives)?;
    }
    for point in search.front().into_iter().flat_map(|front| front.points) {
        let [first, second] = [point.values[0], point.values[1]].map(|value| (-value).sqrt());
        println!("{first:.2} from 0, {second:.2} from 2");
    }
    Ok(())
}
