// SPDX-License-Identifier: BSD-2-Clause
//! Capability pointers, and what they point to.

use core::{fmt, hash::Hash, marker::PhantomData};

use crate::arch::with_arch_cap_types;
use crate::{InvocationContext, IpcBuffer, NoExplicitInvocationContext, WORD_SIZE, Word};

/// The bits of a capability pointer.
pub type CPtrBits = Word;

/// A capability pointer.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct CPtr {
    bits: CPtrBits,
}

impl CPtr {
    /// Its bits.
    pub const fn bits(self) -> CPtrBits {
        self.bits
    }

    /// The pointer with these bits.
    pub const fn from_bits(bits: CPtrBits) -> Self {
        Self { bits }
    }

    /// The capability it points to, taken to be a `T`; the kernel checks at each use.
    pub const fn cast<T: CapType>(self) -> Cap<T> {
        Cap::from_cptr(self)
    }
}

/// A capability pointer and how many of its bits are to be resolved.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct CPtrWithDepth {
    bits: CPtrBits,
    depth: usize,
}

impl CPtrWithDepth {
    /// `bits`, of which the low `depth` are resolved.
    pub const fn from_bits_with_depth(bits: CPtrBits, depth: usize) -> Self {
        Self { bits, depth }
    }

    /// Its bits.
    pub const fn bits(&self) -> CPtrBits {
        self.bits
    }

    /// How many bits are resolved.
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// No bits at all.
    pub const fn empty() -> Self {
        Self::from_bits_with_depth(0, 0)
    }
}

impl From<CPtr> for CPtrWithDepth {
    fn from(cptr: CPtr) -> Self {
        Self::from_bits_with_depth(cptr.bits(), WORD_SIZE)
    }
}

/// A capability in the thread's CSpace.
///
/// `T` is the type that the program assumes; `C` is how its invocation finds the IPC buffer.
/// (`CNode_*` invocations are methods of [`AbsoluteCPtr`].)
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Cap<T: CapType, C = NoExplicitInvocationContext> {
    cptr: CPtr,
    invocation_context: C,
    _phantom: PhantomData<T>,
}

impl<T: CapType, C> Cap<T, C> {
    /// The pointer to it.
    pub const fn cptr(&self) -> CPtr {
        self.cptr
    }

    /// The pointer's bits.
    pub const fn bits(&self) -> CPtrBits {
        self.cptr.bits()
    }

    /// The same capability, taken to be something else.
    pub fn cast<T1: CapType>(self) -> Cap<T1, C> {
        Cap {
            cptr: self.cptr,
            invocation_context: self.invocation_context,
            _phantom: PhantomData,
        }
    }

    /// The same capability, invoked by way of `context`.
    pub fn with<C1>(self, context: C1) -> Cap<T, C1> {
        Cap {
            cptr: self.cptr,
            invocation_context: context,
            _phantom: PhantomData,
        }
    }

    /// The same capability, invoked by way of the implicit context.
    pub fn without_context(self) -> Cap<T> {
        self.with(NoExplicitInvocationContext::new())
    }

    /// Its context.
    pub fn into_invocation_context(self) -> C {
        self.invocation_context
    }

    /// The same capability, taken to be anything.
    pub fn upcast(self) -> cap::Unspecified<C> {
        self.cast()
    }
}

impl<T: CapType> Cap<T> {
    /// The capability that `cptr` points to.
    pub const fn from_cptr(cptr: CPtr) -> Self {
        Self {
            cptr,
            invocation_context: NoExplicitInvocationContext::new(),
            _phantom: PhantomData,
        }
    }

    /// The capability that the pointer with these bits points to.
    pub const fn from_bits(bits: CPtrBits) -> Self {
        CPtr::from_bits(bits).cast()
    }
}

impl<C> cap::Unspecified<C> {
    /// The same capability, taken to be a `T`.
    pub fn downcast<T: CapType>(self) -> Cap<T, C> {
        self.cast()
    }
}

impl<T: CapType, C: InvocationContext> Cap<T, C> {
    pub(crate) fn invoke<R>(self, f: impl FnOnce(CPtr, &mut IpcBuffer) -> R) -> R {
        let cptr = self.cptr;
        self.into_invocation_context()
            .with_context(|ipc_buffer| f(cptr, ipc_buffer))
    }
}

impl<T: CapType, C> fmt::Debug for Cap<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(T::NAME).field(&self.bits()).finish()
    }
}

/// Marks the type of a [`Cap`].
pub trait CapType: Copy + Clone + Eq + PartialEq + Ord + PartialOrd + Hash {
    /// Its name, for people.
    const NAME: &'static str;
}

