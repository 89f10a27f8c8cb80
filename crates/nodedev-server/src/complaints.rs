//! Warnings that anybody who can connect can cause: so many in a while, then only how many there were.
//! Otherwise a client could fill the log, and with it a disk.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many are told in a [`WHILE`].
const MOST: u32 = 20;
const WHILE: Duration = Duration::from_secs(10);

/// Counts warnings of one kind.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    told: Mutex<Option<Told>>,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    since: Instant,
    count: u32,
    kept_back: u64,
}

impl Complaints {
    /// Whether one more may be told. Says first how many were kept back.
    pub(crate) fn may_tell(&self) -> bool {
        let (may, kept_back) = self.count(Instant::now());
        if kept_back > 0 {
            tracing::warn!(count = kept_back, "warnings about clients were kept back");
        }
        may
    }

    /// Whether it may be told, and how many were kept back before it in a while that is over.
    fn count(&self, now: Instant) -> (bool, u64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *told {
            Some(told) if now.duration_since(told.since) < WHILE => {
                let may = told.count < MOST;
                told.count += u32::from(may);
                told.kept_back += u64::from(!may);
                (may, 0)
            }
            over => {
                let kept_back = over.map_or(0, |told| told.kept_back);
                *over = Some(Told { since: now, count: 1, kept_back: 0 });
                (true, kept_back)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_so_many_only_their_number_is_told() {
        let (complaints, begun) = (Complaints::default(), Instant::now());
        for _ in 0..MOST {
            assert_eq!(complaints.count(begun), (true, 0));
        }
        for _ in 0..1000 {
            assert_eq!(complaints.count(begun + WHILE / 2), (false, 0));
        }
        assert_eq!(complaints.count(begun + WHILE), (true, 1000));
        assert_eq!(complaints.count(begun + WHILE), (true, 0));
        assert_eq!(complaints.count(begun + 3 * WHILE), (true, 0));
    }
}
