// SPDX-License-Identifier: BSD-2-Clause
//! How clients are denied a device while its driver is replaced: sets of techniques, as briefs hold them.

/// Requests stay in the guest's own virtqueue until the device is back.
pub const HOLD: u32 = 1 << 0;
/// The guest sees its device go away and come back: a network card's link goes down and up.
pub const UNPLUG: u32 = 1 << 1;
/// The guest's vCPUs stand still.
pub const PAUSE: u32 = 1 << 2;
/// The client's VMM serves meanwhile what it can.
pub const STAND_IN: u32 = 1 << 3;

/// The names of the techniques in a set, as the trace has them; those of the empty set are those of [`HOLD`].
#[must_use]
pub fn names_of_techniques(set: u32) -> &'static str {
    // The bits are the index.
    const NAMES: [&str; 16] = [
        "hold",
        "hold",
        "unplug",
        "hold+unplug",
        "pause",
        "hold+pause",
        "unplug+pause",
        "hold+unplug+pause",
        "stand-in",
        "hold+stand-in",
        "unplug+stand-in",
        "hold+unplug+stand-in",
        "pause+stand-in",
        "hold+pause+stand-in",
        "unplug+pause+stand-in",
        "hold+unplug+pause+stand-in",
    ];
    let name = NAMES.get(set as usize % NAMES.len());
    name.copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    #[test]
    fn each_set_has_the_names_of_its_techniques() {
        let named = [
            (HOLD, "hold"),
            (UNPLUG, "unplug"),
            (PAUSE, "pause"),
            (STAND_IN, "stand-in"),
        ];
        for set in 1..16 {
            let names = named.into_iter().filter(|(bit, _)| set & bit != 0);
            let names: Vec<&str> = names.map(|(_, name)| name).collect();
            assert_eq!(names_of_techniques(set), names.join("+"));
        }
        assert_eq!(names_of_techniques(0), "hold");
    }
}
