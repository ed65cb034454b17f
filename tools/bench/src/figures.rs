// SPDX-License-Identifier: BSD-2-Clause
//! From the load's lines to named figures.

use crate::line::Line;

/// Requests of at least so many bytes are judged by their throughput in bytes.
const LARGE: u64 = 64 << 10;

/// The figures of one run: names end in their unit (`us`, `per_s`, `mb_s` for 10^6 bytes a second, `s`).
pub fn figures(lines: &[Line]) -> Vec<(String, f64)> {
    lines.iter().flat_map(of_line).collect()
}

fn of_line(line: &Line) -> Vec<(String, f64)> {
    match line {
        Line::Boot { ns } => vec![("boot_s".into(), *ns as f64 / 1e9)],
        Line::Login { ns } => vec![("login_s".into(), *ns as f64 / 1e9)],
        Line::Row {
            name,
            bytes,
            depth,
            requests,
            elapsed_ns,
        } if *depth > 1 => {
            let seconds = (*elapsed_ns).max(1) as f64 / 1e9;
            if *bytes < LARGE {
                return vec![(format!("{name}_per_s"), *requests as f64 / seconds)];
            }
            let name = name.strip_suffix(&format!("_d{depth}")).unwrap_or(name);
            let rate = (requests * bytes) as f64 / seconds / 1e6;
            vec![(format!("{name}_seq_mb_s"), rate)]
        }
        Line::Row { .. } => Vec::new(),
        // With several requests in flight, each waits for others, so only the rate is of interest.
        Line::Times { name, times } if name.ends_with("_d1") => {
            let parts = [(500, "us"), (990, "p99_us")];
            let figure = |(thousandths, unit)| {
                let ns = times.at(thousandths)?;
                Some((format!("{name}_{unit}"), ns as f64 / 1e3))
            };
            parts.into_iter().filter_map(figure).collect()
        }
        Line::Times { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_names_of_the_table() {
        let text = [
            "bench boot ns=1500000000",
            "bench login ns=2000000000",
            "bench row=read_4k_d1 bytes=4096 depth=1 requests=4000 elapsed_ns=80000000",
            "bench times=read_4k_d1 500:16000 990:20000",
            "bench row=write_4k_d8 bytes=4096 depth=8 requests=4000 elapsed_ns=40000000",
            "bench row=read_128k_d4 bytes=131072 depth=4 requests=1000 elapsed_ns=131072000",
        ];
        let lines: Vec<Line> = (text.iter())
            .map(|text| Line::read(text).unwrap().1)
            .collect();
        let expected = [
            ("boot_s", 1.5),
            ("login_s", 2.0),
            ("read_4k_d1_us", 16.0),
            ("read_4k_d1_p99_us", 20.0),
            ("write_4k_d8_per_s", 100_000.0),
            ("read_128k_seq_mb_s", 1000.0),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(figures(&lines), expected);
    }
}
