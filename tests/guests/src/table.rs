//! All guests, and how each of them ends.

use passerelle_flow::ports::SandboxFailure::{self, Aborted, Cpu, Memory, Panicked};

use super::{Form, component};

/// What becomes of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// It does no harm and is answered.
    Answers,
    /// The sandbox ends its call.
    Stopped(SandboxFailure),
    /// Its answer is none that a plugin may give; words of the sentence that says why.
    Breach(&'static str),
    /// It is never loaded; words of the sentence that says why.
    Refused(&'static str),
}

pub struct Guest {
    pub name: &'static str,
    pub text: &'static str,
    pub form: Form,
    pub ends: Ends,
}

impl Guest {
    pub fn component(&self) -> Vec<u8> {
        component(self.text, self.form)
    }

    /// What it tries, in the words of its file.
    pub fn tried(&self) -> String {
        let lines = self.text.lines().map_while(|line| line.strip_prefix(";; "));
        lines.collect::<Vec<_>>().join(" ")
    }
}

macro_rules! guests {
    ($($name:literal $form:ident $ends:expr;)*) => {
        &[$(Guest {
            name: $name,
            text: include_str!(concat!("../", $name, ".wat")),
            form: Form::$form,
            ends: $ends,
        }),*]
    };
}

use Ends::{Answers, Breach, Refused, Stopped};

/// A component that uses what is switched off is broken for wasmtime, whose sentence follows ours.
const BROKEN: Ends = Refused("the component is broken, or needs more than a sandbox has");

pub const GUESTS: &[Guest] = guests! {
    "good" Module Answers;
    "remembers" Module Answers;

    "loop-in-the-export" Module Stopped(Cpu);
    "loop-in-start" Module Stopped(Cpu);
    "loop-in-realloc" Module Stopped(Cpu);
    "loop-in-post-return" Module Stopped(Cpu);
    "calls-without-a-loop" Module Stopped(Cpu);
    "tail-calls" Module Stopped(Cpu);
    "fills-its-memory" Module Stopped(Cpu);
    "holds-many-memories" Beside Stopped(Cpu);
    "holds-many-instances" Beside Stopped(Cpu);

    "grows-at-once" Module Stopped(Memory);
    "grows-page-by-page" Module Stopped(Memory);
    "large-from-the-start" Module Stopped(Memory);
    "eight-memories" Beside Stopped(Memory);
    "grows-its-tables" Module Stopped(Memory);
    "huge-from-the-start" Module BROKEN;
    "nine-memories" Beside BROKEN;
    "instances-without-number" Beside BROKEN;
    "two-memories-in-a-module" Module BROKEN;
    "memory-of-64-bits" Module BROKEN;
    "table-of-ten-million" Module BROKEN;

    "recursion" Module Stopped(Panicked);
    // Called with another id, it answers.
    "traps" Module Answers;
    "traps-in-start" Module Stopped(Panicked);
    "traps-in-realloc" Module Stopped(Panicked);
    "traps-in-post-return" Module Stopped(Panicked);
    "panics-with-a-secret" Module Stopped(Panicked);

    "realloc-out-of-bounds" Module Stopped(Aborted);
    "realloc-unaligned" Module Stopped(Aborted);
    "text-of-2-gb" Module Stopped(Aborted);
    "text-of-100-mb" Module Stopped(Aborted);
    "list-of-a-billion" Module Stopped(Aborted);
    "list-beyond-32-bits" Module Stopped(Aborted);
    "million-requests" Module Stopped(Aborted);
    "one-long-text-many-times" Module Stopped(Aborted);
    "text-that-is-none" Module Stopped(Aborted);
    "surrogates" Utf16 Stopped(Aborted);
    "no-such-case" Module Stopped(Aborted);
    "neither-ok-nor-error" Module Stopped(Aborted);
    "no-such-method" Module Stopped(Aborted);
    "answer-out-of-bounds" Module Stopped(Aborted);
    "answer-at-the-edge" Module Stopped(Aborted);
    "answer-unaligned" Module Stopped(Aborted);
    "list-out-of-bounds" Module Stopped(Aborted);
    "text-around-the-end" Module Stopped(Aborted);

    "thousand-requests" Module Breach("1000 requests sent at once, more than the 16");
    "asks-for-ever" Module Breach("it asked more than 3 times");

    "imports-wasi" Component Refused("imports `wasi:http/outgoing-handler@0.2.0`");
    "imports-p3" Component BROKEN;
    "imports-a-function" Component Refused("imports `passerelle:tenant/types@0.1.0`");
    "imports-a-resource" Component Refused("imports `passerelle:tenant/types@0.1.0`");
    "imports-a-module" Component Refused("imports `libc`");
    "imports-a-component" Component BROKEN;
    "imports-by-address" Component Refused("must import nothing");
    "waits-in-shared-memory" Module BROKEN;
    "throws" Module BROKEN;

    "version-of-tomorrow" Component Refused("`passerelle:tenant/choose-template@0.2.0`, a version of the contract");
    "version-before-the-release" Component Refused("`passerelle:tenant/choose-template@0.1.0-rc.1`, a version of the contract");
    "no-version" Component Refused("`passerelle:tenant/choose-template`, a version of the contract");
    "no-such-hook" Component Refused("`passerelle:tenant/on-payment@0.1.0`, which is no hook");
    "two-hooks-and-one-strange" Component Refused("`passerelle:tenant/on-payment@0.1.0`, which is no hook");
    "empty-hook" Component Refused("`choose-template` is not the one of the contract");
    "function-for-a-hook" Component Refused("`choose-template` is not the one of the contract");
    "other-types" Component Refused("`choose-template` is not the one of the contract");
    "no-hook" Component Refused("none of the hooks");
};
