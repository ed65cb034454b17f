// SPDX-License-Identifier: BSD-2-Clause
//! The events. Times are in nanoseconds.

use crate::fields::events;

events! {
    /// `update` runs; generation 0 of each component follows.
    Boot "boot" { components: u64, clients: u64 }
    /// A client rang its doorbell with a command: `offer`, `confirm`, `cancel`.
    Rung "rung" { client: W, component: W, command: W, bytes: u64 }
    /// An offer was accepted: it has a handle and waits for confirmation.
    Offered "offered" { client: W, component: W }
    /// The offer was confirmed: `stage` copies and verifies.
    Confirmed "confirmed" { client: W, component: W }
    /// The bundle that was offered for `first` is for this component too: both are updated together, or none.
    Joined "joined" { component: W, first: W }
    /// An offer or its bundle was refused; nothing was disturbed. `reason` is a text of `molt-doorbell`.
    Refused "refused" { client: W, component: W, reason: W }
    /// The bundle was copied and is good: its sequence number and its image's size in bytes.
    Verified "verified" { component: W, sequence: u64, bytes: u64 }
    /// The bundle waits for the operator's approval.
    Approval "approval" { client: W, component: W, sequence: u64 }
    /// The new generation is built in the free arena.
    Staged "staged" { component: W, generation: u64 }
    /// The update waits for a client that defers it, for `most` at the most.
    Deferred "deferred" { component: W, client: W, most: u64 }
    /// It does not wait for this client any more, which it did for `ns`: `admitted` by the client, `timeout`, `forced` by the operator,
    /// the client is `gone`, or the update has `ended`.
    Admitted "admitted" { component: W, client: W, how: W, ns: u64 }
    /// The device has the firmware of the new generation in its spare bank, which is another one than it runs if `other` is 1.
    Transferred "transferred" { component: W, bytes: u64, other: u64 }
    /// The device did not take it; `reason` is a number that the driver defines.
    TransferFailed "transfer-failed" { component: W, reason: u64 }
    /// The old generation has quiesced (`orderly`), or missed its deadline or was dead (`forced`).
    Quiesced "quiesced" { component: W, generation: u64, how: W }
    /// The gate of a client is closed and acknowledged.
    Closed "closed" { component: W, client: W }
    /// The device was seen to be at rest.
    Stopped "stopped" { component: W }
    /// A region's original was revoked: mappings in all domains are gone.
    Revoked "revoked" { component: W, region: W }
    /// Everything was taken from the old generation and the clients.
    Denied "denied" { component: W, technique: W }
    /// Frames, interrupt and ports belong to the new generation.
    Granted "granted" { component: W, generation: u64 }
    /// The new generation said that it is ready.
    Ready "ready" { component: W, generation: u64 }
    /// Requests are served again; `completions` error-free completions end probation early.
    Probation "probation" { component: W, generation: u64, completions: u64 }
    /// The new generation passed; `sequence` is now the committed one.
    Committed "committed" { component: W, from: u64, to: u64, sequence: u64 }
    /// The list of keys that the client offered is in force.
    KeysExchanged "keys-exchanged" { client: W, component: W, sequence: u64 }
    /// Generation `failed` is gone, `to` runs the committed image.
    RolledBack "rolled-back" { component: W, failed: u64, to: u64, reason: W }
    /// The committed image failed too often, or the device did not stop.
    OutOfService "out-of-service" { component: W, reason: W }
    /// The time from the old generation's last completion to the new one's first. `cpu` is the execution time in it of
    /// `update`, `stage`, both generations and the clients.
    Blackout "blackout" { component: W, generation: u64, total: u64, cpu: u64 }
    /// A stage of the transaction to generation `generation` took `ns`.
    Stage "stage" { component: W, generation: u64, name: W, ns: u64 }
    /// What a component starts with after power-on: `committed` or `factory`; `reason` says why not the committed image.
    Source "source" { component: W, image: W, sequence: u64, reason: W }
    /// The list of keys that is in force after power-on; `reason` says why it cannot be used. Then nothing but a newer list is accepted.
    KeysSource "keys-source" { component: W, sequence: u64, reason: W }
    /// A generation's program image, when it starts; or of a ROM, the beginning of its content's digest, as the flash says it.
    Started "started" { component: W, generation: u64, version: u64 }
    /// A domain faulted: seL4's fault label, instruction and address.
    Fault "fault" { domain: W, generation: u64, label: u64, ip: u64, address: u64 }
    /// A client touched a region that is taken away, and is parked until the region is granted again.
    Parked "parked" { client: W, component: W }
    /// A client is fenced: its gate stays closed, and its region is not granted to it again.
    Fenced "fenced" { client: W, reason: W }
    /// A fenced client is believed again, from the next grant on.
    Readmitted "readmitted" { client: W }
    /// A client reports that the driver broke the protocol of its queue.
    Violation "violation" { component: W, client: W, what: W }
    /// A client's statistics, absolute since its start.
    Client "client" { client: W, requests: u64, errors: u64, max_latency: u64, parked: u64 }
    /// The books after a transaction: vault slots in use, untypeds of the free arena, and how many probes of them failed.
    Books "books" { component: W, slots: u64, untypeds: u64, failed: u64 }
    /// Any other value, with a name.
    Value "value" { name: W, value: u64 }
}
