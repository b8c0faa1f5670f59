//! Host names that get no answer: nothing else is delayed, errors say what is wrong, and a stop takes no longer. Also where
//! deliveries never go: through a proxy of the environment, or to an address that only this machine can reach.

use std::path::Path;
use std::time::{Duration, Instant};

use acceptd::clock::Clock;
use acceptd::sim::receiver::{Receiver, Reply};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::name_server_support::{Answer, NameServer};
use crate::process::Process;
use crate::site_support::{TOKEN, client};

const PATIENCE: Duration = Duration::from_secs(20);
/// What a stop may take in all.
const STOP_MAX: Duration = Duration::from_secs(12);

fn destination(name: &str, url: &str) -> String {
    format!(
        "[[destination]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"{url}\"\nrate = \"1000/s\"\nin_doubt = \"hold\"\n"
    )
}

struct World {
    names: NameServer,
    receiver: Receiver,
    daemon: Process,
}

impl World {
    /// `hooks.test` leads to the receiver. `more` is made with the receiver's port.
    async fn start(more: impl Fn(u16) -> String, settings: &[(&str, &Path)]) -> Self {
        let names = NameServer::start().await;
        names.say("hooks.test", Answer::address("127.0.0.1"));
        let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
        let port = receiver.addr().port();
        let mut daemon = Process::new(&format!(
            "server.admin_token = \"{TOKEN}\"\n{}{}",
            more(port),
            destination("crm", &format!("http://hooks.test:{port}/crm"))
        ));
        let file = names.resolv_conf();
        daemon.start(&["--resolv-conf", file.to_str().expect("text")], settings);
        Self {
            names,
            receiver,
            daemon,
        }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let method = method.parse().expect("a method");
        let ask = client()
            .request(method, self.daemon.url(path))
            .bearer_auth(TOKEN);
        let answer = ask.body(body.to_string()).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap_or_default()
    }

    async fn test(&self, destination: &str) {
        let path = format!("/v1/destinations/{destination}/test");
        self.call("POST", &path, Value::Null).await;
    }

