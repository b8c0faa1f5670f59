//! A simulated Unipile on a port of its own: for trying acceptd, or anything else that speaks to Unipile, without an account.
//!
//! ```text
//! cargo run --example simulated_unipile -- --listen 127.0.0.1:9100 --accounts 2 --relations 250 --accept-every 30
//! ```
//!
//! It prints its address, its key and its accounts, one JSON object in a line, and answers until it is stopped. With
//! `--accept-every` each account sends an invite and sees it accepted again and again; whoever registered a webhook is told.

use std::net::SocketAddr;
use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::sim::{Member, Settings, Sim};
use clap::Parser;
use serde_json::json;
use tokio::net::TcpListener;

/// A simulated Unipile.
#[derive(Parser)]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How many LinkedIn accounts are connected: acc_1, acc_2, …
    #[arg(long, default_value_t = 1)]
    accounts: u64,
    /// How many relations each of them has.
    #[arg(long, default_value_t = 250)]
    relations: u64,
    /// The key that requests have to carry in X-API-KEY.
    #[arg(long, default_value = "simulated-key")]
    key: String,
    /// Seconds between two invites of an account that are accepted; 0 for none.
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
    // Somebody whom nobody knows yet, to try an invite with.
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
