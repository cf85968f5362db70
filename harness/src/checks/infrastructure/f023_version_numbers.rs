//! Feature 23: the versions of a file are numbered upwards by themselves.

use crate::check::{Case, Check, Seen, Stop, absent, is, one_of, such_that};
use crate::probe::Reply;
use crate::sabotage::run_sql;
use crate::target::{Need, Service, Setup};
use serde_json::{Value, json};

/// Updates at the same moment.
const TWINS: usize = 10;

pub const CHECK: Check = Check {
    feature: 23,
    revision: 1,
    setup: Setup::Shared,
    needs: &[Need::Address(Service::Gateway), Need::Sql],
    control: "another file's versions are counted by themselves",
    sabotage: &[
        run_sql(
            "versions are counted from zero",
            "create function from_zero() returns trigger language plpgsql as $$ begin \
               new.version_number := new.version_number - 1; return new; end $$; \
             create trigger from_zero before insert on versions for each row execute function from_zero()",
        )
        .and_red(&[14]),
        run_sql(
            "every third version of a drawing gets lost",
            "create function lose() returns trigger language plpgsql as $$ begin \
               return case when new.version_number % 3 = 0 then null else new end; end $$; \
             create trigger lose before insert on versions for each row \
             when (new.canvas_data is not null) execute function lose()",
        )
        .and_red(&[14]),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "A file is created and has its first version");
    let actor = case.actor().await?;
    let token = case.token_of(&actor).await?;
    let file = File::create(case, token.clone()).await?;
    let other = File::create(case, token).await?;
    let first = file.versions(case).await?;
    case.require("versions of a new file", first.items().len(), is(1))?;

    case.step(2, "`version_number` of the first version is 1");
    case.expect("number of the first version", first.at("/0/number"), is(1));
    file.expect_list(case, 1).await?;

    case.step(3, "The file is updated, which makes a second version");
    let updated = file.update(case, 2).await?;
    case.require("status of the update", updated.status(), is(200))?;
    let second = file.versions(case).await?;
    case.expect("versions after one update", second.items().len(), is(2));
    case.expect("drawing in the second version", second.at("/1/made"), is(2));

    case.step(4, "`version_number` of the second version is 2, without being given");
    case.expect("number of the second version", second.at("/1/number"), is(2));
    case.expect("current_version in the answer", updated.at("/current_version"), is(2));
    file.expect_list(case, 2).await?;

    case.step(5, "The file is updated 10 times more");
    for made in 3..=12 {
        let updated = file.update(case, made).await?;
        case.expect(format!("status of the update that makes version {made}"), updated.status(), is(200));
        case.expect(format!("current_version when version {made} was made"), updated.at("/current_version"), is(made));
    }

    case.step(6, "The newest `version_number` is 12");
    let newest =
        case.rows(&format!("select max(version_number) as number from versions where file_id = '{}'", file.id)).await?;
    case.expect("newest number", newest.at("/0/number"), is(12));
    let others = other.versions(case).await?;
    case.expect("versions of the other file", numbers(&others), is(json!([1])));
    let updated = other.update(case, 2).await?;
    case.expect("current_version of the other file, updated once", updated.at("/current_version"), is(2));
    let others = other.versions(case).await?;
    case.expect("versions of the other file after its update", numbers(&others), is(json!([1, 2])));

    case.step(7, "Sorted by `version_number` the versions are in the order of their making");
    let all = file.versions(case).await?;
    case.expect("numbers", numbers(&all), is((1..=12).collect::<Vec<u32>>()));
    let made: Vec<Value> = all.items().iter().skip(1).map(|one| one.at("/made").into()).collect();
    case.expect("which update each version after the first came from", made, is((2..=12).collect::<Vec<u32>>()));
    let later: Vec<Value> = all.items().iter().map(|one| one.at("/later").into()).collect();
    case.expect("whether each version is later than the one before", later, is(vec![true; 12]));
    file.expect_list(case, 12).await?;
    file.numbers_are_never_given_twice(case).await
}

/// A file of the check's own.
struct File {
    id: String,
    token: String,
}

impl File {
    async fn create(case: &mut Case, token: String) -> Result<File, Stop> {
        let title = case.word();
        let body = json!({"title": title, "file_type": "canvas", "canvas_data": {"made": 1}});
        let created = case.http(Service::Gateway).post("/api/diagrams/").bearer(&token).json(body).send().await?;
        case.require("status of creating a file", created.status(), one_of([200, 201]))?;
        case.expect("current_version of a new file", created.at("/current_version"), is(1));
        Ok(File { id: created.at("/id").text().unwrap_or_default().to_owned(), token })
    }

