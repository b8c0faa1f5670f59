//! Figures for charts.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::fields::WholeNumber;
use crate::domain::signal::{Path, Source};

/// Figures for charts, always computed from the enrollments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "usable": 120, "timeToAccept": [{"upToSeconds": 3600, "count": 4}, {"upToSeconds": null, "count": 1}],
    "acceptsPerDay": [{"day": "2026-05-02", "source": "webhook", "count": 5}],
    "bySource": [{"source": "webhook", "count": 5}], "byPath": [{"path": "bridge", "count": 5}]
})))]
pub struct Stats {
    /// Enrollments that a signal can be tied to.
    pub usable: u64,
    /// Accepts by their time from invite to accept, without pre-connected ones.
    pub time_to_accept: Vec<Bucket>,
    /// Accepts by day and source, oldest first. Days without any are left out.
    pub accepts_per_day: Vec<DayCount>,
    /// All accepts by source.
    pub by_source: Vec<SourceCount>,
    /// All accepts by path.
    pub by_path: Vec<PathCount>,
}

/// Accepts within a range of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// The upper bound; null for the last bucket.
    #[schema(minimum = 1)]
    pub up_to_seconds: Option<i64>,
    pub count: u64,
}

/// Accepts of one source on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayCount {
    /// A UTC day.
    #[schema(format = Date)]
    pub day: String,
    pub source: Source,
    #[schema(minimum = 1)]
    pub count: u64,
}

/// Accepts of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceCount {
    pub source: Source,
    #[schema(minimum = 1)]
    pub count: u64,
}

/// Accepts by one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PathCount {
    pub path: Option<Path>,
    #[schema(minimum = 1)]
    pub count: u64,
}

/// How far back the figures go.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct StatsParams {
    /// The number of days in `acceptsPerDay`, today included.
    #[param(inline, required = false)]
    pub days: WholeNumber<1, 366>,
}

impl Default for StatsParams {
    fn default() -> Self {
        Self {
            days: WholeNumber(30),
        }
    }
}
