// SPDX-License-Identifier: BSD-2-Clause
//! The rules of the format, one variant each. Every one has a fixture in `tests/fixtures/sdf` that breaks it.

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each variant's message says what it is")]
pub enum Rule {
    // The text itself.
    #[error("{0}")]
    Xml(String),
    #[error("the root element is <{0}>, not <system>")]
    Root(String),
    #[error("<{0}> is not known in <{1}>")]
    UnknownElement(String, String),
    #[error("<{0}> is not supported: {1}")]
    Unsupported(String, &'static str),
    #[error("<{0}> has no attribute '{1}'")]
    UnknownAttribute(String, String),
    #[error(
        "'{0}' is what a client has of a disk, which stands in a child: <client …><block first_sector=\"…\" sectors=\"…\" /></client>"
    )]
    ShareAttribute(&'static str),
    #[error("<{0}> needs the attribute '{1}'")]
    MissingAttribute(String, &'static str),
    #[error("'{0}' is not a number")]
    Number(String),
    #[error("'{0}' is not a number in decimal digits")]
    Decimal(String),
    #[error("'{0}' is neither 'true' nor 'false'")]
    Boolean(String),
    #[error("'{0}' is not one of {1}")]
    Choice(String, String),
    #[error("{0} must be between {1:#x} and {2:#x}")]
    Range(&'static str, u64, u64),
    #[error("{0} must be between {1} and {2}")]
    Bounds(&'static str, u64, u64),
    #[error("<{0}> may stand here only once")]
    OnlyOnce(String),
    #[error("'{0}' is longer than {1} bytes")]
    TooLong(String, usize),
    #[error("text in <{0}>, which holds elements only")]
    Text(String),

    // Memory regions.
    #[error("memory region '{0}' has no size and no prefill_path")]
    RegionSize(String),
    #[error("the size {0:#x} is not a positive multiple of the page size {1:#x}")]
    RegionSizePages(u64, u64),
    #[error("the page size {0:#x} is neither 0x1000 nor 0x200000")]
    PageSize(u64),
    #[error("the physical address {0:#x} is not a multiple of the page size {1:#x}")]
    RegionAddress(u64, u64),
    #[error("memory region '{0}' overlaps '{1}' in physical memory")]
    RegionOverlap(String, String),
    #[error("'{0}' to fill the region with was not found")]
    PrefillMissing(String),
    #[error("'{0}' to fill the region with is empty")]
    PrefillEmpty(String),
    #[error("'{0}' has {1:#x} bytes, more than the region's {2:#x}")]
    PrefillSize(String, u64, u64),
    #[error("memory region '{0}' has no prefill_path, of which '{1}' could be the size")]
    PrefillSizeSymbol(String, String),
    #[error("prefill_bootinfo and prefill_path cannot both be given")]
    PrefillTwice,
    #[error("there is no boot information '{0}'")]
    PrefillBootinfo(String),

    // Names and identifiers.
    #[error("a {0} named '{1}' was declared before")]
    DuplicateName(&'static str, String),
    #[error("there is no memory region '{0}'")]
    NoRegion(String),
    #[error("there is no protection domain '{0}'")]
    NoDomain(String),
    #[error("the system has no protection domain")]
    Empty,
    #[error("the system has {0} protection domains; Microkit's limit is 63")]
    TooManyDomains(usize),
    #[error("protection domain '{0}' has no <program_image>")]
    NoImage(String),
    #[error("a child protection domain needs the attribute 'id'")]
    ChildId,
    #[error("only a child protection domain has the attribute 'id'")]
    RootId,
    #[error("the id {0} is used before in protection domain '{1}'")]
    DuplicateId(u64, String),
    #[error("'{0}' is no PCI function: BUS:DEVICE.FUNCTION in hexadecimal digits, as 00:1f.2")]
    PciFunction(String),
    #[error("there is no io_address_space '{0}'")]
    NoIoSpace(String),
    #[error("the IOMMU's domain {0} is that of '{1}' already")]
    IoDomain(u64, String),
    #[error("the device {0} has the address space '{1}' already")]
    IoDevice(String, String),
    #[error("memory region '{0}' overlaps '{1}' in the device's address space")]
    IoMapOverlap(String, String),
    #[error("memory region '{0}' is not in the address space of the device of '{1}'")]
    IoMapMissing(String, String),
    #[error(
        "the address space of a replaceable PD's device must lie within one GiB that begins at a multiple of 1 GiB"
    )]
    IoSpaceSpread,
    #[error(
        "memory region '{0}' must be one page of device memory that nobody maps: it is for 'update'"
    )]
    PciPage(String),
    #[error(
        "a PCI function's interrupt has 'pcidev' and the 'handle' {0}, which is what its message has to carry for vector {1}"
    )]
    PciMessage(u64, u64),
    #[error("'stop' is 'virtio-pci' exactly where there is a <pci>")]
    PciStop,
    #[error(
        "memory region '{0}' has large pages, which the kernel does not map for devices: page_size=\"0x1000\""
    )]
    IoMapPages(String),
    #[error("interrupt {0} is used before, in protection domain '{1}'")]
    DuplicateIrq(u64, String),
    #[error("the symbol '{0}' is set before in protection domain '{1}'")]
    DuplicateSetvar(String, String),
    #[error("the CSpace slot {0} is used before in protection domain '{1}'")]
    DuplicateSlot(u64, String),

    // Protection domains.
    #[error("the budget {0} is more than the period {1}")]
    Budget(u64, u64),
    #[error("the stack size {0:#x} is not a multiple of 0x1000")]
    StackPages(u64),
    #[error("a virtual machine has at least one <vcpu>")]
    NoVcpu,

    // Mappings.
    #[error("the address {0:#x} is not a multiple of the page size {1:#x} of '{2}'")]
    MapAlignment(u64, u64, String),
    #[error("the permissions '{0}' are not made of r, w and x, or are write-only")]
    Permissions(String),
    #[error(
        "memory region '{0}' at {1:#x} reaches beyond {2:#x}, the last address that may be mapped"
    )]
    MapTooHigh(String, u64, u64),
    #[error("memory region '{0}' is mapped at {1:#x} in '{2}', over '{3}'")]
    MapOverlap(String, u64, String, String),
    #[error("memory region '{0}' is mapped at {1:#x} in '{2}', over its program image")]
    MapOverImage(String, u64, String),
    #[error(
        "memory region '{0}' is mapped at {1:#x} in '{2}', over what the tool maps from 0xf000000000"
    )]
    MapOverTool(String, u64, String),

    // Channels.
    #[error("a channel has exactly two ends, not {0}")]
    ChannelEnds(usize),
    #[error("both ends of a channel have pp='true'")]
    ChannelBothCall,
    #[error(
        "'{0}' (priority {1}) cannot call '{2}' (priority {3}): the called must have the higher priority"
    )]
    ChannelPriority(String, u64, String, u64),

    // Scheduling domains.
    #[error("the scheduling domain '{0}' is not declared by <domains> before this element")]
    NoSchedulingDomain(String),
    #[error("the id {0} is that of scheduling domain '{1}' already")]
    DuplicateDomainId(u64, String),
    #[error("<domains> needs a <domain_schedule>")]
    NoDomainSchedule,
    #[error("'{0}' is not a number above 0, a space, and 'us' or 'ticks'")]
    Duration(String),
    #[error("the schedule starts at entry {0}, counted from 0, and has {1} entries")]
    ScheduleStart(u64, usize),
    #[error("entry {0} cannot be an end marker: the kernel's schedule starts there")]
    ScheduleStartsAtEnd(u64),
    #[error(
        "'{0}' {1}, in a system with <domains>: an update's deadlines hold under priorities, not under a domain schedule"
    )]
    DomainsWithUpdate(String, &'static str),

    // Our elements.
    #[error(
        "core {0}: a system with elements of Molt's runs on core 0, for which an update's deadlines are reckoned"
    )]
    OneCore(u64),
    #[error("the role '{0}' is taken by '{1}'")]
    DuplicateRole(&'static str, String),
    #[error("a replaceable protection domain needs one with role=\"{0}\"")]
    MissingRole(&'static str),
    #[error(
        "'{0}' has the role 'flash' and maps no device: it needs the flash bank, a memory region with phys_addr"
    )]
    NoBank(String),
    #[error("'{0}' needs a channel with '{1}'")]
    MissingChannel(String, String),
    #[error("'{0}' is replaceable: {1}")]
    Replaceable(String, &'static str),
    #[error("there is no replaceable protection domain '{0}'")]
    NotReplaceable(String),
    #[error("only a replaceable protection domain has <client>")]
    ClientElsewhere,
    #[error("'{0}' is replaceable, and maps '{1}', which is neither revocable nor a device")]
    MapNotRevocable(String, String),
    #[error("revocable memory region '{0}' is mapped by no replaceable protection domain")]
    RevocableUnused(String),
    #[error(
        "revocable memory region '{0}' is mapped by two replaceable protection domains, '{1}' and '{2}'"
    )]
    RevocableShared(String, String, String),
    #[error(
        "the page of device '{0}' belongs to replaceable '{1}' and may be mapped by nobody else"
    )]
    DeviceShared(String, String),
    #[error(
        "'{0}' and '{1}' are both ring memory of '{2}': a driver has at most one revocable region that is no queue"
    )]
    TwoRings(String, String, String),
    #[error("the queue '{0}' is not mapped in '{1}'")]
    QueueUnmapped(String, String),
    #[error("the queue '{0}' is not revocable")]
    QueueNotRevocable(String),
    #[error("the queue '{0}' is already that of '{1}'")]
    QueueShared(String, String),
    #[error("'{0}' is a client of '{1}' already")]
    ClientTwice(String, String),
    #[error("'{0}' maps revocable memory region '{1}', which is no queue between it and '{2}'")]
    RevocableStranger(String, String, String),
    #[error("the memory '{0}' is not mapped in '{1}'")]
    MemoryUnmapped(String, String),
    #[error(
        "'{0}' is of class 'sensor', whose device reaches no memory of a client: leave the attribute 'memory' out"
    )]
    SensorMemory(String),
    #[error("'{0}' is a ROM: {1}")]
    Rom(String, String),
    #[error("'{0}' is passed through to a guest: {1}")]
    PassThrough(String, &'static str),
    #[error("the share is of class '{0}', '{1}' of class '{2}'")]
    ShareClass(&'static str, String, String),
    #[error("sectors {0} to {1} are within the share of '{2}'")]
    ShareOverlap(u64, u64, String),
    #[error("'{0}' is not a MAC address: six bytes in hexadecimal digits, as in 52:54:00:00:00:01")]
    Mac(String),
    #[error(
        "{0} cannot be a client's own address: it is a group's (its first byte is odd), or zero"
    )]
    MacOfGroup(String),
    #[error("the MAC address {0} is that of '{1}' already")]
    MacTwice(String, String),
    #[error(
        "the queue '{0}' of {1:#x} bytes has no room for a frame in each direction: a network's queue has at least {2:#x}, and 0x200000 for 15 in each"
    )]
    NetworkQueue(String, u64, u64),
    #[error(
        "'{0}' is of class 'network', and a client of it needs an address: <client …><network mac=\"52:54:00:00:00:01\" /></client>"
    )]
    NetworkShare(String),
    #[error("a client of class '{0}' cannot have the technique '{1}': {2}")]
    Technique(String, &'static str, &'static str),
    #[error("'{0}' and '{1}' make no sense together: {2}")]
    TechniquesTogether(&'static str, &'static str, &'static str),
    #[error(
        "'{1}' is a native client, and '{0}' is carried out by a guest's VMM: leave the attribute 'technique' out"
    )]
    TechniqueNative(&'static str, String),
    #[error(
        "guest '{0}' has no device with the technique 'pause', so there is no pause to describe"
    )]
    PauseNever(String),
    #[error(
        "'{0}' needs a channel to the protection domain with the role 'timer' to pause its guest: without it a pause has no limit"
    )]
    PauseTimer(String),
    #[error(
        "'{0}' pauses its guest and has a budget below its period: the guest could run while its virtual machine monitor may not, and an exit would be lost"
    )]
    PauseBudget(String),
    #[error(
        "a disk's stand-in needs memory: 'stand_in' names a region that '{0}' maps, and 'log' says how many bytes of it are for what is written"
    )]
    StandInMissing(String),
    #[error("'stand_in' is the memory of a disk's stand-in: technique=\"stand-in\"")]
    StandInUnused,
    #[error("'{1}' has to map the memory of its stand-in, '{0}', with perms=\"rw\"")]
    StandInUnmapped(String, String),
    #[error(
        "the memory of a stand-in, '{0}', is that of one protection domain alone: no device's, not revocable, and mapped once"
    )]
    StandInShared(String),
    #[error(
        "the log of {2:#x} bytes in '{0}' of {1:#x}: a stand-in has at most 0x4000000 bytes, a log a multiple of 0x1000 from 0x10000 on, and a cache at least 0x1000 beside it"
    )]
    StandInSize(String, u64, u64),
    #[error(
        "the queue '{0}' of {1:#x} bytes has no room for what a stand-in has logged: it needs at least {2:#x}"
    )]
    StandInQueue(String, u64, u64),
    #[error("too many {0}: the limit is {1}")]
    TooMany(&'static str, usize),
    #[error("the staging region '{0}' is not mapped in virtual machine '{1}'")]
    StagingUnmapped(String, String),
    #[error("the doorbell has a port: '{1}' has to map the staging region '{0}' with perms=\"rw\"")]
    StagingNotWritten(String, String),
    #[error("the doorbell at {0:#x} lies over '{1}'")]
    DoorbellOverlap(u64, String),
    #[error("'{0}' has no share of '{1}', which its doorbell updates")]
    DoorbellStranger(String, String),
    #[error("'{0}' has <operator>, which belongs to the protection domain with role=\"serial\"")]
    OperatorElsewhere(String),
    #[error("'{0}' has <operator> and no <irq>, through which it would notice that somebody types")]
    OperatorDeaf(String),
    #[error("this limit wants an operator's approval, and no <operator> may 'decide'")]
    NobodyApproves,
    #[error(
        "'{0}' may defer updates ('defer_ms'), and its guest has no <doorbell> by which it could say so"
    )]
    DeferNoDoorbell(String),
    #[error("the doorbell does not update '{0}', for which it has a <limit>")]
    LimitStranger(String),
    #[error("an arena of {0:#x} bytes is not a multiple of 0x10000 between 0x40000 and 0x4000000")]
    ArenaSize(u64),
    #[error(
        "the guest has no memory: '{0}' maps no region executable that its protection domain maps too"
    )]
    GuestMemory(String),
    #[error(
        "'{0}' needs a channel to the protection domain with the role 'timer' to reset its guest: without it the memory cannot be restored in slices"
    )]
    ResetTimer(String),
    #[error("the guest '{0}' has {1} vCPUs, and may have at most 4")]
    TooManyVcpus(String, u64),
    #[error("there is a vCPU {1}: those of the guest '{0}' are numbered from 0 to {2}")]
    VcpuNumber(String, u64, u64),
    #[error(
        "the guest '{0}' has several vCPUs: their CPU interfaces are emulated at 0x8010000, where nothing is mapped, and the hardware's (the device with GICV) is mapped at 0x8020000"
    )]
    CpuInterface(String),

    // What needs the kernel or the program images (molt-image).
    #[error("core {0}: this kernel is for {1}, counted from 0")]
    NoCore(u64, u64),
    #[error("interrupt {0}: this kernel has interrupts 0 to {1}")]
    NoInterrupt(u64, u64),
    #[error(
        "interrupt {0} is the kernel's own: it is that of its timer or of its virtual machines"
    )]
    KernelInterrupt(u64),
    #[error(
        "'{0}' has smc=\"true\", and this kernel is configured without calls of the secure monitor"
    )]
    NoSmc(String),
    #[error("memory region '{0}' is a device's: it cannot be filled from a file")]
    PrefillDevice(String),
    #[error(
        "the system needs {needed} of the capability slots of the root task, which has {there}: '{region}' takes {slots} of them, one for each of its {pages} pages of {page:#x} bytes and one for each mapping of each page"
    )]
    Slots {
        needed: u64,
        there: u64,
        region: String,
        slots: u64,
        pages: u64,
        page: u64,
    },
    #[error(
        "memory region '{region}' of {size:#x} bytes has no place: after everything larger, {free:#x} bytes of memory are left, {largest:#x} of them side by side"
    )]
    NoRoom {
        region: String,
        size: u64,
        free: u64,
        largest: u64,
    },
    #[error("<domains> is not for this kernel: {0}")]
    NoDomainScheduler(&'static str),
    #[error(
        "memory region '{0}' from {1:#x} to {2:#x}: the board has no such memory, or its kernel keeps it"
    )]
    NoMemory(String, u64, u64),
    #[error(
        "program image '{0}' was not found beside the description or in a search path (--search-path)"
    )]
    ImageMissing(String),
    #[error(
        "the public key '{0}' was not found beside the description or in a search path (--search-path)"
    )]
    KeyMissing(String),
    #[error("'{0}': {1}")]
    Image(String, String),
    #[error("'{0}' has no symbol '{1}'")]
    NoSymbol(String, String),
    #[error("the symbol '{1}' of '{0}' has {2} bytes, not {3}")]
    SymbolSize(String, String, u64, u64),
    #[error("{0}")]
    Fit(String),
}
