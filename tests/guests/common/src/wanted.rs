// SPDX-License-Identifier: BSD-2-Clause
//! What a load that measures is asked for (docs/performance.md).

/// Requests a row where none are named.
const REQUESTS: usize = 4000;

/// The arguments.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Requests in each row.
    pub requests: usize,
    /// Where the random offsets begin.
    pub seed: u64,
    /// Names of rows with commas between them; none: all.
    rows: Option<&'static str>,
}

impl Wanted {
    /// Reads `requests=N`, `seed=N` and `rows=NAME,…`; unknown words are ignored.
    pub fn read(words: impl Iterator<Item = &'static str>) -> Self {
        let mut wanted = Self {
            requests: REQUESTS,
            seed: 1,
            rows: None,
        };
        for (name, value) in words.filter_map(|word| word.split_once('=')) {
            match name {
                "requests" => wanted.requests = value.parse().unwrap_or(REQUESTS),
                "seed" => wanted.seed = value.parse().unwrap_or(1),
                "rows" => wanted.rows = Some(value),
                _ => {}
            }
        }
        wanted
    }

    /// Whether this row was asked for.
    pub fn has(&self, name: &str) -> bool {
        self.rows
            .is_none_or(|rows| rows.split(',').any(|row| row == name))
    }
}
