//! Who is looked for when: the tick, the relations list, resyncs (contract section 9).
//!
//! [`driver`] looks at accounts one by one, [`choose`] says what there is to do for one, the pacer says when, [`call`] makes the call,
//! [`page`] and [`resync`] say what an answer means. Everything they need to know is in the database; a wake-up carries nothing.

mod alive;
mod call;
mod choose;
mod driver;
mod expired;
mod page;
mod plan;
mod rate;
pub mod resync;

pub use choose::next_probe;
pub use driver::Poller;
pub use plan::Plan;
