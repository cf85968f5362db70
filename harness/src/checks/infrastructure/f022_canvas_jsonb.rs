//! Feature 22: the drawing of a diagram is JSONB, and the database can look into it.

use super::indexes::{FoundIndex, indexes_led_by};
use super::query_plan::expect_index;
use crate::actor::Actor;
use crate::check::{Case, Check, Seen, Stop, is, one_of, present};
use crate::sabotage::{Sabotage, run_sql};
use crate::target::{Need, Own, Service, Setup};
use serde_json::{Value, json};

/// Other people's drawings, among which the right ones are found.
const DRAWINGS: u32 = 5000;

pub const CHECK: Check = Check {
    feature: 22,
    revision: 3,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Diagram])),
    needs: &[Need::Sql, Need::Address(Service::Gateway)],
    control: "drawings that match in part only are not found",
    sabotage: &[
        run_sql(
            "what is null in a drawing is not stored",
            "create function strip() returns trigger language plpgsql as $$ begin \
               new.canvas_data := jsonb_strip_nulls(new.canvas_data); return new; end $$; \
             create trigger strip before insert on files for each row execute function strip()",
        )
        .and_red(&[14]),
        // The schema is incomplete then, too, and feature 2 says so.
        Sabotage {
            also_red: &[2, 14],
            ..run_sql("drawings have no GIN index", "drop index idx_files_canvas_data_gin")
        },
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "A diagram with `canvas_data` is created");
    let actor = case.actor().await?;
    let (token, title) = (case.token_of(&actor).await?, case.word());
    let body = json!({"title": title, "file_type": "canvas", "canvas_data": drawing()});
    let created = case.http(Service::Gateway).post("/api/diagrams/").bearer(&token).json(body).send().await?;
    case.require("status of creating the diagram", created.status(), one_of([200, 201]))?;
    case.expect("canvas_data in the answer", created.at("/canvas_data"), is(drawing()));
    let id = created.at("/id").text().unwrap_or_default().to_owned();

    case.step(2, "The column `canvas_data` has type jsonb and holds what was sent");
    let column = case
        .rows(
            "select data_type as type from information_schema.columns \
             where table_schema = 'public' and table_name = 'files' and column_name = 'canvas_data'",
        )
        .await?;
    case.expect("type of canvas_data", column.at("/0/type"), is("jsonb"));
    let stored = stored(case, &id).await?;
    case.require("canvas_data of the row", &stored, is(drawing()))?;

    case.step(3, "A query reads inside `canvas_data` with JSON operators");
    for (what, expression, value) in [
        ("->>, of a number", "canvas_data -> 'viewport' ->> 'zoom'", json!("0.5")),
        ("->, of an element", "canvas_data -> 'shapes' -> 1 -> 'kind'", json!("box")),
        ("#>>, along a path", "canvas_data #>> '{shapes,0,label}'", json!("the \"first\", größer")),
        ("#>, to a list", "canvas_data #> '{shapes,0,tags}'", json!(["hot", "7"])),
        ("?, for a key that is there", "canvas_data ? 'viewport'", json!(true)),
        ("?, for a key that is deeper inside", "canvas_data ? 'zoom'", json!(false)),
        ("jsonb_array_length", "jsonb_array_length(canvas_data -> 'shapes')", json!(2)),
        ("jsonb_typeof, of null", "jsonb_typeof(canvas_data #> '{shapes,1,label}')", json!("null")),
    ] {
        let read = case.rows(&format!("select {expression} as value from files where id = '{id}'")).await?;
        case.expect(format!("value read by {what}"), read.at("/0/value"), is(value));
    }
    let inside = format!("select id from files where canvas_data #>> '{{shapes,1,id}}' = 'b' and title = '{title}'");
    let found = case.rows(&inside).await?;
    case.expect("diagrams found by what is inside", &found, is(json!([{"id": id}])));

    case.step(4, "A field deep inside the document is updated and its neighbours stay");
    let update = format!(
        "update files set canvas_data = jsonb_set(canvas_data, '{{shapes,0,position,x}}', '42') where id = '{id}'"
    );
    let changed = case.change(&update).await?;
    case.expect("rows updated", changed.at("/rows"), is(1));
    let mut wanted = drawing();
    wanted["shapes"][0]["position"]["x"] = json!(42);
    let stored = self::stored(case, &id).await?;
    case.expect("canvas_data after the update", &stored, is(wanted));
    updates_through_the_api(case, &token, &title).await?;

    containment(case, &actor, &id).await
}

/// A drawing that is sent takes the place of the whole old one; where none is sent, the old one stays.
async fn updates_through_the_api(case: &mut Case, token: &str, title: &str) -> Result<(), Stop> {
    let body = json!({"title": title, "file_type": "canvas", "canvas_data": drawing()});
    let created = case.http(Service::Gateway).post("/api/diagrams/").bearer(token).json(body).send().await?;
    let id = created.at("/id").text().unwrap_or_default().to_owned();
    let mut wanted = drawing();
    wanted["shapes"][1]["position"]["y"] = json!(43);
    wanted.as_object_mut().map(|all| all.remove("note"));
    for (what, change) in [
        ("with a drawing", json!({"canvas_data": wanted})),
        ("without one", json!({"title": format!("{title} renamed")})),
    ] {
        let path = format!("/api/diagrams/{id}");
        let changed = case.http(Service::Gateway).method("PUT", &path).bearer(token).json(change).send().await?;
        case.expect(format!("status of an update {what}"), changed.status(), is(200));
        let stored = stored(case, &id).await?;
        case.expect(format!("canvas_data after an update {what}"), &stored, is(wanted.clone()));
    }
    case.change(&format!("delete from files where id = '{id}'")).await.map(drop)
}

