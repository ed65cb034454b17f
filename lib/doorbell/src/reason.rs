// SPDX-License-Identifier: BSD-2-Clause
//! Why something was refused or rolled back.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $word:literal, $text:literal;)*) => {
        /// The code in the REASON register. Below 16: use of the doorbell; from 16: the bundle; from 48: building, and what else comes before the swap; from 64: the
        /// swap; from 80: the store.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
        #[repr(u32)]
        pub enum Reason {
            $(#[doc = $text] $(#[$doc])* $name = $code,)*
        }

        impl Reason {
            /// All of them, in order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// One word (no spaces) for traces and result lines.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The text for a person.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reasons! {
    #[default]
    None = 0, "none", "no reason";
    NotAllowed = 1, "not-allowed", "this guest may not update this component";
    Busy = 2, "busy", "another transaction on this component is under way";
    WrongHandle = 3, "wrong-handle", "the handle is not the one of the offer";
    Expired = 4, "expired", "the offer was not confirmed in time";
    Cancelled = 5, "cancelled", "the guest took its offer back";
    BadLength = 6, "bad-length", "the length is 0 or beyond the staging region";
    NothingOffered = 7, "nothing-offered", "there is no offer to confirm or cancel";
    UnknownCommand = 8, "unknown-command", "no such command";
    Fenced = 9, "fenced", "this guest is not believed any more, until another one forgives it";
    TooManyOffers = 10, "too-many-offers", "this guest has offered updates of this component too often; it may offer again later";
    OverLimit = 11, "over-limit", "the bundle is larger than what this guest may offer for this component";
    NotApproved = 12, "not-approved", "the operator did not approve it, or not in time";

    Truncated = 16, "truncated", "the bundle is shorter than it says";
    NotABundle = 17, "not-a-bundle", "this is not a well-formed SUIT envelope";
    ManifestDigest = 18, "manifest-digest", "the manifest's digest is wrong";
    PayloadDigest = 19, "payload-digest", "the payload's digest or size is wrong";
    TooLarge = 20, "too-large", "the bundle does not fit its slot or the arena";
    WrongVendor = 21, "wrong-vendor", "the bundle is of another vendor";
    WrongClass = 22, "wrong-class", "the bundle is for another class of device, or another ABI or capsule schema";
    WrongDevice = 23, "wrong-device", "the bundle is for another device";
    OldSequence = 26, "old-sequence", "the sequence number is not above the committed one";
    NotElf = 27, "not-elf", "the payload is not a static AArch64 ELF executable";
    ElfBounds = 28, "elf-bounds", "the ELF reaches out of its file or its place";
    WriteExecute = 29, "write-execute", "a segment is both writable and executable";
    FailedBefore = 30, "failed-before", "this image failed probation before";
    BadSignature = 31, "bad-signature", "no trusted key made the signature";
    WrongConfiguration = 32, "wrong-configuration", "the driver was built for another configuration of the kernel";
    NotSigned = 33, "not-signed", "nobody signed the bundle";
    WrongRole = 34, "wrong-role", "the key that signed it may not sign this";
    RevokedKey = 35, "revoked-key", "the key that signed it was revoked";
    Frozen = 36, "frozen", "updates of this component are frozen";
    UnsupportedAlgorithm = 37, "unsupported-algorithm", "an algorithm that is not supported";
    UnsupportedCommand = 38, "unsupported-command", "a command that is not supported";
    UnsupportedParameter = 39, "unsupported-parameter", "a parameter that is not supported";
    UnsupportedMember = 40, "unsupported-member", "a part of the envelope or manifest that is not supported";
    Dependencies = 41, "dependencies", "the bundle depends on other manifests, which is not supported";
    Encrypted = 42, "encrypted", "the payload is encrypted, which is not supported";
    NotInBundle = 43, "not-in-bundle", "something is needed that is not in the bundle";
    WrongComponent = 44, "wrong-component", "the bundle is for a component that is not this one";
    ConditionFailed = 45, "condition-failed", "a condition of the manifest is not met";
    Incomplete = 46, "incomplete", "the manifest leaves out a check that is wanted, or gives no image";
    OldKeys = 47, "old-keys", "the list of keys is not newer than the one in force";

    ArenaFull = 48, "arena-full", "the image does not fit the arena";
    BuildFailed = 49, "build-failed", "the new generation could not be built";
    StageTimeout = 50, "stage-timeout", "copying, checking or building took too long";
    TransferFailed = 51, "transfer-failed", "the device did not take the firmware, or found it wrong";
    TransferTimeout = 52, "transfer-timeout", "the device did not take the firmware in time";
    WrongFirmware = 53, "wrong-firmware", "the bundle has firmware for a device without, or none for a device that needs it";
    InUse = 54, "in-use", "a guest that has to give the device up before each update still uses it";

    StopTimeout = 64, "stop-timeout", "the device did not stop by its deadline";
    ReadyTimeout = 65, "ready-timeout", "the new generation was not ready by its deadline";
    Fault = 66, "fault", "the generation faulted";
    Heartbeat = 67, "heartbeat", "the generation missed its heartbeat";
    QueueViolation = 68, "queue-violation", "the generation broke the queue's protocol";
    ErrorRate = 69, "error-rate", "the generation completed requests with errors";
    ProbationTimeout = 70, "probation-timeout", "the generation did too little by the end of its probation";
    DriverFatal = 71, "driver-fatal", "the generation reported that it cannot go on";
    GrantFailed = 72, "grant-failed", "the device or memory could not be granted";
    GateTimeout = 73, "gate-timeout", "a client did not acknowledge its gate in time";
    OutOfService = 74, "out-of-service", "the component is out of service";
    Operator = 75, "operator", "the operator wanted it";
    NothingBefore = 76, "nothing-before", "there is no image before the committed one, or it is not in its slot any more";
    OtherComponent = 77, "other-component", "another component of the same bundle could not be updated";
    DeferTimeout = 78, "defer-timeout", "the time for which it may defer an update is over";
    ClientGone = 79, "client-gone", "the guest has failed, or is not believed any more";
    StoreFull = 80, "store-full", "the store has no room for what has to outlive the power";
    StoreFailed = 81, "store-failed", "the store, whose content outlives the power, cannot be written or is not believed";
    Internal = 127, "internal", "an error inside the updater";
}

impl Reason {
    /// The reason with this code, if there is one.
    #[must_use]
    pub fn from_u32(code: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|r| *r as u32 == code)
    }
}
