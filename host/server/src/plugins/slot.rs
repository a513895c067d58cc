//! One tenant's plugin: what is in force, and what is known of the file.
//!
//! Owns what follows from what. Does not own reading and compiling.

use std::sync::Arc;

use passerelle_flow::identity::Millis;
use passerelle_flow::plugin::{Digest, Installed, Presence, Until};
use passerelle_sandbox::Plugin;

use super::{Look, PluginError};

/// How long a build stays in force whose file is gone: editors and deployments delete and write, over a slow line also a large file, and an event in
/// between would be nobody's. A minute is more than they take, and little for somebody who means it; `passerelle plugin remove` does not wait.
pub const GRACE: Millis = 60_000;

#[derive(Default)]
pub struct Slot {
    in_force: Option<Arc<Plugin>>,
    file: File,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum File {
    /// Nobody has looked.
    #[default]
    Unknown,
    /// What is in force; none, where there is nothing.
    InForce,
    /// It is to be compiled.
    Waits(Digest),
    /// It may not run, or could not be read. Which build it is is remembered where it is the build's fault.
    Refused(Option<Digest>),
    Gone(Millis),
}

impl Slot {
    pub fn in_force(&self) -> Option<Arc<Plugin>> {
        self.in_force.clone()
    }

    pub fn presence(&self) -> Presence {
        match (&self.in_force, self.file) {
            (Some(plugin), _) => Presence::Installed(installed(plugin)),
            (None, File::InForce) => Presence::None,
            (None, File::Refused(_)) => Presence::Unavailable(Until::Mended),
            (None, File::Unknown | File::Waits(_) | File::Gone(_)) => Presence::Unavailable(Until::Soon),
        }
    }

    /// The build that is to be compiled.
    pub fn waits(&self) -> Option<Digest> {
        match self.file {
            File::Waits(build) => Some(build),
            File::Unknown | File::InForce | File::Refused(_) | File::Gone(_) => None,
        }
    }

    /// Its file has been gone for so long that it was meant.
    pub fn overdue(&self, now: Millis) -> bool {
        matches!(self.file, File::Gone(since) if now - since >= GRACE)
    }

    /// Builds that are somebody's here.
    pub fn builds(&self) -> impl Iterator<Item = Digest> {
        let of_file = match self.file {
            File::Waits(build) | File::Refused(Some(build)) => Some(build),
            File::Unknown | File::InForce | File::Refused(None) | File::Gone(_) => None,
        };
        self.in_force.as_ref().map(|plugin| plugin.digest()).into_iter().chain(of_file)
    }

    /// There is no file; `previous` is the build that is kept as the one before.
    pub fn nothing(&mut self, previous: Option<Digest>, now: Millis) -> Look {
        let before = self.file;
        if self.in_force.is_none() && matches!(before, File::Unknown | File::InForce) {
            self.file = File::InForce;
            return Look::Same;
        }
        // By hand it is moved there: nothing is about to be written.
        let by_hand = previous.is_some_and(|previous| self.builds().any(|build| build == previous));
        if by_hand || self.overdue(now) {
            *self = Self { in_force: None, file: File::InForce };
            return Look::Removed;
        }
        if let File::Gone(_) = before {
            return Look::Same;
        }
        self.file = File::Gone(now);
        Look::Missing
    }

    /// There is a file, of this build. None: nothing is known of it.
    pub fn known(&mut self, build: Digest) -> Option<Look> {
        if self.in_force.as_ref().is_some_and(|plugin| plugin.digest() == build) {
            self.file = File::InForce;
            return Some(Look::Same);
        }
        let known = self.file == File::Waits(build) || self.file == File::Refused(Some(build));
        known.then_some(Look::Same)
    }

    pub fn wait(&mut self, build: Digest) -> Look {
        self.file = File::Waits(build);
        Look::Waits { kept: self.in_force.is_some() }
    }

    pub fn put(&mut self, plugin: Plugin) -> Look {
        let plugin = match &self.in_force {
            Some(before) => plugin.in_place_of(before),
            None => plugin,
        };
        let look = Look::Loaded(installed(&plugin));
        (self.in_force, self.file) = (Some(Arc::new(plugin)), File::InForce);
        look
    }

    pub fn refuse(&mut self, build: Option<Digest>, error: PluginError) -> Look {
        self.file = File::Refused(build.filter(|_| error.is_of_the_build()));
        Look::Broken { kept: self.in_force.is_some(), error }
    }

    /// What became of the build that was to be compiled; nothing, where the file has become another meanwhile.
    pub fn compiled(&mut self, build: Digest, made: Result<Plugin, PluginError>) -> Look {
        if self.file != File::Waits(build) {
            return Look::Same;
        }
        match made {
            Ok(plugin) => self.put(plugin),
            Err(error) => self.refuse(Some(build), error),
        }
    }
}

fn installed(plugin: &Plugin) -> Installed {
    Installed { digest: plugin.digest(), hooks: plugin.hooks() }
}

#[cfg(test)]
mod tests {
    use passerelle_guests::good;
    use passerelle_sandbox::{Capacity, Engine};

