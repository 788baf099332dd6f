//! Parses words as numbers.

/// A word, read as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NumberReading {
    /// Its value; for a negative number, the 32-bit pattern.
    pub value: u64,
    /// Whether it was written in hexadecimal.
    pub hex: bool,
    /// Whether it had a minus sign.
    pub negative: bool,
}

impl NumberReading {
    /// Every way to read `word`: `0xb5`, `-75`, `181`, and eight digits without
    /// a prefix, as the driver prints handles and some errnos.
    pub fn readings(word: &str) -> Vec<Self> {
        let mut all = Vec::new();
        if let Some(digits) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
            all.extend(hexadecimal(digits));
            return all;
        }
        if let Some(digits) = word.strip_prefix('-') {
            all.extend(
                decimal(digits)
                    .filter(|value| *value <= 1 << 31)
                    .map(|value| Self {
                        value: u64::from((value as u32).wrapping_neg()),
                        hex: false,
                        negative: true,
                    }),
            );
            return all;
        }
        all.extend(decimal(word).map(|value| Self {
            value,
            hex: false,
            negative: false,
        }));
        if word.len() == 8 {
            all.extend(hexadecimal(word));
        }
        all
    }

    /// The value, if it has at most 32 bits.
    pub fn u32(self) -> Option<u32> {
        u32::try_from(self.value).ok()
    }

    /// The errno (positive) that the number stands for: 1 to 4095, or the
    /// 32-bit pattern of a negative errno.
    pub fn errno(self) -> Option<u32> {
        let value = self.u32()?;
        let errno = match (self.hex || self.negative, value) {
            (true, 0xFFFF_F001..) => value.wrapping_neg(),
            (false, 1..=4095) => value,
            _ => return None,
        };
        Some(errno)
    }
}

fn hexadecimal(digits: &str) -> Option<NumberReading> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let value = u64::from_str_radix(digits, 16).ok().filter(|_| plain)?;
    Some(NumberReading {
        value,
        hex: true,
        negative: false,
    })
}

fn decimal(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errno(word: &str) -> Vec<u32> {
        NumberReading::readings(word)
            .into_iter()
            .filter_map(NumberReading::errno)
            .collect()
    }

    #[test]
    fn an_errno_is_read_in_every_form_that_the_driver_prints() {
        assert_eq!(errno("-75"), [75]);
        assert_eq!(errno("75"), [75]);
        assert_eq!(errno("ffffffb5"), [75]);
        assert_eq!(errno("0xffffffb5"), [75]);
        assert_eq!(errno("fffffe00"), [512]);
        assert!(errno("4294967221").is_empty());
        assert!(errno("0x0b").is_empty());
        assert!(errno("-0").is_empty());
    }

    #[test]
    fn what_is_no_number_has_no_reading() {
        for word in [
            "",
            "-",
            "0x",
            "+1",
            "0x+1",
            "12345678901234567890123",
            "é0000000",
            "-9999999999",
        ] {
            assert!(NumberReading::readings(word).is_empty(), "{word}");
        }
        assert_eq!(NumberReading::readings("40000080").len(), 2);
    }
}
