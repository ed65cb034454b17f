// SPDX-License-Identifier: BSD-2-Clause
//! Figures over several runs.

use serde::{Deserialize, Serialize};

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// `molt`, `linux`, or a peer's name.
    pub system: String,
    /// The kernel that the machine ran.
    pub kernel: String,
}

/// A figure of one system, over several runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The name of the figure; it ends in the unit.
    pub name: String,
    /// `molt`, `linux`, or a peer's name.
    pub system: String,
    /// The kernel that the machine ran.
    pub kernel: String,
    /// Of the runs.
    pub median: f64,
    /// Of the runs.
    pub min: f64,
    /// Of the runs.
    pub max: f64,
    /// How many.
    pub runs: usize,
}

/// Figures as they come, run by run.
#[derive(Clone, Debug, Default)]
pub struct Rows(Vec<(String, System, Vec<f64>)>);

impl Rows {
    /// Adds the figures of one run of a system.
    pub fn add(&mut self, system: &System, figures: impl IntoIterator<Item = (String, f64)>) {
        for (name, value) in figures {
            let known = (self.0.iter_mut()).find(|(n, s, _)| *n == name && s == system);
            match known {
                Some((_, _, values)) => values.push(value),
                None => self.0.push((name, system.clone(), vec![value])),
            }
        }
    }

    /// The rows, in the order in which their names came first.
    pub fn finish(self) -> Vec<Row> {
        let rows = self.0.into_iter().map(|(name, system, mut values)| {
            values.sort_by(f64::total_cmp);
            Row {
                name,
                system: system.system,
                kernel: system.kernel,
                median: median(&values),
                min: values.first().copied().unwrap_or(f64::NAN),
                max: values.last().copied().unwrap_or(f64::NAN),
                runs: values.len(),
            }
        });
        rows.collect()
    }
}

/// Of values in rising order.
pub fn median(values: &[f64]) -> f64 {
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (None, _) => f64::NAN,
        (Some(value), 1) => *value,
        (Some(value), _) => (value + values[middle - 1]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_system_make_one_row() {
        let molt = System {
            system: "molt".into(),
            kernel: "embedded".into(),
        };
        let linux = System {
            system: "linux".into(),
            kernel: "6.1".into(),
        };
        let mut rows = Rows::default();
        for value in [3.0, 1.0, 2.0, 9.0] {
            rows.add(&molt, [("a_us".to_owned(), value)]);
        }
        rows.add(&linux, [("a_us".to_owned(), 5.0)]);
        let rows = rows.finish();
        assert_eq!(rows.len(), 2);
        let row = &rows[0];
        assert_eq!((row.median, row.min, row.max, row.runs), (2.5, 1.0, 9.0, 4));
        assert_eq!(rows[1].median, 5.0);
    }
}
