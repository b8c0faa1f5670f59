//! A scripted name server on loopback, over UDP and TCP, and a resolver that asks it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use acceptd::http::{Files, Names};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::AbortHandle;

/// What is answered when a name is asked for. A name that nothing was said about does not exist.
#[derive(Clone)]
pub enum Answer {
    Addresses(Vec<IpAddr>),
    /// These addresses, but over UDP only the note that the answer is too long.
    OverTcp(Vec<IpAddr>),
    /// Nothing, ever.
    Silence,
    /// These addresses to a question for IPv4, nothing to one for IPv6.
    SilentAboutIpv6(Vec<IpAddr>),
    Code(ResponseCode),
}

impl Answer {
    pub fn address(ip: &str) -> Self {
        Self::Addresses(vec![ip.parse().expect("an address")])
    }
}

#[derive(Clone, Default)]
struct Zone {
    names: Arc<Mutex<HashMap<String, Answer>>>,
    asked: Arc<Mutex<Vec<(String, RecordType)>>>,
}

impl Zone {
    fn answer(&self, question: &[u8], udp: bool) -> Option<Vec<u8>> {
        let question = Message::from_vec(question).expect("a question");
        let query = question.queries.first().expect("a name").clone();
        let name = query.name().to_string().to_lowercase();
        let kind = query.query_type();
        self.asked
            .lock()
            .expect("not poisoned")
            .push((name.clone(), kind));
        let answer = self.names.lock().expect("not poisoned").get(&name).cloned();
        let mut response = Message::response(question.metadata.id, question.metadata.op_code);
        response.add_query(query.clone());
        let addresses = match answer {
            Some(Answer::Silence) => return None,
            Some(Answer::SilentAboutIpv6(_)) if kind == RecordType::AAAA => return None,
            Some(Answer::OverTcp(_)) if udp => {
                response.metadata.truncation = true;
                vec![]
            }
            Some(Answer::Code(code)) => {
                response.metadata.response_code = code;
                vec![]
            }
            Some(
                Answer::Addresses(addresses)
                | Answer::OverTcp(addresses)
                | Answer::SilentAboutIpv6(addresses),
            ) => addresses,
            None => {
                response.metadata.response_code = ResponseCode::NXDomain;
                vec![]
            }
        };
        let of_kind = addresses
            .into_iter()
            .filter(|ip| ip.is_ipv6() == (kind == RecordType::AAAA));
        // A TTL of 0 keeps every answer out of the resolver's memory.
        response.add_answers(
            of_kind.map(|ip| Record::from_rdata(query.name().clone(), 0, RData::from(ip))),
        );
        Some(response.to_vec().expect("an answer"))
    }
}

/// The name server; it ends when it is dropped.
pub struct NameServer {
    pub address: SocketAddr,
    zone: Zone,
    tasks: Vec<AbortHandle>,
    dir: TempDir,
}

impl NameServer {
    pub async fn start() -> Self {
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            // The same port may be taken for UDP.
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().expect("an address")).await {
                break (tcp, udp);
            }
        };
        let zone = Zone::default();
        let address = tcp.local_addr().expect("an address");
        let (over_udp, over_tcp) = (zone.clone(), zone.clone());
        let tasks = vec![
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                loop {
                    let Ok((length, peer)) = udp.recv_from(&mut bytes).await else {
                        continue;
                    };
                    if let Some(answer) = over_udp.answer(&bytes[..length], true) {
                        let _ = udp.send_to(&answer, peer).await;
                    }
                }
            })
            .abort_handle(),
            tokio::spawn(async move {
                loop {
                    let (stream, _) = tcp.accept().await.expect("a connection");
                    tokio::spawn(serve(stream, over_tcp.clone()));
                }
            })
            .abort_handle(),
        ];
        let server = Self {
            address,
            zone,
            tasks,
            dir: tempfile::tempdir().expect("a directory"),
        };
        server.configure("");
        std::fs::write(server.hosts(), "").expect("writable");
        server
    }

    /// From now on, the name gets this answer.
    pub fn say(&self, name: &str, answer: Answer) {
        let mut names = self.zone.names.lock().expect("not poisoned");
        names.insert(format!("{name}."), answer);
    }

    /// Every question so far.
    pub fn asked(&self) -> Vec<(String, RecordType)> {
        self.zone.asked.lock().expect("not poisoned").clone()
    }

    /// The file that leads to this server.
    pub fn resolv_conf(&self) -> PathBuf {
        self.dir.path().join("resolv.conf")
    }

    pub fn hosts(&self) -> PathBuf {
        self.dir.path().join("hosts")
    }

    /// Writes the file anew, with `more` lines.
    pub fn configure(&self, more: &str) {
        let text = format!("nameserver [127.0.0.1]:{}\n{more}\n", self.address.port());
        std::fs::write(self.resolv_conf(), text).expect("writable");
    }

    /// A resolver that asks this server.
    pub fn names(&self) -> Arc<Names> {
        Arc::new(Names::new(Files {
            resolv_conf: self.resolv_conf(),
            hosts: self.hosts(),
        }))
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn serve(mut stream: TcpStream, zone: Zone) {
    while let Ok(length) = stream.read_u16().await {
        let mut question = vec![0; usize::from(length)];
        if stream.read_exact(&mut question).await.is_err() {
            return;
        }
        if let Some(answer) = zone.answer(&question, false) {
            let length = u16::try_from(answer.len()).expect("short");
            let whole = [length.to_be_bytes().to_vec(), answer].concat();
            if stream.write_all(&whole).await.is_err() {
                return;
            }
        }
    }
}
