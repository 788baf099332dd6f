//! String functions for checks at compile time.

/// Whether two strings are equal.
pub const fn str_eq(a: &str, b: &str) -> bool {
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

/// Fails the build with the error "`message`: `wrong` `name`".
pub const fn fail_build(message: &str, wrong: &str, name: &str) -> ! {
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

/// Fails the build like [`fail_build`], with an offset in place of a name.
pub const fn fail_build_at(message: &str, wrong: &str, offset: u16) -> ! {
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
        Ok(digits) => fail_build(message, wrong, digits),
        Err(_) => fail_build(message, wrong, "?"),
    }
}
