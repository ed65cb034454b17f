// SPDX-License-Identifier: BSD-2-Clause
//! How the cost of an operation grows with the number of objects, on both kernels.

use super::compare::pair;

/// The embedded kernel's growth counts as the same order if it is at most this many times the real kernel's.
const SAME_ORDER: f64 = 3.0;

/// By how much an operation costs more on more objects.
#[derive(Debug, PartialEq)]
pub struct Growth {
    /// The operation, and from how many to how many.
    name: String,
    embedded: f64,
    real: f64,
}

/// A cost by operation, as the suite prints it.
type Cost = (String, u64);

/// The growth of each operation that was measured on several numbers of objects, in parentheses
/// at its name's end, and on both kernels.
pub fn of(embedded: &[Cost], real: &[Cost]) -> Vec<Growth> {
    let on = |costs: &[Cost], name: &str| {
        let found = costs.iter().find(|(found, _)| found == name);
        found.map(|(_, cost)| *cost as f64)
    };
    let growth = |(small, large): (&str, &str)| {
        let (operation, from) = counted(small)?;
        let to = counted(large)?.1;
        Some(Growth {
            name: format!("{operation}, {from} to {to}"),
            embedded: on(embedded, large)? / on(embedded, small)?,
            real: on(real, large)? / on(real, small)?,
        })
    };
    let names = embedded.iter().map(|(name, _)| name.as_str());
    let pairs = names.clone().filter_map(|small| {
        let (operation, _) = counted(small)?;
        let mut later = names.clone().skip_while(|name| *name != small).skip(1);
        let large = later.find(|name| counted(name).is_some_and(|(same, _)| same == operation))?;
        Some((small, large))
    });
    pairs.filter_map(growth).collect()
}

/// `revoke of pages (16)`: the operation and the number.
fn counted(name: &str) -> Option<(&str, u64)> {
    let (operation, count) = name.strip_suffix(')')?.rsplit_once(" (")?;
    Some((operation, count.parse().ok()?))
}

impl Growth {
    /// As a row of the table.
    pub fn row(&self) -> [String; 4] {
        pair(&self.name, self.embedded, self.real, 1)
    }

    /// Whether the embedded kernel's cost grows no steeper.
    pub fn is_of_same_order(&self) -> bool {
        self.embedded <= SAME_ORDER * self.real
    }

    /// The message if it does.
    pub fn complaint(&self) -> String {
        format!(
            "{}: {:.1} times the cost, on the real kernel {:.1} times",
            self.name, self.embedded, self.real
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_goes_from_each_number_to_the_next() {
        let costs = |list: [(&str, u64); 5]| list.map(|(name, cost)| (name.to_owned(), cost));
        let ours = costs([
            ("map", 1),
            ("r (1)", 10),
            ("s (1)", 5),
            ("r (16)", 100),
            ("r (256)", 9000),
        ]);
        let real = costs([
            ("map", 1),
            ("r (1)", 10),
            ("s (1)", 5),
            ("r (16)", 150),
            ("r (256)", 1500),
        ]);
        let found = of(&ours, &real);
        let rows: Vec<_> = found.iter().map(Growth::row).collect();
        assert_eq!(rows[0], ["r, 1 to 16", "10.0", "15.0", "0.67"]);
        assert_eq!(rows[1], ["r, 16 to 256", "90.0", "10.0", "9.00"]);
        assert_eq!(rows.len(), 2);
        assert!(found[0].is_of_same_order() && !found[1].is_of_same_order());
    }
}
