//! Who is looked for when: the tick, the relations list, resyncs.
