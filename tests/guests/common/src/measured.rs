// SPDX-License-Identifier: BSD-2-Clause
//! The result lines of a load that measures (docs/performance.md).

use core::fmt;

/// The thousandths of the requests for which the longest time is printed, for a plot of the distribution.
const QUANTILES: [usize; 25] = [
    0, 10, 50, 100, 150, 200, 250, 300, 350, 400, 450, 500, 550, 600, 650, 700, 750, 800, 850, 900,
    950, 975, 990, 999, 1000,
];
/// So many of them are in a line, since consoles cut long ones.
const IN_A_LINE: usize = 7;

/// A row that was measured.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// Its name.
    pub name: &'a str,
    /// Bytes of each request.
    pub bytes: usize,
    /// Requests in flight.
    pub depth: usize,
    /// Nanoseconds that all of them took.
    pub elapsed_ns: u64,
}

impl Measured<'_> {
    /// Says the row and its requests' times, in nanoseconds, which are sorted for it.
    pub fn print(&self, times: &mut [u32], mut say: impl FnMut(fmt::Arguments<'_>)) {
        times.sort_unstable();
        let Self {
            name,
            bytes,
            depth,
            elapsed_ns,
        } = self;
        say(format_args!(
            "bench row={name} bytes={bytes} depth={depth} requests={} elapsed_ns={elapsed_ns}",
            times.len()
        ));
        for thousandths in QUANTILES.chunks(IN_A_LINE) {
            say(format_args!(
                "bench times={name}{}",
                Part { times, thousandths }
            ));
        }
    }
}

/// ` THOUSANDTHS:NS …`, of times in rising order.
struct Part<'a> {
    times: &'a [u32],
    thousandths: &'a [usize],
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.thousandths.iter().try_for_each(|thousandths| {
            let index = (self.times.len() * thousandths).div_ceil(1000);
            let time = self.times.get(index.saturating_sub(1)).unwrap_or(&0);
            write!(f, " {thousandths}:{time}")
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;

    #[test]
    fn a_row_is_followed_by_its_times() {
        let row = Measured {
            name: "read",
            bytes: 512,
            depth: 1,
            elapsed_ns: 100,
        };
        let mut times: Vec<u32> = (1..=1000).rev().collect();
        let mut lines: Vec<String> = Vec::new();
        row.print(&mut times, |line| lines.push(line.to_string()));
        let first = "bench row=read bytes=512 depth=1 requests=1000 elapsed_ns=100";
        assert_eq!((lines.len(), lines[0].as_str()), (5, first));
        assert_eq!(
            lines[1],
            "bench times=read 0:1 10:10 50:50 100:100 150:150 200:200 250:250"
        );
        assert_eq!(
            lines[4],
            "bench times=read 975:975 990:990 999:999 1000:1000"
        );
    }
}
