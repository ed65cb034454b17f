// SPDX-License-Identifier: BSD-2-Clause
//! How a figure grows with a number: medians by number, and the line through them.

/// A straight line, by least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// At 0.
    pub constant: f64,
    /// For each one more.
    pub slope: f64,
    /// R², from 0 to 1: how much of the differences the line explains.
    pub r2: f64,
}

impl Fit {
    /// Through points of x and y; none where all have one x.
    pub fn through(points: &[[f64; 2]]) -> Option<Self> {
        let n = points.len() as f64;
        let mean = |axis: usize| points.iter().map(|point| point[axis]).sum::<f64>() / n;
        let (x0, y0) = (mean(0), mean(1));
        let sum = |of: fn(f64, f64) -> f64| {
            let terms = points.iter().map(|[x, y]| of(x - x0, y - y0));
            terms.sum::<f64>()
        };
        let (xx, xy, yy) = (sum(|x, _| x * x), sum(|x, y| x * y), sum(|_, y| y * y));
        if points.is_empty() || xx == 0.0 {
            return None;
        }
        Some(Self {
            constant: y0 - xy / xx * x0,
            slope: xy / xx,
            r2: if yy == 0.0 { 1.0 } else { xy * xy / (xx * yy) },
        })
    }

    /// The line at x.
    pub fn at(&self, x: f64) -> f64 {
        self.constant + self.slope * x
    }
}

/// The growth of the blackout with one number.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// A word for the number, as figures have it.
    pub name: &'static str,
    /// What the number is, for an axis.
    pub of: &'static str,
    /// The number, and the median of the swaps in microseconds.
    pub points: Vec<[f64; 2]>,
}

impl Growth {
    /// The line through the points.
    pub fn fit(&self) -> Option<Fit> {
        Fit::through(&self.points)
    }

    /// How far the highest point lies above the lowest, in percent.
    pub fn range(&self) -> f64 {
        let values = self.points.iter().map(|[_, y]| *y);
        let low = values.clone().fold(f64::INFINITY, f64::min);
        100.0 * (values.fold(0.0, f64::max) / low - 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found() {
        let fit = Fit::through(&[[1.0, 5.0], [2.0, 7.0], [9.0, 21.0]]).unwrap();
        assert_eq!((fit.constant, fit.slope, fit.r2), (3.0, 2.0, 1.0));
        assert_eq!(fit.at(4.0), 11.0);
    }

    #[test]
    fn what_is_no_line_has_a_smaller_r2() {
        let fit = Fit::through(&[[0.0, 0.0], [1.0, 3.0], [2.0, 0.0]]).unwrap();
        assert_eq!((fit.slope, fit.r2), (0.0, 0.0));
    }

    #[test]
    fn one_x_has_no_line() {
        assert_eq!(Fit::through(&[[1.0, 1.0], [1.0, 2.0]]), None);
        assert_eq!(Fit::through(&[]), None);
    }

    #[test]
    fn the_range_is_of_the_lowest() {
        let growth = Growth {
            name: "n",
            of: "n",
            points: vec![[1.0, 110.0], [2.0, 100.0]],
        };
        assert!((growth.range() - 10.0).abs() < 1e-9);
    }
}
