//! The HTTP surface on a real socket, with a database of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::config::{self, Config};
use acceptd::metrics::Metrics;
use acceptd::store::{Store, Unobserved};
use acceptd::wake::Wakes;
use acceptd::web::{App, Parts, router, server};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The admin token of the sites that have one.
pub const TOKEN: &str = "the-admin-token-of-a-test";

/// A running site; it ends when it is dropped.
pub struct Site {
    pub store: Store,
    pub address: SocketAddr,
    pub shutdown: CancellationToken,
    _config: watch::Sender<Arc<Config>>,
    _trouble: watch::Sender<Option<String>>,
    _folder: TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Site {
    pub async fn start(toml: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("acceptd.db"), Arc::new(Unobserved))
            .expect("a database");
        let (config, _) = config::parse(toml).expect("a configuration");
        let (config, config_in_force) = watch::channel(Arc::new(config));
        let (trouble, poll_trouble) = watch::channel(None);
        let shutdown = CancellationToken::new();
        let metrics = Metrics::new();
        let app = App::new(Parts {
            store: store.clone(),
            clock: Clock::system(),
            wakes: Wakes::default(),
            config: config_in_force,
            metrics: metrics.clone(),
            poll_trouble,
            shutdown: shutdown.clone(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(server::serve(
            vec![listener],
            router(app),
            100,
            metrics,
            Duration::from_secs(5),
            shutdown.clone(),
        ));
        Self {
            store,
            address,
            shutdown,
            _config: config,
            _trouble: trouble,
            _folder: folder,
        }
    }

    /// A site with [`TOKEN`].
    pub async fn guarded() -> Self {
        Self::start(&format!("[server]\nadmin_token = \"{TOKEN}\"\n")).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// A client that follows nothing and keeps no cookie.
pub fn client() -> reqwest::Client {
    acceptd::http::client(Duration::from_secs(20)).expect("a client")
}
