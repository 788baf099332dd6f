//! A virtual machine: what it is made of, and its run.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    Options,
    image::{self, Image},
};

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_ARM64_LIBRARY: &str = "/usr/lib/rustlib/aarch64-unknown-linux-gnu";
const PROGRAMS: [&str; 2] = ["dxgtrace", "vm-guest"];

/// A kind of processor, by Debian's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    Amd64,
    Arm64,
}

impl Arch {
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "amd64" => Some(Self::Amd64),
            "arm64" => Some(Self::Arm64),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// Rust's name.
    fn target(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// Where the libraries of programs for it are on this machine, and which
    /// they need; the first is the loader, with its place in the machine.
    fn libraries(self) -> (&'static [&'static str], &'static str, [&'static str; 3]) {
        let common = ["libc.so.6", "libm.so.6", "libgcc_s.so.1"];
        match self {
            Self::Amd64 => (
                &["/lib/x86_64-linux-gnu", "/lib64"],
                "lib64/ld-linux-x86-64.so.2",
                common,
            ),
            Self::Arm64 => (
                &["/usr/aarch64-linux-gnu/lib"],
                "lib/ld-linux-aarch64.so.1",
                common,
            ),
        }
    }

    fn qemu(self) -> Command {
        match self {
            Self::Amd64 => {
                let mut command = Command::new("qemu-system-x86_64");
                command.args(["-machine", "q35", "-cpu", "max"]);
                command
            }
            Self::Arm64 => {
                let mut command = Command::new("qemu-system-aarch64");
                command.args(["-machine", "virt", "-cpu", "cortex-a72"]);
                command
            }
        }
    }

    fn console(self) -> &'static str {
        match self {
            Self::Amd64 => "ttyS0",
            Self::Arm64 => "ttyAMA0",
        }
    }
}

/// A machine that is ready to run.
pub struct Machine {
    name: String,
    arch: Arch,
    folder: PathBuf,
}

impl Machine {
    /// Fetches the kernel, builds the modules, and packs them with the programs,
    /// which are in the folder `programs`.
    pub fn prepare(kernel: &str, options: &Options, programs: &Path) -> Result<Self> {
        let arch = options.arch;
        let root = image::root();
        let name = format!("{kernel}-{}", arch.name());
        let folder = root.join("target/vm").join(&name);
        for script in ["tests/vm/fetch", "tests/vm/modules/build"] {
            let status = Command::new(root.join(script))
                .args([kernel, arch.name()])
                .status()
                .with_context(|| script.to_owned())?;
            ensure!(status.success(), "{script} {kernel} has failed");
        }
        let mut image = Image::new();
        image.file("bin/busybox", &folder.join("busybox"))?;
        for program in PROGRAMS {
            image.file(&format!("bin/{program}"), &programs.join(program))?;
        }
        libraries(&mut image, arch)?;
        let modules = folder.join("modules");
        files(&mut image, "modules", &modules, "ko")?;
        let nameless = modules.join("nameless");
        files(&mut image, "modules/nameless", &nameless, "ko")?;
        files(&mut image, "samples", &root.join("samples"), "pcapng")?;
        image.content("init", &fs::read(root.join("tests/vm/init"))?, true);
        image.file("script", &options.script)?;
        fs::write(folder.join("image.cpio"), image.finish())?;
        Ok(Self { name, arch, folder })
    }

