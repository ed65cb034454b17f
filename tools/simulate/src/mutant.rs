// SPDX-License-Identifier: BSD-2-Clause
//! Mutants: each leaves out one operation or check, to see which rule notices it.
//!
//! A mutant is implemented at the trait `Kernel`: an operation does nothing, or input that a check would have refused is
//! changed so that the check passes. The system then behaves as it would without the operation or check.

macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $rules:expr;)*) => {
        /// What is left out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutant {
            $($(#[$doc])* $name,)*
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The rules of which one must notice it.
            pub const fn noticed_by(self) -> &'static [&'static str] {
                match self { $(Self::$name => &$rules,)* }
            }

            /// The one of this name.
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|m| m.word() == word)
            }
        }
    };
}

mutants! {
    /// One of several regions is not revoked.
    KeepsRegion = "keeps-region", ["two holders", "derived after a denial", "reached after a denial", "books"];
    /// The device is not revoked.
    KeepsDevice = "keeps-device", ["two holders", "derived after a denial", "reached after a denial", "books"];
    /// The control pages' copies are not deleted.
    KeepsControl = "keeps-control", ["books", "an idle arena holds something"];
    /// The next generation's firmware stays mapped in the one that transferred it.
    KeepsFirmware = "keeps-firmware", ["books", "an idle arena holds something", "another generation's firmware"];
    /// The generations of both arenas get the same report page.
    SharesControl = "shares-control", ["another generation's control pages"];
    /// The handler's copies are not revoked.
    KeepsHandler = "keeps-handler", ["derived after a denial", "two holders"];
    /// The interrupt's binding is not cleared.
    KeepsBinding = "keeps-binding", ["interrupt bound after a denial"];
    /// The device's stop is not waited for.
    NoStop = "no-stop", ["revoked before the device was at rest"];
    /// An arena is not revoked: that of the old generation is kept at the commit.
    KeepsArena = "keeps-arena", ["an idle arena holds something", "a transaction did not end", "out of service for no reason"];
    /// A confirm with a wrong handle is taken.
    AnyHandle = "any-handle", ["copied without the right confirm"];
    /// A client that may not update is allowed to.
    AnyClient = "any-client", ["copied without the right confirm"];
    /// `stage` is not told which list of keys is in force.
    FirstKeys = "first-keys", ["committed what a revoked key signed"];
    /// An acknowledgement of an earlier epoch is taken for the newest.
    AnyEpoch = "any-epoch", ["parked without having been late"];
    /// The alarm for deadlines is not set.
    NoAlarm = "no-alarm", ["a transaction did not end", "a request is lost", "it does not come to rest"];
    /// A heartbeat is never missed.
    AlwaysAlive = "always-alive", ["a request is lost"];
    /// Errors in probation are forgiven.
    NoErrors = "no-errors", ["committed what answers with errors"];
    /// A parked client is not resumed.
    StaysParked = "stays-parked", ["a parked client is not resumed", "a request is lost"];
    /// A capability is left in the workshop.
    LeavesCapability = "leaves-capability", ["stage holds what runs"];
    /// A request is not replayed after a swap.
    NoReplay = "no-replay", ["a request is lost"];
    /// A request is replayed twice.
    ReplaysTwice = "replays-twice", ["a request is completed twice"];
    /// A slot that is in use is taken for free.
    GivesBackTwice = "gives-back-twice", ["books", "out of service for no reason"];
    /// A mapping's rights are not looked at.
    AllRights = "all-rights", ["more rights than planned"];
    /// A record of the stand-in's log is answered and not written.
    ForgetsLog = "forgets-log", ["a flush has succeeded, and the disk has something else", "a guest reads what is not there"];
    /// A record of the log is written once more, behind a later write.
    WritesLogTwice = "writes-log-twice", ["a flush has succeeded, and the disk has something else", "a guest reads what is not there"];
    /// A request of a guest's is answered twice.
    AnswersTwice = "answers-twice", ["a guest is answered twice"];
    /// A guest with `pause` is not stopped.
    RunsOn = "runs-on", ["a guest runs while its device is away"];
    /// A guest that stands still is not told to go on.
    StandsStill = "stands-still", ["a guest stands still for no reason"];
    /// A guest's virtual counter runs on in a pause.
    ShowsPause = "shows-pause", ["a guest's clock shows a pause"];
    /// The two copies of a bundle for both components need not be of the same bundle.
    AnyCopy = "any-copy", ["runs beside the other component's old image", "one component is committed alone"];
    /// A bundle for both components is taken for one for the component that it was offered for.
    OneOfTwo = "one-of-two", ["runs beside the other component's old image", "one component is committed alone"];
    /// The VMM does not say that its guest uses a disk that it has to give up.
    SaysNothing = "says-nothing", ["an update disturbs a guest that has its disk"];
    /// A suspended generation runs on.
    NoSuspend = "no-suspend", ["a denied generation runs"];
}
