//! Where bodies touched, step by step.

pub use sim::Contact;

/// Numbers per contact in a file: its two bodies, where (3), the force on the second body (3).
pub const COLUMNS: usize = 8;

/// Contacts of an episode; none of files that do not have them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contacts {
    all: Vec<Contact>,
    /// Number of contacts up to and including each control step.
    until: Vec<usize>,
}

impl Contacts {
    /// Adds what touched at the end of a control step.
    pub fn push_step(&mut self, contacts: &[Contact]) {
        self.all.extend_from_slice(contacts);
        self.until.push(self.all.len());
    }

    /// Control steps so far.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.until.len()
    }

    /// What touched at the end of a control step; nothing of a step that there is not.
    #[must_use]
    pub fn after(&self, step: usize) -> &[Contact] {
        let Some(&end) = self.until.get(step) else { return &[] };
        let start = step.checked_sub(1).map_or(0, |before| self.until[before]);
        &self.all[start..end]
    }

    /// Contacts as a file has them: rows of [`COLUMNS`] numbers, and how many rows there were before each
    /// control step and at the end.
    ///
    /// # Errors
    /// What does not fit.
    pub fn from_rows(rows: &[f32], offsets: &[f64]) -> Result<Self, String> {
        let count = rows.len() / COLUMNS;
        let rising = offsets.windows(2).all(|pair| pair[0] <= pair[1]);
        let ends = (offsets.first().copied(), offsets.last().copied());
        if !rising || ends != (Some(0.0), Some(count as f64)) {
            return Err(format!("contact_offsets do not go from 0 to {count}"));
        }
        let body = |x: f32| if (0.0..=1e6).contains(&x) { x as usize } else { 0 };
        let contact = |row: &[f32; COLUMNS]| {
            let &[a, b, x, y, z, fx, fy, fz] = row;
            Contact { bodies: [body(a), body(b)], position: [x, y, z], force: [fx, fy, fz] }
        };
        let all = rows.as_chunks::<COLUMNS>().0.iter().map(contact).collect();
        Ok(Self { all, until: offsets[1..].iter().map(|&end| end as usize).collect() })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn contact(x: f32) -> Contact {
        Contact { bodies: [0, 3], position: [x, 0.0, 0.0], force: [0.0, 0.0, 2.0 * x] }
    }

    #[test]
    fn contacts_are_found_by_step() {
        let mut contacts = Contacts::default();
        contacts.push_step(&[contact(1.0), contact(2.0)]);
        contacts.push_step(&[]);
        contacts.push_step(&[contact(3.0)]);
        assert_eq!(contacts.after(0), [contact(1.0), contact(2.0)]);
        assert_eq!((contacts.after(1), contacts.after(2)), (&[][..], &[contact(3.0)][..]));
        assert!(contacts.after(7).is_empty());
        let rows: Vec<f32> =
            [1.0, 2.0, 3.0].iter().flat_map(|&x| [0.0, 3.0, x, 0.0, 0.0, 0.0, 0.0, 2.0 * x]).collect();
        assert_eq!(Contacts::from_rows(&rows, &[0.0, 2.0, 2.0, 3.0]).unwrap(), contacts);
    }

    #[test]
    fn offsets_that_lead_astray_are_refused() {
        for offsets in [&[][..], &[0.0], &[0.0, 2.0], &[0.0, 5.0, 1.0], &[f64::NAN, 1.0], &[-1.0, 1.0]] {
            let error = Contacts::from_rows(&[0.0; COLUMNS], offsets).unwrap_err();
            assert_eq!(error, "contact_offsets do not go from 0 to 1", "{offsets:?}");
        }
    }
}
