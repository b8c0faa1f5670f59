//! Runs a simulated Unipile on a port of its own, for trying acceptd or another client of Unipile without an account.
//!
//! ```text
//! cargo run --example simulated_unipile -- --listen 127.0.0.1:9100 --accounts 2 --relations 250 --accept-every 30
//! ```
//!
//! It prints its address, its API key and its accounts as one line of JSON, and runs until it is stopped. With `--accept-every`, each
//! account regularly sends an invite that is accepted, and registered webhooks are called.

use std::net::SocketAddr;
use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::sim::{Member, Settings, Sim};
use clap::Parser;
use serde_json::json;
use tokio::net::TcpListener;

/// Runs a simulated Unipile.
#[derive(Parser)]
struct Options {
    /// Address to listen on; port 0 takes a free port.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Number of connected LinkedIn accounts: acc_1, acc_2, …
    #[arg(long, default_value_t = 1)]
    accounts: u64,
    /// Number of relations of each account.
    #[arg(long, default_value_t = 250)]
    relations: u64,
    /// The API key that requests must send as X-API-KEY.
    #[arg(long, default_value = "simulated-key")]
    key: String,
    /// Seconds between two accepted invites of an account; 0 for none.
    #[arg(long, default_value_t = 0)]
    accept_every: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let clock = Clock::system();
    let settings = Settings {
        api_key: options.key.clone(),
        ..Settings::default()
    };
    let listener = TcpListener::bind(options.listen).await?;
    let sim = Sim::on(listener, clock.clone(), settings)?;
    let names: Vec<_> = (1..=options.accounts).map(|n| format!("acc_{n}")).collect();
    for (name, n) in names.iter().zip(1_u64..) {
        sim.add_account(name, Member::made_up(400_000_000 + n));
        let relations = (0..options.relations).map(|r| {
            let since = clock.now().minus(Duration::from_secs(3_600 * (r + 1)));
            (Member::made_up(700_000_000 + 1_000_000 * n + r), since)
        });
        sim.add_connections(name, relations);
    }
    // A person without any connection, to try an invite with.
    let stranger = Member::made_up(731_204_558);
    sim.add_member(stranger.clone());
    println!(
        "{}",
        json!({
            "baseUrl": sim.base_url(),
            "apiKey": options.key,
            "accounts": names,
            "stranger": {"providerId": stranger.provider_id(), "publicIdentifier": stranger.slug},
        })
    );
    let accepts = async {
        if options.accept_every == 0 {
            return std::future::pending().await;
        }
        for number in 800_000_000.. {
            clock.sleep(Duration::from_secs(options.accept_every)).await;
            for (name, n) in names.iter().zip(0..) {
                let prospect = sim.add_member(Member::made_up(number + 10_000_000 * n));
                sim.invite(name, prospect, Some("Open to connect?"));
                sim.accept(name, prospect, clock.now());
            }
        }
    };
    tokio::select! {
        () = accepts => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    Ok(())
}
