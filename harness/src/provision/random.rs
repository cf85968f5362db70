//! Randomness for passwords, keys, names and ports. No check ever sees it: nothing here decides a verdict.

/// So many random bytes as lower-case hexadecimal digits.
pub fn hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).expect("the system always has random bytes");
    buffer.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A random number below the limit. The slight bias of the remainder does not matter for ports.
pub fn below(limit: u16) -> u16 {
    let number = getrandom::u32().expect("the system always has random bytes");
    u16::try_from(number % u32::from(limit)).expect("the remainder is smaller than a u16")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_has_two_digits_a_byte_and_differs_each_time() {
        assert_eq!(hex(16).len(), 32);
        assert_ne!(hex(16), hex(16));
    }
}
