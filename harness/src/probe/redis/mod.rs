//! The Redis probe: commands with their replies as JSON, and what comes over channels.

mod subscription;

use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::guard::Protocol;
use crate::provision::redis_client;
use crate::target::{Need, RedisAccess};
use redis::Value as Answer;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

pub use subscription::Subscription;

/// More keys are not gathered.
const MOST_KEYS: usize = 100_000;

impl Case {
    /// Sends one command to a database of the target's Redis. Texts may name secrets. An error reply is seen as
    /// `{"error": text}`, no connection as `{"silence": text}`.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access.
    pub async fn redis(&mut self, database: u8, command: &[&str]) -> Result<Seen, Stop> {
        self.needs(Need::Redis)?;
        let asked = json!({"database": database, "command": command});
        let command: Vec<String> = command.iter().map(|&part| part.to_owned()).collect();
        self.observe("redis", asked, async |live: Arc<Live>| {
            let words: Vec<String> = command.iter().map(|word| live.vault.open(word)).collect();
            run(&live, database, &words).await
        })
        .await
    }

    /// Sends commands one after another over one connection: an array of their replies.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access.
    pub async fn redis_all(&mut self, database: u8, commands: &[Vec<String>]) -> Result<Seen, Stop> {
        self.needs(Need::Redis)?;
        let asked = json!({"database": database, "commands": commands});
        self.observe("redis", asked, async |live: Arc<Live>| {
            let open = |words: &Vec<String>| words.iter().map(|word| live.vault.open(word)).collect();
            let commands: Vec<Vec<String>> = commands.iter().map(open).collect();
            run_all(&live, database, &commands).await
        })
        .await
    }

