//! `dxgtrace doctor` on made-up machines, and on configuration spaces.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use dxgtrace_doctor::{ConfigSpace, DriverThreads, FactLevel, MachineFact, SystemFiles, examine};
use dxgtrace_tests::exercise::virtual_gpu;
use dxgtrace_tests::program::{run, scratch, text};
use flate2::Compression;
use flate2::write::GzEncoder;

const INSTANCE: &str = "0001a2b3-0000-0000-9f31-1c557a02d466";
const IN_MEMORY: [u8; 16] = *b"\xb3\xa2\x01\0\0\0\0\0\x9f\x31\x1c\x55\x7a\x02\xd4\x66";
const OPTIONS: &str = "CONFIG_HYPERV=y\nCONFIG_DXGKRNL=y\nCONFIG_BPF_SYSCALL=y\nCONFIG_BPF_JIT=y\n\
    CONFIG_PERF_EVENTS=y\nCONFIG_BPF_EVENTS=y\nCONFIG_DEBUG_INFO_BTF=y\n\
    CONFIG_DEBUG_INFO_BTF_MODULES=y\nCONFIG_FUNCTION_TRACER=y\n\
    CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS=y\nCONFIG_KPROBES=y\nCONFIG_KPROBE_EVENTS=y\n\
    CONFIG_UPROBES=y\nCONFIG_KALLSYMS_ALL=y\n";

const WSL: &str = "/usr/lib/wsl";
const STORE: &str = "/usr/lib/wsl/drivers/nv_dispi.inf_amd64_0123456789abcdef";

/// A 64-bit ELF library with one segment and one section header.
fn library(content: &str) -> Vec<u8> {
    let segment = 120 + content.len();
    let mut bytes = vec![0; segment + 64];
    let mut set = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    set(0, b"\x7fELF\x02\x01\x01");
    set(32, &64u64.to_le_bytes());
    set(40, &(segment as u64).to_le_bytes());
    set(54, &[56, 0, 1, 0, 64, 0, 1, 0]);
    set(64, &1u32.to_le_bytes());
    set(96, &(segment as u64).to_le_bytes());
    set(120, content.as_bytes());
    bytes
}

/// A machine made of files.
struct Machine(PathBuf);

