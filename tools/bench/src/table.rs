// SPDX-License-Identifier: BSD-2-Clause
//! The rows as a table on the terminal: a line for each figure, a column for each system.

use crate::row::Row;

/// The lines of the table: the median, and how far the runs lie apart where they do.
pub fn table(rows: &[Row]) -> Vec<String> {
    let (names, systems) = columns(rows);
    let mut header = format!("  {:<30}", "figure");
    for (system, kernel) in &systems {
        header.push_str(&format!(" {:>32}", format!("{system} ({kernel})")));
    }
    let mut lines = vec![header];
    for name in names {
        let mut line = format!("  {name:<30}");
        for (system, kernel) in &systems {
            let row = rows
                .iter()
                .find(|r| r.name == name && r.system == *system && r.kernel == *kernel);
            line.push_str(&format!(" {:>32}", row.map_or("-".into(), cell)));
        }
        lines.push(line);
    }
    lines
}

/// The figures' names, and the systems with their kernels, each in the order in which it came first.
pub fn columns(rows: &[Row]) -> (Vec<&str>, Vec<(&str, &str)>) {
    let mut names: Vec<&str> = Vec::new();
    let mut systems: Vec<(&str, &str)> = Vec::new();
    for row in rows {
        if !names.contains(&row.name.as_str()) {
            names.push(&row.name);
        }
        let system = (row.system.as_str(), row.kernel.as_str());
        if !systems.contains(&system) {
            systems.push(system);
        }
    }
    (names, systems)
}

fn cell(row: &Row) -> String {
    if row.min == row.max {
        return number(row.median);
    }
    let (low, high) = (number(row.min), number(row.max));
    format!("{} ({low} to {high})", number(row.median))
}

/// Four digits that count.
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        v if v == 0.0 || v >= 1000.0 || v.fract() == 0.0 => 0,
        v if v >= 100.0 => 1,
        v if v >= 10.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_has_a_column() {
        let row = |name: &str, system: &str, median| Row {
            name: name.into(),
            system: system.into(),
            kernel: "k".into(),
            median,
            min: 1.0,
            max: median,
            runs: 2,
        };
        let lines = table(&[
            row("a_us", "molt", 65.84),
            row("a_us", "linux", 1.0),
            row("b_s", "linux", 1.159),
        ]);
        assert_eq!(lines.len(), 3);
        assert!(lines[0].ends_with("linux (k)"));
        assert!(lines[1].contains("65.84 (1 to 65.84)") && lines[1].ends_with(" 1"));
        assert!(lines[2].contains(" - ") && lines[2].ends_with("1.159 (1 to 1.159)"));
    }
}
