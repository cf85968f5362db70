//! Feature 32: services take their settings from an .env file through the environment.

use crate::check::{Case, Check, Stop, above, absent, at_least, is, is_not, one_of};
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Power, Service, Setup};
use serde_json::{Value, json};
use std::time::Duration;

/// What the process environment of a stack says about its stores, and must not say here.
const UNSET: [(&str, Option<&str>); 7] = [
    ("POSTGRES_HOST", None),
    ("POSTGRES_PORT", None),
    ("POSTGRES_DB", None),
    ("POSTGRES_USER", None),
    ("POSTGRES_PASSWORD", None),
    ("REDIS_HOST", None),
    ("REDIS_PORT", None),
];
/// A process that refuses to start has ended by then; so has a request that fails.
const SOON: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(60);
/// Files with settings that would lie in a source tree.
const SECRET_FILES: [&str; 4] = [".env", ".env.local", ".env.docker.local", ".env.kubernetes.local"];

pub const CHECK: Check = Check {
    feature: 32,
    revision: 2,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth])),
    needs: &[Need::Address(Service::Gateway)],
    control: "a user of the first database is unknown once the file names the second",
    sabotage: &[
        set_variable(
            "the process environment names the database",
            Service::Auth,
            "DATABASE_URL",
            "postgresql://nobody@127.0.0.1:1/x",
        )
        .and_red(&[13]),
        set_variable("the process environment names the Redis", Service::Auth, "REDIS_URL", "redis://127.0.0.1:1"),
    ],
    run: |case| Box::pin(run(case)),
};

/// What all steps but the last want.
const POWERS: [Need; 5] =
    [Need::Sql, Need::Disposable, Need::Control, Need::Power(Power::Configure), Need::Power(Power::Migrate)];

async fn run(case: &mut Case) -> Result<(), Stop> {
    if POWERS.into_iter().all(|need| case.can(need)) {
        settings_come_from_the_file(case).await?;
    } else {
        settings_cannot_be_changed(case);
    }

    case.step(7, "`.env` is excluded from version control");
    is_not_under_version_control(case).await
}

fn settings_cannot_be_changed(case: &mut Case) {
    for (number, text) in [
        (1, "An `.env` file gives DATABASE_URL"),
        (2, "The service is started with docker-compose"),
        (3, "The service uses the database that DATABASE_URL names"),
        (4, "The value in `.env` is changed and the service is started anew"),
        (5, "The service uses the new value"),
        (6, "Sensitive values are handled as secrets and show up in no log or answer"),
    ] {
        case.step(number, text);
        for need in POWERS {
            case.has(need);
        }
    }
}

async fn settings_come_from_the_file(case: &mut Case) -> Result<(), Stop> {
    let (first, second) = (name(case), name(case));
    for database in [&first, &second] {
        case.add_database(database).await?;
    }
    let (role, secret) = (name(case), case.password());
    case.execute(&[&format!("create role \"{role}\" login superuser password '{secret}'")]).await?;
    let log = case.log_start(Service::Auth);

    case.step(1, "An `.env` file gives DATABASE_URL");
    case.stop_service(Service::Auth).await?;
    unreadable_address(case, &secret).await?;
    let url = case.database_url(&first, &role, &secret)?;
    place(case, &url).await?;

    case.step(2, "The service is started with docker-compose");
    case.observed_as("the service is started in the folder of the file, and its own environment names no store");
    case.start_service_with(Service::Auth, &UNSET).await?;
    let health = case.health(Service::Auth).await?;
    case.require("status of the service's health", health.status(), is(200))?;

    case.step(3, "The service uses the database that DATABASE_URL names");
    let user = register(case).await?;
    in_databases(case, &user, [(&first, 1), (&second, 0)]).await?;
    connections(case, &role, &first).await?;
    redis_of_the_file(case, &user).await?;

    case.step(4, "The value in `.env` is changed and the service is started anew");
    let url = case.database_url(&second, &role, &secret)?;
    place(case, &url).await?;
    case.stop_service(Service::Auth).await?;
    case.start_service_with(Service::Auth, &UNSET).await?;
    let health = case.health(Service::Auth).await?;
    case.expect("status of the service's health", health.status(), is(200));

    case.step(5, "The service uses the new value");
    let other = register(case).await?;
    in_databases(case, &other, [(&first, 0), (&second, 1)]).await?;
    connections(case, &role, &second).await?;
    let unknown = sign_in(case, &user).await?;
    case.expect("status of signing in as a user of the first database", unknown.status(), is(401));
    let known = sign_in(case, &other).await?;
    case.expect("status of signing in as a user of the second", known.status(), is(200));

    case.step(6, "Sensitive values are handled as secrets and show up in no log or answer");
    answers_tell_nothing(case).await?;
    database_that_is_not_there(case, &role, &secret).await?;
    if case.can(Need::Log(Service::Auth)) {
        log_tells_nothing(case, log, &secret).await?;
    }
    Ok(())
}

