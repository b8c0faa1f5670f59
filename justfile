# What people type every day. `just` lists it.

_list:
    @just --list

# A full run on loopback: no account, no key.
demo:
    cargo run --release -- demo --once

# The daemon with the demo's data and the dashboard.
dashboard:
    cargo run --release -- demo

# The tests that need a few seconds.
unit filter="":
    cargo test --lib {{filter}}

# The built program from outside.
it filter="":
    cargo test --test it {{filter}}

# Renews docs/openapi.json after a change of the API.
openapi:
    UPDATE_OPENAPI=1 cargo test --test it openapi::its_copy_is_current

# A simulated day of a thousand accounts; some eight minutes.
day seed="7":
    ACCEPTD_SEED={{seed}} cargo test --test day -- --nocapture

# Format, lints, spelling.
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    typos

# How fast the parts are that every webhook passes through.
bench:
    cargo bench

# Everything, as root on Debian 12. Name steps to run only those: `just ci systemd`.
ci *steps:
    bash .ci/run {{steps}}
