// SPDX-License-Identifier: BSD-2-Clause
//! The manifest processor (draft-ietf-suit-manifest-37, 6): computes what the components would contain after all commands.
//!
//! Both procedures are run (8.4.6): the update procedure (payload-fetch, install, validate), then, with parameters cleared,
//! the invocation procedure (validate, load, invoke). The shared sequence comes before each sequence. Any failure is a
//! refusal; nothing is changed, so there is nothing to undo.

use heapless::Vec;
use molt_doorbell::Reason;
use sha2::{Digest, Sha256};

use crate::manifest::COMPONENTS;
use crate::parameters::Parameters;
use crate::reader::Reader;
use crate::scan::scan;
use crate::{Detail, Envelope, Manifest, Refusal, Section, command as code};

/// The most commands that one manifest may execute, counted for each component.
const COMMANDS: u32 = 512;
/// The greatest depth of sequences within sequences.
pub(crate) const DEPTH: u32 = 4;
/// Bytes digested between two reports of progress.
const STEP: usize = 64 * 1024;

/// A component of this system.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its identifier.
    pub identifier: &'a [&'a [u8]],
    /// Its vendor identifier.
    pub vendor: [u8; 16],
    /// See `vendor`.
    pub class: [u8; 16],
    /// See `vendor`.
    pub device: [u8; 16],
    /// Its slot.
    pub slot: u64,
}

/// What a component would contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content<'b> {
    /// The bytes.
    pub bytes: &'b [u8],
    /// SHA-256 of them.
    pub digest: [u8; 32],
}

/// The result of processing a manifest.
#[derive(Clone, Debug)]
pub struct Processed<'b> {
    /// For each component of the manifest its index in `known`, and what it would contain.
    pub components: Vec<(usize, Content<'b>), COMPONENTS>,
}

/// Why a command failed. Only the failure of a condition can be soft (6.4).
enum Failure {
    Condition(Refusal),
    Abort(Refusal),
}

type Done = Result<(), Failure>;

#[derive(Default)]
struct State<'b> {
    known: usize,
    parameters: Parameters<'b>,
    content: Option<Content<'b>>,
    vendor: bool,
    class: bool,
    image: bool,
}

/// The depth of a sequence, and its parameter soft failure.
#[derive(Clone, Copy)]
struct Scope {
    depth: u32,
    soft: bool,
}

struct Processor<'a, 'b> {
    envelope: &'a Envelope<'b>,
    known: &'a [Known<'a>],
    components: Vec<State<'b>, COMPONENTS>,
    /// suit-directive-set-component-index: the components in turn.
    current: Vec<usize, COMPONENTS>,
    left: u32,
    progress: &'a mut dyn FnMut(usize, usize),
}

