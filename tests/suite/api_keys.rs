use aviary_kernel::base::Env;
use aviary_kernel::model::{Account, AccountId, AccountSource, Email, Profile};
use aviary_kernel::store::tables::ACCOUNTS;
use aviary_kernel::store::{Options, Store};
use aviary_sim::PanelSpec;

use crate::aviary::{Place, bytes};

/// Puts somebody into the data file while nobody has it open.
fn person(place: &Place, name: &str, role: &str) {
    let env = Env::system();
    let account = Account {
        id: AccountId(env.ids.next()),
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        username: name.to_owned(),
        profile: Profile::default(),
        password: None,
        roles: vec![role.to_owned()],
        is_active: true,
        email_verified: None,
        source: AccountSource::Made,
        second_factor: None,
        second_factor_offer: None,
        created_at: env.now(),
        updated_at: env.now(),
        last_login_at: None,
    };
    let store = Store::open(Options::file(place.data_file())).unwrap();
    store.write_blocking(move |tx| tx.put(ACCOUNTS, &account.id, &account).map(drop)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_renewed_and_revoked_and_its_text_is_printed_once() {
    let place = Place::new(PanelSpec::default()).await;
    place.run(&["api-key", "list"]).await.done();
    person(&place, "ada", "TECH_TEAM");
    let create = [
        "api-key",
        "create",
        "--name",
        "ci",
        "--owner",
        "ada@example.com",
        "--grant",
        "sync.*,server.read",
        "--expires",
        "30",
    ];
    let created = place.run(&create).await.done();
    let text = created.out.trim();
    assert!(text.starts_with("aviary_") && !text.contains(char::is_whitespace), "{}", created.out);
    assert!(!created.err.contains(text));

    let listed = place.run(&["api-key", "list", "--owner", "Ada@example.com"]).await.done();
    assert!(listed.out.contains("ci") && listed.out.contains("server.read sync.*"), "{}", listed.out);
    assert!(listed.out.contains(&text[..17]) && !listed.out.contains(text), "{}", listed.out);

    let renewed = place.run(&["--json", "api-key", "rotate", "ci"]).await.done().json();
    let second = renewed["text"].as_str().unwrap();
    assert!(second != text && renewed["key"]["previousUntil"].is_string(), "{renewed}");
    let revoked = place.run(&["--json", "api-key", "revoke", renewed["key"]["start"].as_str().unwrap()]).await.done();
    assert_eq!(revoked.json()["state"], "revoked");

    let raw = bytes(&place.data_file());
    for text in [text, second] {
        let secret = &text.as_bytes()[18..];
        assert!(!raw.windows(secret.len()).any(|window| window == secret), "only hashes are kept");
    }
    place.run(&["check"]).await.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_says_why() {
    let place = Place::new(PanelSpec::default()).await;
    place.run(&["api-key", "list"]).await.done();
    person(&place, "mia", "MEMBER");
    let create = |owner: &'static str| ["api-key", "create", "--name", "ci", "--owner", owner, "--grant", "sync.run"];
    let ended = place.run(&create("mia@example.com")).await;
    assert_eq!(ended.code, 2, "{}", ended.err);
    assert!(ended.err.contains("mia@example.com does not have sync.run"), "{}", ended.err);
    assert_eq!(place.run(&create("nobody@example.com")).await.code, 1);
    assert_eq!(place.run(&["api-key", "revoke", "ci"]).await.code, 1);
    assert_eq!(place.run(&["api-key", "create", "--name", "ci"]).await.code, 2);
}
