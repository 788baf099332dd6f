//! What was open when the virtual GPU went away.

use super::Lifetimes;
use crate::check::{Finding, FindingKind, ObjectCount};
use crate::objects::ObjectId;
use dxgtrace_protocol::record::header::{KnownFields, RecordHeader};
use dxgtrace_protocol::schema::ObjectKind;

/// Processes of which the loss is told at most: each takes a walk over all
/// objects.
const TOLD_MAX: usize = 64;

impl Lifetimes {
    /// An ioctl of a process shows that its virtual GPU is gone: reports once
    /// what the process had open.
    #[cold]
    pub fn report_open_objects(&mut self, header: &RecordHeader, found: &mut impl FnMut(Finding)) {
        let pid = header.pid;
        if !header.known.has(KnownFields::TASK)
            || self.told_gone.contains(&pid)
            || self.told_gone.len() >= TOLD_MAX
        {
            return;
        }
        self.told_gone.push(pid);
        let is_own = |id: ObjectId| {
            let name = self.names.get(id).map(|name| name.pid);
            let opener = self.objects.get(id).map(|process| process.created.pid);
            name == Some(pid) || opener == Some(pid)
        };
        let mut processes: Vec<ObjectId> = Vec::new();
        for (id, entity) in self.objects.iter() {
            if entity.kind == Some(ObjectKind::Process) && is_own(id) {
                processes.push(id);
            }
        }
        let [mut devices, mut contexts, mut queues, mut allocations] = [0_u32; 4];
        for (_, entity) in self.objects.iter() {
            if !entity.process.is_some_and(|one| processes.contains(&one)) {
                continue;
            }
            match entity.kind {
                Some(ObjectKind::Device) => devices += 1,
                Some(ObjectKind::Context) => contexts += 1,
                Some(ObjectKind::HwQueue | ObjectKind::PagingQueue) => queues += 1,
                Some(ObjectKind::Allocation) => allocations += 1,
                _ => {}
            }
        }
        if devices + contexts + queues + allocations > 0 {
            found(Finding::new(FindingKind::AdapterOpenObjects {
                devices: ObjectCount(devices),
                contexts: ObjectCount(contexts),
                queues: ObjectCount(queues),
                allocations: ObjectCount(allocations),
            }));
        }
    }
}