async fn is_not_under_version_control(case: &mut Case) -> Result<(), Stop> {
    if !case.has(Need::Source) {
        return Ok(());
    }
    let seen = case.version_control(&SECRET_FILES, &[".env", ".env.*"]).await?;
    if seen.at("/repository").value() == false {
        case.lacks(Need::Source);
        return Ok(());
    }
    for file in SECRET_FILES {
        case.expect(format!("{file} is passed over"), seen.at("/ignored").key(file), is(true));
    }
    let kept: Vec<String> = seen.at("/kept").items().iter().filter_map(|file| file.text().map(str::to_owned)).collect();
    // A sample says what such a file looks like, and holds no secret.
    let secrets: Vec<String> = kept.into_iter().filter(|file| !is_sample(file)).collect();
    case.expect("files with settings that are under version control", secrets, absent());
    Ok(())
}

fn is_sample(file: &str) -> bool {
    ["example", "sample", "template", "dist"].iter().any(|word| file.ends_with(word))
}

fn name(case: &mut Case) -> String {
    case.word().replace('-', "_")
}

/// A user as the check knows it.
struct User {
    email: String,
    password: String,
}

/// Writes `.env`.
async fn place(case: &mut Case, url: &str) -> Result<(), Stop> {
    let redis = if case.can(Need::Redis) { format!("REDIS_URL={}\n", case.redis_url()?) } else { String::new() };
    let text = format!("# settings\nDATABASE_URL={url}\n{redis}");
    case.place_file(".env", Some(&text)).await
}

/// An address that is none keeps the service from starting; the reason names the variable and hides its value.
async fn unreadable_address(case: &mut Case, secret: &str) -> Result<(), Stop> {
    let mark = if case.can(Need::Log(Service::Auth)) { Some(case.mark(Service::Auth).await?) } else { None };
    case.place_file(".env", Some(&format!("DATABASE_URL=postgresql//x:{secret}@nowhere\n"))).await?;
    case.launch_service_with(Service::Auth, &UNSET).await?;
    if case.can(Need::Power(Power::Signal)) {
        let ended = case.ended(Service::Auth, SOON).await?;
        case.expect("exit code where DATABASE_URL is no address", ended.at("/code"), is_not(0));
    }
    if let Some(mark) = mark {
        let lines = case.lines(mark, &["DATABASE_URL"], |_| true).await?;
        case.expect("lines that name DATABASE_URL", lines.len(), at_least(1.0));
    }
    case.stop_service(Service::Auth).await
}

async fn register(case: &mut Case) -> Result<User, Stop> {
    let user = User { email: format!("{}@example.com", case.word()), password: case.password() };
    let body = json!({"email": user.email, "password": user.password});
    let reply = case.http(Service::Gateway).post("/api/auth/register").json(body).deadline(LONGEST).send().await?;
    case.require("status of registering a user", reply.status(), is(201))?;
    Ok(user)
}

async fn sign_in(case: &mut Case, user: &User) -> Result<crate::probe::Reply, Stop> {
    let body = json!({"email": user.email, "password": user.password});
    case.http(Service::Gateway).post("/api/auth/login").json(body).send().await
}

/// How many rows of a user stand in each database; none in the one of the stack.
async fn in_databases(case: &mut Case, user: &User, wanted: [(&String, u32); 2]) -> Result<(), Stop> {
    let query = format!("select count(*) as rows from users where email = '{}'", user.email);
    for (number, (database, rows)) in (1..).zip(wanted) {
        let seen = case.rows_in(database, &query).await?;
        case.expect(format!("rows of the user in database {number}"), seen.at("/0/rows"), is(rows));
    }
    let seen = case.rows(&query).await?;
    case.expect("rows of the user in a database that no address names", seen.at("/0/rows"), is(0));
    Ok(())
}

