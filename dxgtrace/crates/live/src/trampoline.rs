//! Attaches fentry and fexit programs to functions of the kernel and of modules.
//!
//! aya attaches them to the kernel's own functions only: for a function of a
//! module, the load command must name the module's BTF. So this module parses the
//! programs with aya's parser, binds them to the maps that aya has created, and
//! loads them itself.

use std::{
    collections::HashSet,
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use aya::{Ebpf, maps::Map};
use aya_obj::Object;

use super::{
    bpf::{self, HookSide, TracingProgram},
    btf::Btf,
    error::one_line,
    hooks::Hook,
};

/// An error of the kernel that the C library does not know: the architecture does
/// not support attaching.
const ENOTSUPP: i32 = 524;

/// The fentry and fexit programs, ready to be loaded.
pub(super) struct Trampolines {
    object: Object,
    kernel: Btf,
}

/// A program attached to a function.
pub(super) struct TracedFunction {
    pub(super) name: &'static str,
    pub(super) program: OwnedFd,
    /// The program is attached until this is dropped.
    _link: OwnedFd,
}

impl Trampolines {
    /// Binds the programs in `probe` to the maps of `ebpf`.
    pub(super) fn new(probe: &[u8], ebpf: &Ebpf) -> Result<Self, String> {
        let kernel = Btf::read(None).map_err(|_| "the kernel has no BTF".to_owned())?;
        let mut object = Object::parse(probe).map_err(|error| one_line(&error))?;
        let maps = object.maps.clone();
        let bound = maps.iter().filter_map(|(name, map)| {
            let fd = map_fd(ebpf.map(name)?)?;
            Some((name.as_str(), fd, map))
        });
        let text: HashSet<usize> = object.functions.keys().map(|(index, _)| *index).collect();
        object
            .relocate_maps(bound, &text)
            .and_then(|()| object.relocate_calls(&text))
            .map_err(|error| one_line(&error))?;
        Ok(Self { object, kernel })
    }

    /// Hooks a function of the kernel or of `module`. Its return is hooked first,
    /// since the probe ignores a return without an entry.
    pub(super) fn attach(
        &self,
        hook: &Hook,
        module: Option<&str>,
    ) -> Result<Vec<TracedFunction>, String> {
        let refused = |error: io::Error| error.to_string();
        let (function, object) = match module {
            None => (self.kernel.function(hook.function), None),
            Some(module) => {
                let types = Btf::read(Some(module))
                    .map_err(|_| format!("the module {module} has no BTF"))?;
                let function = self.kernel.function_of(&types, hook.function);
                (function, Some(bpf::btf_of_module(module).map_err(refused)?))
            }
        };
        let function = function.ok_or("BTF does not know it")?;
        let shape = hook
            .fentry
            .iter()
            .find(|shape| shape.parameters == function.parameters)
            .ok_or_else(|| format!("it has {} parameters", function.parameters))?;
        let programs = [(shape.exit, HookSide::Exit), (shape.entry, HookSide::Entry)];
        let mut traced = Vec::new();
        for (name, side) in programs {
            let Some(name) = name else { continue };
            let unknown = || format!("the probe has no program {name}");
            let program = self.object.programs.get(name).ok_or_else(unknown)?;
            let key = program.function_key();
            let body = self.object.functions.get(&key).ok_or_else(unknown)?;
            let program = bpf::load(&TracingProgram {
                name,
                instructions: &body.instructions,
                license: &program.license,
                side,
                function: function.id,
                object: object.as_ref().map(AsFd::as_fd),
            })
            .map_err(|(error, log)| match log.trim_end().lines().last() {
                Some(last) => format!("{error}: {last}"),
                None => error.to_string(),
            })?;
            let link = bpf::attach(program.as_fd()).map_err(|error| {
                if error.raw_os_error() == Some(ENOTSUPP) {
                    return "ftrace cannot call programs here, as on arm64 before Linux 6.4".into();
                }
                refused(error)
            })?;
            traced.push(TracedFunction {
                name,
                program,
                _link: link,
            });
        }
        Ok(traced)
    }
}

/// The file descriptor of a map of the probe.
fn map_fd(map: &Map) -> Option<i32> {
    let data = match map {
        Map::Array(data)
        | Map::HashMap(data)
        | Map::LruHashMap(data)
        | Map::PerCpuArray(data)
        | Map::RingBuf(data) => data,
        _ => return None,
    };
    Some(data.fd().as_fd().as_raw_fd())
}
