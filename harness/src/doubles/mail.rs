//! A mail server: it speaks SMTP (RFC 5321) as far as a program that sends mail can tell, and keeps what it gets.

use crate::target::Inbox;
use mail_parser::{Address, MessageParser};
use serde_json::{Value, json};
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A longer line ends the connection (RFC 5321, 4.5.3.1.6, allows 1000).
const LONGEST_LINE: u64 = 4096;
/// A longer mail is refused.
const LONGEST_MAIL: usize = 1 << 20;
/// Recipients of one mail.
const MOST_RECIPIENTS: usize = 100;
/// How long a client may keep silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes mail on a loopback port, for as long as it lives.
#[derive(Debug)]
pub struct Mail {
    task: JoinHandle<()>,
}

impl Mail {
    /// Begins to listen. Each mail is in the inbox: the envelope's `from` and `to`, and of the message `header_from`,
    /// `header_to`, `subject` and `text`, decoded.
    ///
    /// # Errors
    /// Where the port is taken.
    pub async fn on(port: u16, inbox: Inbox) -> io::Result<Mail> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let task = tokio::spawn(async move {
            // The set ends its tasks when it is dropped, together with this one.
            let mut clients = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let inbox = inbox.clone();
                clients.spawn(async move {
                    // A client that breaks off is its own affair.
                    let _ = Session::new(stream, inbox).converse().await;
                });
                while clients.try_join_next().is_some() {}
            }
        });
        Ok(Mail { task })
    }
}

impl Drop for Mail {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One client.
struct Session {
    lines: BufReader<OwnedReadHalf>,
    answers: OwnedWriteHalf,
    inbox: Inbox,
    greeted: bool,
    from: Option<String>,
    to: Vec<String>,
}

impl Session {
    fn new(stream: TcpStream, inbox: Inbox) -> Session {
        let (read, answers) = stream.into_split();
        Session { lines: BufReader::new(read), answers, inbox, greeted: false, from: None, to: Vec::new() }
    }

    async fn converse(mut self) -> io::Result<()> {
        if self.inbox.is_closed() {
            return self.say("421 mail.conform.invalid closed for now").await;
        }
        self.say("220 mail.conform.invalid ESMTP").await?;
        while let Some(line) = self.line().await? {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => {
                    self.greeted = true;
                    self.reset();
                    self.say(&format!("250-mail.conform.invalid\r\n250-SIZE {LONGEST_MAIL}\r\n250 8BITMIME")).await?;
                }
                "HELO" => {
                    self.greeted = true;
                    self.reset();
                    self.say("250 mail.conform.invalid").await?;
                }
                "MAIL" => self.mail(rest).await?,
                "RCPT" => self.recipient(rest).await?,
                "DATA" => self.data().await?,
                "RSET" => {
                    self.reset();
                    self.say("250 forgotten").await?;
                }
                "NOOP" => self.say("250 nothing done").await?,
                "VRFY" => self.say("252 send it and see").await?,
                "QUIT" => return self.say("221 farewell").await,
                _ => self.say("502 not known here").await?,
            }
        }
        Ok(())
    }

    async fn mail(&mut self, rest: &str) -> io::Result<()> {
        if !self.greeted || self.from.is_some() {
            return self.say("503 not in this order").await;
        }
        match path(rest, "FROM:") {
            Some(from) => {
                self.from = Some(from);
                self.say("250 sender taken").await
            }
            None => self.say("501 expected MAIL FROM:<address>").await,
        }
    }

    async fn recipient(&mut self, rest: &str) -> io::Result<()> {
        if self.from.is_none() {
            return self.say("503 not in this order").await;
        }
        match path(rest, "TO:").filter(|to| !to.is_empty()) {
            Some(_) if self.to.len() >= MOST_RECIPIENTS => self.say("452 too many recipients").await,
            Some(to) => {
                self.to.push(to);
                self.say("250 recipient taken").await
            }
            None => self.say("501 expected RCPT TO:<address>").await,
        }
    }

    async fn data(&mut self) -> io::Result<()> {
        if self.to.is_empty() {
            return self.say("503 not in this order").await;
        }
        self.say("354 end with a dot on a line of its own").await?;
        let mut mail = Vec::new();
        loop {
            let Some(line) = self.line().await? else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            if line == b".\r\n" {
                break;
            }
            // A dot that begins a line was doubled, so that it is not taken for the end.
            let line = line.strip_prefix(b".").unwrap_or(&line);
            if mail.len() <= LONGEST_MAIL {
                mail.extend_from_slice(line);
            }
        }
        let (from, to) = (self.from.take().unwrap_or_default(), std::mem::take(&mut self.to));
        if mail.len() > LONGEST_MAIL {
            return self.say("552 too long").await;
        }
        self.inbox.put(received(&from, &to, &mail));
        self.say("250 kept").await
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }

