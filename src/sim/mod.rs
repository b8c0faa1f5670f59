//! A simulated Unipile and a receiver, used by the demo and by anyone who wants to try acceptd without an account.
