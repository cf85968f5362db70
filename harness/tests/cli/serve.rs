//! `conform serve`.

use crate::project::Project;
use harness::outcome::Verdict;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// Ends the server whatever becomes of the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_last_record_is_served_at_the_address_that_is_printed() {
    let project = Project::with_record(&[(7, Verdict::Fail)]);
    let mut server = Command::new(env!("CARGO_BIN_EXE_conform"));
    server.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(project.path()).stdout(Stdio::piped());
    let mut server = Ends(server.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("http://").unwrap().to_owned();

    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "GET /report.html HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("status 500 where 200 was expected"));

    // The port is taken now, and whoever asks for it again is told what to do.
    let again = project.conform(&["serve", "--listen", &address]);
    assert_eq!(again.code, 3);
    assert!(again.err.contains("--listen"), "{again:?}");
}