    async fn until_received(&self, count: usize) {
        let end = Instant::now() + PATIENCE;
        while self.receiver.received().len() < count {
            assert!(Instant::now() < end, "{}", self.daemon.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the first delivery to the destination has ended an attempt with an error; returns its state and the error.
    async fn failure(&self, destination: &str) -> (String, String) {
        let path = format!("/v1/deliveries?destination={destination}");
        let end = Instant::now() + PATIENCE;
        loop {
            let page = self.call("GET", &path, Value::Null).await;
            let row = &page["items"][0];
            if let (Some(state), Some(error)) = (row["state"].as_str(), row["lastError"].as_str())
                // The next attempt is on its way.
                && state != "sending"
            {
                return (state.to_owned(), error.to_owned());
            }
            assert!(Instant::now() < end, "{page}\n{}", self.daemon.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hanging_names_delay_no_other_destination_and_no_read() {
    const DEAD: usize = 150;
    let more = |port| {
        let dead = (0..DEAD)
            .map(|n| destination(&format!("dead{n}"), &format!("http://dead{n}.test:{port}/")));
        dead.collect::<String>()
    };
    let mut world = World::start(more, &[]).await;
    for n in 0..DEAD {
        world.names.say(&format!("dead{n}.test"), Answer::Silence);
    }
    for n in 0..DEAD {
        world.test(&format!("dead{n}")).await;
    }
    let begun = Instant::now();
    for n in 1..=20 {
        let one = Instant::now();
        world.test("crm").await;
        world.until_received(n).await;
        world.call("GET", "/v1/enrollments", Value::Null).await;
        world.call("GET", "/v1/deliveries", Value::Null).await;
        assert!(
            one.elapsed() < Duration::from_secs(4),
            "{:?}",
            one.elapsed()
        );
    }
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    let (state, error) = world.failure("dead0").await;
    assert_eq!(state, "pending", "never written, so not in doubt: {error}");
    assert!(
        error.contains("the name dead0.test could not be resolved: no"),
        "{error}"
    );

    // The next attempts are under way by then, or wait.
    let stop = Instant::now();
    assert!(world.daemon.stop().success());
    assert!(stop.elapsed() < STOP_MAX, "{:?}", stop.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_10_s_for_a_delivery_and_no_longer() {
    let mut world = World::start(
        |port| destination("dead", &format!("http://dead.test:{port}/")) + "timeout = \"60s\"\n",
        &[],
    )
    .await;
    world.daemon.cuts_off_a_delivery();
    world.names.say("dead.test", Answer::Silence);
    world
        .receiver
        .answer("/crm", Reply::ok().after(Duration::from_secs(60)));
    world.test("crm").await;
    world.until_received(1).await;
    world.test("dead").await;
    let end = Instant::now() + PATIENCE;
    while !world
        .names
        .asked()
        .iter()
        .any(|(name, _)| name == "dead.test.")
    {
        assert!(Instant::now() < end, "{}", world.daemon.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let stop = Instant::now();
    assert_eq!(world.daemon.stop().code(), Some(0));
    let took = stop.elapsed();
    assert!(
        took > Duration::from_secs(9) && took < STOP_MAX,
        "{took:?}\n{}",
        world.daemon.log()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_goes_through_a_proxy_of_the_environment() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", proxy.local_addr().expect("an address"));
    let url = Path::new(&url);
    let names = [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ];
    let settings: Vec<_> = names.iter().map(|name| (*name, url)).collect();
    let more = |port| {
        format!(
            "[unipile]\nbase_url = \"http://provider.test:{port}\"\napi_key = \"k\"\n[poll]\nspacing = \"1s\"\nspacing_jitter = \"1s\"\n"
        )
    };
    let world = World::start(more, &settings).await;
    world
        .names
        .say("provider.test", Answer::address("127.0.0.1"));
    world.test("crm").await;
    world.until_received(1).await;
    let row =
        json!([{"id": "e", "accountId": "a", "linkedinUrl": "https://www.linkedin.com/in/ada-l"}]);
    world.call("POST", "/v1/enrollments", row).await;
    world.daemon.signal("USR1");
    world.until_received(2).await;
    let connected = tokio::time::timeout(Duration::from_millis(50), proxy.accept()).await;
    assert!(connected.is_err(), "the proxy was asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_whose_name_hangs_is_not_said_to_be_slow() {
    let more = |_| {
        "[unipile]\nbase_url = \"http://provider.test:1\"\napi_key = \"k\"\ntimeout = \"3s\"\n[poll]\nspacing = \"1s\"\nspacing_jitter = \"1s\"\n".to_owned()
    };
    let world = World::start(more, &[]).await;
    world.names.say("provider.test", Answer::Silence);
    let row =
        json!([{"id": "e", "accountId": "a", "linkedinUrl": "https://www.linkedin.com/in/ada-l"}]);
    world.call("POST", "/v1/enrollments", row).await;
    world.daemon.signal("USR1");
    world
        .daemon
        .wait_for_log("the name provider.test could not be resolved: no name server answered");
    assert!(!world.daemon.log().contains("did not answer in time"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn special_addresses_are_refused_by_name_and_by_number() {
    let more = |port| {
        destination("meta", &format!("http://meta.test:{port}/"))
            + &destination("mixed", &format!("http://mixed.test:{port}/"))
            + &destination("literal", "http://169.254.169.254/latest/meta-data/")
            + &destination("mapped", "http://[::ffff:169.254.169.254]/")
            + &destination("any", &format!("http://0.0.0.0:{port}/"))
            + &destination("private", &format!("http://127.0.0.1:{port}/private"))
    };
    let world = World::start(more, &[]).await;
    world
        .names
        .say("meta.test", Answer::address("169.254.169.254"));
    let mixed = ["127.0.0.1", "fe80::1"].map(|ip| ip.parse().expect("an address"));
    world
        .names
        .say("mixed.test", Answer::Addresses(mixed.to_vec()));
    for (name, address) in [
        ("meta", "169.254.169.254 is a link-local address"),
        ("mixed", "fe80::1 is a link-local address"),
        ("literal", "169.254.169.254 is a link-local address"),
        ("mapped", "::ffff:169.254.169.254 is a link-local address"),
        ("any", "0.0.0.0 is an unspecified address"),
    ] {
        world.test(name).await;
        let (state, error) = world.failure(name).await;
        assert_eq!(state, "pending", "never written, so not in doubt: {error}");
        assert!(
            error.contains(&format!("destination \"{name}\"")) && error.contains(address),
            "{error}"
        );
    }
    assert!(world.receiver.received().is_empty());
    world.test("private").await;
    world.until_received(1).await;
}
