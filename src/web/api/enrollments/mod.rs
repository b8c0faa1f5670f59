//! `/v1/enrollments`: one file per verb.

mod delete;
mod get;
mod list;
mod next_step;
mod patch;
mod stamp;
mod upsert;

pub use delete::*;
pub use get::*;
pub use list::*;
pub use next_step::*;
pub use patch::*;
pub use stamp::*;
pub use upsert::*;
