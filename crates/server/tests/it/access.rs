//! Every endpoint of the OpenAPI document, called by everybody there can be: each status stands in `access.txt`. A new
//! endpoint without a row fails, and a row that changes is looked at. `UPDATE_SNAPSHOTS=1` writes the file.

use crate::{Caller, PASSWORD, World};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::fmt::Write;

/// Who calls, in the order of the columns. The last ones may do most, so that what is deleted is deleted last.
const CALLERS: [&str; 12] = [
    "anonymous",
    "disabled",
    "stranger",
    "admin",
    "table",
    "team",
    "viewer",
    "collab",
    "read",
    "other",
    "noproof",
    "owner",
];

/// The things that the calls are about: made anew after each call that changed something.
struct Things {
    connection: String,
    model: String,
    table: String,
    job: String,
    team: String,
    member: String,
    table_member: String,
    view: String,
}

struct Cast {
    callers: Vec<(&'static str, Caller)>,
    owner: Caller,
    /// Of an account that stands by.
    spare: String,
    teammate: String,
    calls: usize,
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// Where nothing is ever sent: no sync is held here.
fn webhook() -> Value {
    json!({"url": "https://9.9.9.9/hook", "kinds": ["sync_held"]})
}

async fn token(world: &World, who: &Caller, form: Value) -> Caller {
    let new = who.post("/tokens", form).await.is(StatusCode::CREATED).await;
    Caller { token: Some(new["token"].as_str().unwrap().to_owned()), ..world.nobody() }
}

impl Cast {
    async fn new(world: &World) -> Self {
        let admin = world.user("admin").await;
        let owner = world.user("owner").await;
        let mut callers = vec![("anonymous", world.nobody())];
        for name in ["disabled", "stranger", "table", "team", "viewer", "collab"] {
            callers.push((name, world.user(name).await));
        }
        let spare = world.user("spare").await;
        let me = async |who: &Caller| id(&who.get("/me").await.ok().await);
        let disabled = me(&callers[1].1).await;
        admin.patch(&format!("/users/{disabled}"), json!({"disabled": true})).await.ok().await;
        let teammate = me(&callers[4].1).await;
        callers.insert(3, ("admin", admin));
        let other = id(&owner.post("/models", json!({"name": "Other"})).await.is(StatusCode::CREATED).await);
        callers.push(("read", token(world, &owner, json!({"name": "read", "access": "read"})).await));
        callers.push(("other", token(world, &owner, json!({"name": "other", "model_id": other})).await));
        let form = json!({"email": "owner@example.org", "password": PASSWORD});
        let answer = world.nobody().post("/sign-in", form).await;
        callers.push(("noproof", Caller { cookie: answer.cookie(), ..world.nobody() }));
        callers.push(("owner", owner.clone()));
        assert_eq!(callers.iter().map(|(name, _)| *name).collect::<Vec<_>>(), CALLERS);
        Self { spare: me(&spare).await, callers, owner, teammate, calls: 0 }
    }

    /// What the owner shares with each of them.
    async fn things(&self, world: &World) -> Things {
        let owner = &self.owner;
        let connection = id(&owner.post("/connections", world.form()).await.is(StatusCode::CREATED).await);
        let model = id(&owner.post("/models", json!({"name": "Shop"})).await.is(StatusCode::CREATED).await);
        let import = json!({"connection_id": connection, "schema": "public", "table": "t"});
        let begun = owner.post(&format!("/models/{model}/imports"), import).await;
        let begun = begun.is(StatusCode::ACCEPTED).await;
        owner.follow(&begun["job"]).await;
        let (table, job) = (id(&begun["table"]), id(&begun["job"]));
        let schedule = json!({"cron": "0 0 1 1 *", "time_zone": "UTC"});
        owner.put(&format!("/tables/{table}/schedule"), schedule).await.ok().await;
        let team = id(&owner.post("/teams", json!({"name": "Team"})).await.is(StatusCode::CREATED).await);
        owner.put(&format!("/models/{model}/webhook"), webhook()).await.ok().await;
        let teammate = json!({"email": "team@example.org", "role": "member"});
        owner.put(&format!("/teams/{team}/members"), teammate).await.ok().await;
        let members = format!("/models/{model}/members");
        let with_team = json!({"team_id": team, "access": "viewer"});
        owner.put(&members, with_team).await.ok().await;
        let viewer = json!({"email": "viewer@example.org", "access": "viewer"});
        owner.put(&members, viewer).await.ok().await;
        let collaborator = json!({"email": "collab@example.org", "access": "collaborator"});
        owner.put(&members, collaborator).await.ok().await;
        let spare = json!({"email": "spare@example.org", "access": "viewer"});
        let member = id(&owner.put(&members, spare).await.ok().await);
        let alone = format!("/tables/{table}/members");
        owner.put(&alone, json!({"email": "table@example.org"})).await.ok().await;
        let table_member = id(&owner.put(&alone, json!({"email": "spare@example.org"})).await.ok().await);
        let view = json!({"name": "View"});
        let view = id(&owner.put(&format!("/tables/{table}/views"), view).await.ok().await);
        Things { connection, model, table, job, team, member, table_member, view }
    }

    /// The path with the ids of things, and a body that is good.
    fn call(&mut self, world: &World, things: &Things, method: &Method, path: &str) -> (String, Value) {
        self.calls += 1;
        let n = self.calls;
        let nothing = uuid::Uuid::now_v7().to_string();
        let mut segments = path.split('/').skip(1);
        let thing = match segments.next().unwrap() {
            "connections" => &things.connection,
            "models" => &things.model,
            "tables" => &things.table,
            "jobs" => &things.job,
            "teams" => &things.team,
            "users" => &self.spare,
            // One's own are made and ended elsewhere; here they are nobody's.
            _ => &nothing,
        };
        let member = if path.starts_with("/tables") { &things.table_member } else { &things.member };
        let query = match path {
            "/tables/{id}/cell" => "?row=0&column=a",
            "/tables/{id}/export" => "?format=csv",
            "/tables/{id}/diff" => "?from=1&to=1",
            "/tables/{id}/diff/rows" => "?from=1&to=1&change=added",
            "/connections/{id}/source-table" | "/connections/{id}/source-table/preview" => {
                "?schema=public&table=t"
            }
            _ => "",
        };
        let filled = path
            .replace("{id}", thing)
            .replace("{member_id}", member)
            .replace("{user_id}", &self.teammate)
            .replace("{schema}", "public")
            .replace("{table}", "t")
            .replace("{version}", "1")
            .replace("{view_id}", &things.view)
            .replace("{delivery_id}", &nothing)
            .replace("{token}", "nonsense");
        let body = match (method.as_str(), path) {
            ("POST", "/sign-up") => {
                json!({"name": "N", "email": format!("new{n}@example.org"), "password": PASSWORD})
            }
            ("POST", "/sign-in") => json!({"email": "stranger@example.org", "password": PASSWORD}),
            ("POST", "/connections" | "/connections/test") => world.form(),
            ("POST", "/connections/parse") => json!({"text": "postgres://u@db.example.com/d"}),
            ("POST", "/models/{id}/imports") => {
                json!({"connection_id": things.connection, "schema": "public", "table": "t"})
            }
            ("PUT", "/models/{id}/members") => json!({"email": "spare@example.org", "access": "viewer"}),
            ("POST", "/models/{id}/transfer" | "/connections/{id}/transfer") => {
                json!({"email": "stranger@example.org"})
            }
            ("PUT", "/tables/{id}/versions/{version}/checkpoint") => json!({"name": "Name"}),
            ("PUT", "/tables/{id}/views") => json!({"name": "View"}),
            ("PUT", "/models/{id}/webhook") => webhook(),
            ("PUT", "/tables/{id}/sync-policy") => json!({"hold": "breaking"}),
            ("PUT", "/tables/{id}/schedule") => json!({"cron": "0 6 * * *", "time_zone": "UTC"}),
            ("PUT", "/tables/{id}/source") => json!({"connection_id": things.connection}),
            ("PUT", "/tables/{id}/members") => json!({"email": "spare@example.org"}),
            ("POST", "/tables/{id}/restore") => json!({"version": 1}),
            ("PUT", "/teams/{id}/members") => json!({"email": "spare@example.org", "role": "member"}),
            ("POST", "/identities") => json!({"provider": "nowhere"}),
            ("POST", "/invites/accept") => json!({"invite": "nonsense"}),
            ("POST", "/invites") => json!({"email": format!("new{n}@example.org")}),
            ("PATCH", "/users/{id}") => json!({"disabled": false}),
            ("POST", "/password-resets") => json!({"email": "stranger@example.org"}),
            ("POST", "/password-resets/{token}") => json!({"password": PASSWORD}),
            ("POST", "/connections/role-script" | "/connections/sample")
            | ("POST", "/models/{id}/webhook/redeliver/{delivery_id}")
            | ("POST", "/notices/read" | "/notices/{id}/read")
            | ("POST", "/jobs/{id}/cancel" | "/tables/{id}/sync" | "/tables/{id}/verify" | "/sign-out")
            | (
                "POST",
                "/connections/{id}/test" | "/connections/{id}/passport" | "/connections/{id}/accept",
            )
            | ("POST", "/users/{id}/password-reset") => json!({}),
            ("POST" | "PATCH", _) => json!({"name": "Name"}),
            _ => Value::Null,
        };
        (filled + query, body)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_answers_everybody_as_the_table_says() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 3)");
    let mut cast = Cast::new(&world).await;
    let mut things = cast.things(&world).await;
    let document: Value = serde_json::from_str(&mycorr_server::openapi()).unwrap();
    let mut text = format!("{:62}", "");
    for name in CALLERS {
        write!(text, " {name:>9}").unwrap();
    }
    text.push('\n');
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(path) = path.strip_prefix("/api/v1") else { continue };
        for method in [Method::GET, Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
            if item.get(method.as_str().to_lowercase()).is_none() {
                continue;
            }
            write!(text, "{:62}", format!("{method} {path}")).unwrap();
            for (at, name) in CALLERS.iter().enumerate() {
                let (filled, body) = cast.call(&world, &things, &method, path);
                let caller = &cast.callers[at].1;
                let request = match body {
                    Value::Null => caller.request(method.clone(), &filled),
                    body => caller.with_body(method.clone(), &filled, &body),
                };
                let answer = caller.send(request).await.response;
                let status = answer.status();
                assert!(!status.is_server_error(), "{method} {path} as {name}: {status}");
                write!(text, " {:>9}", status.as_u16()).unwrap();
                // This stream goes on for a minute.
                if path != "/jobs/events" {
                    answer.bytes().await.unwrap();
                }
                if status.is_success() && !method.is_safe() {
                    things = cast.things(&world).await;
                }
            }
            text.push('\n');
        }
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/access.txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    let expected = std::fs::read_to_string(file).unwrap_or_default();
    for (line, wanted) in text.lines().zip(expected.lines()) {
        assert_eq!(line, wanted);
    }
    assert_eq!(
        text.lines().count(),
        expected.lines().count(),
        "an endpoint has no row, or a row no endpoint"
    );
}
