use aviary_domain::accounts::{AccountQuery, PeopleFilter, PeopleSort};
use aviary_kernel::base::At;
use aviary_kernel::model::Panel;

use super::*;

async fn names(people: &People, query: AccountQuery) -> Vec<String> {
    let page = people.accounts.list(query).await.unwrap();
    assert_eq!(page.total, page.rows.len() as u64);
    page.rows.into_iter().map(|person| person.account.username).collect()
}

fn put_panel(people: &People, id: u32) {
    let sealer = Sealer::new(&MasterKey::parse(&"0f".repeat(32)).unwrap());
    let panel = Panel {
        id: PanelId(id),
        name: format!("panel {id}"),
        base_url: "https://panel.example.com".into(),
        dialect: None,
        app_key: sealer.seal("panels/app", "ptla_x").unwrap(),
        client_key: None,
        share_percent: 80,
        sync_every_s: None,
        created_at: Timestamp::from_seconds(1),
        reach: Default::default(),
        synced_at: None,
        removing: false,
    };
    people.store.write_blocking(move |tx| tx.put(aviary_kernel::store::tables::PANELS, &PanelId(id), &panel)).unwrap();
}

/// Ada is administrator here, Bob a member and administrator on a panel, Cid stands for a panel's user, Dee is disabled.
async fn four() -> People {
    let people = People::new();
    put_panel(&people, 1);
    people.made("ada@example.com", &["ADMINISTRATOR"]).await;
    people.put_user(1, User { root_admin: true, ..user(1, "Bob@Example.com", "panel-bob") });
    people.panel_user(1, 2, "cid@other.example", "cid");
    people.made("bob@example.com", &[]).await;
    people.follow().await;
    let dee = people.made("dee@example.com", &[]).await;
    people.accounts.disable(&Caller::command_line(), dee.id).await.unwrap();
    people
}

#[tokio::test]
async fn people_are_filtered_searched_and_sorted() {
    let people = four().await;
    let by = |filter| AccountQuery { filter, sort: PeopleSort::Email, ..AccountQuery::default() };
    assert_eq!(names(&people, by(PeopleFilter::All)).await, ["ada", "bob", "cid", "dee"]);
    assert_eq!(names(&people, by(PeopleFilter::Migrated)).await, ["ada", "bob", "dee"]);
    assert_eq!(names(&people, by(PeopleFilter::NotMigrated)).await, ["cid"]);
    assert_eq!(names(&people, by(PeopleFilter::Active)).await, ["ada", "bob", "cid"]);
    assert_eq!(names(&people, by(PeopleFilter::Inactive)).await, ["dee"]);
    assert_eq!(names(&people, by(PeopleFilter::Admin)).await, ["ada", "bob"]);
    let search = |text: &str| AccountQuery { search: Some(text.into()), ..AccountQuery::default() };
    assert_eq!(names(&people, search(" OTHER.")).await, ["cid"]);
    assert_eq!(names(&people, search("nobody")).await, [""; 0]);
    let role = AccountQuery { role: Some("ADMINISTRATOR".into()), ..AccountQuery::default() };
    assert_eq!(names(&people, role).await, ["ada"]);
    let down = AccountQuery { sort: PeopleSort::Username, descending: true, ..AccountQuery::default() };
    assert_eq!(names(&people, down).await, ["dee", "cid", "bob", "ada"]);
    let stats = people.accounts.list(AccountQuery::default()).await.unwrap().stats;
    assert_eq!((stats.total, stats.migrated, stats.admins, stats.active), (4, 3, 2, 3));
}

#[tokio::test]
async fn a_list_is_walked_by_page_and_by_cursor() {
    let people = four().await;
    let query = |at| AccountQuery { sort: PeopleSort::Email, at, limit: 3, ..AccountQuery::default() };
    let page = async |at| people.accounts.list(query(at)).await.unwrap();
    let first = page(At::Start).await;
    assert_eq!((first.rows.len(), first.total, first.previous.is_some()), (3, 4, false));
    let second = page(At::After(first.next.unwrap())).await;
    assert_eq!(second.rows[0].account.username, "dee");
    assert!(second.next.is_none());
    let back = page(At::Before(second.previous.unwrap())).await;
    assert_eq!(back.rows[0].account.username, "ada");
    assert_eq!(page(At::Offset(3)).await.rows[0].account.username, "dee");
    assert!(page(At::Offset(9)).await.rows.is_empty());
}

#[tokio::test]
async fn what_a_panel_knows_shows_only_for_a_proved_address() {
    let people = four().await;
    let bob = people.by_email("bob@example.com").unwrap();
    let person = people.person(bob.id).await;
    assert!(person.is_panel_admin() && person.linked[0].user.id == 1);
    let cid = people.person(people.by_email("cid@other.example").unwrap().id).await;
    assert_eq!(cid.linked[0].user.username, "cid");
    people.put_user(1, User { root_admin: true, ..user(3, "eve@example.com", "eve") });
    let eve = people.registered("eve@example.com").await;
    let eve = people.person(eve.id).await;
    assert!(eve.linked.is_empty() && !eve.is_panel_admin());
}
