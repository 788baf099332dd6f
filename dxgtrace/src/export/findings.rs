//! x
use std::fmt::{self, Write};
/// x
pub fn findings(_out: &mut impl Write) -> fmt::Result {
    Ok(())
}
