//! Keeps what the process holds in memory, secrets above all, out of core dumps and away from other processes of the same user.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Forbids core dumps of this process. A system that does not know how is no reason not to run.
pub(super) fn no_core_dumps() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    // The limit does not bind a program that collects core dumps for the whole system; this does.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
