//! Feature 21: passwords rest as bcrypt hashes and never in clear.

use crate::actor::Actor;
use crate::check::{Case, Check, Stop, absent, is, one_of, present};
use crate::probe::Reply;
use crate::sabotage::{run_sql, set_variable};
use crate::target::{Need, Service, Setup};
use serde_json::{Value, json};

/// Wrong passwords that are close to the right one.
const WRONG: [&str; 4] = ["test124", "Test123", "test123 ", "test1234"];

/// A password of many letters, and one that ends otherwise.
const LONG: &str = "correct horse battery staple one";
const NEARLY: &str = "correct horse battery staple two";

pub const CHECK: Check = Check {
    feature: 21,
    revision: 1,
    setup: Setup::Shared,
    needs: &[Need::Address(Service::Gateway), Need::Sql],
    control: "the right password signs in and matches where a wrong one does not",
    sabotage: &[
        set_variable("hashes cost 10", Service::Auth, "BCRYPT_COST", "10"),
        run_sql(
            "hashes are marked as of bcrypt's older kind",
            "create function older() returns trigger language plpgsql as $$ begin \
               new.password_hash := '$2a$' || substr(new.password_hash, 5); return new; end $$; \
             create trigger older before insert on users for each row execute function older()",
        )
        .and_red(&[14]),
        run_sql(
            "the password is kept in another column, too",
            "create function keep() returns trigger language plpgsql as $$ begin \
               new.preferences := json_build_object('hint', 'test123'); return new; end $$; \
             create trigger keep before insert on users for each row execute function keep()",
        )
        .and_red(&[14]),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "A user is registered with the password `test123`");
    let right = case.vault().seal("own password", "test123");
    let (user, reply) = register(case, &right).await?;
    case.require("status of registering", reply.status(), one_of([200, 201]))?;
    case.expect("password in the answer", reply.at("/password"), absent());
    case.expect("hash in the answer", reply.at("/password_hash"), absent());

    case.step(2, "The stored `password_hash` is a bcrypt hash that begins with `$2b$`");
    let stored = case
        .rows(&format!(
            "select left(password_hash, 4) as kind, length(password_hash) as length, \
                    password_hash ~ '^[$]2[a-z][$][0-9]{{2}}[$][./A-Za-z0-9]{{53}}$' as well_formed, \
                    substr(password_hash, 5, 2) as cost from users where id = '{}'",
            user.id
        ))
        .await?;
    case.require("rows of the user", stored.items().len(), is(1))?;
    case.expect("beginning of the hash", stored.at("/0/kind"), is("$2b$"));
    case.expect("characters of the hash", stored.at("/0/length"), is(60));
    case.expect("form of the hash is bcrypt's", stored.at("/0/well_formed"), is(true));
    let clear = case
        .rows(&format!("select count(*) as rows from users u where id = '{}' and u::text like '%{right}%'", user.id))
        .await?;
    case.expect("rows of the user that hold the password in clear", clear.at("/0/rows"), is(0));

    case.step(3, "The cost in the stored hash is 12");
    case.expect("cost", stored.at("/0/cost"), is("12"));

    case.step(4, "The user signs in with the right password");
    let signed_in = case.sign_in(&user).await?;
    case.expect("status of signing in", signed_in.status(), is(200));
    case.expect("user of the token", signed_in.claims("access_token").at("/sub"), is(user.id.as_str()));

    case.step(5, "The right password matches the stored hash, as with bcrypt.checkpw()");
    let matches = case.stored_hash_matches(&user.id, &right).await?;
    case.expect("the right password matches", matches.at("/matches"), is(true));
    salts_differ(case, &user, &right).await?;

    case.step(6, "Someone tries to sign in with a wrong password");
    let wrong = WRONG.map(|password| case.vault().seal("wrong password", password));
    for password in &wrong {
        let refused = case.sign_in(&Actor { password: password.clone(), ..user.clone() }).await?;
        case.expect("status of signing in with a wrong password", refused.status(), is(401));
        case.expect("token for a wrong password", refused.at("/access_token"), absent());
        case.expect("reason given", refused.at("/detail"), present());
    }

    case.step(7, "The wrong password does not match the stored hash, as with bcrypt.checkpw()");
    for password in &wrong {
        let matches = case.stored_hash_matches(&user.id, password).await?;
        case.expect("a wrong password matches", matches.at("/matches"), is(false));
    }
    the_end_counts_too(case).await
}

/// Two long passwords that differ at their end alone are two passwords.
async fn the_end_counts_too(case: &mut Case) -> Result<(), Stop> {
    let (right, wrong) = (case.vault().seal("long password", LONG), case.vault().seal("wrong password", NEARLY));
    let (user, reply) = register(case, &right).await?;
    case.expect("status of registering with a long password", reply.status(), one_of([200, 201]));
    let signed_in = case.sign_in(&user).await?;
    case.expect("status of signing in with a long password", signed_in.status(), is(200));
    let refused = case.sign_in(&Actor { password: wrong.clone(), ..user.clone() }).await?;
    case.expect("status of signing in with another end of the password", refused.status(), is(401));
    let matches = case.stored_hash_matches(&user.id, &wrong).await?;
    case.expect("a password with another end matches", matches.at("/matches"), is(false));
    Ok(())
}

async fn register(case: &mut Case, password: &str) -> Result<(Actor, Reply), Stop> {
    let email = format!("{}@example.com", case.word());
    let body = json!({"email": email, "password": password, "full_name": "Conformance"});
    let reply = case.http(Service::Gateway).post("/api/auth/register").json(body).send().await?;
    let id = reply.at("/id").text().unwrap_or_default().to_owned();
    Ok((Actor { id, email, password: password.to_owned() }, reply))
}

/// Two users with the same password have different hashes, for each has a salt of its own.
async fn salts_differ(case: &mut Case, user: &Actor, password: &str) -> Result<(), Stop> {
    let (twin, reply) = register(case, password).await?;
    case.expect("status of registering a second user with the same password", reply.status(), one_of([200, 201]));
    let hashes = case
        .rows(&format!(
            "select count(distinct substr(password_hash, 8, 22)) as salts, count(distinct password_hash) as hashes \
             from users where id in ('{}', '{}')",
            user.id, twin.id
        ))
        .await?;
    for what in ["salts", "hashes"] {
        let count: Value = hashes.at("/0").key(what).into();
        case.expect(format!("different {what} of two users with the same password"), count, is(2));
    }
    Ok(())
}
