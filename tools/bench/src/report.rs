// SPDX-License-Identifier: BSD-2-Clause
//! Everything that was measured as one self-contained HTML page.

use std::collections::BTreeMap;
use std::fmt::Write;

use molt_graph::escape;

use crate::distribution::Distribution;
use crate::growth::Growth;
use crate::plot::{self, Curve};
use crate::row::{Row, median};
use crate::table::{columns, number};

/// The thousandths of the requests up to which times are plotted. The times of the others are much longer.
const UP_TO: u32 = 990;
/// The stages of an update, in their order (docs/architecture.md): the blackout lies in the first ones of these.
const STAGES: [(&str, &[&str]); 2] = [
    (
        "Stages of the blackout",
        &["quiesce", "deny", "grant", "ready"],
    ),
    (
        "Stages before and after it",
        &["confirm", "verify", "build", "probation"],
    ),
];

/// The swaps of all runs.
#[derive(Clone, Debug, Default)]
pub struct Blackouts {
    /// The whole blackout of each, in nanoseconds.
    pub total: Vec<u64>,
    /// The execution in it, in nanoseconds.
    pub cpu: Vec<u64>,
    /// By stage, how long it took in each swap, in nanoseconds.
    pub stages: BTreeMap<String, Vec<u64>>,
}

/// Counts by function.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    /// The load's row.
    pub row: String,
    /// The tables, as text.
    pub text: Vec<String>,
    /// The flame graph, a picture of its own (SVG).
    pub flame_graph: String,
}

/// A report.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was measured and with what: names and values.
    pub setting: Vec<(String, String)>,
    /// The figures.
    pub rows: Vec<Row>,
    /// How the requests' times are spread.
    pub distributions: Vec<Distribution>,
    /// The swaps.
    pub blackouts: Blackouts,
    /// How the blackout grows.
    pub growth: Vec<Growth>,
    /// Where a request's instructions go.
    pub counted: Option<Counted>,
}

