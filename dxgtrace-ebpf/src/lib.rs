//! What the probe and user space share.
#![no_std]
