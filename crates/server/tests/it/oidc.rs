//! Sign-in at a real provider, and at one that lies.

use crate::{Answer, Caller, PASSWORD, World, provider::ProviderProcess};
use mycorr_egress::{AllowList, Dialer};
use mycorr_engine::{SignInProviders, SignUp};
use mycorr_server::Settings;
use reqwest::{Client, Response, StatusCode, header, redirect::Policy};
use serde_json::{Value, json};

/// Clients to which the provider lies.
const HOSTILE: [(&str, &str); 12] = [
    ("wrong-audience", "(aud)"),
    ("second-audience", "(aud)"),
    ("wrong-issuer", "(iss)"),
    ("wrong-nonce", "(nonce)"),
    ("no-nonce", "(nonce)"),
    ("wrong-hash", "(at_hash)"),
    ("expired", "(exp)"),
    ("other-key", "(alg, kid)"),
    ("by-secret", "(alg, kid)"),
    ("alg-none", "(alg, kid)"),
    ("cut", "(alg, kid)"),
    ("no-token", "(id_token)"),
];

/// A server with providers, and a browser that keeps cookies and follows no redirect by itself.
struct Stage {
    world: World,
    provider: ProviderProcess,
    browser: Client,
}

impl Stage {
    async fn new(sign_up: SignUp) -> Option<Self> {
        let provider = tokio::task::spawn_blocking(ProviderProcess::start).await.unwrap()?;
        let allow: AllowList = format!("127.0.0.1:{}", provider.port).parse().unwrap();
        let clients =
            ["corp"].into_iter().chain(HOSTILE.iter().map(|(client, _)| *client)).chain(["no-subject"]);
        let text: String = clients
            .map(|client| {
                let issuer = provider.issuer();
                format!(
                    "[[providers]]\nid = \"{client}\"\nname = \"Corp {client}\"\nissuer = \"{issuer}\"\n\
                     client_id = \"{client}\"\nclient_secret = \"secret\"\n"
                )
            })
            .collect();
        let providers = SignInProviders::parse(&text, &Dialer::new(allow)).unwrap();
        let world = World::begin(Settings::default(), "", sign_up, providers, None).await;
        let browser = Client::builder().redirect(Policy::none()).build().unwrap();
        Some(Self { world, provider, browser })
    }

    async fn knows(&self, subject: &str, claims: Value) {
        let url = format!("{}/users/{subject}", self.provider.issuer());
        let request = self.browser.put(url).header(header::CONTENT_TYPE, "application/json");
        assert!(request.body(claims.to_string()).send().await.unwrap().status().is_success());
    }

    /// The way to the provider: its address, and the cookie that the browser keeps.
    async fn begin(&self, client: &str, next: &str) -> (String, String) {
        let url = format!("{}/api/v1/sign-in/oidc/{client}?next={next}", self.world.url);
        let answer = self.browser.get(url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        (location(&answer), cookie(&answer, "mycorr_oidc").unwrap())
    }

    /// Signs in at the provider; where it sends the browser back to.
    async fn at_provider(&self, url: &str, subject: &str) -> String {
        let form = format!("sub={subject}");
        let request =
            self.browser.post(url).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        location(&request.body(form).send().await.unwrap())
    }

    async fn back(&self, url: &str, cookies: &str) -> Response {
        self.browser.get(url).header(header::COOKIE, cookies).send().await.unwrap()
    }

    /// The whole way.
    async fn sign_in(&self, client: &str, subject: &str) -> Response {
        let (url, kept) = self.begin(client, "/jobs").await;
        let back = self.at_provider(&url, subject).await;
        self.back(&back, &kept).await
    }

    fn with(&self, session: String) -> Caller {
        Caller { cookie: Some(session), ..self.world.nobody() }
    }
}

fn location(answer: &Response) -> String {
    answer.headers()[header::LOCATION].to_str().unwrap().to_owned()
}

fn cookie(answer: &Response, name: &str) -> Option<String> {
    let all = answer.headers().get_all(header::SET_COOKIE).iter();
    let pairs = all.map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned());
    pairs.into_iter().find(|pair| pair.starts_with(&format!("{name}=")) && !pair.ends_with('='))
}