impl Report {
    /// The page.
    pub fn html(&self) -> String {
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>molt bench</title>\n\
             <style>\n{}</style>\n</head>\n<body>\n<h1>molt bench</h1>\n",
            include_str!("report.css")
        );
        page.push_str("<table>\n");
        for (name, value) in &self.setting {
            let _ = writeln!(
                page,
                "<tr><td>{}</td><td>{}</td></tr>",
                escape(name),
                escape(value)
            );
        }
        page.push_str("</table>\n");
        self.figures(&mut page);
        self.times(&mut page);
        self.blackout(&mut page);
        self.growth(&mut page);
        self.profile(&mut page);
        page.push_str("</body>\n</html>\n");
        page
    }

    fn figures(&self, page: &mut String) {
        let (names, systems) = columns(&self.rows);
        page.push_str("<h2>Figures</h2>\n<p>Median of the runs, and their range.</p>\n<table>\n<tr><th>figure</th>");
        for (system, kernel) in &systems {
            let head = format!("{system} ({kernel})");
            let _ = write!(page, "<th class=\"figure\">{}</th>", escape(&head));
        }
        page.push_str("</tr>\n");
        for name in names {
            let _ = write!(page, "<tr><td>{}</td>", escape(name));
            for (system, kernel) in &systems {
                let row = (self.rows.iter())
                    .find(|r| r.name == name && r.system == *system && r.kernel == *kernel);
                let cell = row.map_or_else(|| "-".to_owned(), cell);
                let _ = write!(page, "<td class=\"figure\">{cell}</td>");
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</table>\n");
    }

    /// A plot for each row with one request in flight.
    fn times(&self, page: &mut String) {
        let mut rows: Vec<&str> = Vec::new();
        for distribution in &self.distributions {
            let row = distribution.row.as_str();
            if row.ends_with("_d1") && !rows.contains(&row) {
                rows.push(row);
            }
        }
        if rows.is_empty() {
            return;
        }
        page.push_str(
            "<h2>Times of requests</h2>\n<p>One request in flight: how many of a hundred take no longer than so many microseconds, \
             up to 99 in a hundred.</p>\n",
        );
        for row in rows {
            let of = self.distributions.iter().filter(|d| d.row == row);
            let curves: Vec<Curve> = of
                .map(|d| Curve {
                    name: format!("{} ({})", d.system.system, d.system.kernel),
                    points: (d.times.range(..=UP_TO))
                        .map(|(thousandths, us)| [*us, f64::from(*thousandths) / 10.0])
                        .collect(),
                })
                .collect();
            let _ = writeln!(page, "<h3>{}</h3>", escape(row));
            page.push_str(&plot::curves(
                "microseconds",
                "% of the requests",
                100.0,
                &curves,
            ));
        }
    }

    fn blackout(&self, page: &mut String) {
        if self.blackouts.total.is_empty() {
            return;
        }
        let _ = writeln!(
            page,
            "<h2>Blackout</h2>\n<p>Of {} swaps: how many of a hundred were no longer than so many microseconds.</p>",
            self.blackouts.total.len()
        );
        let curves = [
            spread("whole blackout", &self.blackouts.total),
            spread("execution in it", &self.blackouts.cpu),
        ];
        page.push_str(&plot::curves(
            "microseconds",
            "% of the swaps",
            100.0,
            &curves,
        ));
        for (title, stages) in STAGES {
            let _ = writeln!(page, "<h3>{title}</h3>\n<p>Median of the swaps.</p>");
            let bars: Vec<_> = (stages.iter())
                .filter_map(|name| {
                    let us = sorted(self.blackouts.stages.get(*name)?);
                    let (middle, most) = (median(&us), us.last().copied()?);
                    let text = format!("{} us (at the most {})", number(middle), number(most));
                    Some(((*name).to_owned(), middle, text))
                })
                .collect();
            page.push_str(&plot::bars(&bars));
        }
    }

    /// A plot for each number: what was measured, and the line through it.
    fn growth(&self, page: &mut String) {
        if self.growth.is_empty() {
            return;
        }
        page.push_str("<h2>Growth of the blackout</h2>\n<p>Median of the swaps at each point, and the line through the points by least squares.</p>\n");
        for pair in self.growth.chunk_by(|a, b| a.of == b.of) {
            let mut curves = Vec::new();
            for growth in pair {
                let is_whole = growth.name.ends_with("_whole");
                let what = match is_whole {
                    true => "whole blackout",
                    false => "execution in it",
                };
                curves.push(Curve {
                    name: what.to_owned(),
                    points: growth.points.clone(),
                });
                let ends = [growth.points.first(), growth.points.last()];
                if is_whole {
                    continue;
                }
                if let (Some(fit), [Some(first), Some(last)]) = (growth.fit(), ends) {
                    curves.push(Curve {
                        name: format!(
                            "{} + {} for each one (R\u{b2} {:.3})",
                            number(fit.constant),
                            number(fit.slope),
                            fit.r2
                        ),
                        points: vec![[first[0], fit.at(first[0])], [last[0], fit.at(last[0])]],
                    });
                }
            }
            let most =
                (curves.iter().flat_map(|c| &c.points)).fold(0.0, |most: f64, [_, y]| most.max(*y));
            let of = pair.first().map_or("", |growth| growth.of);
            let _ = writeln!(page, "<h3>{}</h3>", escape(of));
            // Room for the names below the curves.
            page.push_str(&plot::curves(of, "microseconds", 1.1 * most, &curves));
        }
    }

    fn profile(&self, page: &mut String) {
        let Some(counted) = &self.counted else { return };
        let _ = writeln!(
            page,
            "<h2>Where the instructions of {} go</h2>\n<pre>{}</pre>",
            escape(&counted.row),
            (counted.text.iter())
                .map(|line| escape(line))
                .collect::<Vec<_>>()
                .join("\n")
        );
        // It is embedded as a separate document, because its script uses the first picture of the document.
        let _ = writeln!(
            page,
            "<object type=\"image/svg+xml\" height=\"{}\" data=\"data:image/svg+xml;charset=utf-8,{}\"></object>",
            height(&counted.flame_graph),
            percent(&counted.flame_graph)
        );
    }
}

fn cell(row: &Row) -> String {
    let mut text = number(row.median);
    if row.min != row.max {
        let _ = write!(
            text,
            " <span class=\"range\">({} to {})</span>",
            number(row.min),
            number(row.max)
        );
    }
    text
}

/// In microseconds, rising.
fn sorted(ns: &[u64]) -> Vec<f64> {
    let mut us: Vec<f64> = ns.iter().map(|ns| *ns as f64 / 1e3).collect();
    us.sort_by(f64::total_cmp);
    us
}

fn spread(name: &str, ns: &[u64]) -> Curve {
    let us = sorted(ns);
    let share = |index: usize| 100.0 * (index + 1) as f64 / us.len() as f64;
    Curve {
        name: name.to_owned(),
        points: (us.iter().enumerate())
            .map(|(index, us)| [*us, share(index)])
            .collect(),
    }
}

/// The height that a picture says it has.
fn height(svg: &str) -> u32 {
    let start = svg.find(" height=\"").map_or(svg.len(), |at| at + 9);
    let digits = svg[start..].chars().take_while(char::is_ascii_digit);
    digits.collect::<String>().parse().unwrap_or(600)
}

/// As the content of a `data:` address in an attribute (RFC 3986, 2.1).
fn percent(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() * 5 / 4);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b'/'
            | b':'
            | b'='
            | b','
            | b';' => {
                safe.push(byte.into());
            }
            _ => _ = write!(safe, "%{byte:02X}"),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_all_and_refers_to_nothing() {
        let report = Report {
            setting: vec![("peer".into(), "<script>".into())],
            counted: Some(Counted {
                row: "r".into(),
                text: vec!["a < b".into()],
                flame_graph: "<svg height=\"321\">\"#%</svg>".into(),
            }),
            blackouts: Blackouts {
                total: vec![2000, 1000],
                cpu: vec![500, 500],
                stages: [("deny".to_owned(), vec![7000, 9000])].into(),
            },
            ..Report::default()
        };
        let page = report.html();
        assert!(!page.contains("<script>") && page.contains("a &lt; b"));
        assert!(page.contains("8 us (at the most 9)"), "{page}");
        assert!(page.contains("height=\"321\" data=\"data:image/svg+xml;charset=utf-8,%3Csvg%20height=%22321%22%3E%22%23%25%3C/svg%3E\""));
        let outside = ["src=", "href=", "url(", "@import"];
        assert!(!outside.iter().any(|word| page.contains(word)));
    }
}
