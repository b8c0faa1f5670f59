//! acceptd answers one question well: has this LinkedIn invitation been accepted, and since when?
//!
//! ```text
//!  intake/unipile   ┐                                              ┌ slack
//!  intake/sendpilot │            ┌───────── one transaction ──────┐│
//!  invite results   ├─ Signal ─► │ resolve ─► stamp ─► ledger row ││─► tell ─► webhook (n8n, Zapier, …)
//!  poll (relations) │            │                     + event    ││
//!  poll (resync)    │            │                     + delivery ││
//!  cli/api (manual) ┘            └─────────────────────────────────┘└ sendpilot
//!   many sources of signals            one routine                   one way out
//! ```
//!
//! The modules in reading order:
//!
//! - [`domain`][]: the vocabulary
//! - [`api`][]: the requests and answers of the HTTP API
//! - [`clock`], [`wake`], [`http`] and [`metrics`][]: shared by the others
//! - [`config`][]: the configuration file
//! - [`store`][]: the only SQL
//! - [`reconcile`][]: the one stamping routine
//! - [`provider`][]: calls to the provider, each with a permit
//! - [`intake`][]: webhooks
//! - [`poll`][]: decides which account is called next, and for what
//! - [`tell`][]: deliveries
//! - [`web`][]: the API and the dashboard
//! - [`daemon`][]: the process
//! - [`cli`][]: the commands
//! - [`sim`][]: a simulated Unipile
//!
//! `ARCHITECTURE.md` has the invariants, the walkthroughs and what imports what. `docs/rules` has the rules of the program.

pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod domain;
pub mod http;
pub mod import;
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
