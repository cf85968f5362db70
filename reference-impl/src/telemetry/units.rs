//! Numbers as reports, lines and bodies show them.

/// A megabyte, as all reports count it.
pub const BYTES_PER_MB: f64 = 1024.0 * 1024.0;

/// Bytes as megabytes with two decimals.
pub fn megabytes(bytes: u64) -> f64 {
    rounded(bytes as f64 / BYTES_PER_MB)
}

/// Two decimals.
pub fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
