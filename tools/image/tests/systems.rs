// SPDX-License-Identifier: BSD-2-Clause
//! Whole systems, laid out and walked on a model of the kernel.

mod common;

use common::model::{FIRST, Mapped, Model};
use common::{description, elf, lay_out, programs};
use molt_envelope::Bundle;
use molt_sdk::Arch;
use molt_system::boot::{Kind, System, Thread};
use molt_system::{UpdateBrief, VmmBrief, brief, cspace, layout};

const PLAIN: &str = r#"<system>
    <memory_region name="shared" size="0x2000" />
    <memory_region name="device" size="0x1000" phys_addr="0x9043000" />
    <protection_domain name="server" priority="20" stack_size="0x4000">
        <program_image path="plain.elf" />
        <map mr="shared" vaddr="0x4000000" perms="r" />
        <map mr="device" vaddr="0x5000000" perms="rw" cached="false" />
        <irq irq="72" id="3" trigger="edge" />
        <setvar symbol="region_address" region_paddr="shared" />
    </protection_domain>
    <protection_domain name="client" priority="10">
        <program_image path="plain.elf" />
        <map mr="shared" vaddr="0x4000000" perms="rw" />
    </protection_domain>
    <channel><end pd="server" id="5" /><end pd="client" id="7" pp="true" /></channel>
</system>"#;

const REPLACEABLE: &str = r#"<system>
    <memory_region name="queue" size="0x200000" revocable="true" />
    <memory_region name="ring" size="0x2000" revocable="true" />
    <memory_region name="registers" size="0x1000" phys_addr="0xa000000" />
    <memory_region name="memory" size="0x200000" />
    <memory_region name="staging" size="0x200000" />
    <protection_domain name="update" role="update" priority="253"><program_image path="update.elf" /></protection_domain>
    <protection_domain name="stage" role="stage" priority="120"><program_image path="stage.elf" /></protection_domain>
    <protection_domain name="disk" priority="200">
        <program_image path="driver.elf" />
        <replaceable vendor="molt" class="block" device="virtio,mmio" arena="0x100000" stop="virtio-mmio" />
        <map mr="registers" vaddr="0x10000000" cached="false" />
        <map mr="ring" vaddr="0x11000000" />
        <map mr="queue" vaddr="0x12000000" />
        <irq irq="48" id="0" trigger="edge" />
        <client pd="user" queue="queue" memory="memory"><block sectors="100" /></client>
    </protection_domain>
    <protection_domain name="user" priority="100">
        <program_image path="client.elf" />
        <map mr="queue" vaddr="0x30000000" />
        <map mr="memory" vaddr="0x40000000" />
        <map mr="staging" vaddr="0x50000000" />
        <doorbell staging="staging" updates="disk" />
    </protection_domain>
    <channel><end pd="update" id="0" /><end pd="stage" id="0" /></channel>
    <channel><end pd="update" id="1" /><end pd="disk" id="1" /></channel>
    <channel><end pd="update" id="2" /><end pd="user" id="2" /></channel>
    <channel><end pd="user" id="3" /><end pd="disk" id="2" /></channel>
</system>"#;

struct Run {
    model: Model,
    threads: Vec<Thread>,
}

fn run(text: &str) -> Run {
    let folder = programs();
    let packed = lay_out(&description(folder.path(), text), &[]).unwrap_or_else(|e| panic!("{e}"));
    let system = System::new(&packed).expect("tables");
    let threads = system
        .rows::<Thread>(system.header().threads)
        .expect("threads")
        .to_vec();
    Run {
        model: Model::run(&packed),
        threads,
    }
}

impl Run {
    fn thread(&self, name: &str) -> &Thread {
        self.threads
            .iter()
            .find(|t| t.name.as_str() == name)
            .expect("a thread")
    }

    fn space(&self, name: &str) -> &std::collections::BTreeMap<u64, Mapped> {
        &self.model.spaces[&(FIRST + u64::from(self.thread(name).vspace))]
    }

