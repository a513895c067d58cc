//! One tenant's plugin: what is in force, and what is known of the file.
//!
//! Owns what follows from what. Does not own reading and compiling.

use std::sync::Arc;

use passerelle_flow::identity::Millis;
use passerelle_flow::plugin::{Digest, Installed, Presence, Until};
use passerelle_sandbox::Plugin;

use super::{Fault, Look, PluginError};

/// How long a build stays in force whose file is gone: editors and deployments delete and write, over a slow line also a large file, and an event in
/// between would be nobody's. A minute is more than they take, and little for somebody who means it; `passerelle plugin remove` does not wait.
pub const GRACE: Millis = 60_000;
/// How long nobody looks again after something of this machine was in the way: long enough for a full disk or a busy machine to be another, and short
/// beside what a person would wait. Each failure in a row doubles it.
pub const AGAIN: Millis = 30_000;
/// Doublings at the most, so that it is looked, and told in the log, every sixteen minutes.
const DOUBLINGS: u32 = 5;
/// How often in all a build is compiled whose compiling was stopped: a busy machine may have been to blame once, or twice, and hardly for a third time.
const TRIES: u32 = 3;

#[derive(Default)]
pub struct Slot {
    in_force: Option<Arc<Plugin>>,
    file: File,
    /// Failures in a row, whatever they were.
    failures: u32,
    /// How often compiling this build was stopped.
    stopped: Option<(Digest, u32)>,
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
    /// It may not run, and would not another time.
    Refused(Digest),
    /// Compiling it was stopped: it is compiled again, not before then.
    Stopped(Digest, Millis),
    /// This machine was in the way: it is looked again then, or earlier where something stirs in the folder.
    Failed(Millis),
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
            (None, File::Refused(_) | File::Stopped(..) | File::Failed(_)) => Presence::Unavailable(Until::Mended),
            (None, File::Unknown | File::Waits(_) | File::Gone(_)) => Presence::Unavailable(Until::Soon),
        }
    }

    /// The build that is to be compiled.
    pub fn waits(&self) -> Option<Digest> {
        match self.file {
            File::Waits(build) => Some(build),
            _ => None,
        }
    }

    /// Time by itself is a reason to look again.
    pub fn due(&self, now: Millis) -> bool {
        match self.file {
            File::Stopped(_, again) | File::Failed(again) => now >= again,
            _ => self.overdue(now),
        }
    }

    /// Its file has been gone for so long that it was meant.
    fn overdue(&self, now: Millis) -> bool {
        matches!(self.file, File::Gone(since) if now - since >= GRACE)
    }

    /// Builds that are somebody's here.
    pub fn builds(&self) -> impl Iterator<Item = Digest> {
        let of_file = match self.file {
            File::Waits(build) | File::Refused(build) | File::Stopped(build, _) => Some(build),
            File::Unknown | File::InForce | File::Failed(_) | File::Gone(_) => None,
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
            *self = Self { file: File::InForce, ..Self::default() };
            return Look::Removed;
        }
        if let File::Gone(_) = before {
            return Look::Same;
        }
        self.file = File::Gone(now);
        Look::Missing
    }

    /// There is a file, of this build. None: nothing is known of it.
    pub fn known(&mut self, build: Digest, now: Millis) -> Option<Look> {
        if self.in_force.as_ref().is_some_and(|plugin| plugin.digest() == build) {
            self.file = File::InForce;
            self.failures = 0;
            return Some(Look::Same);
        }
        let known = match self.file {
            File::Waits(of) | File::Refused(of) => of == build,
            File::Stopped(of, again) => of == build && now < again,
            File::Unknown | File::InForce | File::Failed(_) | File::Gone(_) => false,
        };
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
        *self = Self { in_force: Some(Arc::new(plugin)), file: File::InForce, ..Self::default() };
        look
    }

    /// It is not usable, for all that is known now. None: which build it is could not be read.
    pub fn refuse(&mut self, build: Option<Digest>, error: PluginError, now: Millis) -> Look {
        let again = now.saturating_add(AGAIN << self.failures.min(DOUBLINGS));
        self.failures = self.failures.saturating_add(1);
        self.file = match (error.fault(), build) {
            (Fault::Build, Some(build)) => File::Refused(build),
            (Fault::Either, Some(build)) => self.stop(build, again),
            (Fault::Machine, _) | (_, None) => File::Failed(again),
        };
        Look::Broken { kept: self.in_force.is_some(), error }
    }

    fn stop(&mut self, build: Digest, again: Millis) -> File {
        let before = self.stopped.filter(|(of, _)| *of == build).map_or(0, |(_, times)| times);
        self.stopped = Some((build, before + 1));
        if before + 1 < TRIES { File::Stopped(build, again) } else { File::Refused(build) }
    }

    /// What became of the build that was to be compiled; nothing, where the file has become another meanwhile.
    pub fn compiled(&mut self, build: Digest, made: Result<Plugin, PluginError>, now: Millis) -> Look {
        if self.file != File::Waits(build) {
            return Look::Same;
        }
        match made {
            Ok(plugin) => self.put(plugin),
            Err(error) => self.refuse(Some(build), error, now),
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
        assert!(slot.known([1; 32], 0).is_none());
        assert_eq!(slot.presence(), Presence::Unavailable(Until::Soon), "looking is not knowing");
        assert!(matches!(slot.wait([1; 32]), Look::Waits { kept: false }));
        assert_eq!((slot.presence(), slot.waits()), (Presence::Unavailable(Until::Soon), Some([1; 32])));
        assert!(matches!(slot.known([1; 32], 0), Some(Look::Same)), "it is not begun again");
        let mut none = Slot::default();
        assert!(matches!(none.nothing(None, 0), Look::Same));
        assert_eq!(none.presence(), Presence::None);
    }

    #[test]
    fn a_build_that_was_refused_is_remembered_until_the_bytes_are_others_and_one_before_it_stays() {
        let mut slot = Slot::default();
        slot.wait([1; 32]);
        assert!(matches!(slot.compiled([1; 32], Err(refused()), 0), Look::Broken { kept: false, .. }));
        assert_eq!((slot.presence(), slot.waits()), (Presence::Unavailable(Until::Mended), None));
        assert!(matches!(slot.known([1; 32], 0), Some(Look::Same)));
        assert!(slot.known([2; 32], 0).is_none());
        let good = plugin(b"");
        let digest = good.digest();
        slot.put(good);
        slot.wait([3; 32]);
        assert_eq!(slot.presence().installed().unwrap().digest, digest);
        assert!(matches!(slot.compiled([3; 32], Err(refused()), 0), Look::Broken { kept: true, .. }));
        assert_eq!(slot.presence().installed().unwrap().digest, digest);
        // What this machine was to blame for is tried again.
        slot.wait([4; 32]);
        slot.compiled([4; 32], Err(CompileError::Interrupted.into()), 0);
        assert!(slot.known([4; 32], 0).is_none());
    }

    #[test]
    fn what_this_machine_was_to_blame_for_is_looked_at_again_by_itself_after_longer_and_longer() {
        let mut slot = Slot::default();
        let (mut now, mut waited) = (0, Vec::new());
        for _ in 0..8 {
            assert!(matches!(slot.refuse(None, CompileError::Interrupted.into(), now), Look::Broken { .. }));
            let wait = (0..).map(|times| AGAIN << times).find(|wait| slot.due(now + wait)).unwrap();
            assert!(!slot.due(now + wait - 1));
            waited.push(wait / AGAIN);
            now += wait;
        }
        assert_eq!(waited, [1, 2, 4, 8, 16, 32, 32, 32]);
        // Once it is usable, the next trouble begins anew.
        slot.put(plugin(b""));
        assert!(!slot.due(now));
        slot.refuse(None, CompileError::Interrupted.into(), now);
        assert!(slot.due(now + AGAIN));
    }

    #[test]
    fn a_build_whose_compiling_was_stopped_is_compiled_three_times_and_not_at_every_look() {
        let mut slot = Slot::default();
        let mut now = 0;
        for (error, wait) in [(CompileError::Killed, AGAIN), (CompileError::TimedOut, 2 * AGAIN)] {
            slot.wait([1; 32]);
            slot.compiled([1; 32], Err(error.into()), now);
            assert!(matches!(slot.known([1; 32], now + wait - 1), Some(Look::Same)) && !slot.due(now + wait - 1));
            assert!(slot.known([2; 32], now).is_none(), "another build is another matter");
            now += wait;
            assert!(slot.due(now) && slot.known([1; 32], now).is_none());
        }
        slot.wait([1; 32]);
        slot.compiled([1; 32], Err(CompileError::Killed.into()), now);
        assert!(matches!(slot.known([1; 32], Millis::MAX), Some(Look::Same)) && !slot.due(Millis::MAX));
    }

    #[test]
    fn a_build_whose_file_has_become_another_while_it_was_compiled_is_not_put_in_force() {
        let mut slot = Slot::default();
        slot.wait([1; 32]);
        slot.wait([2; 32]);
        assert!(matches!(slot.compiled([1; 32], Ok(plugin(b"")), 0), Look::Same));
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
        assert!(slot.known(digest, 0).is_none());
        assert!(matches!(slot.put(other), Look::Loaded(_)));
        assert!(matches!(slot.nothing(older, 200_000), Look::Missing));
        assert!(matches!(slot.known(digest, 0), Some(Look::Same)));
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
        slot.compiled([1; 32], Err(refused()), 0);
        assert!(matches!(slot.nothing(None, 0), Look::Missing));
        assert_eq!(slot.presence(), Presence::Unavailable(Until::Soon));
        slot.wait([2; 32]);
        assert!(matches!(slot.nothing(Some([2; 32]), 0), Look::Removed));
        assert_eq!(slot.presence(), Presence::None);
    }
}
