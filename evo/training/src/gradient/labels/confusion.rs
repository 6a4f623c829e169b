//! Which class was taken for which.

/// How often each class was taken for which.
#[derive(Clone, Debug, PartialEq)]
pub struct Confusion {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Counts, `[true class][answer]`.
    pub counts: Vec<u64>,
}

impl Confusion {
    /// Share of right answers; 0 of none.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        let n = self.classes.len();
        let right: u64 = (0..n).map(|class| self.counts[class * (n + 1)]).sum();
        right as f64 / self.counts.iter().sum::<u64>().max(1) as f64
    }

    /// A row per true class, a column per answer.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut text = format!("class,{}\n", self.classes.join(","));
        for (name, row) in self.classes.iter().zip(self.counts.chunks(self.classes.len())) {
            let row: Vec<String> = row.iter().map(u64::to_string).collect();
            text.push_str(&format!("{name},{}\n", row.join(",")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confusion_matrix_has_its_accuracy_and_its_table() {
        let classes = ["yin", "yang", "dot"].map(str::to_owned).to_vec();
        let confusion = Confusion { classes, counts: vec![8, 1, 1, 2, 7, 1, 0, 0, 10] };
        assert!((confusion.accuracy() - 25.0 / 30.0).abs() < 1e-12);
        assert_eq!(confusion.csv(), "class,yin,yang,dot\nyin,8,1,1\nyang,2,7,1\ndot,0,0,10\n");
    }
}