    /// A capability by the small number that the PD names it with.
    fn cap(&self, name: &str, slot: u64) -> Option<&common::model::Cap> {
        let root = &self.model.cnodes[&(FIRST + u64::from(self.thread(name).cspace))];
        let microkit = &root[&0];
        assert_eq!(microkit.data, 49, "guard of the Microkit CNode");
        self.model.cnodes[&microkit.object].get(&slot)
    }

    fn vault(&self, name: &str) -> &std::collections::BTreeMap<u64, common::model::Cap> {
        let root = &self.model.cnodes[&(FIRST + u64::from(self.thread(name).cspace))];
        &self.model.cnodes[&root[&1].object]
    }

    fn bytes(&self, name: &str, address: u64, length: u64) -> Vec<u8> {
        let space = self.space(name);
        let read = |at: u64| {
            let (start, page) = space.range(..=at).next_back().expect("a mapping");
            self.model
                .contents
                .get(&page.frame)
                .and_then(|c| c.get(&(at - start)))
                .copied()
                .unwrap_or(0)
        };
        (address..address + length).map(read).collect()
    }

    fn word(&self, name: &str, symbol: &str) -> u64 {
        let bytes = self.bytes(name, elf::DATA + elf::offset(symbol), 8);
        u64::from_le_bytes(bytes.try_into().expect("8 bytes"))
    }
}

#[test]
fn a_plain_system_is_microkits() {
    let run = run(PLAIN);
    let server = run.space("server");
    // Section by section: image, region, device, stack below the guard page, IPC buffer.
    assert_eq!(server[&0x20_0000].rights, 2, "code is not writable");
    assert_eq!(server[&0x20_0000].attributes & 4, 0, "code is executable");
    assert_eq!(server[&elf::DATA].rights, 3);
    assert_eq!(
        (server[&0x400_0000].rights, server[&0x400_0000].attributes),
        (2, 7)
    );
    assert_eq!(run.model.paddrs[&server[&0x500_0000].frame], 0x904_3000);
    assert_eq!(server[&0x500_0000].attributes & 1, 0, "not cached");
    assert!(!server.contains_key(&layout::AARCH64.stack), "guard page");
    let stack = server
        .range(layout::AARCH64.stack - 0x4000..layout::AARCH64.stack)
        .count();
    assert_eq!(
        (stack, server.contains_key(&layout::AARCH64.ipc_buffer)),
        (4, true)
    );
    assert!(!server.contains_key(&(layout::AARCH64.stack - 0x5000)));
    // Both see the same frames.
    assert_eq!(
        run.space("client")[&0x400_1000].frame,
        server[&0x400_1000].frame
    );

    // Microkit's slots and badges.
    let input = run.cap("server", cspace::INPUT).expect("input");
    assert_eq!(input.kind, Some(Kind::Endpoint), "it is called");
    assert_eq!(
        run.cap("client", cspace::INPUT).map(|c| c.kind),
        Some(Some(Kind::Notification))
    );
    let call = run
        .cap("client", cspace::OUTPUT_ENDPOINT + 7)
        .expect("call");
    assert_eq!((call.object, call.data), (input.object, 1 << 63 | 5));
    let notify = run
        .cap("client", cspace::OUTPUT_NOTIFICATION + 7)
        .expect("notify");
    assert_eq!(
        (notify.kind, notify.data, notify.rights),
        (Some(Kind::Notification), 1 << 5, 1)
    );
    assert!(
        run.cap("server", cspace::OUTPUT_ENDPOINT + 5).is_none(),
        "it may not call back"
    );
    let handler = run.cap("server", cspace::IRQ + 3).expect("handler");
    assert_eq!(run.model.bound[&handler.object], (notify.object, 1 << 3));
    assert_eq!(
        run.model.threads[&(FIRST + u64::from(run.thread("client").tcb))]
            .1
            .data,
        2,
        "fault badge: index + 1"
    );

    // Symbols.
    assert_eq!(
        run.bytes("client", elf::DATA + elf::offset("microkit_name"), 7),
        b"client\0"
    );
    assert_eq!(
        (
            run.word("server", "microkit_irqs"),
            run.word("client", "microkit_pps")
        ),
        (1 << 3, 1 << 7)
    );
    let shared = run.model.paddrs[&server[&0x400_0000].frame];
    assert_eq!(run.word("server", "region_address"), shared);
    assert_eq!(run.model.resumed.len(), 2);
}

