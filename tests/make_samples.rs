//! `make-samples`: writes the synthetic samples, from the recorded ones beside
//! them.

use anyhow::Result;
use dxgtrace_tests::{rule_samples, samples, synthetic};

fn main() -> Result<()> {
    for (name, content) in synthetic::all(&samples())? {
        std::fs::write(samples().join(name), content)?;
    }
    let folder = samples().join("rules");
    std::fs::create_dir_all(&folder)?;
    for (name, content) in rule_samples::all(&samples())? {
        std::fs::write(folder.join(name), content)?;
    }
    Ok(())
}
