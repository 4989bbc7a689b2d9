//! Accounts from the shell, while the server runs.

use crate::product::Mycorr;
use serde_json::json;

#[tokio::test]
async fn accounts_are_made_disabled_and_given_passwords_from_the_shell() {
    let mycorr = Mycorr::start().await;
    let bob = "bob@example.org";
    mycorr.command_with(
        &["user", "create", "--email", bob, "--name", "Bob", "--password-stdin"],
        "first sentence\n",
    );
    let sign_in = async |password: &str| {
        let form = json!({"email": bob, "password": password});
        mycorr.ask(reqwest::Method::POST, "/sign-in", Some(form)).await.0
    };
    assert_eq!(sign_in("first sentence").await, 200);
    mycorr.command_with(&["user", "set-password", "--email", bob, "--password-stdin"], "second sentence\n");
    assert_eq!(sign_in("first sentence").await, 401);
    assert_eq!(sign_in("second sentence").await, 200);
    mycorr.command(&["user", "disable", "--email", bob]);
    assert_eq!(sign_in("second sentence").await, 403);
    mycorr.command(&["user", "enable", "--email", bob]);
    assert_eq!(sign_in("second sentence").await, 200);
    let last = mycorr.command_fails(&["user", "disable", "--email", "ada@example.org"]);
    assert!(last.contains("last administrator"), "{last}");
    let unknown = mycorr.command_fails(&["user", "enable", "--email", "eve@example.org"]);
    assert!(unknown.contains("no account"), "{unknown}");
}
