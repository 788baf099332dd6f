//! `make-samples`: writes the synthetic samples, from the recorded ones beside
//! them.

use anyhow::Result;
use dxgtrace_tests::{samples, synthetic};

fn main() -> Result<()> {
    for (name, content) in synthetic::all(&samples())? {
        std::fs::write(samples().join(name), content)?;
    }
    Ok(())
}