/// Interprets a manifest for a system that has the components `known`. `progress(bytes done, bytes in all)` is called
/// while a payload is digested.
///
/// # Errors
/// What is not supported, a condition that is not met, or a payload that is missing. [`Reason::Incomplete`] if a component's
/// vendor, class or image is not checked (6.2 demands vendor and class; without a digest the payload is not signed).
pub fn process<'b>(
    envelope: &Envelope<'b>,
    manifest: &Manifest<'b>,
    known: &[Known<'_>],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Processed<'b>, Refusal> {
    scan(envelope, manifest)?;
    let mut processor = Processor {
        envelope,
        known,
        components: Vec::new(),
        current: Vec::new(),
        left: COMMANDS,
        progress,
    };
    for (index, identifier) in manifest.components.iter().enumerate() {
        let known = (known.iter())
            .position(|known| known.identifier == identifier.as_slice())
            .ok_or(Refusal::of(
                Reason::WrongComponent,
                Detail::Component(index as u8),
            ))?;
        let state = State {
            known,
            ..State::default()
        };
        // There is room for all components that a manifest may have.
        let _ = processor.components.push(state);
    }
    if processor.components.is_empty() {
        return Err(Refusal::text(Reason::Incomplete, "there is no component"));
    }
    let update = [
        (16, manifest.payload_fetch),
        (20, manifest.install),
        (7, manifest.validate),
    ];
    let invocation = [
        (7, manifest.validate),
        (8, manifest.load),
        (9, manifest.invoke),
    ];
    processor.procedure(manifest.shared, update)?;
    for (index, state) in processor.components.iter().enumerate() {
        if !(state.vendor && state.class && state.image) {
            return Err(Refusal::of(
                Reason::Incomplete,
                Detail::Component(index as u8),
            ));
        }
    }
    processor.procedure(manifest.shared, invocation)?;
    let mut components = Vec::new();
    for state in &processor.components {
        if let Some(content) = state.content {
            // As above.
            let _ = components.push((state.known, content));
        }
    }
    Ok(Processed { components })
}

impl<'b> Processor<'_, 'b> {
    fn procedure(
        &mut self,
        shared: Option<&'b [u8]>,
        sequences: [(i64, Section<'b>); 3],
    ) -> Result<(), Refusal> {
        for state in &mut self.components {
            *state = State {
                known: state.known,
                content: state.content,
                ..State::default()
            };
        }
        for (member, sequence) in sequences {
            let commands = match sequence {
                Section::Absent => continue,
                Section::Here(commands) => commands,
                Section::Severed => {
                    return Err(Refusal::of(Reason::NotInBundle, Detail::Manifest(member)));
                }
            };
            if let Some(shared) = shared {
                self.top(shared)?;
            }
            self.top(commands)?;
        }
        Ok(())
    }

    /// Runs a sequence that is not inside another one.
    fn top(&mut self, commands: &'b [u8]) -> Result<(), Refusal> {
        // For several, "each command sequence MUST begin with a Set Component Index" (6.2).
        let first: &[usize] = if self.components.len() > 1 { &[] } else { &[0] };
        self.select(first);
        let scope = Scope {
            depth: 0,
            soft: false,
        };
        match self.sequence(commands, scope) {
            Ok(_) => Ok(()),
            Err(Failure::Condition(refusal) | Failure::Abort(refusal)) => Err(refusal),
        }
    }

    /// Runs a sequence. Afterwards component index and soft failure are what they were before.
    fn sequence(&mut self, commands: &'b [u8], mut scope: Scope) -> Done {
        let current = self.current.clone();
        let end = self.commands(commands, &mut scope);
        self.current = current;
        end.map_err(|failure| match failure {
            // Not soft: it ends the enclosing sequences too.
            Failure::Condition(refusal) if !scope.soft => Failure::Abort(refusal),
            failure => failure,
        })
    }

    fn commands(&mut self, commands: &'b [u8], scope: &mut Scope) -> Done {
        let (mut reader, count) = Reader::array_of(commands).map_err(Failure::Abort)?;
        if count == 0 || !count.is_multiple_of(2) {
            return abort(Refusal::malformed(
                "a sequence is no list of commands with arguments",
            ));
        }
        for _ in 0..count / 2 {
            let command = reader.integer().map_err(Failure::Abort)?;
            self.command(command, &mut reader, scope)?;
        }
        reader.end().map_err(Failure::Abort)
    }

    fn command(&mut self, command: i64, reader: &mut Reader<'b>, scope: &mut Scope) -> Done {
        match command {
            code::SET_COMPONENT_INDEX => self.set_component_index(reader).map_err(Failure::Abort),
            code::OVERRIDE_PARAMETERS => self.override_parameters(reader, scope),
            code::TRY_EACH => self.try_each(reader, scope),
            code::RUN_SEQUENCE => {
                let commands = reader.bytes().map_err(Failure::Abort)?;
                self.nested(scope, |processor, scope| {
                    match processor.sequence(
                        commands,
                        Scope {
                            soft: false,
                            ..scope
                        },
                    ) {
                        // Soft: "simply halts with no side-effects" (8.4.8.15).
                        Err(Failure::Condition(_)) | Ok(()) => Ok(()),
                        abort => abort,
                    }
                })
            }
            _ if code::REPORTING.contains(&command) => {
                // The reporting policy (8.4.7) has four bits. It is not used further.
                if reader.unsigned().map_err(Failure::Abort)? > 15 {
                    return abort(Refusal::malformed(
                        "a reporting policy has more than four bits",
                    ));
                }
                self.is_set()?;
                for place in 0..self.current.len() {
                    self.count()?;
                    if let Some(index) = self.current.get(place).copied() {
                        self.on_component(command, index)?;
                    }
                }
                Ok(())
            }
            // The scan has refused it before.
            _ => abort(Refusal::of(
                Reason::UnsupportedCommand,
                Detail::Command(command),
            )),
        }
    }

    fn on_component(&mut self, command: i64, index: usize) -> Done {
        let known = self.known;
        let Some(state) = self.components.get_mut(index) else {
            return abort(Reason::WrongComponent.into());
        };
        let Some(known) = known.get(state.known) else {
            return abort(Reason::WrongComponent.into());
        };
        let parameters = state.parameters;
        let missing = || {
            Refusal::text(
                Reason::ConditionFailed,
                "a parameter that a command needs is not set",
            )
        };
        match command {
            code::VENDOR_IDENTIFIER => {
                same(parameters.vendor, &known.vendor, Reason::WrongVendor)?;
                state.vendor = true;
                Ok(())
            }
            code::CLASS_IDENTIFIER => {
                same(parameters.class, &known.class, Reason::WrongClass)?;
                state.class = true;
                Ok(())
            }
            code::DEVICE_IDENTIFIER => same(parameters.device, &known.device, Reason::WrongDevice),
            code::COMPONENT_SLOT if parameters.slot == Some(known.slot) => Ok(()),
            code::IMAGE_MATCH => {
                state.image_match()?;
                state.image = true;
                Ok(())
            }
            code::CHECK_CONTENT => {
                let (Some(content), Some(wanted)) = (state.content, parameters.content) else {
                    return Err(Failure::Condition(missing()));
                };
                if equal(content.bytes, wanted) {
                    Ok(())
                } else {
                    Err(Failure::Condition(Reason::PayloadDigest.into()))
                }
            }
            code::FETCH => {
                let Some(uri) = parameters.uri else {
                    return abort(missing());
                };
                let Some(payload) = self.envelope.payload(uri) else {
                    return abort(Refusal::text(
                        Reason::NotInBundle,
                        "directive-fetch (21) of a URI that is no integrated payload",
                    ));
                };
                if parameters
                    .size
                    .is_some_and(|size| size != payload.len() as u64)
                {
                    return abort(Refusal::of(
                        Reason::PayloadDigest,
                        Detail::Component(index as u8),
                    ));
                }
                self.store(index, payload)
            }
            code::WRITE => match parameters.content {
                Some(content) => self.store(index, content),
                None => abort(missing()),
            },
            code::INVOKE if state.content.is_some() => Ok(()),
            code::INVOKE => abort(Refusal::text(
                Reason::NotInBundle,
                "there is no image to invoke",
            )),
            // The condition abort, or a component-slot other than 0.
            _ => Err(Failure::Condition(Refusal::of(
                Reason::ConditionFailed,
                Detail::Command(command),
            ))),
        }
    }

    fn store(&mut self, index: usize, bytes: &'b [u8]) -> Done {
        let mut hasher = Sha256::new();
        let mut done = 0;
        for chunk in bytes.chunks(STEP) {
            hasher.update(chunk);
            done += chunk.len();
            (self.progress)(done, bytes.len());
        }
        if let Some(state) = self.components.get_mut(index) {
            state.image = false;
            state.content = Some(Content {
                bytes,
                digest: hasher.finalize().into(),
            });
        }
        Ok(())
    }

    fn set_component_index(&mut self, reader: &mut Reader<'b>) -> Result<(), Refusal> {
        use minicbor::data::Type;
        let mut wanted: Vec<usize, COMPONENTS> = Vec::new();
        let out_of_range = || Refusal::malformed("a component index is out of range");
        match reader.kind()? {
            Type::Bool => {
                if !reader.boolean()? {
                    return Err(out_of_range());
                }
                wanted.extend(0..self.components.len());
            }
            Type::Array => {
                for _ in 0..reader.array()? {
                    let index = usize::try_from(reader.unsigned()?).map_err(|_| out_of_range())?;
                    wanted.push(index).map_err(|_| out_of_range())?;
                }
            }
            _ => {
                let index = usize::try_from(reader.unsigned()?).map_err(|_| out_of_range())?;
                // There is room for one.
                let _ = wanted.push(index);
            }
        }
        if wanted.is_empty() || wanted.iter().any(|index| *index >= self.components.len()) {
            return Err(out_of_range());
        }
        self.current = wanted;
        Ok(())
    }

    fn override_parameters(&mut self, reader: &mut Reader<'b>, scope: &mut Scope) -> Done {
        let start = reader.position();
        reader.skip().map_err(Failure::Abort)?;
        let parameters = reader.since(start);
        self.is_set()?;
        for place in 0..self.current.len() {
            self.count()?;
            let index = self.current.get(place).copied();
            let Some(state) = index.and_then(|index| self.components.get_mut(index)) else {
                continue;
            };
            let mut reader = Reader::new(parameters);
            let of_sequence = (state.parameters.overridden(&mut reader)).map_err(Failure::Abort)?;
            match of_sequence.soft_failure {
                Some(_) if scope.depth == 0 => {
                    // "modifying [it] outside of these circumstances causes an Abort" (8.4.8.15).
                    return abort(Refusal::of(
                        Reason::UnsupportedParameter,
                        Detail::Parameter(13),
                    ));
                }
                Some(soft) => scope.soft = soft,
                None => {}
            }
        }
        Ok(())
    }

    /// suit-directive-try-each: once for each component, until one sequence succeeds.
    fn try_each(&mut self, reader: &mut Reader<'b>, scope: &mut Scope) -> Done {
        let start = reader.position();
        reader.skip().map_err(Failure::Abort)?;
        let sequences = reader.since(start);
        self.nested(scope, |processor, scope| {
            let (mut reader, count) = Reader::array_of(sequences).map_err(Failure::Abort)?;
            let mut last = Refusal::malformed("try-each has no sequence");
            for number in 0..count {
                if number + 1 == count
                    && reader.kind().map_err(Failure::Abort)? == minicbor::data::Type::Null
                {
                    return Ok(());
                }
                let commands = reader.bytes().map_err(Failure::Abort)?;
                match processor.sequence(
                    commands,
                    Scope {
                        soft: true,
                        ..scope
                    },
                ) {
                    Err(Failure::Condition(refusal)) => last = refusal,
                    end => return end,
                }
            }
            // All have failed, so the directive fails. A directive's failure is never soft.
            abort(last)
        })
    }

    /// Runs `body` once for each current component, "only invoked with integer indices" (6.5).
    fn nested(&mut self, scope: &Scope, mut body: impl FnMut(&mut Self, Scope) -> Done) -> Done {
        if scope.depth >= DEPTH {
            return abort(Refusal::malformed("sequences are nested too deep"));
        }
        self.is_set()?;
        let inner = Scope {
            depth: scope.depth + 1,
            ..*scope
        };
        // If a body fails, the enclosing sequence restores the indices.
        let all = self.current.clone();
        for index in &all {
            self.count()?;
            self.select(&[*index]);
            body(self, inner)?;
        }
        self.current = all;
        Ok(())
    }

    fn is_set(&self) -> Done {
        if self.current.is_empty() {
            return abort(Refusal::malformed(
                "a sequence for several components does not begin with set-component-index",
            ));
        }
        Ok(())
    }

    fn select(&mut self, indices: &[usize]) {
        self.current = indices.iter().copied().collect();
    }

    fn count(&mut self) -> Done {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => abort(Refusal::malformed("the manifest has too many commands")),
        }
    }
}

impl State<'_> {
    /// suit-condition-image-match, with the size if there is one.
    fn image_match(&self) -> Done {
        let Some(digest) = self.parameters.digest else {
            let text = "condition-image-match (3) without an image digest";
            return Err(Failure::Condition(Refusal::text(
                Reason::ConditionFailed,
                text,
            )));
        };
        let digest = digest.sha256().map_err(Failure::Abort)?;
        let Some(content) = self.content else {
            let text = "condition-image-match (3) of an image that is not in the bundle";
            return Err(Failure::Condition(Refusal::text(Reason::NotInBundle, text)));
        };
        let size = self.parameters.size;
        if content.digest == *digest && size.is_none_or(|size| size == content.bytes.len() as u64) {
            Ok(())
        } else {
            Err(Failure::Condition(Reason::PayloadDigest.into()))
        }
    }
}

fn same(parameter: Option<&[u8]>, wanted: &[u8; 16], reason: Reason) -> Done {
    match parameter {
        Some(found) if found == wanted => Ok(()),
        Some(_) => Err(Failure::Condition(reason.into())),
        None => Err(Failure::Condition(Refusal::text(
            Reason::ConditionFailed,
            "an identifier's condition without the identifier",
        ))),
    }
}

/// "no early exits" (8.4.9.3).
fn equal(a: &[u8], b: &[u8]) -> bool {
    let differs = a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && differs == 0
}

fn abort(refusal: Refusal) -> Done {
    Err(Failure::Abort(refusal))
}
