//! Pure words: no I/O, no clock. Everything else imports this; this imports nothing of the rest.

pub mod bad_input;
pub mod campaign;
pub mod delivery;
pub mod enrollment;
pub mod event;
pub mod identity;
pub mod ids;
pub mod note;
pub mod patch;
pub mod provider;
pub mod role;
pub mod schedule;
pub mod secret_url;
pub mod signal;
pub mod time;
pub mod word_list;
