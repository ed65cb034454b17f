// SPDX-License-Identifier: BSD-2-Clause
//! How a row's times are spread, over several runs.

use std::collections::BTreeMap;

use crate::line::Line;
use crate::row::{System, median};

/// The times of one row of one system.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// The row.
    pub row: String,
    /// The system that was measured.
    pub system: System,
    /// By thousandths of the requests: the time in microseconds that so many do not exceed, the median of the runs.
    pub times: BTreeMap<u32, f64>,
}

/// Times as they come, run by run.
#[derive(Clone, Debug, Default)]
pub struct Distributions(Vec<(String, System, BTreeMap<u32, Vec<f64>>)>);

impl Distributions {
    /// Takes in the lines of one run of a system.
    pub fn add(&mut self, system: &System, lines: &[Line]) {
        for line in lines {
            let Line::Times { name, times } = line else {
                continue;
            };
            let known = (self.0.iter()).position(|(row, of, _)| row == name && of == system);
            let index = known.unwrap_or_else(|| {
                self.0.push((name.clone(), system.clone(), BTreeMap::new()));
                self.0.len() - 1
            });
            for (thousandths, ns) in &times.0 {
                let runs = self.0[index].2.entry(*thousandths).or_default();
                runs.push(*ns as f64 / 1e3);
            }
        }
    }

    /// The distributions, in the order in which their rows came first.
    pub fn finish(self) -> Vec<Distribution> {
        let of = |(row, system, times): (String, System, BTreeMap<u32, Vec<f64>>)| Distribution {
            row,
            system,
            times: (times.into_iter())
                .map(|(thousandths, mut runs)| {
                    runs.sort_by(f64::total_cmp);
                    (thousandths, median(&runs))
                })
                .collect(),
        };
        self.0.into_iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_lines_and_runs_make_one_distribution() {
        let molt = System {
            system: "molt".into(),
            kernel: "embedded".into(),
        };
        let line = |text: &str| Line::read(text).unwrap().1;
        let mut all = Distributions::default();
        for us in [3, 1, 2] {
            all.add(
                &molt,
                &[
                    line(&format!("bench times=a_d1 0:{us}000")),
                    line(&format!("bench times=a_d1 990:{us}0000")),
                ],
            );
        }
        let all = all.finish();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].times, BTreeMap::from([(0, 2.0), (990, 20.0)]));
    }
}
