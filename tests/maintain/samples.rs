//! `maintain samples`: writes the synthetic samples, from the recorded ones
//! beside them, and a small one for every kind of finding.

use anyhow::Result;
use dxgtrace_tests::{findings, rule_samples, samples, synthetic};

/// Writes them into the folder of samples.
pub fn write() -> Result<()> {
    for (name, content) in synthetic::all(&samples())? {
        std::fs::write(samples().join(name), content)?;
    }
    let folder = samples().join("rules");
    std::fs::create_dir_all(&folder)?;
    for (name, content) in rule_samples::all(&samples())? {
        std::fs::write(folder.join(name), content)?;
    }
    let folder = samples().join("findings");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("README.md"), findings::list()?)?;
    for case in findings::all()? {
        let name = format!("{}.pcapng", case.code.word());
        std::fs::write(folder.join(name), findings::file(&case.found)?)?;
    }
    Ok(())
}