async fn refused(answer: Response, status: StatusCode, code: &str, what: &str) {
    let answer = Answer { response: answer };
    assert!(cookie(&answer.response, "mycorr_session").is_none());
    let problem = answer.problem(status, code).await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(what), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn invited_person_signs_in_by_issuer_and_subject() {
    let Some(stage) = Stage::new(SignUp::Invite).await else { return };
    let listed = stage.world.nobody().get("/sign-in/providers").await.ok().await;
    assert_eq!(listed["items"][0], json!({"id": "corp", "name": "Corp corp"}));

    // Nobody comes in before there is an account, nor without an invitation.
    stage.knows("s1", json!({"email": "eve@example.org", "email_verified": true, "name": "Eve"})).await;
    refused(stage.sign_in("corp", "s1").await, StatusCode::FORBIDDEN, "sign_up_closed", "invitation").await;
    let ada = stage.world.user("ada").await;
    refused(stage.sign_in("corp", "s1").await, StatusCode::FORBIDDEN, "sign_up_closed", "invitation").await;

    // An invitation is for whose address the provider has verified, and brings what it carries.
    let model = ada.post("/models", json!({"name": "M"})).await.is(StatusCode::CREATED).await;
    let carried = json!([{"model_id": model["id"], "access": "viewer"}]);
    let invite = json!({"email": "eve@example.org", "models": carried});
    ada.post("/invites", invite).await.is(StatusCode::CREATED).await;
    stage.knows("s2", json!({"email": "eve@example.org", "email_verified": false})).await;
    let unverified = stage.sign_in("corp", "s2").await;
    refused(unverified, StatusCode::UNAUTHORIZED, "sign_in_failed", "email_verified").await;
    let answer = stage.sign_in("corp", "s1").await;
    assert_eq!((answer.status(), location(&answer).as_str()), (StatusCode::SEE_OTHER, "/jobs"));
    let eve = stage.with(cookie(&answer, "mycorr_session").unwrap());
    let me = eve.get("/me").await.ok().await;
    assert_eq!(
        (&me["name"], &me["email"], &me["admin"]),
        (&json!("Eve"), &json!("eve@example.org"), &json!(false))
    );
    assert_eq!(eve.get("/models").await.ok().await["items"][0]["id"], model["id"]);

    // Another address at the provider is the same person still, and another subject with hers is not her.
    stage.knows("s1", json!({"email": "elsewhere@example.org", "email_verified": true})).await;
    let again = stage.sign_in("corp", "s1").await;
    let eve = stage.with(cookie(&again, "mycorr_session").unwrap());
    assert_eq!(eve.get("/me").await.ok().await["id"], me["id"]);
    stage.knows("s3", json!({"email": "eve@example.org", "email_verified": true})).await;
    refused(stage.sign_in("corp", "s3").await, StatusCode::CONFLICT, "email_taken", "does not make it yours")
        .await;

    // Her only way in stays, signing out ends the session, and a disabled account stays out.
    let own = eve.get("/identities").await.ok().await;
    let id = own["items"][0]["id"].as_str().unwrap();
    assert_eq!(own["items"][0]["issuer"], stage.provider.issuer());
    let last = eve.request(reqwest::Method::DELETE, &format!("/identities/{id}"));
    let last = eve.send(last.header("sec-fetch-site", "same-origin")).await;
    last.problem(StatusCode::CONFLICT, "conflict").await;
    let out =
        eve.with_body(reqwest::Method::POST, "/sign-out", &json!({})).header("sec-fetch-site", "same-origin");
    eve.send(out).await.is(StatusCode::NO_CONTENT).await;
    eve.get("/me").await.problem(StatusCode::UNAUTHORIZED, "not_signed_in").await;
    // She signs out at the provider too, which then leads her back here.
    assert_eq!(own["items"][0]["provider"], "corp");
    let url = format!("{}/api/v1/sign-in/oidc/corp/sign-out", stage.world.url);
    let answer = stage.browser.get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let asked = stage.browser.get(location(&answer)).send().await.unwrap();
    assert_eq!(asked.status(), StatusCode::OK);
    let page = asked.text().await.unwrap();
    assert!(page.contains(&format!("{}/sign-in", stage.world.url)), "{page}");
    let path = format!("/users/{}", me["id"].as_str().unwrap());
    ada.patch(&path, json!({"disabled": true})).await.ok().await;
    refused(stage.sign_in("corp", "s1").await, StatusCode::FORBIDDEN, "forbidden", "disabled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_in_person_adds_a_way_to_sign_in() {
    let Some(stage) = Stage::new(SignUp::Open).await else { return };
    let (ada, bob) = (stage.world.user("ada").await, stage.world.user("bob").await);
    let form = json!({"email": "bob@example.org", "password": PASSWORD});
    let session = stage.world.nobody().post("/sign-in", form).await.cookie().unwrap();
    stage.knows("b", json!({"email": "bob@example.org", "email_verified": true})).await;
    refused(stage.sign_in("corp", "b").await, StatusCode::CONFLICT, "email_taken", "does not make it yours")
        .await;

    let browser = stage.with(session.clone());
    let begin = async |origin: &str| {
        let body = json!({"provider": "corp", "next": "/settings/account"});
        let request = browser.with_body(reqwest::Method::POST, "/identities", &body);
        browser.send(request.header("sec-fetch-site", origin)).await
    };
    begin("cross-site").await.problem(StatusCode::FORBIDDEN, "cross_origin").await;
    bob.post("/identities", json!({"provider": "corp"}))
        .await
        .problem(StatusCode::FORBIDDEN, "forbidden")
        .await;
    let answer = begin("same-origin").await;
    let kept = cookie(&answer.response, "mycorr_oidc").unwrap();
    let url = answer.ok().await["url"].as_str().unwrap().to_owned();
    let back = stage.at_provider(&url, "b").await;
    // In a browser where somebody else is signed in it adds nothing.
    let other = json!({"email": "ada@example.org", "password": PASSWORD});
    let others = stage.world.nobody().post("/sign-in", other).await.cookie().unwrap();
    let elsewhere = stage.back(&back, &format!("{kept}; {others}")).await;
    refused(elsewhere, StatusCode::UNAUTHORIZED, "sign_in_failed", "not signed in").await;
    let answer = stage.back(&back, &format!("{kept}; {session}")).await;
    assert_eq!(location(&answer), "/settings/account");
    let mine = bob.get("/identities").await.ok().await;
    assert_eq!(mine["items"].as_array().unwrap().len(), 1);
    let me = bob.get("/me").await.ok().await["id"].clone();
    let answer = stage.sign_in("corp", "b").await;
    let by_provider = stage.with(cookie(&answer, "mycorr_session").unwrap());
    assert_eq!(by_provider.get("/me").await.ok().await["id"], me);

    // The same person at the provider can't be two accounts here.
    let body = json!({"provider": "corp"});
    let ada_browser = stage.with(others.clone());
    let request = ada_browser.with_body(reqwest::Method::POST, "/identities", &body);
    let answer = ada_browser.send(request.header("sec-fetch-site", "same-origin")).await;
    let kept = cookie(&answer.response, "mycorr_oidc").unwrap();
    let url = answer.ok().await["url"].as_str().unwrap().to_owned();
    let back = stage.at_provider(&url, "b").await;
    let twice = stage.back(&back, &format!("{kept}; {others}")).await;
    refused(twice, StatusCode::CONFLICT, "conflict", "Somebody else").await;

    let id = mine["items"][0]["id"].as_str().unwrap();
    ada.delete(&format!("/identities/{id}")).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    bob.delete(&format!("/identities/{id}")).await.is(StatusCode::NO_CONTENT).await;
    refused(stage.sign_in("corp", "b").await, StatusCode::CONFLICT, "email_taken", "does not make it yours")
        .await;
    let audit = ada.get("/audit?action=account.identity_added").await.ok().await;
    assert_eq!(audit["items"][0]["object"], "bob@example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_answers_are_refused_and_name_what_is_wrong() {
    let Some(stage) = Stage::new(SignUp::Open).await else { return };
    stage.world.user("ada").await;
    for (client, what) in HOSTILE {
        // Each refusal counts against the address, as a guess does: it is given back here.
        stage.knows(client, json!({"email": format!("{client}@example.org"), "email_verified": true})).await;
        refused(stage.sign_in(client, client).await, StatusCode::UNAUTHORIZED, "sign_in_failed", what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_claims_are_named() {
    let Some(stage) = Stage::new(SignUp::Open).await else { return };
    stage.world.user("ada").await;
    for (subject, claims, what) in [
        ("m1", json!({"name": "M"}), "claim email "),
        ("m2", json!({"email": "m2@example.org"}), "claim email_verified"),
        ("m3", json!({"email": "no address", "email_verified": true}), "claim email "),
    ] {
        stage.knows(subject, claims).await;
        refused(stage.sign_in("corp", subject).await, StatusCode::UNAUTHORIZED, "sign_in_failed", what).await;
    }
    stage.knows("m4", json!({"email": "m4@example.org", "email_verified": true})).await;
    let answer = stage.sign_in("no-subject", "m4").await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    // Where anybody may sign up, a verified address is enough; who has no name is called by the address.
    let answer = stage.sign_in("corp", "m4").await;
    let new = stage.with(cookie(&answer, "mycorr_session").unwrap());
    assert_eq!(new.get("/me").await.ok().await["name"], "m4@example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_is_bound_to_the_browser_and_good_once() {
    let Some(stage) = Stage::new(SignUp::Open).await else { return };
    stage.world.user("ada").await;
    stage.knows("s", json!({"email": "s@example.org", "email_verified": true, "name": "S"})).await;
    let (url, kept) = stage.begin("corp", "//evil.example").await;
    assert!(
        url.contains("code_challenge_method=S256") && url.contains("nonce=") && url.contains("state="),
        "{url}"
    );
    let back = stage.at_provider(&url, "s").await;
    let failed = (StatusCode::UNAUTHORIZED, "sign_in_failed");
    refused(stage.back(&back, "").await, failed.0, failed.1, "not begun in this browser").await;
    let (_, others) = stage.begin("corp", "/").await;
    refused(stage.back(&back, &others).await, failed.0, failed.1, "(state)").await;
    let mixed = format!("{back}&iss=https%3A%2F%2Fanother.example");
    refused(stage.back(&mixed, &kept).await, failed.0, failed.1, "(iss)").await;
    let state = back.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let callback = back.split('?').next().unwrap();
    let denied = format!("{callback}?state={state}&error=access_denied&error_description=%3Cb%3Eno");
    refused(stage.back(&denied, &kept).await, failed.0, failed.1, "access_denied").await;
    let codeless = format!("{callback}?state={state}");
    refused(stage.back(&codeless, &kept).await, failed.0, failed.1, "(code)").await;

    // What providers append is let through; what is gone to afterwards is a path of the page.
    let iss = stage.provider.issuer().replace(':', "%3A").replace('/', "%2F");
    let extra =
        format!("{back}&iss={iss}&session_state=x&scope=openid&authuser=0&prompt=none&hd=example.org");
    let answer = stage.back(&extra, &kept).await;
    assert_eq!((answer.status(), location(&answer).as_str()), (StatusCode::SEE_OTHER, "/"));
    refused(stage.back(&back, &kept).await, failed.0, failed.1, "did not take the code").await;

    // A browser is sent to a page that says why.
    let page = stage.browser.get(&back).header(header::COOKIE, &kept).header(header::ACCEPT, "text/html,*/*");
    let page = page.send().await.unwrap();
    assert_eq!(location(&page), "/sign-in?refused");
    assert!(cookie(&page, "mycorr_refused").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_that_can_not_be_reached_is_said() {
    let text = "[[providers]]\nid = \"inside\"\nissuer = \"https://10.0.0.1\"\nclient_id = \"m\"\n\
                [[providers]]\nid = \"here\"\nissuer = \"http://127.0.0.1:9\"\nclient_id = \"m\"\n";
    // The address guard holds for providers as for connections.
    let providers = SignInProviders::parse(text, &Dialer::new(AllowList::default())).unwrap();
    let world = World::begin(Settings::default(), "", SignUp::Open, providers, None).await;
    for id in ["inside", "here"] {
        let answer = world.nobody().get(&format!("/sign-in/oidc/{id}")).await;
        answer.problem(StatusCode::SERVICE_UNAVAILABLE, "provider_unavailable").await;
    }
    world.nobody().get("/sign-in/oidc/nowhere").await.problem(StatusCode::NOT_FOUND, "not_found").await;
}
