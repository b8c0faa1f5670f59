//! Calls out to Unipile: the client, its types, and the pacer whose permit lets a call leave.
