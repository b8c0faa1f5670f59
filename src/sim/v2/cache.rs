//! The provider's cache: everything about an account is answered from it for an hour, unless the request says otherwise.

use axum::http::Method;

use crate::domain::time::Timestamp;
use crate::sim::answer::Answer;
use crate::sim::server::ApiRequest;
use crate::sim::state::State;

/// An answer that is kept.
#[derive(Debug)]
pub(in crate::sim) struct Cached {
    answer: Answer,
    made_at: Timestamp,
}

/// What a request says about the cache.
pub(super) struct Caching {
    /// The oldest answer that the request accepts, in seconds; `None` for any.
    age_s_max: Option<u64>,
}

impl Caching {
    pub fn of(request: &ApiRequest) -> Self {
        let words = request.cache_control.to_ascii_lowercase();
        let age_s_max = words.split(',').map(str::trim).find_map(|word| match word {
            "no-cache" | "no-store" => Some(0),
            word => word.strip_prefix("max-age=")?.parse().ok(),
        });
        Self { age_s_max }
    }

    /// The kept answer, if the request and the age of the answer allow it.
    pub fn find(&self, state: &State, request: &ApiRequest) -> Option<Answer> {
        let cached = state.v2.cache.get(&key(request)?)?;
        let age = request.now.since(cached.made_at);
        let wanted = self
            .age_s_max
            .filter(|_| !state.settings.v2_ignores_cache_control);
        let fits = wanted.is_none_or(|max| age.as_secs() < max);
        (fits && age < state.settings.v2_cache_life).then(|| {
            cached
                .answer
                .clone()
                .header("x-cache", "HIT")
                .header("age", &age.as_secs().max(1).to_string())
        })
    }

    /// Keeps an answer that is a success.
    pub fn keep(&self, state: &mut State, request: &ApiRequest, answer: Answer) -> Answer {
        if let (Some(key), 200) = (key(request), answer.status) {
            let cached = Cached {
                answer: answer.clone(),
                made_at: request.now,
            };
            state.v2.cache.insert(key, cached);
        }
        answer.header("x-cache", "MISS")
    }
}

fn key(request: &ApiRequest) -> Option<String> {
    (request.method == Method::GET).then(|| format!("{}?{:?}", request.path, request.query))
}
