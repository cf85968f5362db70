//! Accounts that the owner of a target gives to its guests, where new ones are not wanted.

use super::Secret;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// A user who is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Address to sign in with.
    pub email: String,
    /// Password.
    pub password: Secret,
}

/// The accounts of a target. Checks that run at the same time never share one: each user has limits of their own.
#[derive(Debug, Clone, Default)]
pub struct Accounts(Arc<Pool>);

#[derive(Debug, Default)]
struct Pool {
    all: Vec<Account>,
    lent: Mutex<BTreeSet<usize>>,
    given_back: Notify,
}

/// An account in the hands of one check, until this is dropped.
#[derive(Debug)]
pub struct Lent {
    pool: Arc<Pool>,
    at: usize,
}

impl Accounts {
    /// These accounts, none of them lent.
    pub fn of(all: Vec<Account>) -> Accounts {
        Accounts(Arc::new(Pool { all, ..Pool::default() }))
    }

    /// All of them.
    pub fn all(&self) -> &[Account] {
        &self.0.all
    }

    /// Waits for an account that nobody has; nothing where there are none at all.
    pub async fn lend(&self) -> Option<Lent> {
        if self.0.all.is_empty() {
            return None;
        }
        loop {
            let given_back = self.0.given_back.notified();
            if let Some(at) = self.0.free() {
                return Some(Lent { pool: self.0.clone(), at });
            }
            given_back.await;
        }
    }
}

impl Pool {
    fn free(&self) -> Option<usize> {
        let mut lent = self.lent.lock().expect("nothing panics while it holds this lock");
        (0..self.all.len()).find(|at| lent.insert(*at))
    }
}

impl Lent {
    /// The account.
    pub fn account(&self) -> &Account {
        &self.pool.all[self.at]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.pool.lent.lock().expect("nothing panics while it holds this lock").remove(&self.at);
        self.pool.given_back.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_account_is_lent_to_one_at_a_time() {
        let account = |name: &str| Account { email: format!("{name}@example.com"), password: Secret::new("secret") };
        let accounts = Accounts::of(vec![account("a"), account("b")]);
        let (first, second) = (accounts.lend().await.unwrap(), accounts.lend().await.unwrap());
        assert_eq!([first.account(), second.account()], [&account("a"), &account("b")]);
        let waiting = tokio::spawn({
            let accounts = accounts.clone();
            async move { accounts.lend().await.map(|lent| lent.account().email.clone()) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        assert_eq!(waiting.await.unwrap().as_deref(), Some("a@example.com"));
        assert!(Accounts::default().lend().await.is_none());
    }
}