    async fn update(&self, case: &mut Case, made: u32) -> Result<Reply, Stop> {
        let path = format!("/api/diagrams/{}", self.id);
        let put = case.http(Service::Gateway).method("PUT", &path).bearer(&self.token);
        put.json(json!({"canvas_data": {"made": made}})).send().await
    }

    /// The rows, by number.
    async fn versions(&self, case: &mut Case) -> Result<Seen, Stop> {
        case.rows(&format!(
            "select version_number as number, canvas_data -> 'made' as made, \
                    created_at > coalesce(lag(created_at) over (order by version_number), '-infinity') as later \
             from versions where file_id = '{}' order by version_number",
            self.id
        ))
        .await
    }

    /// What the API lists: every version, the oldest first.
    async fn expect_list(&self, case: &mut Case, count: u32) -> Result<(), Stop> {
        let path = format!("/api/diagrams/{}/versions", self.id);
        let reply = case.http(Service::Gateway).get(&path).bearer(&self.token).send().await?;
        // The list may stand by itself, or under a name beside a count.
        let bare = reply.body().items();
        let list = if bare.is_empty() { reply.at("/versions").items() } else { bare };
        let numbers: Vec<Value> = list.iter().map(|one| one.at("/version_number").into()).collect();
        case.expect(format!("numbers that the API lists of {count}"), numbers, in_order(count));
        Ok(())
    }

    /// Updates at the same moment, and one after an old version was deleted, get numbers that nobody had.
    async fn numbers_are_never_given_twice(&self, case: &mut Case) -> Result<(), Stop> {
        let path = format!("/api/diagrams/{}", self.id);
        let put = case.http(Service::Gateway).method("PUT", &path).bearer(&self.token);
        let replies = put.json(json!({"canvas_data": {"made": "twin"}})).twins(TWINS).await?;
        let mut given: Vec<Value> = replies.iter().map(|reply| reply.at("/current_version").into()).collect();
        given.sort_by_key(Value::as_u64);
        let wanted: Vec<u32> = (13..=22).collect();
        case.expect(format!("numbers given to {TWINS} updates at the same moment"), given, is(wanted));
        let all = self.versions(case).await?;
        case.expect("numbers after them", numbers(&all), is((1..=22).collect::<Vec<u32>>()));
        let deleted = format!("delete from versions where file_id = '{}' and version_number = 5", self.id);
        case.change(&deleted).await?;
        let updated = self.update(case, 23).await?;
        case.expect("current_version after an old version was deleted", updated.at("/current_version"), is(23));
        let row = case
            .rows(&format!(
                "select canvas_data -> 'made' as made from versions where file_id = '{}' and version_number = 23",
                self.id
            ))
            .await?;
        case.expect("drawings in version 23", &row, is(json!([{"made": 23}])));
        self.new_title_is_a_version_too(case).await?;
        let twice = case
            .rows(&format!(
                "select version_number from versions where file_id = '{}' group by 1 having count(*) > 1",
                self.id
            ))
            .await?;
        case.expect("numbers given twice", &twice, absent());
        Ok(())
    }

    /// An update without a drawing makes a version with the drawing as it was.
    async fn new_title_is_a_version_too(&self, case: &mut Case) -> Result<(), Stop> {
        let (path, title) = (format!("/api/diagrams/{}", self.id), case.word());
        let put = case.http(Service::Gateway).method("PUT", &path).bearer(&self.token);
        let updated = put.json(json!({"title": title})).send().await?;
        case.expect("current_version after a change of the title", updated.at("/current_version"), is(24));
        let all = self.versions(case).await?;
        let newest = all.items().last().cloned().unwrap_or_else(|| case.silence());
        case.expect("number of the version that it made", newest.at("/number"), is(24));
        case.expect("drawing in that version", newest.at("/made"), is(23));
        Ok(())
    }
}

fn numbers(versions: &Seen) -> Vec<Value> {
    versions.items().iter().map(|one| one.at("/number").into()).collect()
}

/// Every number up to this one, upwards or downwards.
fn in_order(count: u32) -> crate::check::Matcher {
    such_that(format!("the numbers from 1 to {count}, in order"), move |numbers| {
        let upwards: Vec<u32> = (1..=count).collect();
        let downwards: Vec<u32> = upwards.iter().rev().copied().collect();
        *numbers == json!(upwards) || *numbers == json!(downwards)
    })
}
