// SPDX-License-Identifier: BSD-2-Clause
//! The events. Times are in nanoseconds.

use crate::fields::events;
use crate::word::Word;

events! {
    /// `update` runs; generation 0 of each component follows.
    Boot "boot" { components: u64, clients: u64 }
    /// A client rang its doorbell with a command: `offer`, `confirm`, `cancel`.
    Rung "rung" { client: Word, component: Word, command: Word, bytes: u64 }
    /// An offer was accepted: it has a handle and waits for confirmation.
    Offered "offered" { client: Word, component: Word }
    /// The offer was confirmed: `stage` copies and verifies.
    Confirmed "confirmed" { client: Word, component: Word }
    /// An offer or its bundle was refused; nothing was disturbed. `reason` is a text of `molt-doorbell`.
    Refused "refused" { client: Word, component: Word, reason: Word }
    /// The bundle was copied and is good: its sequence number and its image's size in bytes.
    Verified "verified" { component: Word, sequence: u64, bytes: u64 }
    /// The new generation is built in the free arena.
    Staged "staged" { component: Word, generation: u64 }
    /// The old generation has quiesced (`orderly`), or missed its deadline or was dead (`forced`).
    Quiesced "quiesced" { component: Word, generation: u64, how: Word }
    /// The gate of a client is closed and acknowledged.
    Closed "closed" { component: Word, client: Word }
    /// The device was seen to be at rest.
    Stopped "stopped" { component: Word }
    /// A region's original was revoked: mappings in all domains are gone.
    Revoked "revoked" { component: Word, region: Word }
    /// Everything was taken from the old generation and the clients.
    Denied "denied" { component: Word, technique: Word }
    /// Frames, interrupt and ports belong to the new generation.
    Granted "granted" { component: Word, generation: u64 }
    /// The new generation said that it is ready.
    Ready "ready" { component: Word, generation: u64 }
    /// Requests are served again; `completions` error-free completions end probation early.
    Probation "probation" { component: Word, generation: u64, completions: u64 }
    /// The new generation passed; `sequence` is now the committed one.
    Committed "committed" { component: Word, from: u64, to: u64, sequence: u64 }
    /// Generation `failed` is gone, `to` runs the committed image.
    RolledBack "rolled-back" { component: Word, failed: u64, to: u64, reason: Word }
    /// The committed image failed too often, or the device did not stop.
    OutOfService "out-of-service" { component: Word, reason: Word }
    /// The time from the old generation's last completion to the new one's first. `cpu` is the execution time in it of
    /// `update`, `stage`, both generations and the clients.
    Blackout "blackout" { component: Word, generation: u64, total: u64, cpu: u64 }
    /// A stage of the transaction to generation `generation` took `ns`.
    Stage "stage" { component: Word, generation: u64, name: Word, ns: u64 }
    /// A generation's program image, when it starts.
    Started "started" { component: Word, generation: u64, version: u64 }
    /// A domain faulted: seL4's fault label, instruction and address.
    Fault "fault" { domain: Word, generation: u64, label: u64, ip: u64, address: u64 }
    /// A client touched a region that is taken away, and is parked until the region is granted again.
    Parked "parked" { client: Word, component: Word }
    /// A client is fenced: its gate stays closed, and its region is not granted to it again.
    Fenced "fenced" { client: Word, reason: Word }
    /// A fenced client is believed again, from the next grant on.
    Readmitted "readmitted" { client: Word }
    /// A client reports that the driver broke the protocol of its queue.
    Violation "violation" { component: Word, client: Word, what: Word }
    /// A client's statistics, absolute since its start.
    Client "client" { client: Word, requests: u64, errors: u64, max_latency: u64, parked: u64 }
    /// The books after a transaction: vault slots in use, untypeds of the free arena, and how many probes of them failed.
    Books "books" { component: Word, slots: u64, untypeds: u64, failed: u64 }
    /// Any other value, with a name.
    Value "value" { name: Word, value: u64 }
}
