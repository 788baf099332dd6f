//! Names of the errnos that the driver returns.

/// The errnos, positive, with their names.
pub static NAMES: &[(u32, &str)] = &[
    (1, "EPERM"),
    (2, "ENOENT"),
    (4, "EINTR"),
    (5, "EIO"),
    (6, "ENXIO"),
    (9, "EBADF"),
    (11, "EAGAIN"),
    (12, "ENOMEM"),
    (13, "EACCES"),
    (14, "EFAULT"),
    (16, "EBUSY"),
    (17, "EEXIST"),
    (19, "ENODEV"),
    (22, "EINVAL"),
    (25, "ENOTTY"),
    (71, "EPROTO"),
    (75, "EOVERFLOW"),
    (91, "EPROTOTYPE"),
    (95, "EOPNOTSUPP"),
    (103, "ECONNABORTED"),
    (110, "ETIMEDOUT"),
    (115, "EINPROGRESS"),
    (512, "ERESTARTSYS"),
];

/// The name of a positive errno, if the driver ever returns it.
pub fn name(errno: u32) -> Option<&'static str> {
    let found = NAMES.iter().find(|(number, _)| *number == errno);
    found.map(|(_, name)| *name)
}