    /// Sends the same command again and again until its reply is `wanted` or `within` has passed: the last reply.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access.
    pub async fn redis_until(
        &mut self,
        database: u8,
        command: &[&str],
        within: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Seen, Stop> {
        self.needs(Need::Redis)?;
        let asked = json!({"database": database, "until it changes": command, "ms": within.as_millis() as u64});
        let command: Vec<String> = command.iter().map(|&part| part.to_owned()).collect();
        self.observe("redis", asked, async |live: Arc<Live>| {
            let words: Vec<String> = command.iter().map(|word| live.vault.open(word)).collect();
            let deadline = tokio::time::Instant::now() + within;
            loop {
                let reply = run(&live, database, &words).await?;
                if wanted(&reply) || tokio::time::Instant::now() > deadline {
                    return Ok(reply);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
    }

    /// The connections that Redis has, without that of this question: `/id`, `/db`, `/name` of each. They are looked at
    /// until their number has stood `still` so long, or `within` has passed.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access.
    pub async fn redis_clients(&mut self, still: Duration, within: Duration) -> Result<Seen, Stop> {
        self.needs(Need::Redis)?;
        let asked = json!({"connections": "all", "still_ms": still.as_millis() as u64});
        self.observe("redis", asked, async |live: Arc<Live>| {
            let list = ["CLIENT", "LIST", "TYPE", "normal"].map(str::to_owned);
            let began = tokio::time::Instant::now();
            let (mut count, mut since) = (0, began);
            loop {
                let reply = run(&live, 0, &list).await?;
                let Some(text) = reply.as_str() else { return Ok(reply) };
                let clients: Vec<Value> = text.lines().filter_map(connection).collect();
                if clients.len() != count {
                    (count, since) = (clients.len(), tokio::time::Instant::now());
                }
                if since.elapsed() >= still || began.elapsed() > within {
                    return Ok(json!(clients));
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
    }

    /// Keys that match a pattern in a database, sorted; found by `SCAN`, so that a large store is not held up.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access.
    pub async fn redis_keys(&mut self, database: u8, pattern: &str) -> Result<Seen, Stop> {
        self.needs(Need::Redis)?;
        let asked = json!({"database": database, "keys": pattern});
        let pattern = pattern.to_owned();
        self.observe("redis", asked, async |live: Arc<Live>| {
            let pattern = live.vault.open(&pattern);
            let (mut cursor, mut keys) = ("0".to_owned(), Vec::new());
            let deadline = tokio::time::Instant::now() + live.patience.statement();
            loop {
                if keys.len() > MOST_KEYS || tokio::time::Instant::now() > deadline {
                    return Err(CannotLook::new("redis", format!("SCAN comes to no end, with {} keys", keys.len())));
                }
                let words = ["SCAN", &cursor, "MATCH", &pattern, "COUNT", "1000"].map(str::to_owned);
                let mut page = run(&live, database, &words).await?;
                let next = page[0].as_str().map(str::to_owned);
                let (Some(next), Some(found)) = (next, page.get_mut(1).and_then(Value::as_array_mut)) else {
                    let reason = format!("SCAN is answered by {}", live.vault.beginning(&page.to_string(), 200));
                    return Err(CannotLook::new("redis", reason));
                };
                keys.append(found);
                cursor = next;
                if cursor == "0" {
                    break;
                }
            }
            keys.sort_by_key(Value::to_string);
            keys.dedup();
            Ok(Value::Array(keys))
        })
        .await
    }
}

async fn run(live: &Live, database: u8, words: &[String]) -> Result<Value, CannotLook> {
    let replies = run_all(live, database, std::slice::from_ref(&words.to_vec())).await?;
    Ok(match replies {
        Value::Array(mut replies) => replies.pop().unwrap_or_default(),
        silence => silence,
    })
}

/// The replies to commands that are sent one after another over one connection, or the silence in their place.
async fn run_all(live: &Live, database: u8, commands: &[Vec<String>]) -> Result<Value, CannotLook> {
    let client = client(live, database)?;
    let exchange = async {
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut replies = Vec::new();
        for words in commands {
            let mut command = redis::cmd(words.first().map_or("", String::as_str));
            for word in words.iter().skip(1) {
                command.arg(word);
            }
            replies.push(match command.query_async::<Answer>(&mut connection).await {
                Ok(answer) => readable(answer),
                Err(error) if error.is_io_error() => return Err(error),
                Err(error) => json!({"error": error.to_string()}),
            });
        }
        Ok(Value::Array(replies))
    };
    Ok(match tokio::time::timeout(live.patience.answer, exchange).await {
        Ok(Ok(replies)) => replies,
        Ok(Err(error)) => unanswered(live, &error),
        Err(_) => json!({"silence": "no answer in time"}),
    })
}

/// What is seen in place of an answer.
fn unanswered(live: &Live, error: &redis::RedisError) -> Value {
    if error.is_io_error() {
        if let Some(offence) = live.offence(Protocol::Redis) {
            return json!({"silence": "what answers does not speak as Redis does", "offence": offence});
        }
        return json!({"silence": "no connection"});
    }
    json!({"error": error.to_string()})
}

fn client(live: &Live, database: u8) -> Result<redis::Client, CannotLook> {
    let access = live.target.redis.as_ref();
    let access = access.ok_or_else(|| CannotLook::new("redis", "the target gives no access"))?;
    // Where TLS is wanted, the guard speaks it.
    let way = live.way_to(Protocol::Redis, &access.host, access.port, access.tls);
    let (host, port) = way.map_err(|error| CannotLook::new("redis", error))?;
    let access = RedisAccess { host, port, password: access.password.clone(), tls: false };
    redis_client(&access, database).map_err(|error| CannotLook::new("redis", error))
}

/// One line of `CLIENT LIST`; nothing where it is the one that asked.
fn connection(line: &str) -> Option<Value> {
    let field = |name: &str| line.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    let number = |name| field(name).and_then(|text| text.parse::<u64>().ok());
    if field("cmd")?.starts_with("client") {
        return None;
    }
    Some(json!({"id": number("id"), "db": number("db"), "name": field("name")}))
}

fn readable(answer: Answer) -> Value {
    match answer {
        Answer::Nil => Value::Null,
        Answer::Int(number) => json!(number),
        Answer::Okay => json!("OK"),
        Answer::SimpleString(text) => json!(text),
        Answer::BulkString(bytes) => json!(String::from_utf8_lossy(&bytes)),
        Answer::Array(items) | Answer::Set(items) => items.into_iter().map(readable).collect(),
        Answer::Double(number) => json!(number),
        Answer::Boolean(truth) => json!(truth),
        other => json!(format!("{other:?}")),
    }
}