/// The service is connected as the user of the address, and to its database alone.
async fn connections(case: &mut Case, role: &str, database: &str) -> Result<(), Stop> {
    let query = format!(
        "select count(*) filter (where datname = '{database}') as there, \
         count(*) filter (where datname <> '{database}') as elsewhere \
         from pg_stat_activity where usename = '{role}'"
    );
    let settled = |rows: &Value| rows[0]["elsewhere"] == 0;
    let seen = case.rows_until(&query, SOON, settled).await?;
    case.expect("connections to the database of the address", seen.at("/0/there"), above(0.0));
    case.expect("connections elsewhere", seen.at("/0/elsewhere"), is(0));
    Ok(())
}

/// Signing in leaves a session in the Redis that REDIS_URL names.
async fn redis_of_the_file(case: &mut Case, user: &User) -> Result<(), Stop> {
    if !case.can(Need::Redis) {
        return Ok(());
    }
    let before = case.redis_keys(0, "session:*").await?;
    let signed_in = sign_in(case, user).await?;
    case.expect("status of signing in", signed_in.status(), is(200));
    let after = case.redis_keys(0, "session:*").await?;
    let more = after.items().len() as f64 - before.items().len() as f64;
    case.expect("sessions more in the Redis of REDIS_URL", more, is(1));
    Ok(())
}

/// Health, metrics and refusals: none of them holds a secret or an address with one.
async fn answers_tell_nothing(case: &mut Case) -> Result<(), Stop> {
    for (service, path) in [
        (Service::Gateway, "/health"),
        (Service::Gateway, "/health/services"),
        (Service::Gateway, "/metrics"),
        (Service::Gateway, "/api/diagrams/"),
        (Service::Gateway, "/api/auth/health"),
        (Service::Gateway, "/api/auth/me"),
        (Service::Auth, "/health"),
        (Service::Auth, "/metrics"),
        (Service::Auth, "/conformance-unknown"),
    ] {
        let reply = case.http(service).get(path).send().await?;
        case.expect(format!("status of {path} of {service}"), reply.status(), one_of([200, 401, 404]));
        case.expect(format!("secrets in {path} of {service}"), secrets_in(reply.body().value()), absent());
    }
    let malformed = case.http(Service::Gateway).post("/api/auth/login").json(json!({"email": 1})).send().await?;
    case.expect("status of malformed input", malformed.status(), is(422));
    case.expect("secrets in the refusal of malformed input", secrets_in(malformed.body().value()), absent());
    Ok(())
}

/// Known secrets stand in evidence by their names, in angle quotes.
fn secrets_in(body: &Value) -> Vec<String> {
    let text = body.to_string();
    let names = ["‹own password", "‹escaped password", "‹database url", "‹secret of the target"];
    names.into_iter().filter(|name| text.contains(name)).map(str::to_owned).collect()
}

/// What went wrong with a connection is told without the way it was made.
async fn database_that_is_not_there(case: &mut Case, role: &str, secret: &str) -> Result<(), Stop> {
    let nowhere = name(case);
    let url = case.database_url(&nowhere, role, secret)?;
    place(case, &url).await?;
    case.stop_service(Service::Auth).await?;
    case.start_service_with(Service::Auth, &UNSET).await?;
    let body = json!({"email": format!("{}@example.com", case.word()), "password": case.password()});
    let reply = case.http(Service::Auth).post("/login").json(body).deadline(LONGEST).send().await?;
    case.expect("status while the database of the address is not there", reply.status(), one_of([500, 503]));
    case.expect("secrets in that answer", secrets_in(reply.body().value()), absent());
    Ok(())
}

async fn log_tells_nothing(case: &mut Case, log: crate::probe::Mark, secret: &str) -> Result<(), Stop> {
    let marker = case.id();
    let marked = case.http(Service::Auth).get("/conformance-unknown").header("x-correlation-id", &marker);
    let reply = marked.send().await?;
    case.expect("status of the last request", reply.status(), is(404));
    let until = |lines: &[Value]| lines.iter().any(|line| line.to_string().contains(&marker));
    let lines = case.lines_until(log, &[secret, "‹escaped password #1›", &marker], until).await?;
    let texts: Vec<Value> = lines.iter().map(|line| line.value().clone()).collect();
    let last = texts.iter().filter(|line| line.to_string().contains(&marker)).count();
    case.expect("lines of the last request", last, at_least(1.0));
    let slips: Vec<String> = texts.iter().flat_map(secrets_in).collect();
    case.expect("secrets in the log", slips, absent());
    Ok(())
}
