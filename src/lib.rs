//! acceptd answers one question well: has this LinkedIn invitation been accepted, and since when?
//!
//! ```text
//!  intake/unipile   ┐                                              ┌ slack
//!  intake/sendpilot │            ┌───────── one transaction ──────┐│
//!  invite results   ├─ Signal ─► │ resolve ─► stamp ─► ledger row ││─► tell ─► webhook (n8n, Zapier, …)
//!  poll (relations) │            │                     + event    ││
//!  poll (resync)    │            │                     + delivery ││
//!  cli/api (manual) ┘            └─────────────────────────────────┘└ sendpilot
//!       many ways to know              one routine                    one way out
//! ```
//!
//! The modules in reading order: [`domain`] the words, [`clock`], [`wake`], [`http`] and [`metrics`] what others lean on,
//! [`config`] the file, [`store`] the only SQL, [`reconcile`] the one stamping routine, [`intake`] webhooks in, [`provider`]
//! calls out and the permit without which none leaves, [`poll`] who is looked for when, [`tell`] deliveries, [`web`] the API and
//! the dashboard, [`daemon`] the process, [`cli`] the commands, [`sim`] a simulated Unipile.

pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod domain;
pub mod http;
pub mod intake;
pub mod metrics;
pub mod poll;
pub mod provider;
pub mod reconcile;
pub mod sim;
pub mod store;
pub mod tell;
pub mod wake;
pub mod web;
