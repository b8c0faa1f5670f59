//! `/v1/enrollments`: one file per verb.

mod delete;
mod get;
mod list;
mod patch;
mod stamp;
mod upsert;

pub use delete::delete;
pub use get::get;
pub use list::list;
pub use patch::patch;
pub use stamp::stamp;
pub use upsert::upsert;
