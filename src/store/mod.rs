//! The only SQL: one writer thread that batches, query-only readers, migrations, one file per table family.