    use super::*;
    use crate::plugins::compiler::CompileError;

    fn plugin(extra: &[u8]) -> Plugin {
        let engine = Engine::new(Capacity::default()).unwrap();
        // A custom section: the same plugin, and another build.
        let section = if extra.is_empty() { vec![] } else { [&[0, 2, 1], extra].concat() };
        Plugin::load(&engine, &[good(), section].concat()).unwrap()
    }

    fn refused() -> PluginError {
        CompileError::Refused("no".to_owned()).into()
    }

    #[test]
    fn what_nobody_has_looked_at_is_not_absent_and_what_is_compiled_is_had_soon() {
        let mut slot = Slot::default();
        assert_eq!(slot.presence(), Presence::Unavailable(Until::Soon));
        assert!(slot.known([1; 32]).is_none());
        assert_eq!(slot.presence(), Presence::Unavailable(Until::Soon), "looking is not knowing");
        assert!(matches!(slot.wait([1; 32]), Look::Waits { kept: false }));
        assert_eq!((slot.presence(), slot.waits()), (Presence::Unavailable(Until::Soon), Some([1; 32])));
        assert!(matches!(slot.known([1; 32]), Some(Look::Same)), "it is not begun again");
        let mut none = Slot::default();
        assert!(matches!(none.nothing(None, 0), Look::Same));
        assert_eq!(none.presence(), Presence::None);
    }

    #[test]
    fn a_build_that_was_refused_is_remembered_until_the_bytes_are_others_and_one_before_it_stays() {
        let mut slot = Slot::default();
        slot.wait([1; 32]);
        assert!(matches!(slot.compiled([1; 32], Err(refused())), Look::Broken { kept: false, .. }));
        assert_eq!((slot.presence(), slot.waits()), (Presence::Unavailable(Until::Mended), None));
        assert!(matches!(slot.known([1; 32]), Some(Look::Same)));
        assert!(slot.known([2; 32]).is_none());
        let good = plugin(b"");
        let digest = good.digest();
        slot.put(good);
        slot.wait([3; 32]);
        assert_eq!(slot.presence().installed().unwrap().digest, digest);
        assert!(matches!(slot.compiled([3; 32], Err(refused())), Look::Broken { kept: true, .. }));
        assert_eq!(slot.presence().installed().unwrap().digest, digest);
        // What this machine was to blame for is tried again.
        slot.wait([4; 32]);
        slot.compiled([4; 32], Err(CompileError::Interrupted.into()));
        assert!(slot.known([4; 32]).is_none());
    }

    #[test]
    fn a_build_whose_file_has_become_another_while_it_was_compiled_is_not_put_in_force() {
        let mut slot = Slot::default();
        slot.wait([1; 32]);
        slot.wait([2; 32]);
        assert!(matches!(slot.compiled([1; 32], Ok(plugin(b""))), Look::Same));
        assert_eq!(slot.waits(), Some([2; 32]));
    }

    #[test]
    fn a_file_that_is_gone_for_a_moment_takes_nothing_along_and_one_that_is_gone_for_a_minute_does() {
        let mut slot = Slot::default();
        slot.put(plugin(b""));
        let older = Some([7; 32]);
        assert!(matches!(slot.nothing(older, 1_000), Look::Missing));
        assert!(matches!(slot.nothing(older, 1_000 + GRACE - 1), Look::Same));
        assert!(slot.presence().installed().is_some() && !slot.overdue(1_000 + GRACE - 1));
        // Back within the minute, as it was or as another: an exchange.
        let other = plugin(b"x");
        let digest = other.digest();
        assert!(slot.known(digest).is_none());
        assert!(matches!(slot.put(other), Look::Loaded(_)));
        assert!(matches!(slot.nothing(older, 200_000), Look::Missing));
        assert!(matches!(slot.known(digest), Some(Look::Same)));
        assert!(!slot.overdue(900_000));
        assert!(matches!(slot.nothing(older, 900_000), Look::Missing), "counted anew");
        assert!(slot.overdue(900_000 + GRACE));
        assert!(matches!(slot.nothing(older, 900_000 + GRACE), Look::Removed));
        assert_eq!(slot.presence(), Presence::None);
    }

    #[test]
    fn a_plugin_that_was_removed_by_hand_is_gone_at_once_also_one_that_never_ran() {
        let mut slot = Slot::default();
        let good = plugin(b"");
        let digest = good.digest();
        slot.put(good);
        assert!(matches!(slot.nothing(Some(digest), 0), Look::Removed));
        slot.wait([1; 32]);
        slot.compiled([1; 32], Err(refused()));
        assert!(matches!(slot.nothing(None, 0), Look::Missing));
        assert_eq!(slot.presence(), Presence::Unavailable(Until::Soon));
        slot.wait([2; 32]);
        assert!(matches!(slot.nothing(Some([2; 32]), 0), Look::Removed));
        assert_eq!(slot.presence(), Presence::None);
    }
}