impl Machine {
    fn new(name: &str) -> Self {
        let root = scratch(&format!("machine-{name}"));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("proc")).unwrap();
        Self(root)
    }

    /// A WSL2 guest with a virtual GPU, as it should be.
    fn wsl(name: &str) -> Self {
        let machine = Self::new(name);
        machine
            .file(
                "/proc/sys/kernel/osrelease",
                "6.6.87.2-microsoft-standard-WSL2\n",
            )
            .file("/proc/modules", "")
            .file(
                "/proc/kallsyms",
                "0000000000000000 T vmbus_sendpacket\n0000000000000000 T dxgvmb_send_sync_msg\n",
            )
            .file("/proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n")
            .file("/proc/sys/kernel/perf_event_paranoid", "2\n")
            .file("/proc/sys/kernel/unprivileged_bpf_disabled", "2\n")
            .file("/sys/kernel/btf/vmlinux", "btf")
            .file("/sys/kernel/tracing/events/enable", "0\n")
            .file("/dev/dxg", "")
            .channel(
                "00000000-0000-0000-0000-000000000001",
                "dde9cbc0-5060-4436-9448-ea1254a5d177",
            )
            .channel(INSTANCE, "6e382d18-3336-4f4b-acc4-2b7703d4df4a")
            .function("b1de:00:00.0", &config_space(40, 0x00C0_FFEE, 1));
        machine.user_mode();
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(OPTIONS.as_bytes()).unwrap();
        machine.bytes("/proc/config.gz", &packer.finish().unwrap());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let node = machine.0.join("dev/dxg");
            fs::set_permissions(node, fs::Permissions::from_mode(0o666)).unwrap();
        }
        machine
    }

    /// The libraries of WSL with an NVIDIA GPU, and a cache that names them.
    fn user_mode(&self) -> &Self {
        for name in [
            "libdxcore.so",
            "libd3d12.so",
            "libd3d12core.so",
            "libcuda.so.1",
            "libnvidia-ml.so.1",
        ] {
            self.bytes(&format!("{WSL}/lib/{name}"), &library(name));
        }
        for name in ["libcuda.so.1.1", "libcuda_loader.so", "libnvdxgdmal.so.1"] {
            self.bytes(&format!("{STORE}/{name}"), &library(name));
        }
        self.cache(&[
            ("libdxcore.so", "/usr/lib/wsl/lib/libdxcore.so"),
            ("libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"),
            ("libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1"),
        ])
    }

    /// The loader's cache, with name and path of each library.
    fn cache(&self, libraries: &[(&str, &str)]) -> &Self {
        let mut entries = Vec::new();
        let mut texts = Vec::new();
        let start = 48 + 24 * libraries.len();
        for library in libraries {
            entries.extend(0x0303u32.to_le_bytes());
            for text in [library.0, library.1] {
                entries.extend((start + texts.len()).to_le_bytes()[..4].iter());
                texts.extend(text.as_bytes());
                texts.push(0);
            }
            entries.extend([0; 12]);
        }
        let mut cache = b"glibc-ld.so.cache1.1".to_vec();
        cache.extend(&libraries.len().to_le_bytes()[..4]);
        cache.extend(&texts.len().to_le_bytes()[..4]);
        cache.resize(48, 0);
        cache.extend(entries);
        cache.extend(texts);
        self.bytes("/etc/ld.so.cache", &cache)
    }

    fn link(&self, path: &str, target: &str) -> &Self {
        let path = self.0.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(target, path).unwrap();
        self
    }

    fn bytes(&self, path: &str, content: &[u8]) -> &Self {
        let path = self.0.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn file(&self, path: &str, content: &str) -> &Self {
        self.bytes(path, content.as_bytes())
    }

    fn without(&self, path: &str) -> &Self {
        let path = self.0.join(path.trim_start_matches('/'));
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        self
    }

    fn channel(&self, instance: &str, class: &str) -> &Self {
        let folder = format!("/sys/bus/vmbus/devices/{instance}");
        self.file(&format!("{folder}/class_id"), &format!("{{{class}}}\n"))
            .file(&format!("{folder}/device_id"), &format!("{{{instance}}}\n"))
    }

    fn function(&self, name: &str, config: &[u8]) -> &Self {
        let folder = format!("/sys/bus/pci/devices/{name}");
        let number = |at: usize| format!("0x{:02x}{:02x}\n", config[at + 1], config[at]);
        self.bytes(&format!("{folder}/config"), config)
            .file(&format!("{folder}/vendor"), &number(0))
            .file(&format!("{folder}/device"), &number(2))
    }

    fn examine(&self) -> Vec<MachineFact> {
        examine(&SystemFiles::new(&self.0))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A vGPU's configuration space.
fn config_space(version: u32, luid: u64, capabilities: u32) -> Vec<u8> {
    virtual_gpu(&IN_MEMORY, version, luid, capabilities)
}

fn facts_of(space: &[u8]) -> Vec<MachineFact> {
    ConfigSpace::of_bytes(space).unwrap().facts(None)
}

fn all(facts: &[MachineFact]) -> String {
    let line = |fact: &MachineFact| {
        format!(
            "{} {}: {} | {}\n",
            fact.level.name(),
            fact.topic,
            fact.text,
            fact.fix
        )
    };
    facts.iter().map(line).collect()
}

/// That there is a fact like this.
#[track_caller]
fn has(facts: &[MachineFact], topic: &str, level: FactLevel, text: &str) {
    let found = facts
        .iter()
        .any(|fact| fact.topic == topic && fact.level == level && fact.text.contains(text));
    assert!(found, "no {topic} {level:?} {text:?} in\n{}", all(facts));
}

#[test]
fn on_a_machine_as_it_should_be_nothing_fails() {
    let facts = Machine::wsl("good").examine();
    for fact in &facts {
        assert!(fact.level < FactLevel::Warn, "{}", all(&facts));
    }
    has(&facts, "kernel", FactLevel::Ok, "(WSL)");
    has(&facts, "driver", FactLevel::Ok, "built into");
    has(&facts, "device", FactLevel::Ok, "mode 666");
    has(
        &facts,
        "VMBus",
        FactLevel::Ok,
        "LUID in the guest 00000000-0001a2b3",
    );
    has(
        &facts,
        "PCI",
        FactLevel::Ok,
        "1414:008e, virtual render device",
    );
    has(&facts, "vGPU", FactLevel::Ok, INSTANCE);
    has(&facts, "vGPU", FactLevel::Ok, "interface version 40");
    has(&facts, "vGPU", FactLevel::Ok, "host LUID 00000000-00c0ffee");
    has(&facts, "vGPU", FactLevel::Ok, "can map guest pages");
    has(&facts, "capture", FactLevel::Ok, "fentry/fexit");
}

#[test]
fn what_would_be_used_depends_on_preemption_and_rights() {
    let machine = Machine::wsl("preempts");
    let would = |build: &str, rest: &str| {
        machine.file("/proc/version", &format!("Linux version 6.6 (x) {build}\n"));
        has(&machine.examine(), "capture", FactLevel::Ok, rest);
    };
    would("#1 SMP PREEMPT_DYNAMIC", "would use fentry/fexit: BTF");
    would("#1 SMP PREEMPT", "fentry/fexit where the driver receives");
    would("#1 SMP PREEMPT_RT", "would use kprobe/kretprobe");
    machine.file(
        "/sys/kernel/debug/sched/preempt",
        "none voluntary (full) lazy\n",
    );
    would(
        "#1 SMP PREEMPT_DYNAMIC",
        "fentry/fexit where the driver receives",
    );
    // Only CAP_BPF and CAP_PERFMON, with VMBus in a module.
    machine
        .file("/proc/self/status", "CapEff:\t000000c000000000\n")
        .file("/proc/modules", "hv_vmbus 1 0 - Live 0x0\n")
        .file("/sys/kernel/btf/hv_vmbus", "btf");
    would(
        "#1 SMP",
        "VMBus is a module, whose BTF only CAP_SYS_ADMIN can read",
    );
}

#[test]
fn whatever_fails_or_warns_comes_with_a_fix_except_missing_niceties() {
    let machine = Machine::wsl("bad");
    machine
        .without("/dev/dxg")
        .without("/sys/kernel/btf/vmlinux")
        .without("/sys/bus/pci/devices")
        .without(&format!("/sys/bus/vmbus/devices/{INSTANCE}"))
        .file("/proc/self/status", "CapEff:\t0000000000000000\n")
        .file("/proc/sys/kernel/ftrace_enabled", "0\n")
        .file("/sys/kernel/debug/kprobes/enabled", "0\n")
        .file(
            "/sys/kernel/security/lockdown",
            "none integrity [confidentiality]\n",
        );
    let facts = machine.examine();
    has(&facts, "device", FactLevel::Fail, "not there");
    has(&facts, "BTF", FactLevel::Warn, "not there");
    has(&facts, "PCI", FactLevel::Fail, "no virtual GPU");
    has(&facts, "VMBus", FactLevel::Fail, "no vGPU channel");
    has(
        &facts,
        "rights",
        FactLevel::Warn,
        "CAP_BPF and CAP_PERFMON missing",
    );
    has(&facts, "lockdown", FactLevel::Fail, "confidentiality");
    has(&facts, "switches", FactLevel::Fail, "ftrace_enabled");
    has(&facts, "switches", FactLevel::Fail, "kprobes are disarmed");
    has(&facts, "capture", FactLevel::Fail, "lockdown forbids it");
    for fact in facts.iter().filter(|fact| fact.level >= FactLevel::Warn) {
        assert!(!fact.fix.is_empty(), "{}: {}", fact.topic, fact.text);
    }
}

#[test]
fn without_wsl_libraries_are_not_checked() {
    let machine = Machine::new("not-wsl");
    machine.file("/proc/sys/kernel/osrelease", "6.1.0-54-amd64\n");
    let facts = machine.examine();
    has(&facts, "libraries", FactLevel::Info, "not WSL, not checked");
    let about = |topic| facts.iter().filter(|fact| fact.topic == topic).count();
    assert_eq!((about("libraries"), about("driver store")), (1, 0));
    // The same is a fault on WSL, also with a kernel of one's own.
    machine.file("/proc/sys/fs/binfmt_misc/WSLInterop", "enabled\n");
    has(
        &machine.examine(),
        "libraries",
        FactLevel::Fail,
        "not there",
    );
    machine.file("/.dockerenv", "");
    has(
        &machine.examine(),
        "libraries",
        FactLevel::Fail,
        "not mapped into this container",
    );
}

#[test]
fn damaged_and_missing_libraries_are_named() {
    let machine = Machine::wsl("damaged");
    let whole = library("libnvidia-gpucomp.so");
    machine
        .bytes(&format!("{WSL}/lib/libnvidia-gpucomp.so"), &whole)
        .bytes(&format!("{WSL}/lib/LICENSE.txt"), b"text");
    has(
        &machine.examine(),
        "libraries",
        FactLevel::Ok,
        "6 libraries",
    );
    machine.bytes(
        &format!("{WSL}/lib/libnvidia-gpucomp.so"),
        &whole[..whole.len() - 1],
    );
    let facts = machine.examine();
    has(
        &facts,
        "libraries",
        FactLevel::Fail,
        "libnvidia-gpucomp.so is truncated",
    );
    machine.bytes(&format!("{STORE}/libcuda_loader.so"), b"");
    has(
        &machine.examine(),
        "libraries",
        FactLevel::Fail,
        "libcuda_loader.so is empty",
    );
    machine
        .user_mode()
        .without(&format!("{WSL}/lib/libdxcore.so"))
        .without(&format!("{WSL}/lib/libd3d12.so"))
        .without(&format!("{WSL}/lib/libcuda.so.1"))
        .bytes(&format!("{WSL}/lib/libcuda.so"), b"not a library");
    let facts = machine.examine();
    has(
        &facts,
        "libraries",
        FactLevel::Fail,
        "libdxcore.so is missing",
    );
    has(
        &facts,
        "libraries",
        FactLevel::Warn,
        "libd3d12.so is missing",
    );
    has(
        &facts,
        "libraries",
        FactLevel::Fail,
        "libcuda.so.1 is missing",
    );
    has(
        &facts,
        "libraries",
        FactLevel::Fail,
        "libcuda.so is not a 64-bit",
    );
    machine.without(STORE);
    let facts = machine.examine();
    has(&facts, "driver store", FactLevel::Fail, "empty");
    // Without NVIDIA's package, nobody misses CUDA.
    assert!(
        !all(&facts).contains("libcuda.so.1 is missing"),
        "{}",
        all(&facts)
    );
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_is_a_damaged_library() {
    let machine = Machine::wsl("dangling");
    machine.link(
        &format!("{WSL}/lib/libnvcuvid.so"),
        "/usr/lib/wsl/drivers/gone/x.so",
    );
    has(
        &machine.examine(),
        "libraries",
        FactLevel::Fail,
        "libnvcuvid.so is a link to a file that is not there",
    );
}

#[cfg(unix)]
#[test]
fn a_library_that_hides_the_one_of_wsl_is_found() {
    let machine = Machine::wsl("hidden");
    const OTHER: &str = "/usr/lib/x86_64-linux-gnu/libcuda.so.550.90";
    let hidden = |facts: &[MachineFact]| {
        facts
            .iter()
            .any(|fact| fact.topic == "loader" && fact.level == FactLevel::Fail)
    };
    let cached = |path| {
        machine.cache(&[
            ("libdxcore.so", "/usr/lib/wsl/lib/libdxcore.so"),
            ("libcuda.so.1", path),
            ("libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"),
            ("libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1"),
        ])
    };
    machine
        .bytes(OTHER, &library("another"))
        .link("/lib", "usr/lib")
        .link(
            "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
            "libcuda.so.550.90",
        );
    cached("/lib/x86_64-linux-gnu/libcuda.so.1");
    let facts = machine.examine();
    has(
        &facts,
        "loader",
        FactLevel::Fail,
        "it hides the library of WSL",
    );
    machine.file(
        "/var/lib/dpkg/info/libnvidia-compute-550:amd64.list",
        &format!("/.\n{OTHER}\n"),
    );
    let facts = machine.examine();
    has(
        &facts,
        "loader",
        FactLevel::Fail,
        "the package libnvidia-compute-550",
    );
    let output = run(&["doctor", "--root", text(&machine.0)]).unwrap();
    assert_eq!(output.status.code(), Some(4));

    // What a container runtime mounts there is WSL's.
    machine.file(
        "/proc/self/mountinfo",
        &format!("36 35 0:34 /x/libcuda.so.1.1 {OTHER} ro - 9p none ro\n"),
    );
    assert!(!hidden(&machine.examine()));
    machine.without("/proc/self/mountinfo");
    // So is a copy, and a link to it.
    machine.bytes(OTHER, &library("libcuda.so.1"));
    assert!(!hidden(&machine.examine()));
    machine.link("/usr/lib/libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1");
    cached("/lib/libcuda.so.1");
    machine.bytes(OTHER, &library("another"));
    has(
        &machine.examine(),
        "loader",
        FactLevel::Ok,
        "/lib/libcuda.so.1",
    );
    // A stale entry of the cache is passed over, as the loader does.
    cached("/usr/local/cuda/compat/libcuda.so.1");
    has(
        &machine.examine(),
        "loader",
        FactLevel::Ok,
        "/usr/lib/wsl/lib/libcuda.so.1 (by /etc/ld.so.cache)",
    );
    // LD_LIBRARY_PATH comes first.
    machine.bytes(
        "/proc/self/environ",
        b"HOME=/\0LD_LIBRARY_PATH=:/usr/lib/x86_64-linux-gnu/\0",
    );
    has(
        &machine.examine(),
        "loader",
        FactLevel::Fail,
        "LD_LIBRARY_PATH",
    );
}

#[test]
fn a_loader_that_does_not_look_into_the_folder_is_told() {
    let machine = Machine::wsl("no-cache");
    machine.cache(&[("libc.so.6", "/lib/x86_64-linux-gnu/libc.so.6")]);
    has(
        &machine.examine(),
        "loader",
        FactLevel::Warn,
        "does not name",
    );
    machine.bytes("/etc/ld.so.cache", b"garbage");
    has(
        &machine.examine(),
        "loader",
        FactLevel::Warn,
        "there is no /etc/ld.so.cache",
    );
    machine.bytes("/proc/self/environ", b"LD_LIBRARY_PATH=/usr/lib/wsl/lib\0");
    has(
        &machine.examine(),
        "loader",
        FactLevel::Ok,
        "by LD_LIBRARY_PATH",
    );
}

#[test]
fn what_a_container_lacks_is_told() {
    let machine = Machine::wsl("container");
    machine
        .file("/.dockerenv", "")
        .file("/proc/misc", "122 dxg\n 63 cpu_dma_latency\n")
        .file("/sys/fs/cgroup/devices/devices.list", "c 10:122 rwm\n")
        .file(
            "/proc/self/mountinfo",
            &format!("36 35 0:34 / {WSL}/lib ro - overlay none ro\n37 35 0:35 / {STORE} ro - 9p none ro\n"),
        );
    let facts = machine.examine();
    for fact in &facts {
        assert!(fact.level < FactLevel::Warn, "{}", all(&facts));
    }
    has(
        &facts,
        "container",
        FactLevel::Info,
        "Docker; mounted: /usr/lib/wsl/lib, ",
    );
    has(&facts, "cgroup", FactLevel::Ok, "admits");
    machine
        .file("/sys/fs/cgroup/devices/devices.list", "c 1:3 rwm\n")
        .without(&format!("{STORE}/libnvdxgdmal.so.1"))
        .without(&format!("{WSL}/lib/libdxcore.so"))
        .without(&format!("{WSL}/lib/libd3d12.so"));
    let facts = machine.examine();
    has(&facts, "cgroup", FactLevel::Fail, "refuses /dev/dxg");
    has(
        &facts,
        "driver store",
        FactLevel::Warn,
        "has no libnvdxgdmal.so.1",
    );
    has(
        &facts,
        "libraries",
        FactLevel::Fail,
        "libdxcore.so is missing",
    );
    // Direct3D is for those who asked for graphics.
    assert!(!all(&facts).contains("libd3d12.so is missing"));
    machine.without("/usr/lib/wsl/drivers");
    has(
        &machine.examine(),
        "driver store",
        FactLevel::Fail,
        "not there",
    );
}

#[test]
fn a_module_is_told_from_a_built_in_driver_and_from_none() {
    let machine = Machine::wsl("module");
    machine
        .file(
            "/proc/modules",
            "dxgkrnl 155648 0 - Live 0x0\nhv_vmbus 1 0 - Live 0x0\n",
        )
        .file(
            "/proc/kallsyms",
            "0 t dxgvmb_send_sync_msg\t[dxgkrnl]\n0 T vmbus_sendpacket\t[hv_vmbus]\n",
        )
        .file("/sys/module/dxgkrnl/version", "2.0.3\n");
    let facts = machine.examine();
    has(
        &facts,
        "driver",
        FactLevel::Ok,
        "as a module, version 2.0.3",
    );
    has(
        &facts,
        "capture",
        FactLevel::Ok,
        "fentry/fexit: BTF knows the functions of VMBus",
    );

    let machine = Machine::new("none");
    machine.file("/proc/sys/kernel/osrelease", "6.1.0-54-amd64\n");
    let facts = machine.examine();
    has(
        &facts,
        "driver",
        FactLevel::Fail,
        "neither dxgkrnl nor VMBus",
    );
    has(&facts, "capture", FactLevel::Fail, "no VMBus");

    machine
        .file(
            "/lib/modules/6.1.0-54-amd64/modules.dep",
            "updates/dkms/dxgkrnl.ko.xz: kernel/x.ko\n",
        )
        .file(
            "/lib/modules/6.1.0-54-amd64/modules.builtin",
            "kernel/drivers/hv/hv_vmbus.ko\n",
        );
    let facts = machine.examine();
    has(&facts, "driver", FactLevel::Fail, "not loaded");
    let fix = facts
        .iter()
        .find(|fact| fact.topic == "driver")
        .map(|fact| fact.fix.as_str());
    assert_eq!(fix, Some("modprobe dxgkrnl"));
}

#[test]
fn old_kernels_and_hidden_registers_are_said_to_be() {
    let machine = Machine::wsl("old");
    machine
        .file(
            "/proc/sys/kernel/osrelease",
            "4.19.128-microsoft-standard\n",
        )
        .function("b1de:00:00.0", &config_space(40, 1, 1)[..64]);
    let facts = machine.examine();
    has(&facts, "kernel", FactLevel::Fail, "too old");
    has(&facts, "PCI", FactLevel::Info, "only root can read");
}

#[test]
fn a_channel_that_is_not_offered_is_found() {
    let machine = Machine::wsl("channel");
    machine.without(&format!("/sys/bus/vmbus/devices/{INSTANCE}"));
    has(
        &machine.examine(),
        "vGPU",
        FactLevel::Fail,
        "no such channel is offered",
    );
}

#[test]
fn without_proc_nothing_is_claimed() {
    let facts = examine(&SystemFiles::new("/nonexistent-root"));
    assert_eq!(facts.len(), 1);
    has(&facts, "system", FactLevel::Warn, "no /proc");
}

#[test]
fn registers_are_checked_against_each_other() {
    has(
        &facts_of(&config_space(27, 0x00C0_FFEE, 0)),
        "vGPU",
        FactLevel::Warn,
        "contradict",
    );
    has(
        &facts_of(&config_space(27, 1, 0)),
        "vGPU",
        FactLevel::Ok,
        "no host LUID",
    );
    has(
        &facts_of(&config_space(40, 0, 1)),
        "vGPU",
        FactLevel::Fail,
        "it is empty",
    );
    has(
        &facts_of(&config_space(0, 0, 0)),
        "vGPU",
        FactLevel::Info,
        "assumes 27",
    );
    has(
        &facts_of(&config_space(12, 0, 0)),
        "vGPU",
        FactLevel::Warn,
        "older than 16",
    );
    has(
        &facts_of(&config_space(45, 5, 0)),
        "vGPU",
        FactLevel::Info,
        "offers interface version 45",
    );
    has(
        &facts_of(&config_space(40, 0x1a2b3, 0)),
        "vGPU",
        FactLevel::Info,
        "equals the first 8 bytes",
    );
    has(
        &facts_of(&config_space(40, 5, 6)),
        "vGPU",
        FactLevel::Info,
        "bits 0x6 have no name",
    );
    has(
        &facts_of(&config_space(40, 5, 0)),
        "vGPU",
        FactLevel::Ok,
        "cannot map guest pages",
    );
    let mut space = config_space(40, 5, 1);
    space[192..208].fill(0);
    has(
        &facts_of(&space),
        "vGPU",
        FactLevel::Fail,
        "no channel GUID",
    );
    space[2] = 0x53;
    has(&facts_of(&space), "vGPU", FactLevel::Warn, "1414:0053");
    has(
        &facts_of(&space[..64]),
        "vGPU",
        FactLevel::Fail,
        "only 64 bytes",
    );
}

fn lspci(title: &str, space: &[u8]) -> String {
    let mut text = format!("{title}\n");
    for (row, bytes) in space.chunks(16).enumerate() {
        text.push_str(&format!("{:02x}:", row * 16));
        for byte in bytes {
            text.push_str(&format!(" {byte:02x}"));
        }
        text.push('\n');
    }
    text + "\n"
}

fn doctor(name: &str, content: &[u8]) -> (Option<i32>, String, String) {
    let path = scratch(name);
    fs::write(&path, content).unwrap();
    let output = run(&["doctor", "--config-space", text(&path)]).unwrap();
    fs::remove_file(path).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_saved_configuration_space_is_read_as_bytes_and_as_lspci_prints_it() {
    let space = config_space(40, 0x00C0_FFEE, 1);
    let (code, as_bytes, _) = doctor("space.bin", &space);
    assert_eq!(code, Some(0));
    assert!(
        as_bytes.contains(INSTANCE) && as_bytes.contains("00000000-00c0ffee"),
        "{as_bytes}"
    );
    let mut other = config_space(1, 1, 1);
    other[..4].copy_from_slice(&[0x86, 0x80, 0, 1]);
    let listing = lspci("00:00.0 Host bridge: Intel", &other)
        + &lspci("b1de:00:00.0 3D controller: Microsoft \u{1b}[31m", &space);
    let (code, as_text, _) = doctor("space.txt", listing.as_bytes());
    assert_eq!(code, Some(0));
    assert!(
        as_text.contains("b1de:00:00.0") && as_text.contains("00000000-00c0ffee"),
        "{as_text}"
    );
    assert!(!as_text.contains("Intel") && !as_text.contains('\u{1b}'));
}

#[test]
fn what_is_no_configuration_space_is_refused() {
    for content in [
        &b""[..],
        b"hello",
        b"c0: 01 02\n",
        b"10: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n",
    ] {
        let (code, _, error) = doctor("space.bad", content);
        assert_eq!(code, Some(2), "{content:?}");
        assert!(error.contains("space.bad"), "{error}");
    }
    assert_eq!(
        run(&["doctor", "--config-space", "/nonexistent"])
            .unwrap()
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn hostile_names_reach_the_terminal_escaped() {
    let machine = Machine::wsl("hostile");
    machine
        .file(
            "/proc/sys/kernel/osrelease",
            "6.6.1\u{1b}]0;x\u{7}\u{202e}\n",
        )
        .file("/proc/modules", "dxgkrnl 1 0 - Live 0x0\n")
        .file("/sys/module/dxgkrnl/version", "\u{1b}[2J\n")
        .file("/boot/config-6.6.1", "CONFIG_X=\u{1b}\n");
    let output = run(&["doctor", "--root", text(Path::new(&machine.0))]).unwrap();
    assert_eq!(output.status.code(), Some(0));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown}");
    let json = run(&["doctor", "-T", "jsonl", "--root", text(&machine.0)]).unwrap();
    for line in String::from_utf8(json.stdout).unwrap().lines() {
        let fact: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(fact["type"], "fact");
    }
}

#[cfg(unix)]
#[test]
fn threads_in_an_ioctl_of_the_driver_are_found() {
    let machine = Machine::new("threads");
    let ioctl = "16 0x3 0xc004471f 0x7ffd1000 0x0 0x0 0x0 0x7ffd0f00 0x7f0000001234\n";
    machine
        .link("/proc/10/fd/3", "/dev/dxg")
        .link("/proc/10/fd/4", "socket:[1]")
        .file("/proc/10/task/10/syscall", "running\n")
        .file("/proc/10/task/11/syscall", ioctl)
        .file("/proc/10/task/11/comm", "worker\n")
        .file("/proc/10/task/11/wchan", "dxgvmb_send_sync_msg")
        .file("/proc/10/task/12/syscall", ioctl)
        .file("/proc/10/task/12/comm", "other\n")
        .file("/proc/10/task/12/wchan", "schedule")
        .file(
            "/proc/10/task/12/stack",
            "[<0>] wait_for_completion+0x1/0x2\n[<0>] dxgkio_wait_sync_object_cpu+0x1/0x2 [dxgkrnl]\n",
        )
        .link("/proc/20/fd/3", "/dev/null")
        .file("/proc/20/task/20/syscall", ioctl);
    let found = DriverThreads::of(&SystemFiles::new(&machine.0));
    assert_eq!((found.users, found.hidden), (1, 0));
    let of = |index: usize| {
        let thread = &found.in_ioctl[index];
        (thread.tid, thread.request, thread.place.as_deref())
    };
    assert_eq!(found.in_ioctl.len(), 2);
    assert_eq!(of(0), (11, 0xc004_471f, Some("dxgvmb_send_sync_msg")));
    assert_eq!(
        of(1),
        (12, 0xc004_471f, Some("dxgkio_wait_sync_object_cpu"))
    );
}
