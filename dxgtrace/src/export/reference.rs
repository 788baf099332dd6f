//! x
use std::fmt::{self, Write};
/// x
pub fn reference(_out: &mut impl Write) -> fmt::Result {
    Ok(())
}
