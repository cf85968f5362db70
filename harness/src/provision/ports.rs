//! Ports for everything that a run starts.

use super::error::ProvisionError;
use super::random;
use std::collections::{HashSet, VecDeque};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

/// Below the ports that the system gives to outgoing connections (32768 and up on Linux), so that no client takes
/// one of ours while a service is stopped.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// So many are remembered: a proof starts stacks for an hour, and by then nobody talks to the first any more.
const REMEMBERED: usize = COUNT as usize / 2;

/// Hands out ports, none of them again before thousands of others: whoever still talks to a stopped stack finds nobody,
/// not another stack.
#[derive(Debug, Default)]
pub struct Ports {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: HashSet<u16>,
    oldest_first: VecDeque<u16>,
}

impl Taken {
    fn remember(&mut self, port: u16) {
        self.all.insert(port);
        self.oldest_first.push_back(port);
        if self.oldest_first.len() > REMEMBERED
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.all.remove(&oldest);
        }
    }
}

impl Ports {
    /// A port of the loopback address on which nobody listens.
    pub fn take(&self) -> Result<u16, ProvisionError> {
        let mut taken = self.taken.lock().expect("nobody panics while choosing a port");
        let start = random::below(COUNT);
        for offset in 0..COUNT {
            let port = FIRST + (start + offset) % COUNT;
            if !taken.all.contains(&port) && is_free(port) {
                taken.remember(port);
                return Ok(port);
            }
        }
        let exhausted = io::Error::other("all ports from 20000 to 31999 are in use");
        Err(ProvisionError::system("find a free port")(exhausted))
    }
}

/// Whether a listener could be opened there right now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_come_back_after_thousands_of_others() {
        let ports = Ports::default();
        for _ in 0..usize::from(COUNT) + 1 {
            ports.take().unwrap();
        }
    }

    #[test]
    fn no_port_is_given_twice_nor_one_in_use() {
        let ports = Ports::default();
        let given: HashSet<u16> = (0..500).map(|_| ports.take().unwrap()).collect();
        assert_eq!(given.len(), 500);
        assert!(given.iter().all(|port| (20_000..32_000).contains(port)));

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
