//! The checked-in probe is the one that its sources make.
