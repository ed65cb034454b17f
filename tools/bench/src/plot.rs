// SPDX-License-Identifier: BSD-2-Clause
//! Plots as SVG elements of a page; their look is in report.css.

use molt_graph::Svg;

const WIDTH: f64 = 720.0;
/// The margins of the plot, for the text beside the axes.
const LEFT: f64 = 60.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;
/// Classes of curves, in turn.
const CLASSES: usize = 5;

/// A line through points with rising x.
pub struct Curve {
    /// What it is of.
    pub name: String,
    /// x and y.
    pub points: Vec<[f64; 2]>,
}

/// Curves over one another, both axes from 0, y to `most`.
pub fn curves(x_label: &str, y_label: &str, most: f64, curves: &[Curve]) -> String {
    let height = 300.0;
    let farthest = curves.iter().flat_map(|c| &c.points).map(|[x, _]| *x);
    let farthest = farthest.fold(0.0, f64::max);
    let place = |[x, y]: [f64; 2]| {
        [
            LEFT + share(x, farthest) * (WIDTH - LEFT - RIGHT),
            height - BOTTOM - share(y, most) * (height - TOP - BOTTOM),
        ]
    };
    let mut svg = picture(height);
    for x in ticks(farthest) {
        let [at, bottom] = place([x, 0.0]);
        svg.line("grid", &[[at, TOP], [at, bottom]]);
        svg.text("tick", "middle", [at, bottom + 16.0], &number(x));
    }
    for y in ticks(most) {
        let [left, at] = place([0.0, y]);
        svg.line("grid", &[[left, at], [WIDTH - RIGHT, at]]);
        svg.text("tick", "end", [left - 6.0, at + 4.0], &number(y));
    }
    svg.text("label", "end", [WIDTH - RIGHT, height - 8.0], x_label);
    svg.text("label", "start", [LEFT, height - 8.0], y_label);
    for (index, curve) in curves.iter().enumerate() {
        let points: Vec<_> = curve.points.iter().map(|point| place(*point)).collect();
        let class = index % CLASSES;
        svg.group(&curve.name);
        svg.line(&format!("curve c{class}"), &points);
        svg.end();
        // At the lower right, where no curve is at its end.
        let y = height - BOTTOM - 16.0 - 18.0 * (curves.len() - 1 - index) as f64;
        let right = WIDTH - RIGHT - 12.0;
        svg.line(&format!("curve c{class}"), &[[right - 24.0, y], [right, y]]);
        svg.text("key", "end", [right - 30.0, y + 4.0], &curve.name);
    }
    svg.raw("</svg>");
    svg.finish()
}

/// Bars below one another, each with its name, its length, and the text beside it.
pub fn bars(bars: &[(String, f64, String)]) -> String {
    let (left, line) = (120.0, 24.0);
    let longest = bars.iter().map(|(_, value, _)| *value).fold(0.0, f64::max);
    let mut svg = picture(2.0 * TOP + line * bars.len() as f64);
    for (index, (name, value, text)) in bars.iter().enumerate() {
        let y = TOP + line * index as f64;
        // Room for the text behind the longest.
        let width = share(*value, longest) * (WIDTH - left - 200.0);
        svg.text("key", "end", [left - 8.0, y + 16.0], name);
        svg.rect("bar", [left, y + 4.0, width.max(1.0), line - 8.0], 2.0);
        svg.text("tick", "start", [left + width + 8.0, y + 16.0], text);
    }
    svg.raw("</svg>");
    svg.finish()
}

fn picture(height: f64) -> Svg {
    let mut svg = Svg::default();
    svg.raw(&format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">"#
    ));
    svg
}

fn share(value: f64, of: f64) -> f64 {
    if of > 0.0 { value / of } else { 0.0 }
}

/// Round numbers from 0 to `most`, at the most eleven.
fn ticks(most: f64) -> impl Iterator<Item = f64> {
    let rough = (most / 5.0).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(rough.log10().floor());
    let factors = [1.0, 2.0, 5.0];
    let step = factors.map(|factor| factor * power).into_iter();
    let step = step.filter(|step| *step <= rough).fold(power, f64::max);
    (0..=10)
        .map(move |index| f64::from(index) * step)
        .take_while(move |tick| *tick <= most)
}

/// Without what binary fractions leave behind.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let of = |most| ticks(most).map(number).collect::<Vec<_>>();
        assert_eq!(of(100.0), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(
            of(0.9),
            [
                "0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"
            ]
        );
        assert_eq!(of(74.3), ["0", "10", "20", "30", "40", "50", "60", "70"]);
        assert_eq!(of(0.0), ["0"]);
    }

    #[test]
    fn no_point_is_no_curve_and_no_nan() {
        let curve = Curve {
            name: "<a>".into(),
            points: vec![],
        };
        let text = curves("us", "%", 100.0, &[curve]);
        assert!(
            text.contains("&lt;a&gt;") && !text.contains("NaN"),
            "{text}"
        );
        assert!(!bars(&[("a".into(), 0.0, "0".into())]).contains("NaN"));
    }
}
