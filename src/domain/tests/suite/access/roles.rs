use aviary_domain::access::{Caller, NewRole, RolePatch, SUPER_ADMIN};
use aviary_kernel::base::Error;
use aviary_kernel::model::{Action, Role};
use aviary_kernel::store::rows::Change;
use aviary_kernel::store::tables::{FEED, ROLES};
use aviary_kernel::store::{Read, SortText, Span};

use super::{House, these};

fn new(name: &str, grants: &[&str]) -> NewRole {
    NewRole { name: name.into(), description: "Of a test.".into(), grants: these(grants) }
}

fn only_grants(grants: &[&str]) -> RolePatch {
    RolePatch { grants: Some(these(grants)), ..RolePatch::default() }
}

#[tokio::test]
async fn a_role_is_made_changed_and_removed_and_the_trail_has_each_field() {
    let house = House::new();
    let by = house.new_caller("ada", &[SUPER_ADMIN]);
    house.access.make_role(&by, new("NIGHT_SHIFT", &["sync.run", "sync.run", "server.read"])).await.unwrap();
    let patch = RolePatch {
        description: Some(" Looks after syncs. ".into()),
        grants: Some(these(&["sync.*"])),
        ..RolePatch::default()
    };
    let changed = house.access.change_role(&by, "NIGHT_SHIFT", patch).await.unwrap();
    assert_eq!((changed.role.description.as_str(), changed.people), ("Looks after syncs.", 0));
    house.access.set_second_factor(&by, "NIGHT_SHIFT", true).await.unwrap();
    house.access.remove_role(&by, "NIGHT_SHIFT").await.unwrap();
    assert!(matches!(house.access.role("NIGHT_SHIFT").await, Err(Error::NotFound { .. })));

    let trail: Vec<String> = house
        .trail()
        .into_iter()
        .flat_map(|event| {
            let of = |c: &aviary_kernel::model::AuditChange| {
                format!("{} {}: {:?} -> {:?}", event.action, c.field, c.before.as_deref(), c.after.as_deref())
            };
            event.changes.iter().map(of).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(
        trail,
        [
            r#"role.create description: None -> Some("Of a test.")"#,
            r#"role.create permissions: None -> Some("server.read, sync.run")"#,
            r#"role.update description: Some("Of a test.") -> Some("Looks after syncs.")"#,
            r#"role.update permissions: Some("server.read, sync.run") -> Some("sync.*")"#,
            r#"role.update needsSecondFactor: Some("no") -> Some("yes")"#,
            r#"role.remove permissions: Some("sync.*") -> None"#,
        ]
    );
    let feed = house.store.read_blocking(|tx| tx.all(FEED, &Span::all())).unwrap();
    assert_eq!(feed.iter().filter(|(_, e)| e.change == Change::Role("NIGHT_SHIFT".into())).count(), 4);
    house.assert_sound();
}

#[tokio::test]
async fn a_change_that_changes_nothing_leaves_no_trace() {
    let house = House::new();
    house.role("NIGHT_SHIFT", &["sync.*"]).await;
    let before = house.trail().len();
    house.access.change_role(&Caller::command_line(), "NIGHT_SHIFT", only_grants(&["sync.*"])).await.unwrap();
    house.access.set_second_factor(&Caller::command_line(), "MEMBER", false).await.unwrap();
    assert_eq!(house.trail().len(), before);
}

#[tokio::test]
async fn names_that_cannot_be_are_refused() {
    let house = House::new();
    let by = Caller::command_line();
    for bad in ["", "A", "night", "NIGHT-SHIFT", "NÄCHTE", "A B", "A\0B", &"A".repeat(41)] {
        let made = house.access.make_role(&by, new(bad, &["sync.run"])).await;
        assert!(matches!(made, Err(Error::Invalid { field: "name", .. })), "{bad}: {made:?}");
    }
    house.role("X2", &[]).await;
    for taken in ["X2", "SUPER_ADMIN", "MEMBER"] {
        let made = house.access.make_role(&by, new(taken, &[])).await;
        assert!(matches!(made, Err(Error::Conflict(_))), "{taken}: {made:?}");
    }
    let long = NewRole { description: "a".repeat(301), ..new("LONG", &[]) };
    assert!(matches!(house.access.make_role(&by, long).await, Err(Error::Invalid { field: "description", .. })));
}

#[tokio::test]
async fn nobody_makes_a_role_without_the_permission_or_with_more_than_their_own() {
    let house = House::new();
    house.person("root", &[SUPER_ADMIN]);
    let administrator = house.new_caller("adam", &["ADMINISTRATOR"]);
    let made = house.access.make_role(&administrator, new("MINE", &["server.read"])).await;
    assert!(matches!(made, Err(Error::Forbidden(_))), "{made:?}");

    house.role("ROLE_KEEPER", &["role.*", "sync.read"]).await;
    let keeper = house.new_caller("kim", &["ROLE_KEEPER"]);
    for beyond in [&["*"][..], &["sync.run"], &["sync.*"], &["*.read"], &["sync.read", "mail.open"]] {
        let made = house.access.make_role(&keeper, new("MINE", beyond)).await;
        assert!(matches!(made, Err(Error::Forbidden(_))), "{beyond:?}: {made:?}");
    }
    house.access.make_role(&keeper, new("MINE", &["sync.read", "role.assign"])).await.unwrap();
}

#[tokio::test]
async fn all_permissions_of_today_do_not_make_everything() {
    let house = House::new();
    let every: Vec<&str> = aviary_kernel::model::Permission::ALL.iter().map(|permission| permission.name()).collect();
    house.role("NEARLY_ALL", &every).await;
    let nearly = house.new_caller("nel", &["NEARLY_ALL"]);
    let made = house.access.make_role(&nearly, new("ALL_OF_IT", &["*"])).await;
    assert!(matches!(made, Err(Error::Forbidden(_))), "{made:?}");
}

#[tokio::test]
async fn nobody_lifts_their_own_role_or_touches_a_higher_one() {
    let house = House::new();
    house.person("root", &[SUPER_ADMIN]);
    house.role("ROLE_KEEPER", &["role.*"]).await;
    house.role("HIGHER", &["sync.run"]).await;
    let keeper = house.new_caller("kim", &["ROLE_KEEPER"]);
    let lifted = house.access.change_role(&keeper, "ROLE_KEEPER", only_grants(&["role.*", "sync.run"])).await;
    assert!(matches!(lifted, Err(Error::Forbidden(_))), "{lifted:?}");
    let weakened = house.access.change_role(&keeper, "HIGHER", only_grants(&[])).await;
    assert!(matches!(weakened, Err(Error::Forbidden(_))), "{weakened:?}");
    assert!(matches!(house.access.remove_role(&keeper, "HIGHER").await, Err(Error::Forbidden(_))));
    let factor = house.access.set_second_factor(&keeper, SUPER_ADMIN, true).await;
    assert!(matches!(factor, Err(Error::Forbidden(_))), "{factor:?}");
    assert_eq!(house.access.role("ROLE_KEEPER").await.unwrap().role.grants, these(&["role.*"]));
}

#[tokio::test]
async fn who_lacks_a_second_factor_changes_no_roles() {
    let house = House::new();
    let by = Caller { lacks_second_factor: true, ..Caller::command_line() };
    assert!(matches!(house.access.make_role(&by, new("MINE", &[])).await, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn built_in_roles_keep_their_permissions_and_stay() {
    let house = House::new();
    let by = house.new_caller("ada", &[SUPER_ADMIN]);
    let changed = house.access.change_role(&by, "MEMBER", only_grants(&["*"])).await;
    assert!(matches!(changed, Err(Error::Conflict(_))), "{changed:?}");
    assert!(matches!(house.access.remove_role(&by, "MEMBER").await, Err(Error::Conflict(_))));
    let info = house.access.set_second_factor(&by, SUPER_ADMIN, true).await.unwrap();
    assert!(info.role.needs_second_factor && info.role.grants.are_all());
    assert_eq!(info.people, 1);
}

#[tokio::test]
async fn what_is_stored_of_a_built_in_role_gives_nothing_by_another_name() {
    let house = House::new();
    house.access.set_second_factor(&Caller::command_line(), SUPER_ADMIN, true).await.unwrap();
    let stored: Role = house.store.read_blocking(|tx| tx.get(ROLES, &SortText::new(SUPER_ADMIN))).unwrap().unwrap();
    assert!(stored.grants.0.is_empty());
    let sly = house.new_caller("sly", &["super_admin", " SUPER_ADMIN"]);
    assert!(sly.grants.0.is_empty());
}

#[tokio::test]
async fn a_role_that_people_have_stays_and_says_how_many() {
    let house = House::new();
    house.role("NIGHT_SHIFT", &["sync.*"]).await;
    let (ann, _) = (house.person("ann", &["NIGHT_SHIFT"]), house.person("bea", &["MEMBER", "NIGHT_SHIFT"]));
    let by = Caller::command_line();
    match house.access.remove_role(&by, "NIGHT_SHIFT").await {
        Err(Error::Conflict(why)) => assert!(why.starts_with("2 people have"), "{why}"),
        other => panic!("{other:?}"),
    }
    house.change(ann, |account| account.roles.clear());
    assert_eq!(house.access.role("NIGHT_SHIFT").await.unwrap().people, 1);
    let roles = house.access.roles().await.unwrap();
    let counts: Vec<_> = roles.iter().map(|info| (info.role.name.as_str(), info.people)).collect();
    assert_eq!(counts[0], ("MEMBER", 1));
    assert_eq!(counts.last(), Some(&("NIGHT_SHIFT", 1)));
    house.assert_sound();
}

#[tokio::test]
async fn the_last_who_may_everything_is_not_taken_away_with_a_role() {
    let house = House::new();
    house.role("OWNERS", &["*"]).await;
    let owner = house.new_caller("ona", &["OWNERS"]);
    let weakened = house.access.change_role(&owner, "OWNERS", only_grants(&["*.read"])).await;
    assert!(matches!(weakened, Err(Error::Conflict(_))), "{weakened:?}");
    assert!(house.access.role("OWNERS").await.unwrap().role.grants.are_all(), "nothing half done");

    let idle = house.person("ida", &[SUPER_ADMIN]);
    house.change(idle, |account| account.is_active = false);
    assert!(house.access.change_role(&owner, "OWNERS", only_grants(&["*.read"])).await.is_err());
    house.change(idle, |account| account.is_active = true);
    house.access.change_role(&owner, "OWNERS", only_grants(&["*.read"])).await.unwrap();
    assert_eq!(house.trail().iter().filter(|event| event.action == Action::RoleChanged).count(), 1);
}
