//! `/v1/enrollments`: one file per verb.

mod delete;
mod get;
mod list;
mod next_step;
mod patch;
mod stamp;
mod upsert;

pub use delete::delete;
pub use get::get;
pub use list::list;
pub use next_step::next_step;
pub use patch::patch;
pub use stamp::stamp;
pub use upsert::upsert;
