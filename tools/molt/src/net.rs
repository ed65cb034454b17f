// SPDX-License-Identifier: BSD-2-Clause
//! What a network card of the machine is connected to, where it is not what the board's file says.

use anyhow::{Result, bail};
use molt_board::Board;
use molt_sdf::System;

/// The class of such components.
const CLASS: &str = "network";

/// Connects one: `text` is `NAME=user` or `NAME=socket`, each with QEMU's options for it behind a comma. NAME is the component in the
/// description. `arguments` are QEMU's, with what the board's file says.
///
/// # Errors
/// It has another form, the system has no such component, or the board no such device.
pub fn connect(board: &Board, system: &System, arguments: &mut [String], text: &str) -> Result<()> {
    let Some((name, backend)) = text.split_once('=') else {
        bail!(
            "--net {text}: NAME=user or NAME=socket,… is wanted, where NAME is a component of class '{CLASS}'"
        );
    };
    let (kind, options) = match backend.split_once(',') {
        Some((kind, options)) => (kind, Some(options)),
        None => (backend, None),
    };
    if !matches!(kind, "user" | "socket") {
        bail!(
            "--net {text}: '{kind}' is neither 'user' (QEMU's own network) nor 'socket' (another QEMU)"
        );
    }
    if kind == "socket" && options.is_none() {
        bail!(
            "--net {text}: 'socket' needs to be told where: socket,listen=:PORT or socket,connect=HOST:PORT"
        );
    }
    let mut words = options.iter().flat_map(|options| options.split(','));
    if words.any(|word| word.split('=').next() == Some("id")) {
        bail!("--net {text}: the 'id' is given by the board's file; leave it out");
    }
    let networks: Vec<&str> = (system.domains.iter())
        .filter(|domain| (domain.replaceable.as_ref()).is_some_and(|r| r.class == CLASS))
        .map(|domain| domain.name.as_str())
        .collect();
    let Some(domain) = (system.domains.iter())
        .find(|domain| domain.name == name && networks.contains(&domain.name.as_str()))
    else {
        bail!(
            "--net {text}: the system has no component '{name}' of class '{CLASS}'; it has {}",
            match networks.is_empty() {
                true => "none".to_owned(),
                false => networks.join(", "),
            }
        );
    };
    let places = domain.maps.iter().filter_map(|map| {
        let region = system.regions.get(map.region)?;
        Some((region.name.as_str(), region.phys_addr?))
    });
    let own = board.device_arguments(places);
    let is_id = |word: &&str| word.starts_with("id=");
    let netdev = own.iter().skip_while(|word| *word != "-netdev").nth(1);
    let id = netdev.and_then(|value| value.split(',').find(is_id));
    let (Some(netdev), Some(id)) = (netdev, id) else {
        bail!(
            "--net {text}: board '{}' does not say how '{name}' is connected in QEMU",
            board.name
        );
    };
    let options = options.map(|options| format!(",{options}"));
    let connected = format!("{kind},{id}{}", options.unwrap_or_default());
    for argument in arguments.iter_mut().filter(|argument| *argument == netdev) {
        argument.clone_from(&connected);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
    }

    fn connected(system: &str, text: &str) -> Result<String> {
        let board = Board::load(root(), "qemu_virt_aarch64").expect("a board");
        let system = molt_sdf::load(&root().join(system), &[]).expect("in order");
        let regions = system.regions.iter();
        let places = regions.filter_map(|region| Some((region.name.as_str(), region.phys_addr?)));
        let mut arguments = board.device_arguments(places);
        connect(&board, &system, &mut arguments, text)?;
        Ok(arguments.join(" "))
    }

    #[test]
    fn a_network_is_connected_as_told() {
        for (backend, expected) in [
            ("user", "-netdev user,id=network "),
            (
                "user,hostfwd=tcp::2222-10.0.2.11:22",
                "-netdev user,id=network,hostfwd=tcp::2222-10.0.2.11:22 ",
            ),
            (
                "socket,listen=:1234",
                "-netdev socket,id=network,listen=:1234 ",
            ),
        ] {
            let line = connected("system.xml", &format!("network={backend}")).expect(backend);
            assert!(line.contains(expected), "{line}");
            assert_eq!(line.matches("-netdev").count(), 1, "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (system, text, expected) in [
            ("system.xml", "network", "NAME=user or NAME=socket"),
            ("system.xml", "network=tap", "'tap' is neither"),
            ("system.xml", "network=socket", "socket,listen=:PORT"),
            ("system.xml", "network=user,id=mine", "leave it out"),
            (
                "system.xml",
                "disk=user",
                "no component 'disk' of class 'network'; it has network",
            ),
            ("tests/systems/two-bare.xml", "network=user", "it has none"),
        ] {
            let error = connected(system, text).expect_err(text).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
