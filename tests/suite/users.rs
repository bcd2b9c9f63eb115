use aviary_sim::PanelSpec;

use crate::aviary::{Place, bytes};

const GOOD: &str = "Right1234";

#[tokio::test(flavor = "multi_thread")]
async fn people_are_made_listed_disabled_and_let_in_again() {
    let place = Place::new(PanelSpec::default()).await;
    let password = place.file("password", &format!("{GOOD}\n"));
    let password = password.to_str().unwrap();
    let none = place.run(&["user", "list"]).await.done();
    assert!(none.out.contains("aviary user create"), "{}", none.out);

    let create = |email: &'static str, role: &'static str| {
        place.command(&["--json", "user", "create", "--email", email, "--role", role, "--password-file", password])
    };
    let made = crate::aviary::ended(create("boss@example.com", "SUPER_ADMIN")).await.done().json();
    assert_eq!((&made["roles"][0], &made["isActive"]), (&"SUPER_ADMIN".into(), &true.into()));
    crate::aviary::ended(create("a+b%c@example.com", "MEMBER")).await.done();
    let twice = crate::aviary::ended(create("BOSS@example.com", "MEMBER")).await;
    assert_eq!(twice.code, 3, "{}", twice.err);
    let wizard = crate::aviary::ended(create("x@example.com", "WIZARD")).await;
    assert!(wizard.code == 2 && wizard.err.contains("WIZARD"), "{}", wizard.err);

    let off = place.run(&["--json", "user", "disable", "a+b%c@example.com"]).await.done().json();
    assert_eq!(off["isActive"], false);
    let listed = place.run(&["user", "list", "--search", "a+b%c"]).await.done();
    assert!(listed.out.contains("disabled") && !listed.out.contains("boss@"), "{}", listed.out);
    place.run(&["user", "enable", made["id"].as_str().unwrap()]).await.done();
    place.run(&["user", "enable", "a+b%c@example.com"]).await.done();
    let last = place.run(&["user", "disable", "boss@example.com"]).await;
    assert!(last.code == 3 && last.err.contains("SUPER_ADMIN"), "{}", last.err);
    let unknown = place.run(&["user", "disable", "nobody@example.com"]).await;
    assert_eq!(unknown.code, 1, "{}", unknown.err);
    place.run(&["check"]).await.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_password_is_replaced_on_the_machine() {
    let place = Place::new(PanelSpec::default()).await;
    let password = place.file("password", GOOD);
    let password = password.to_str().unwrap();
    let boss = "boss@example.com";
    let create = ["user", "create", "--email", boss, "--role", "SUPER_ADMIN", "--password-file", password];
    place.run(&create).await.done();

    let link = place.run(&["user", "reset-password", boss]).await.done();
    let token = link.out.trim().split_once("token=").unwrap().1.split('&').next().unwrap();
    assert_eq!(token.len(), 64, "{}", link.out);
    assert!(!link.err.contains(token));
    let weak = place.file("weak", "weak");
    let refused = place.run(&["user", "reset-password", boss, "--password-file", weak.to_str().unwrap()]).await;
    assert!(refused.code == 2 && refused.err.contains("8 characters"), "{}", refused.err);
    place.run(&["user", "reset-password", boss, "--password-file", password]).await.done();
    place.run(&["user", "reset-2fa", boss]).await.done();
    place.run(&["user", "unlock", boss]).await.done();

    let raw = bytes(&place.data_file());
    for secret in [GOOD, token] {
        assert!(!raw.windows(secret.len()).any(|window| window == secret.as_bytes()), "neither is on disk in clear");
    }
}