macro_rules! cap_types {
    (granule = $granule:ident $(, vspace = $vspace:ident)?; $($(#[$doc:meta])* $name:ident;)*) => {
        pub mod cap_type {
            //! Markers for what a [`Cap`](crate::Cap) is.
            $(
                $(#[$doc])*
                #[allow(non_camel_case_types)]
                #[derive(Debug, Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
                pub struct $name;

                impl crate::CapType for $name {
                    const NAME: &'static str = stringify!($name);
                }
            )*

            /// The smallest page.
            pub type Granule = $granule;
            $(
                /// An address space.
                pub type VSpace = $vspace;
            )?
        }

        pub mod cap {
            //! [`Cap`](crate::Cap) by what it is.
            $(
                $(#[$doc])*
                #[allow(non_camel_case_types)]
                pub type $name<C = crate::NoExplicitInvocationContext> =
                    crate::Cap<super::cap_type::$name, C>;
            )*

            /// The smallest page.
            pub type Granule<C = crate::NoExplicitInvocationContext> = $granule<C>;
            $(
                /// An address space.
                pub type VSpace<C = crate::NoExplicitInvocationContext> = $vspace<C>;
            )?
        }
    };
}

with_arch_cap_types! {
    cap_types;
    /// Memory that objects can be made of.
    Untyped;
    /// A port for messages.
    Endpoint;
    /// A word of signals.
    Notification;
    /// A thread.
    Tcb;
    /// A table of capabilities.
    CNode;
    /// The authority to make interrupt handlers.
    IrqControl;
    /// One interrupt.
    IrqHandler;
    /// The authority to make ASID pools.
    AsidControl;
    /// Address space identifiers.
    AsidPool;
    /// The authority over domains.
    DomainSet;
    /// No capability.
    Null;
    /// Any capability.
    Unspecified;
    /// A page of any size.
    UnspecifiedPage;
    /// A translation table of any level below the first.
    UnspecifiedIntermediateTranslationTable;
    /// A reply object.
    Reply;
    /// A scheduling context.
    SchedContext;
    /// The authority to give out execution time.
    SchedControl;
}

/// A slot: a [`CPtrWithDepth`] that is resolved starting at a CNode.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct AbsoluteCPtr<C = NoExplicitInvocationContext> {
    root: cap::CNode<C>,
    path: CPtrWithDepth,
}

impl<C> AbsoluteCPtr<C> {
    /// The slot at `path`, seen from `root`.
    pub const fn new(root: cap::CNode<C>, path: CPtrWithDepth) -> Self {
        Self { root, path }
    }

    /// The CNode that resolution starts at.
    pub const fn root(&self) -> &cap::CNode<C> {
        &self.root
    }

    /// The CNode that resolution starts at.
    pub fn into_root(self) -> cap::CNode<C> {
        self.root
    }

    /// What is resolved.
    pub const fn path(&self) -> &CPtrWithDepth {
        &self.path
    }

    /// The same slot, invoked by way of `context`.
    pub fn with<C1>(self, context: C1) -> AbsoluteCPtr<C1> {
        AbsoluteCPtr {
            root: self.root.with(context),
            path: self.path,
        }
    }

    /// The same slot, invoked by way of the implicit context.
    pub fn without_context(self) -> AbsoluteCPtr {
        self.with(NoExplicitInvocationContext::new())
    }
}

/// Types that can be converted to a [`CPtrWithDepth`]; a plain pointer is resolved with all its bits.
pub trait HasCPtrWithDepth {
    /// Pointer and depth.
    fn cptr_with_depth(self) -> CPtrWithDepth;
}

impl HasCPtrWithDepth for CPtr {
    fn cptr_with_depth(self) -> CPtrWithDepth {
        self.into()
    }
}

impl<T: CapType, C> HasCPtrWithDepth for Cap<T, C> {
    fn cptr_with_depth(self) -> CPtrWithDepth {
        self.cptr().into()
    }
}

impl HasCPtrWithDepth for CPtrWithDepth {
    fn cptr_with_depth(self) -> CPtrWithDepth {
        self
    }
}

impl<C> cap::CNode<C> {
    /// The slot at `path`, seen from this CNode.
    pub fn absolute_cptr<T: HasCPtrWithDepth>(self, path: T) -> AbsoluteCPtr<C> {
        AbsoluteCPtr::new(self, path.cptr_with_depth())
    }

    /// The slot at the low `depth` bits of `bits`, seen from this CNode.
    pub fn absolute_cptr_from_bits_with_depth(
        self,
        bits: CPtrBits,
        depth: usize,
    ) -> AbsoluteCPtr<C> {
        self.absolute_cptr(CPtrWithDepth::from_bits_with_depth(bits, depth))
    }

    /// This CNode itself, as the destination of a retype.
    pub fn absolute_cptr_for_self(self) -> AbsoluteCPtr<C> {
        self.absolute_cptr(CPtrWithDepth::empty())
    }
}