    /// Boots it and waits for its end.
    pub fn run(&self, options: &Options) -> Result<Run> {
        let console = self.folder.join("console.log");
        File::create(&console)?;
        let append = format!(
            "console={} quiet loglevel=4 panic=-1 oops=panic rdinit=/init",
            self.arch.console()
        );
        eprintln!("{}: running, see {}", self.name, console.display());
        let start = Instant::now();
        let mut machine = self
            .arch
            .qemu()
            // One thread for all processors: with one each, QEMU before 8.1
            // can go on running code that another processor has patched, as
            // probes do. Help of the hardware is not whole on all hosts.
            .args(["-accel", "tcg,thread=single"])
            .args([
                "-smp",
                &options.cpus.to_string(),
                "-m",
                "2G",
                "-no-reboot",
                "-display",
                "none",
            ])
            .args(["-monitor", "none", "-nic", "none"])
            .arg("-serial")
            .arg(format!("file:{}", console.display()))
            .arg("-kernel")
            .arg(self.folder.join("kernel"))
            .arg("-initrd")
            .arg(self.folder.join("image.cpio"))
            .args(["-append", &append])
            .stdin(Stdio::null())
            .spawn()
            .context("QEMU cannot be started")?;
        let in_time = loop {
            if machine.try_wait()?.is_some() {
                break true;
            }
            if start.elapsed() > options.timeout {
                machine.kill()?;
                machine.wait()?;
                break false;
            }
            sleep(Duration::from_millis(100));
        };
        let log = String::from_utf8_lossy(&fs::read(&console)?).replace('\r', "");
        let ours = log.lines().filter_map(|line| line.split_once("vm: "));
        let lines: Vec<String> = ours.map(|(_, line)| line.to_owned()).collect();
        fs::write(self.folder.join("result"), lines.join("\n"))?;
        Ok(Run {
            name: self.name.clone(),
            elapsed: start.elapsed(),
            in_time,
            lines,
        })
    }
}

/// What a machine has said.
pub struct Run {
    name: String,
    elapsed: Duration,
    in_time: bool,
    /// Its lines for us.
    pub lines: Vec<String>,
}

impl Run {
    /// Whether it came to its end and all was well.
    pub fn well(&self) -> bool {
        self.in_time && self.lines.iter().any(|line| line == "end 0")
    }

    /// Its lines and an end.
    pub fn summary(&self) -> String {
        let mut text: String = self
            .lines
            .iter()
            .map(|line| format!("{}: {line}\n", self.name))
            .collect();
        let end = match (self.well(), self.in_time) {
            (true, _) => "all is well",
            (false, true) => "FAILED",
            (false, false) => "FAILED: not done in time",
        };
        text += &format!("{}: {end}, {:.0} s", self.name, self.elapsed.as_secs_f32());
        text
    }
}

/// Builds the programs that run in a machine; gives their folder.
pub fn build(options: &Options) -> Result<PathBuf> {
    let (root, arch) = (image::root(), options.arch);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(&root).args(["build", "--quiet"]);
    for program in PROGRAMS {
        command.args(["--bin", program]);
    }
    let mut folder = root.join("target");
    if arch == Arch::Arm64 {
        // Debian's compiler, if it can: rustup's has one library by default.
        // Its files are kept apart, since the other's do not fit.
        folder.push("vm/cross");
        command.args(["--target", arch.target(), "--target-dir"]);
        command.arg(&folder);
        command.env(
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
            "aarch64-linux-gnu-gcc",
        );
        if Path::new(DEBIAN_ARM64_LIBRARY).exists() {
            command.env("RUSTC", DEBIAN_RUSTC);
        }
        folder.push(arch.target());
    }
    if options.release {
        command.args(["--profile", "ci"]);
    }
    ensure!(command.status()?.success(), "the programs do not build");
    Ok(folder.join(if options.release { "ci" } else { "debug" }))
}

/// Packs the files of a folder that have this extension.
fn files(image: &mut Image, to: &str, from: &Path, extension: &str) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == extension) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            image.file(&format!("{to}/{name}"), &path)?;
        }
    }
    Ok(())
}

/// Packs the C library that the programs are linked with.
fn libraries(image: &mut Image, arch: Arch) -> Result<()> {
    let (folders, loader, names) = arch.libraries();
    let find = |name: &str| {
        folders
            .iter()
            .map(|folder| Path::new(folder).join(name))
            .find(|path| path.exists())
    };
    let loader_name = loader.rsplit('/').next().unwrap_or(loader);
    let libraries = names.map(|name| (name, format!("lib/{name}")));
    for (name, place) in libraries
        .into_iter()
        .chain([(loader_name, loader.to_owned())])
    {
        let Some(path) = find(name) else {
            bail!("{name} for {} is not on this machine", arch.name());
        };
        image.file(&place, &path)?;
    }
    Ok(())
}
