//! The one stamping routine: resolve, decide, stamp.
