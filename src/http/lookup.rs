//! One look-up in the DNS: the search list, both address families, and what the name servers answered.

use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RecordType};

/// How long one round of questions may take before it is asked again. The file's own timeout counts if it is shorter.
const ROUND_MAX: Duration = Duration::from_millis(1_500);
/// How long the other address family is waited for when one has answered.
const OTHER_FAMILY_MAX: Duration = Duration::from_millis(250);
/// The longest time that an answer is kept, whatever its TTL.
const KEEP_MAX: Duration = Duration::from_secs(300);
/// The longest time that "no such name" is kept.
const KEEP_NEGATIVE_MAX: Duration = Duration::from_secs(10);
/// The largest number of answers that are kept.
const ANSWERS_MAX: u64 = 2_048;

/// Why the DNS gave no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DnsFailure {
    /// The name does not exist or has no address.
    #[error("no such name, or it has no address")]
    NoSuchName,
    /// A name server answered with an error.
    #[error("the name server answered {0}")]
    Answered(String),
    /// No name server answered.
    #[error("no name server answered in time ({0})")]
    TimedOut(String),
    /// Anything else.
    #[error("the name servers ({servers}) can't be asked: {error}")]
    Broken {
        /// Which ones.
        servers: String,
        /// Why.
        error: String,
    },
}

/// How a name is completed.
#[derive(Debug, Clone)]
pub(super) struct Search {
    /// The domains that are appended, in order.
    pub(super) domains: Vec<Name>,
    /// A name with at least so many dots is asked for as it is first.
    pub(super) ndots: usize,
}

impl Search {
    /// Returns the names to ask for, in order, and whether the first of them is the name as it is.
    fn candidates(&self, name: &Name) -> (Vec<Name>, bool) {
        let mut absolute = name.clone();
        absolute.set_fqdn(true);
        if name.is_fqdn() {
            return (vec![absolute], true);
        }
        let as_it_is_first = usize::from(name.num_labels()) > self.ndots;
        let completed = self
            .domains
            .iter()
            .filter_map(|domain| name.clone().append_domain(domain).ok());
        let mut names = Vec::new();
        if as_it_is_first {
            names.push(absolute.clone());
        }
        for candidate in completed.chain([absolute]) {
            if !names.contains(&candidate) {
                names.push(candidate);
            }
        }
        (names, as_it_is_first)
    }
}

/// The name servers of one version of the file.
pub(super) struct Dns {
    resolver: TokioResolver,
    search: Search,
    servers: String,
}

impl Dns {
    pub(super) fn new(
        config: ResolverConfig,
        mut options: ResolverOpts,
        search: Search,
    ) -> Result<Self, NetError> {
        options.use_hosts_file = ResolveHosts::Never;
        options.timeout = options.timeout.min(ROUND_MAX);
        options.positive_max_ttl = Some(KEEP_MAX);
        options.negative_max_ttl = Some(KEEP_NEGATIVE_MAX);
        options.cache_size = ANSWERS_MAX;
        // Names that get no answer must not use up the places of one connection.
        options.max_active_requests = 4_096;
        let servers: Vec<_> = config
            .name_servers
            .iter()
            .map(|s| s.ip.to_string())
            .collect();
        Ok(Self {
            resolver: TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
                .with_options(options)
                .build()?,
            search,
            servers: servers.join(", "),
        })
    }

    /// The failure of a look-up that was given up.
    pub(super) fn timed_out(&self) -> DnsFailure {
        DnsFailure::TimedOut(self.servers.clone())
    }