/// Whatever JSON can hold.
fn drawing() -> Value {
    json!({
        "shapes": [
            {"id": "a", "kind": "star", "n": 7, "position": {"x": 1.5, "y": -2}, "tags": ["hot", "7"],
             "label": "the \"first\", größer"},
            {"id": "b", "kind": "box", "n": 8, "position": {"x": 0, "y": 0}, "tags": [], "label": null}
        ],
        "viewport": {"zoom": 0.5, "locked": false, "layers": {}},
        "note": ""
    })
}

async fn stored(case: &mut Case, id: &str) -> Result<Seen, Stop> {
    Ok(case.rows(&format!("select canvas_data from files where id = '{id}'")).await?.at("/0/canvas_data"))
}

/// Steps 5 and 6.
async fn containment(case: &mut Case, actor: &Actor, diagram: &str) -> Result<(), Stop> {
    case.step(5, "A GIN index on `canvas_data` serves such queries");
    let gin: Vec<String> = indexes_led_by(case, "files", "canvas_data")
        .await?
        .iter()
        .filter(|one| one.is("gin", "canvas_data"))
        .map(FoundIndex::name)
        .collect();
    case.require("GIN indexes on canvas_data", gin.clone(), present())?;
    case.needs(Need::Disposable)?;
    let word = case.word();
    fill(case, actor, &word).await?;
    // Only among the check's own: others, or an earlier round, may have drawn the same.
    let owner = &actor.id;
    let query = |part: &Value| {
        format!("select id from files where canvas_data @> '{part}' and owner_id = '{owner}' order by id")
    };
    let star = json!({"shapes": [{"kind": "star", "n": 7}]});
    let plan = case.explain(&query(&star)).await?.at("/plan");
    case.expect("drawings found", plan.at("/Actual Rows"), is(3));
    expect_index(case, "the query for a drawing's content", &plan, &gin);

    case.step(6, "A containment query (`@>`) finds the rows that match, and only those");
    let ids = |found: &Seen| -> Vec<Value> { found.items().iter().map(|row| row.at("/id").into()).collect() };
    let found = case.rows(&query(&star)).await?;
    let mut wanted = vec![diagram.to_owned(), format!("{word}-also"), format!("{word}-too")];
    wanted.sort_unstable();
    case.expect("drawings with a star whose n is 7", ids(&found), is(wanted));
    let found = case.rows(&query(&json!({"viewport": {"layers": {}, "locked": false}, "note": ""}))).await?;
    case.expect("drawings with that viewport", ids(&found), is(vec![diagram.to_owned()]));
    let found = case.rows(&query(&json!({"shapes": [{"kind": "comet"}]}))).await?;
    case.expect("drawings with a comet", ids(&found), is(json!([])));
    Ok(())
}

/// Two drawings that match, some that nearly do, and many that do not. Without a vacuum, much of a GIN index would
/// still wait to be put in order.
async fn fill(case: &mut Case, actor: &Actor, word: &str) -> Result<(), Stop> {
    let (owner, insert) = (&actor.id, "insert into files (id, title, owner_id, file_type, canvas_data)");
    let drawings = [
        ("also", json!({"shapes": [{"kind": "line", "n": 1}, {"kind": "star", "n": 7}]})),
        ("too", json!({"shapes": [{"n": 7, "tags": [], "kind": "star"}], "note": "x"})),
        ("in two shapes", json!({"shapes": [{"kind": "star", "n": 8}, {"kind": "box", "n": 7}]})),
        ("as a text", json!({"shapes": [{"kind": "star", "n": "7"}]})),
        ("elsewhere", json!({"hidden": [{"kind": "star", "n": 7}]})),
        ("deeper", json!({"group": {"shapes": [{"kind": "star", "n": 7}]}})),
        ("not in a list", json!({"shapes": {"kind": "star", "n": 7}})),
    ];
    let rows: Vec<String> = drawings
        .iter()
        .map(|(name, drawing)| {
            format!("('{word}-{}', 'd', '{owner}', 'canvas', '{drawing}'::jsonb)", name.replace(' ', "-"))
        })
        .collect();
    case.execute(&[
        &format!("{insert} values {}, ('{word}-empty', 'd', '{owner}', 'canvas', null)", rows.join(", ")),
        &format!(
            "{insert} select '{word}-' || n, 'd', '{owner}', 'canvas', jsonb_build_object('shapes', \
                    jsonb_build_array(jsonb_build_object('kind', 'kind-' || n % 50, 'n', n, 'label', md5(n::text)))) \
             from generate_series(1, {DRAWINGS}) n"
        ),
        "vacuum analyze files",
    ])
    .await
}
