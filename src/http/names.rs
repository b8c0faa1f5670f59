//! The resolver of the process. It is asynchronous, so a name that gets no answer occupies no thread.
//!
//! A name is looked up once at a time, however many ask for it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use hickory_resolver::proto::rr::Name;
use reqwest::dns::{Addrs, Resolve, Resolving};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::files::{Files, Settings, Watched};
use super::lookup::DnsFailure;
use super::places::Places;
use super::reach::Reach;

/// The longest a look-up may take.
const LOOKUP_MAX: Duration = Duration::from_secs(5);
/// A name could not be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name {name} could not be resolved: {reason}")]
pub struct ResolveError {
    name: String,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("{0}")]
    Dns(#[from] DnsFailure),
    #[error("{0}")]
    Settings(String),
    #[error("it is no valid name")]
    Invalid,
    #[error("no answer yet, and too many other names have none either; check the name servers")]
    Busy,
    #[error("the look-up ended unexpectedly")]
    Broken,
}

type Outcome = Result<Arc<[IpAddr]>, ResolveError>;
type Flight = Shared<BoxFuture<'static, Outcome>>;

/// Resolves names as the files say.
pub struct Names {
    files: Watched,
    /// The look-ups that are under way, by name.
    flights: Mutex<HashMap<String, Flight>>,
    places: Places,
}

impl Names {
    /// A resolver that reads these files.
    #[must_use]
    pub fn new(files: Files) -> Self {
        Self {
            files: Watched::new(files),
            flights: Mutex::default(),
            places: Places::new(),
        }
    }

    /// Returns the addresses of `name`, IPv4 first; never an empty list. Gives up after `patience`, and after 5 s at the latest.
    ///
    /// `localhost` and names below it are always loopback. Then the hosts file is asked, then the name servers.
    ///
    /// # Errors
    /// [`ResolveError`]. It names the file when the file is the problem.
    pub async fn lookup(self: &Arc<Self>, name: &str, patience: Duration) -> Outcome {
        if is_localhost(name) {
            return Ok([Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].into());
        }
        let failed = |reason| ResolveError {
            name: name.to_owned(),
            reason,
        };
        let asked = Name::from_str_relaxed(name).map_err(|_| failed(Reason::Invalid))?;
        let settings = self.files.settings();
        let known = settings.listed(&asked);
        if !known.is_empty() {
            return Ok(known.into());
        }
        let dns = match &settings.dns {
            Ok(dns) => dns.clone(),
            Err(why) => return Err(failed(Reason::Settings(why.clone()))),
        };
        timeout(patience, self.flight(name, asked, settings))
            .await
            .unwrap_or_else(|_| Err(failed(dns.timed_out().into())))
    }

    /// Returns the look-up of this name that is under way, or begins one. It goes on when nobody waits for it any more: the
    /// next one to ask may then find its answer.
    fn flight(self: &Arc<Self>, name: &str, asked: Name, settings: Settings) -> Flight {
        let broken = ResolveError {
            name: name.to_owned(),
            reason: Reason::Broken,
        };
        let (to, answer) = oneshot::channel();
        let flight = {
            let mut flights = self.flights();
            if let Some(flight) = flights.get(name) {
                return flight.clone();
            }
            let flight = answer.map(|found| found.unwrap_or(Err(broken)));
            let flight = flight.boxed().shared();
            flights.insert(name.to_owned(), flight.clone());
            flight
        };
        let landing = Landing {
            names: self.clone(),
            name: name.to_owned(),
        };
        tokio::spawn(async move {
            let found = landing.names.ask(&asked, &settings).await;
            let found = found.map(Into::into).map_err(|reason| ResolveError {
                name: landing.name.clone(),
                reason,
            });
            // Everybody who asked may have given up.
            let _ = to.send(found);
        });
        flight
    }

    async fn ask(&self, name: &Name, settings: &Settings) -> Result<Vec<IpAddr>, Reason> {
        let dns = settings.dns.clone().map_err(Reason::Settings)?;
        match timeout(LOOKUP_MAX, self.places.run(dns.addresses(name))).await {
            Ok(Some(found)) => Ok(found?),
            Ok(None) => Err(Reason::Busy),
            Err(_) => Err(dns.timed_out().into()),
        }
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<String, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a look-up out of those under way when it ends, however it ends.
struct Landing {
    names: Arc<Names>,
    name: String,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.names.flights().remove(&self.name);
    }
}

/// Whether the name is `localhost` or below it. Such a name is never asked of a name server or looked for in a file.
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The resolver as one client uses it.
pub(super) struct ForClient {
    pub(super) names: Arc<Names>,
    /// How long this client waits for a name.
    pub(super) patience: Duration,
    /// Which addresses it may connect to.
    pub(super) reach: Reach,
}

impl Resolve for ForClient {
    fn resolve(&self, name: reqwest::dns::Name) -> Resolving {
        let (names, patience, reach) = (self.names.clone(), self.patience, self.reach);
        Box::pin(async move {
            let found = names.lookup(name.as_str(), patience).await?;
            reach.check(&found)?;
            // The port of the URL takes the place of the 0.
            let addresses: Vec<_> = found.iter().map(|ip| SocketAddr::new(*ip, 0)).collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_and_what_is_below_it() {
        for name in [
            "localhost",
            "LocalHost",
            "localhost.",
            "a.localhost",
            "a.b.localhost.",
        ] {
            assert!(is_localhost(name), "{name}");
        }
        for name in ["localhost.example", "notlocalhost", "", ".", "local"] {
            assert!(!is_localhost(name), "{name}");
        }
    }
}
