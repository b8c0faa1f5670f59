//! The configuration file: its shape, its secrets, and everything that can be wrong with it.