    /// Returns the addresses of `name`, IPv4 first; never an empty list.
    pub(super) async fn addresses(&self, name: &Name) -> Result<Vec<IpAddr>, DnsFailure> {
        let (candidates, as_it_is_first) = self.search.candidates(name);
        let mut failure = DnsFailure::NoSuchName;
        for (index, candidate) in candidates.into_iter().enumerate() {
            match self.both_families(&candidate).await {
                Ok(found) => return Ok(found),
                Err(DnsFailure::NoSuchName) => {}
                // Only an answer that a name does not exist leads on from it: else a name server that is in trouble for a
                // moment would send the request to a host of the search domain.
                Err(error @ DnsFailure::Answered(_)) if !(index == 0 && as_it_is_first) => {
                    failure = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(failure)
    }

    /// Asks for both families at once. One that has answered waits only a moment for the other.
    async fn both_families(&self, name: &Name) -> Result<Vec<IpAddr>, DnsFailure> {
        let v4 = pin!(self.family(name, RecordType::A));
        let v6 = pin!(self.family(name, RecordType::AAAA));
        let (v4, v6) = match select(v4, v6).await {
            Either::Left((v4, v6)) => {
                let v6 = self.other(v4.is_ok(), v6).await;
                (v4, v6)
            }
            Either::Right((v6, v4)) => {
                let v4 = self.other(v6.is_ok(), v4).await;
                (v4, v6)
            }
        };
        match (v4, v6) {
            (Ok(v4), Ok(v6)) => Ok([v4, v6].concat()),
            (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(found),
            (Err(DnsFailure::NoSuchName), Err(error)) | (Err(error), Err(_)) => Err(error),
        }
    }

    async fn other(
        &self,
        found: bool,
        other: impl Future<Output = Result<Vec<IpAddr>, DnsFailure>>,
    ) -> Result<Vec<IpAddr>, DnsFailure> {
        if !found {
            return other.await;
        }
        let waited = tokio::time::timeout(OTHER_FAMILY_MAX, other).await;
        waited.unwrap_or_else(|_| Err(self.timed_out()))
    }

    async fn family(&self, name: &Name, kind: RecordType) -> Result<Vec<IpAddr>, DnsFailure> {
        let found = match self.resolver.lookup(name.clone(), kind).await {
            Ok(found) => found,
            Err(error) => return Err(self.failure(&error)),
        };
        let addresses: Vec<_> = found
            .answers()
            .iter()
            .filter_map(|record| record.data.ip_addr())
            .collect();
        if addresses.is_empty() {
            return Err(DnsFailure::NoSuchName);
        }
        Ok(addresses)
    }

    fn failure(&self, error: &NetError) -> DnsFailure {
        let code = match error {
            NetError::Dns(DnsError::NoRecordsFound(none)) => none.response_code,
            NetError::Dns(DnsError::ResponseCode(code)) => *code,
            NetError::Timeout => return self.timed_out(),
            error => {
                return DnsFailure::Broken {
                    servers: self.servers.clone(),
                    error: error.to_string(),
                };
            }
        };
        match code {
            ResponseCode::NoError | ResponseCode::NXDomain => DnsFailure::NoSuchName,
            ResponseCode::ServFail => DnsFailure::Answered("SERVFAIL".to_owned()),
            ResponseCode::Refused => DnsFailure::Answered("REFUSED".to_owned()),
            code => DnsFailure::Answered(code.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(name: &str, ndots: usize, domains: &[&str]) -> Vec<String> {
        let search = Search {
            domains: domains
                .iter()
                .map(|domain| Name::from_str_relaxed(domain).expect("a domain"))
                .collect(),
            ndots,
        };
        let name = Name::from_str_relaxed(name).expect("a name");
        let (names, _) = search.candidates(&name);
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_are_completed_as_the_file_says() {
        for (name, ndots, domains, wanted) in [
            (
                "hook",
                1,
                &["a.test", "b.test"][..],
                &["hook.a.test.", "hook.b.test.", "hook."][..],
            ),
            ("hook.c", 1, &["a.test"], &["hook.c.", "hook.c.a.test."]),
            ("hook.c.", 1, &["a.test"], &["hook.c."]),
            ("hook.c", 5, &["a.test"], &["hook.c.a.test.", "hook.c."]),
            // What systemd-resolved writes when there is no search domain.
            ("hook", 1, &["."], &["hook."]),
            ("hook.c", 1, &["."], &["hook.c."]),
            ("hook", 1, &[], &["hook."]),
        ] {
            assert_eq!(
                candidates(name, ndots, domains),
                wanted,
                "{name} {ndots} {domains:?}"
            );
        }
    }
}