#[test]
fn what_is_replaceable_is_held_by_update_alone() {
    let run = run(REPLACEABLE);
    assert!(
        run.threads.iter().all(|t| t.name.as_str() != "disk"),
        "monitor makes no generation"
    );
    let user = run.space("user");
    assert!(
        user.range(0x3000_0000..0x3020_0000).next().is_none(),
        "a revocable region starts unmapped"
    );
    let tables = &run.model.tables[&(FIRST + u64::from(run.thread("user").vspace))];
    assert!(tables.contains(&(30, 0)), "but its tables are there");

    let address = run.word("update", "molt_brief");
    let bytes = run.bytes("update", address, run.word("update", "molt_brief_size"));
    let plan = brief::<UpdateBrief>(&bytes).expect("the plan");
    let (vault, component) = (run.vault("update"), &plan.components()[0]);
    let queue = &plan
        .regions()
        .iter()
        .find(|r| r.name.as_str() == "queue")
        .expect("queue");
    let held = &vault[&u64::from(queue.first.0)];
    assert!(
        held.original && held.kind == Some(Kind::LargePage),
        "the original, which alone can revoke"
    );
    assert_eq!(queue.paddr, run.model.paddrs[&held.object]);
    assert!(
        !run.model.slots.contains_key(&held.object),
        "monitor has kept nothing of it"
    );
    assert_eq!(queue.mappings().len(), 2);
    for arena in &component.arenas {
        assert_eq!((arena.count, arena.size_bits), (16, 16));
        let slots = u64::from(arena.first.0)..u64::from(arena.first.0 + arena.count);
        assert!(
            slots
                .clone()
                .all(|s| vault[&s].original && vault[&s].kind == Some(Kind::Untyped))
        );
    }
    let device = &component.devices()[0];
    let registers = &vault[&u64::from(device.first.0)];
    assert_eq!(
        (registers.original, run.model.paddrs[&registers.object]),
        (true, 0xa00_0000)
    );
    assert!(
        !run.model
            .bound
            .contains_key(&vault[&u64::from(component.irqs()[0].handler.0)].object)
    );
    let free = u64::from(plan.authority.free_first.0);
    assert!(
        vault.keys().all(|slot| *slot < free),
        "free slots are empty"
    );

    // The client's faults come to update, which holds its TCB.
    let client = &plan.clients()[0];
    let thread = run.thread("user");
    let fault = &run.model.threads[&(FIRST + u64::from(thread.tcb))].1;
    assert_eq!(fault.data, 1 << 62 | u64::from(client.child));
    assert_eq!(
        Some(fault.object),
        run.cap("update", cspace::INPUT).map(|c| c.object)
    );
    let tcb = run
        .cap("update", cspace::CHILD_TCB + u64::from(client.child))
        .expect("TCB");
    assert_eq!(tcb.object, FIRST + u64::from(thread.tcb));
    // stage holds nothing of what runs: of all capabilities in its workshop only its ASID pool.
    let workshop: Vec<_> = run.vault("stage").values().map(|c| c.kind).collect();
    assert_eq!(workshop, [Some(Kind::AsidPool)]);
}

