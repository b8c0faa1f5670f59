//! Keeps the memory of the process, which holds secrets, out of core dumps and away from other processes of the same user.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Forbids core dumps of this process. A failure is ignored: the daemon runs without this protection too.
pub(super) fn no_core_dumps() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    // The limit does not stop a program that collects core dumps for the whole system. This does.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
