//! Feature 31: named volumes keep the data when containers are replaced.

use super::composed_system::container;
use crate::check::{Case, Check, Seen, Stop, absent, is, is_not, present};
use crate::probe::Store;
use crate::sabotage::edit_file;
use crate::target::{Composed, Need, Setup};

/// A file outside every volume, which must go with its container.
const MARKER: &str = "/var/tmp/conform-marker";

pub const CHECK: Check = Check {
    feature: 31,
    revision: 1,
    setup: Setup::Composed(Composed::Stores),
    needs: &[Need::Containers, Need::Disposable, Need::Sql, Need::Redis, Need::ObjectStore],
    control: "a file outside the volumes goes with its container, and the new container has another id",
    sabotage: &[
        edit_file(
            "PostgreSQL's volume is mounted where its data is not",
            "compose.yaml",
            "postgres_data:/var/lib/postgresql/data",
            "postgres_data:/var/lib/postgresql/elsewhere",
        ),
        edit_file(
            "MinIO keeps its objects outside its volume",
            "compose.yaml",
            "[server, /data,",
            "[server, /objects,",
        ),
        edit_file("Redis has no volume", "compose.yaml", "    volumes: [\"redis_data:/data\"]\n", ""),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "PostgreSQL is started on a named volume");
    let up = case.composed().await?;
    case.expect("exit code of `up -d` for the stores", up.at("/exit"), is(0));
    let all = case.containers().await?;
    let before = container(&all, "postgres");
    case.require("health of PostgreSQL", before.at("/health"), is("healthy"))?;
    case.expect("named volumes of PostgreSQL", before.at("/volumes"), present());

    case.step(2, "Test rows are written to the database");
    let table = case.word().replace('-', "_");
    let made = case.change(&format!("create table {table} (number integer primary key, word text not null)")).await?;
    case.expect("refusal of a table", made.at("/sqlstate"), absent());
    let word = case.word();
    let filled = format!("insert into {table} select n, '{word}-' || n from generate_series(1, 100) n");
    let written = case.change(&filled).await?;
    case.require("rows written", written.at("/rows"), is(100))?;

    case.step(3, "The PostgreSQL container is stopped and removed");
    let marked = case.run_inside("postgres", &["sh", "-c", "echo here > \"$0\"", MARKER]).await?;
    case.expect("exit code of writing a file outside the volume", marked.at("/exit"), is(0));
    case.remove_container("postgres").await?;
    let without = case.containers().await?;
    case.expect("containers of PostgreSQL", without.key("postgres"), absent());
    let silent = case.rows("select 1 as one").await?;
    case.expect("what answers in its place", silent.at("/silence"), present());

    case.step(4, "A new PostgreSQL container is started on the same volume");
    let after = replaced(case, "postgres", &before).await?;
    case.expect("named volumes of the new container", after.at("/volumes"), is(before.at("/volumes")));
    let gone = case.run_inside("postgres", &["test", "-e", MARKER]).await?;
    case.expect("exit code of looking for the file outside the volume", gone.at("/exit"), is(1));

    case.step(5, "The test rows are still there");
    let there = case.rows(&format!("select to_regclass('{table}')::text as name")).await?;
    case.require("table that was made before", there.at("/0/name"), is(table.as_str()))?;
    let rows =
        case.rows(&format!("select count(*) as rows, min(word) as first, max(number) as last from {table}")).await?;
    case.expect("rows", rows.at("/0/rows"), is(100));
    case.expect("word of the first", rows.at("/0/first"), is(format!("{word}-1")));
    case.expect("number of the last", rows.at("/0/last"), is(100));

    case.step(6, "Objects in MinIO outlive their container in the same way");
    objects(case, &container(&all, "minio")).await?;

    case.step(7, "Keys in Redis outlive their container in the same way");
    keys(case, &container(&all, "redis")).await
}

/// Starts a new container for a service that has lost its own, and sees that it is another one.
async fn replaced(case: &mut Case, service: &str, before: &Seen) -> Result<Seen, Stop> {
    let started = case.start_container(service).await?;
    case.expect(format!("exit code of `up -d {service}`"), started.at("/exit"), is(0));
    let all = case.containers().await?;
    let after = container(&all, service);
    case.expect(format!("id of the new container of {service}"), after.at("/id"), is_not(before.at("/id")));
    case.require(format!("health of the new container of {service}"), after.at("/health"), is("healthy"))?;
    Ok(after)
}

async fn objects(case: &mut Case, before: &Seen) -> Result<(), Stop> {
    let (bucket, key, text) = (case.word(), case.word(), case.word());
    let made = case.store(Store::Main).make_bucket(&bucket).send().await?;
    case.require("status of making a bucket", made.status(), is(200))?;
    let put = case.store(Store::Main).put(&bucket, &key, &text).send().await?;
    case.require("status of storing an object", put.status(), is(200))?;
    case.expect("named volumes of MinIO", before.at("/volumes"), present());
    case.remove_container("minio").await?;
    replaced(case, "minio", before).await?;
    let got = case.store(Store::Main).get(&bucket, &key).send().await?;
    case.expect("status of the object in the new container", got.status(), is(200));
    case.expect("what it holds", got.body(), is(text.as_str()));
    let other = case.store(Store::Main).get(&bucket, &format!("{key}-other")).send().await?;
    case.expect("status of an object that never was", other.status(), is(404));
    Ok(())
}

async fn keys(case: &mut Case, before: &Seen) -> Result<(), Stop> {
    let (key, value) = (case.word(), case.word());
    let set = case.redis(0, &["SET", &key, &value]).await?;
    case.require("answer to SET", set, is("OK"))?;
    case.expect("named volumes of Redis", before.at("/volumes"), present());
    case.remove_container("redis").await?;
    replaced(case, "redis", before).await?;
    let got = case.redis(0, &["GET", &key]).await?;
    case.expect("value of the key in the new container", got, is(value.as_str()));
    let other = case.redis(0, &["GET", &format!("{key}-other")]).await?;
    case.expect("value of a key that never was", other, absent());
    Ok(())
}