#[test]
fn a_client_and_update_share_the_gate_each_way() {
    let run = run(REPLACEABLE);
    let bytes = run.bytes(
        "user",
        run.word("user", "molt_brief"),
        size_of::<VmmBrief>() as u64,
    );
    let told = brief::<VmmBrief>(&bytes).expect("a brief");
    let bytes = run.bytes(
        "update",
        run.word("update", "molt_brief"),
        size_of::<UpdateBrief>() as u64,
    );
    let plan = brief::<UpdateBrief>(&bytes).expect("the plan");
    let gate = &plan.clients()[0].gate;
    let (user, update) = (run.space("user"), run.space("update"));
    for (mine, theirs, writer) in [
        (told.gate.to_client, gate.to_client, 2),
        (told.gate.to_update, gate.to_update, 3),
    ] {
        assert_eq!(user[&mine].frame, update[&theirs].frame);
        assert_eq!(
            (user[&mine].rights, update[&theirs].rights),
            (writer, 5 - writer),
            "one writer each"
        );
    }
    assert_eq!(
        (told.shares()[0].queue, told.shares()[0].share[1]),
        (0x3000_0000, 100)
    );
    assert_eq!(
        (told.memory.vaddr, told.memory.size),
        (0x4000_0000, 0x20_0000)
    );
    assert_eq!(
        (told.doorbell.staging_vaddr, told.doorbell.may_update),
        (0x5000_0000, 1)
    );
}

#[test]
fn one_input_gives_one_image() {
    let folder = programs();
    let path = description(folder.path(), REPLACEABLE);
    let lay_out = || lay_out(&path, &[]).unwrap_or_else(|e| panic!("{e}"));
    assert!(lay_out() == lay_out());
}

fn refused(from: &str, to: &str) -> String {
    let folder = programs();
    let path = description(folder.path(), &PLAIN.replacen(from, to, 1));
    let error = lay_out(&path, &[]).expect_err("refused").to_string();
    error.replace(&path.display().to_string(), "system.xml")
}

#[test]
fn errors_of_program_images_have_a_place() {
    let text = refused("0x4000000", "0x210000");
    assert!(text.starts_with("system.xml:6:"), "{text}");
    assert!(
        text.contains(
            "memory region 'shared' is mapped at 0x210000 in 'server', over its program image"
        ),
        "{text}"
    );
    let text = refused("symbol=\"region_address\"", "symbol=\"nothing\"");
    assert!(
        text.contains("'plain.elf' has no symbol 'nothing'"),
        "{text}"
    );
    let text = refused("symbol=\"region_address\"", "symbol=\"small\"");
    assert!(
        text.contains("the symbol 'small' of 'plain.elf' has 4 bytes, not 8"),
        "{text}"
    );
    let text = refused("plain.elf", "absent.elf");
    assert!(
        text.contains("program image 'absent.elf' was not found"),
        "{text}"
    );
}

