// SPDX-License-Identifier: BSD-2-Clause
//! Tables that read well on a terminal and in a file.

/// A table of these columns; all but the first are set to the right.
pub fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let header = header.map(str::to_owned);
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().chain([&header]).map(|row| &row[column]);
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    });
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| match column {
            0 => format!(" {cell:<width$} |"),
            _ => format!(" {cell:>width$} |"),
        });
        format!("|{}\n", cells.collect::<String>())
    };
    let rule = (0..N).zip(widths).map(|(column, width)| match column {
        0 => format!("{}|", "-".repeat(width + 2)),
        _ => format!("{}:|", "-".repeat(width + 1)),
    });
    let rule = format!("|{}\n", rule.collect::<String>());
    let rows = rows.iter().map(&line).collect::<String>();
    line(&header) + &rule + &rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["map".into(), "1371".into()], ["é".into(), "7".into()]];
        let expected = "\
| what | ours |
|------|-----:|
| map  | 1371 |
| é    |    7 |
";
        assert_eq!(table(["what", "ours"], &rows), expected);
    }
}
