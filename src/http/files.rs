//! The files that say how names are resolved: `/etc/resolv.conf` and `/etc/hosts`. They are read again when they change.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hickory_resolver::Hosts;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::parse_resolv_conf;

use super::lookup::{Dns, Search};

/// How long the files are taken to be unchanged.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where the configuration of the resolver is.
#[derive(Debug, Clone)]
pub struct Files {
    /// Names the name servers, the search domains and the options.
    pub resolv_conf: PathBuf,
    /// Names hosts and their addresses. It may be missing.
    pub hosts: PathBuf,
}

impl Default for Files {
    /// The files of the system.
    fn default() -> Self {
        Self {
            resolv_conf: PathBuf::from("/etc/resolv.conf"),
            hosts: PathBuf::from("/etc/hosts"),
        }
    }
}

/// What distinguishes two versions of a file: device, inode, size and time of change in nanoseconds. `None` without a file.
type Version = Option<(u64, u64, u64, i64, i64)>;

fn version(path: &Path) -> Version {
    let file = fs::metadata(path).ok()?;
    Some((
        file.dev(),
        file.ino(),
        file.size(),
        file.mtime(),
        file.mtime_nsec(),
    ))
}

/// What the files say.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) hosts: Arc<Hosts>,
    /// The name servers, or one sentence about what is wrong with the file.
    pub(super) dns: Result<Arc<Dns>, String>,
}

impl Settings {
    /// Returns the addresses that the hosts file gives to `name`, IPv4 first. Empty when the file does not know the name.
    pub(super) fn listed(&self, name: &Name) -> Vec<IpAddr> {
        [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(|kind| {
                let query = Query::query(name.to_lowercase(), kind);
                self.hosts.lookup_static_host(&query)
            })
            .flat_map(|found| {
                let addresses = found
                    .answers()
                    .iter()
                    .filter_map(|record| record.data.ip_addr());
                addresses.collect::<Vec<_>>()
            })
            .collect()
    }
}

/// The files and what they said when they were last read.
pub(super) struct Watched {
    files: Files,
    last: Mutex<Option<Last>>,
}

struct Last {
    looked: Instant,
    resolv_conf: Version,
    hosts: Version,
    settings: Settings,
}

impl Watched {
    pub(super) fn new(files: Files) -> Self {
        Self {
            files,
            last: Mutex::new(None),
        }
    }

    /// Returns what the files say. Looks at most once a second whether they changed, and reads what did.
    ///
    /// The files are small and local, so they are read on the spot.
    pub(super) fn settings(&self) -> Settings {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last
            .as_ref()
            .filter(|last| last.looked.elapsed() < LOOK_EVERY)
        {
            return last.settings.clone();
        }
        let looked = Instant::now();
        // The versions are taken before the files are read: a change in between is seen at the next look.
        let (resolv_conf, hosts) = (version(&self.files.resolv_conf), version(&self.files.hosts));
        let old = last.take();
        let settings = Settings {
            dns: match &old {
                Some(old) if old.resolv_conf == resolv_conf && resolv_conf.is_some() => {
                    old.settings.dns.clone()
                }
                _ => read_dns(&self.files.resolv_conf),
            },
            hosts: match &old {
                Some(old) if old.hosts == hosts => old.settings.hosts.clone(),
                _ => Arc::new(read_hosts(&self.files.hosts)),
            },
        };
        *last = Some(Last {
            looked,
            resolv_conf,
            hosts,
            settings: settings.clone(),
        });
        settings
    }
}

fn read_hosts(path: &Path) -> Hosts {
    let mut hosts = Hosts::default();
    if let Ok(bytes) = fs::read(path) {
        let text = String::from_utf8_lossy(&bytes);
        if let Err(error) = hosts.read_hosts_conf(text.as_bytes()) {
            tracing::warn!(path = %path.display(), %error, "the hosts file can't be read");
        }
    }
    hosts
}

fn read_dns(path: &Path) -> Result<Arc<Dns>, String> {
    let file = path.display();
    let bytes = fs::read(path).map_err(|error| format!("{file} can't be read: {error}"))?;
    let (text, ports) = without_ports(&String::from_utf8_lossy(&bytes));
    // The library adds no name server of its own. In particular it never falls back to public ones.
    let (mut config, options) = parse_resolv_conf(&text).map_err(|error| {
        format!("{file} names no usable name server: {error}; add a line \"nameserver ADDRESS\"")
    })?;
    for server in &mut config.name_servers {
        let port = ports.iter().find(|with_port| with_port.ip() == server.ip);
        for connection in &mut server.connections {
            connection.port = port.map_or(connection.port, SocketAddr::port);
        }
    }
    let search = if config.search.is_empty() {
        config.domain.take().into_iter().collect()
    } else {
        std::mem::take(&mut config.search)
    };
    let search = Search {
        domains: search,
        ndots: options.ndots,
    };
    Dns::new(config, options, search)
        .map(Arc::new)
        .map_err(|error| format!("{file} can't be used: {error}"))
}

/// Takes the ports out of lines such as `nameserver [127.0.0.1]:5353`, which OpenBSD writes and the library can't read.
fn without_ports(text: &str) -> (String, Vec<SocketAddr>) {
    let mut ports = Vec::new();
    let lines = text.lines().map(|line| {
        let mut words = line.split_whitespace();
        let address = match (words.next(), words.next()) {
            (Some("nameserver"), Some(server)) => with_port(server),
            _ => None,
        };
        match address {
            Some(address) => {
                ports.push(address);
                format!("nameserver {}\n", address.ip())
            }
            None => format!("{line}\n"),
        }
    });
    let text = lines.collect();
    (text, ports)
}

fn with_port(server: &str) -> Option<SocketAddr> {
    let (ip, port) = server.strip_prefix('[')?.split_once("]:")?;
    let ip = IpAddr::from_str(ip).ok()?;
    Some(SocketAddr::new(ip, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_server_may_have_a_port() {
        let (text, ports) = without_ports(
            "# mine\nnameserver [127.0.0.1]:5353\nnameserver [::1]:54 # two\nnameserver 10.0.0.1\nsearch a b\n",
        );
        assert_eq!(
            text,
            "# mine\nnameserver 127.0.0.1\nnameserver ::1\nnameserver 10.0.0.1\nsearch a b\n"
        );
        let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
        assert_eq!(ports, ["127.0.0.1:5353", "[::1]:54"]);
    }
}
