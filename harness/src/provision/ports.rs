//! Ports for everything that a run starts.

use super::error::ProvisionError;
use super::random;
use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

/// Below the ports that the system gives to outgoing connections (32768 and up on Linux), so that no client takes
/// one of ours while a service is stopped.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Hands out ports, none of them twice in a run: whoever still talks to a stopped stack finds nobody, not another stack.
#[derive(Debug, Default)]
pub struct Ports {
    taken: Mutex<HashSet<u16>>,
}

impl Ports {
    /// A port of the loopback address on which nobody listens.
    pub fn take(&self) -> Result<u16, ProvisionError> {
        let mut taken = self.taken.lock().expect("nobody panics while choosing a port");
        let start = random::below(COUNT);
        for offset in 0..COUNT {
            let port = FIRST + (start + offset) % COUNT;
            if !taken.contains(&port) && is_free(port) {
                taken.insert(port);
                return Ok(port);
            }
        }
        let exhausted = io::Error::other("all ports from 20000 to 31999 have been in use");
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
    fn no_port_is_given_twice_nor_one_in_use() {
        let ports = Ports::default();
        let given: HashSet<u16> = (0..500).map(|_| ports.take().unwrap()).collect();
        assert_eq!(given.len(), 500);
        assert!(given.iter().all(|port| (20_000..32_000).contains(port)));

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