    async fn say(&mut self, answer: &str) -> io::Result<()> {
        self.answers.write_all(format!("{answer}\r\n").as_bytes()).await
    }

    /// The next line with its end; nothing where the client has gone.
    async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.lines).take(LONGEST_LINE);
        let read = tokio::time::timeout(PATIENCE, bounded.read_until(b'\n', &mut line));
        let read = read.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        match line.last() {
            Some(b'\n') => Ok(Some(line)),
            _ if read == 0 => Ok(None),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// The address in `FROM:<address> …`; it may be empty.
fn path(rest: &str, keyword: &str) -> Option<String> {
    let known = rest.get(..keyword.len()).is_some_and(|word| word.eq_ignore_ascii_case(keyword));
    let path = rest.get(keyword.len()..).filter(|_| known)?.trim_start().strip_prefix('<')?;
    let (address, _) = path.split_once('>')?;
    Some(address.to_owned())
}

/// A mail as a check reads it.
fn received(from: &str, to: &[String], mail: &[u8]) -> Value {
    let message = MessageParser::default().parse(mail);
    let addresses = |of: Option<&Address<'_>>| -> Vec<String> {
        let all = of.into_iter().flat_map(|list| list.iter());
        all.filter_map(|one| one.address().map(str::to_owned)).collect()
    };
    json!({
        "from": from,
        "to": to,
        "header_from": addresses(message.as_ref().and_then(|message| message.from())),
        "header_to": addresses(message.as_ref().and_then(|message| message.to())),
        "subject": message.as_ref().and_then(|message| message.subject()),
        "text": message.as_ref().and_then(|message| message.body_text(0)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::ports::Ports;

    async fn started() -> (Mail, u16, Inbox) {
        let port = Ports::default().take().unwrap();
        let inbox = Inbox::default();
        (Mail::on(port, inbox.clone()).await.unwrap(), port, inbox)
    }

    /// Sends lines and returns the codes that come back for those that are answered.
    async fn codes(port: u16, lines: &[(&str, bool)]) -> Vec<String> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let (read, mut write) = stream.into_split();
        let (mut read, mut codes) = (BufReader::new(read), Vec::new());
        let mut answer = async || loop {
            let mut line = String::new();
            read.read_line(&mut line).await.unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.get(..3).unwrap_or_default().to_owned();
            }
        };
        codes.push(answer().await);
        for (line, answered) in lines {
            write.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
            if *answered {
                codes.push(answer().await);
            }
        }
        codes
    }

    #[tokio::test]
    async fn a_mail_is_kept_with_its_envelope_and_its_words() {
        let (_mail, port, inbox) = started().await;
        let lines = [
            ("EHLO client", true),
            ("MAIL FROM:<alerts@example.com> BODY=8BITMIME", true),
            ("RCPT TO:<one@example.com>", true),
            ("rcpt to:<two@example.com>", true),
            ("DATA", true),
            ("From: Alerts <alerts@example.com>", false),
            ("To: one@example.com", false),
            ("Subject: =?utf-8?B?R2l0IFNlcnZpY2Ug4oCUIGRvd24=?=", false),
            ("Content-Type: text/plain; charset=utf-8", false),
            ("Content-Transfer-Encoding: quoted-printable", false),
            ("", false),
            ("..hidden=2C dot", false),
            (".", true),
            ("QUIT", true),
        ];
        assert_eq!(codes(port, &lines).await, ["220", "250", "250", "250", "250", "354", "250", "221"]);
        let received = inbox.all();
        assert_eq!(received.len(), 1);
        let mail = &received[0];
        assert_eq!(mail["from"], "alerts@example.com");
        assert_eq!(mail["to"], json!(["one@example.com", "two@example.com"]));
        assert_eq!(mail["header_to"], json!(["one@example.com"]));
        assert_eq!(mail["subject"], "Git Service — down");
        assert_eq!(mail["text"].as_str().unwrap().trim_end(), ".hidden, dot");
    }

    #[tokio::test]
    async fn what_is_out_of_order_is_refused() {
        let (_mail, port, inbox) = started().await;
        let lines = [
            ("MAIL FROM:<a@example.com>", true),
            ("EHLO client", true),
            ("DATA", true),
            ("RCPT TO:<b@example.com>", true),
            ("MAIL FROM:a@example.com", true),
            ("STARTTLS", true),
        ];
        assert_eq!(codes(port, &lines).await, ["220", "503", "250", "503", "503", "501", "502"]);
        assert!(inbox.all().is_empty());
    }

    #[tokio::test]
    async fn a_closed_server_says_so_and_hangs_up() {
        let (_mail, port, inbox) = started().await;
        inbox.close(true);
        assert_eq!(codes(port, &[]).await, ["421"]);
    }
}