#[test]
fn a_program_for_another_configuration_is_refused() {
    let own = molt_sdk::Tables::embedded().unwrap().digest();
    let lay_out = |digest| {
        let folder = programs();
        let program = elf::program_for(Some(digest), b"plain");
        std::fs::write(folder.path().join("plain.elf"), program).unwrap();
        let path = description(folder.path(), PLAIN);
        lay_out(&path, &[]).map_err(|error| error.to_string())
    };
    assert!(lay_out(own).is_ok());
    let text = lay_out([0xab; 32]).expect_err("refused");
    let expected = "'plain.elf': it was built for an unknown configuration (tables abababab…); this image's kernel is the embedded one";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_debug_librarys_program_is_refused_by_a_release_kernel() {
    let folder = programs();
    let mut program = elf::program(b"plain");
    // The data segment is at 0x2000 of the file; in it, `svc #0`.
    let at = 0x2000 + elf::offset("microkit_dbg_putc") as usize;
    program[at + 4..at + 8].copy_from_slice(&0xd400_0001u32.to_le_bytes());
    std::fs::write(folder.path().join("plain.elf"), program).unwrap();
    let path = description(folder.path(), PLAIN);
    let text = lay_out(&path, &[]).expect_err("refused").to_string();
    assert!(
        text.contains("'plain.elf': it was built for a debug kernel; this image's kernel is"),
        "{text}"
    );
}

#[test]
fn memory_that_the_board_does_not_have_is_refused() {
    // The interrupt controller's registers are the kernel's own.
    let text = refused("0x9043000", "0x8000000");
    assert!(
        text.contains("from 0x8000000 to 0x8001000: the board has no such memory"),
        "{text}"
    );
    let huge = "<memory_region name=\"huge\" size=\"0x80000000\" />";
    let text = refused("<system>", &format!("<system>{huge}"));
    assert!(
        text.contains("'huge' of 0x80000000 bytes has no place") && text.contains("are left"),
        "{text}"
    );
}

#[test]
fn a_vault_that_overflows_is_refused() {
    let folder = programs();
    let many = REPLACEABLE.replacen(
        "size=\"0x200000\" revocable",
        "size=\"0x100000\" page_size=\"0x1000\" revocable",
        1,
    );
    let path = description(folder.path(), &many.replacen("0x30000000", "0x70000000", 1));
    let text = lay_out(&path, &[]).expect_err("refused").to_string();
    assert!(
        text.contains("slots are needed in the vault of 'update'"),
        "{text}"
    );
}

#[test]
fn a_bundle_is_the_driver_with_the_components_symbols() {
    let folder = programs();
    let system = molt_sdf::load(&description(folder.path(), REPLACEABLE), &[])
        .unwrap_or_else(|e| panic!("{e}"));
    let component = system.components()[0];
    let driver = elf::program(b"another driver");
    let with = Bundle::default();
    let bundle = molt_image::bundle(Arch::Aarch64, &system, component, &driver, 7, &with)
        .unwrap_or_else(|e| panic!("{e}"));
    let again = molt_image::bundle(Arch::Aarch64, &system, component, &driver, 7, &with)
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(bundle, again);
    // The ELF is an integrated payload, its data segment at 0x2000 of the file.
    let envelope = molt_suit::Envelope::parse(&bundle).unwrap_or_else(|e| panic!("{e}"));
    let data = &envelope.payload("#driver").expect("a driver")[0x2000..];
    let name = elf::offset("microkit_name") as usize;
    assert_eq!(&data[name..name + 5], b"disk\0");
    let at = elf::offset("molt_brief") as usize;
    assert_ne!(data[at..at + 8], [0; 8]);
    let not_replaceable = molt_image::bundle(Arch::Aarch64, &system, 0, &driver, 7, &with);
    assert!(matches!(
        not_replaceable,
        Err(molt_image::Error::NoComponent(_))
    ));
}

#[test]
fn the_keys_of_trust_are_told_to_stage() {
    use molt_system::{StageBrief, TrustKey};
    let folder = programs();
    let trusting = REPLACEABLE.replace(
        "stop=\"virtio-mmio\" />",
        "stop=\"virtio-mmio\"><trust key=\"key.pem\" signs=\"driver keys\" /></replaceable>",
    );
    let path = description(folder.path(), &trusting);
    let missing = lay_out(&path, &[]).expect_err("refused").to_string();
    assert!(missing.contains("'key.pem' was not found"), "{missing}");
    std::fs::write(folder.path().join("key.pem"), "-----BEGIN NOTHING-----").expect("written");
    let wrong = lay_out(&path, &[]).expect_err("refused").to_string();
    assert!(wrong.contains("no public key"), "{wrong}");
    let key = molt_envelope::PrivateKey::generate(molt_envelope::Kind::P256).expect("a key");
    let public = molt_envelope::write_public(&key.public(), false);
    std::fs::write(folder.path().join("key.pem"), public).expect("written");
    let packed = lay_out(&path, &[]).unwrap_or_else(|e| panic!("{e}"));
    // The brief's fill holds the key: kind, roles, point.
    let mut row = [TrustKey::P256, 3].map(u32::to_le_bytes).concat();
    row.extend(key.public().to_bytes());
    assert!(size_of::<StageBrief>() > row.len());
    let times = packed
        .windows(row.len())
        .filter(|window| *window == row)
        .count();
    assert_eq!(times, 1);
}
