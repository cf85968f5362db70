//! Counting prime numbers: hard work, in a dear way and in a cheap one.

/// How they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// Each number is divided by all that could divide it.
    Trial,
    /// Multiples are crossed out.
    Sieve,
}

impl Algorithm {
    /// How many primes there are up to a number, itself included.
    pub fn count(self, up_to: u32) -> u64 {
        match self {
            Algorithm::Trial => by_trial(up_to),
            Algorithm::Sieve => by_sieve(up_to),
        }
    }
}

/// Divides; time grows much faster than the number.
pub fn by_trial(up_to: u32) -> u64 {
    let is_prime = |n: &u32| {
        let mut divisors = (2..).take_while(|divisor| divisor * divisor <= *n);
        divisors.all(|divisor| !n.is_multiple_of(divisor))
    };
    (2..=up_to).filter(is_prime).count() as u64
}

/// Crosses out; time grows little faster than the number.
pub fn by_sieve(up_to: u32) -> u64 {
    let size = up_to as usize + 1;
    let mut crossed_out = vec![false; size];
    let mut found = 0;
    for n in 2..size {
        if crossed_out[n] {
            continue;
        }
        found += 1;
        for multiple in (n * n..size).step_by(n) {
            crossed_out[multiple] = true;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_count_the_same() {
        for (up_to, wanted) in
            [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (25, 9), (100, 25), (7919, 1000), (10_000, 1229)]
        {
            assert_eq!((by_trial(up_to), by_sieve(up_to)), (wanted, wanted), "up to {up_to}");
        }
    }
}
