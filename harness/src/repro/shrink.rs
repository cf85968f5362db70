//! Delta debugging: the fewest of many that still show the same, the latest kept first.

/// A shortest part of `all` that still `shows`, given that all together do and none of them does not: no single one can
/// be left out. Where `shows` answers nothing, for want of time, what was found until then is returned.
///
/// # Errors
/// Whatever `shows` fails with.
pub async fn shrink<E>(
    all: &[u32],
    mut shows: impl AsyncFnMut(&[u32]) -> Result<Option<bool>, E>,
) -> Result<Vec<u32>, E> {
    let (mut kept, mut parts) = (all.to_vec(), 2);
    'smaller: while kept.len() > 1 {
        let size = kept.len().div_ceil(parts);
        // A part alone, beginning with the last: what came late is nearest to the failure.
        for part in kept.rchunks(size) {
            match shows(part).await? {
                Some(true) => {
                    (kept, parts) = (part.to_vec(), 2);
                    continue 'smaller;
                }
                Some(false) => {}
                None => return Ok(kept),
            }
        }
        // All but a part, beginning without the first. Of two parts, the one is all but the other.
        let left_out = kept.rchunks(size).rev().filter(|_| kept.len() > 2 * size || parts > 2);
        for part in left_out {
            let rest: Vec<u32> = kept.iter().copied().filter(|one| !part.contains(one)).collect();
            match shows(&rest).await? {
                Some(true) => {
                    (kept, parts) = (rest, (parts - 1).max(2));
                    continue 'smaller;
                }
                Some(false) => {}
                None => return Ok(kept),
            }
        }
        if size == 1 {
            break;
        }
        parts = (parts * 2).min(kept.len());
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// What is left of so many where these are needed, and how many trials it took.
    async fn left(of: u32, needed: &[u32], most: usize) -> (Vec<u32>, usize) {
        let mut trials = 0;
        let all: Vec<u32> = (1..=of).collect();
        let kept = shrink(&all, async |some: &[u32]| {
            if trials == most {
                return Ok::<_, Infallible>(None);
            }
            trials += 1;
            Ok(Some(needed.iter().all(|one| some.contains(one))))
        });
        let Ok(kept) = kept.await;
        (kept, trials)
    }

    #[tokio::test]
    async fn what_is_needed_is_left_wherever_it_stands() {
        for needed in [&[1][..], &[40], &[17], &[1, 40], &[3, 4, 5], &[2, 11, 23, 39]] {
            let (kept, trials) = left(40, needed, usize::MAX).await;
            assert_eq!(kept, needed);
            assert!(trials < 200, "{needed:?}: {trials} trials");
        }
        let all: Vec<u32> = (1..=9).collect();
        assert_eq!(left(9, &all, usize::MAX).await.0, all);
        assert_eq!(left(1, &[1], usize::MAX).await, (vec![1], 0));
    }

    #[tokio::test]
    async fn the_latest_of_several_that_will_do_is_kept() {
        let all: Vec<u32> = (1..=32).collect();
        let any = async |some: &[u32]| Ok::<_, Infallible>(Some(!some.is_empty()));
        assert_eq!(shrink(&all, any).await, Ok(vec![32]));
    }

    #[tokio::test]
    async fn what_was_found_when_time_is_up_still_shows_it() {
        for most in 0..30 {
            let (kept, trials) = left(40, &[7, 30], most).await;
            assert!(kept.contains(&7) && kept.contains(&30) && trials <= most, "{most}: {kept:?}");
        }
    }
}
