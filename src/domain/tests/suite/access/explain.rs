use std::time::Duration;

use aviary_domain::access::{Caller, SUPER_ADMIN};
use aviary_kernel::base::Error;
use aviary_kernel::model::{AccountId, Permission};
use uuid::Uuid;

use super::House;

#[tokio::test]
async fn what_somebody_may_is_explained_by_every_role_that_gives_it() {
    let house = House::new();
    let ada = house.person("ada", &["SUPPORT_TEAM", "TECH_TEAM"]);
    let read = house.access.explain(ada, Permission::SyncRead).await.unwrap();
    assert!(read.allowed);
    assert_eq!(read.sentence(), "The role SUPPORT_TEAM includes sync.read and the role TECH_TEAM includes sync.*.");
    let mails = house.access.explain(ada, Permission::MailOpen).await.unwrap();
    assert!(!mails.allowed && mails.because.is_empty());
    assert_eq!(
        mails.sentence(),
        "None of their roles (SUPPORT_TEAM, TECH_TEAM) includes mail.open. Built-in roles that do: SUPER_ADMIN."
    );
}

#[tokio::test]
async fn what_is_explained_is_what_they_may() {
    let house = House::new();
    for role in ["MEMBER", "SUPPORT_TEAM", "TECH_TEAM", "ADMINISTRATOR", SUPER_ADMIN] {
        let id = house.person(role.to_lowercase().as_str(), &[role]);
        let caller = house.caller(id);
        let all = house.access.explain_all(id).await.unwrap();
        assert_eq!(all.len(), Permission::ALL.len());
        for explained in all {
            assert_eq!(explained.allowed, caller.may(explained.permission), "{role} {}", explained.permission);
            assert_eq!(explained.allowed, explained.why_not.is_none());
        }
    }
}

#[tokio::test]
async fn what_stands_in_the_way_of_everything_comes_first() {
    let house = House::new();
    let ada = house.person("ada", &["TECH_TEAM"]);
    house.access.set_second_factor(&Caller::command_line(), "TECH_TEAM", true).await.unwrap();
    let said = house.access.explain(ada, Permission::SyncRun).await.unwrap();
    assert!(!said.allowed && said.sentence().contains("TECH_TEAM asks for a second factor"), "{}", said.sentence());
    assert_eq!(said.because.len(), 1, "what they would have is still shown");
    house.change(ada, |account| account.is_active = false);
    let said = house.access.explain(ada, Permission::SyncRun).await.unwrap();
    assert_eq!(said.sentence(), "The account is disabled, so nothing of theirs works.");
    let nobody = house.access.explain(AccountId(Uuid::nil()), Permission::SyncRun).await;
    assert!(matches!(nobody, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn of_a_key_it_is_said_which_side_lacks_it() {
    let house = House::new();
    let ada = house.person("ada", &["TECH_TEAM"]);
    let (key, _) = house.key(&house.caller(ada), &["sync.*", "server.read"]).await;
    let said = async |permission| house.access.explain_key(key.id, permission).await.unwrap();
    assert_eq!(
        said(Permission::SyncRun).await.sentence(),
        "The key deploy includes sync.* and the role TECH_TEAM includes sync.*."
    );
    assert!(said(Permission::NodeRead).await.sentence().starts_with("The owner ada@example.com has node.read, but"));
    assert!(said(Permission::MailOpen).await.sentence().starts_with("Neither the key nor its owner"));
    house.change(ada, |account| account.roles = vec!["SUPPORT_TEAM".into()]);
    let run = said(Permission::SyncRun).await;
    assert!(!run.allowed && run.sentence().starts_with("The key includes sync.run, but its owner ada@example.com"));
    house.clock.advance(Duration::from_secs(2 * 86_400));
    assert_eq!(said(Permission::ServerRead).await.sentence(), "The key has ended.");
    house.change(ada, |account| account.is_active = false);
    house.access.revoke_key(&Caller::command_line(), key.id).await.unwrap();
    let all = house.access.explain_key_all(key.id).await.unwrap();
    assert!(all.iter().all(|explained| explained.sentence() == "The key was revoked."));
}
