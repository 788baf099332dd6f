//! The little text handling that the table's own checks need at compile time.

/// Whether two names are the same.
pub const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Stops the build, naming the message, what is wrong with it and where.
pub const fn stop(message: &str, wrong: &str, name: &str) -> ! {
    let mut text = [0; 160];
    let mut end = 0;
    let parts = [message, ": ", wrong, " `", name, "`"];
    let mut i = 0;
    while i < parts.len() {
        let part = parts[i].as_bytes();
        let mut j = 0;
        while j < part.len() && end < text.len() {
            text[end] = part[j];
            end += 1;
            j += 1;
        }
        i += 1;
    }
    let (text, _) = text.split_at(end);
    match core::str::from_utf8(text) {
        #[expect(clippy::panic, reason = "runs in the compiler only")]
        Ok(text) => panic!("{}", text),
        #[expect(clippy::panic, reason = "runs in the compiler only")]
        Err(_) => panic!("a mistake in the table of messages"),
    }
}

/// Stops the build like [`stop`], at an offset.
pub const fn stop_at(message: &str, wrong: &str, offset: u16) -> ! {
    let mut digits = [b'0'; 5];
    let mut first = digits.len() - 1;
    let mut rest = offset;
    let mut i = digits.len();
    while rest > 0 {
        i -= 1;
        first = i;
        digits[i] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let (_, digits) = digits.split_at(first);
    match core::str::from_utf8(digits) {
        Ok(digits) => stop(message, wrong, digits),
        Err(_) => stop(message, wrong, "?"),
    }
}
