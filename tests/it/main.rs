//! The one integration binary: one file per behaviour, what they share in `support`.

mod api_campaigns;
mod api_enrollments;
mod api_errors;
mod api_outbox;
mod bad_input;
mod config;
mod constraints;
mod dashboard;
mod demo;
mod faults;
mod house_rules;
mod logs;
mod migrations;
mod openapi;
mod process;
mod provider_client;
mod pruning;
mod sim;
mod site_support;
mod slow_clients;
mod stats;
mod stream;
mod tell_delivery;
mod tell_dispatch;
mod tell_in_doubt;
mod tell_support;
