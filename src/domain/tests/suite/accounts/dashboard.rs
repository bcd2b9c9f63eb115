use aviary_domain::accounts::{DashboardQuery, StatusFilter};
use aviary_sim::PanelSpec;

use super::*;
use crate::lab::{Lab, small};

struct Owner {
    lab: Lab,
    accounts: Accounts,
    id: AccountId,
    own: Vec<u64>,
}

/// A person who owns servers on a simulated panel.
async fn owner() -> Owner {
    let lab = Lab::new(PanelSpec { users: 3, ..small() }).await;
    lab.clean_sync().await;
    let (accounts, _) = services(&lab.store, &lab.env);
    let (email, own) = lab.sim.with_world(|world| {
        let owner = world.servers.values().next().unwrap().user;
        let own = world.servers.values().filter(|server| server.user == owner).map(|server| server.id).collect();
        (world.users[&owner].email.clone(), own)
    });
    let account = accounts.create(&Caller::command_line(), new_account(&email, &[])).await.unwrap();
    Owner { lab, accounts, id: account.id, own }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_see_their_own_servers_and_only_those() {
    let Owner { lab, accounts, id, own } = owner().await;
    let page = accounts.dashboard_servers(id, DashboardQuery { limit: 50, ..Default::default() }).await.unwrap();
    let mut ids: Vec<_> = page.rows.iter().map(|row| row.server.data.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, own);
    assert_eq!(page.total, own.len() as u64);
    assert!(page.rows.iter().all(|row| row.egg.is_some() && row.node.is_some()));
    let stats = accounts.dashboard_stats(id).await.unwrap();
    assert_eq!(stats.total, own.len() as u64);
    assert_eq!(stats.online + stats.offline + stats.suspended, stats.total);
    assert_eq!(stats.recent.len(), own.len().min(6));
    assert_eq!(accounts.person(id).await.unwrap().servers, own.len() as u64);
    let all = accounts.dashboard_servers(id, DashboardQuery { all: true, ..Default::default() }).await.unwrap();
    assert_eq!((all.total, all.rows.len()), (40, 12));
    lab.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_are_searched_and_filtered_by_what_is_known() {
    let Owner { lab, accounts, id, own } = owner().await;
    let first = own[0];
    let name = lab.sim.with_world(|world| world.servers[&first].name.clone());
    let search = DashboardQuery { search: Some(name.to_uppercase()), ..Default::default() };
    let found = accounts.dashboard_servers(id, search).await.unwrap();
    assert!(found.rows.iter().any(|row| row.server.data.id == first));
    let by = async |word: &str| {
        let query = DashboardQuery { status: StatusFilter::parse(word), ..Default::default() };
        accounts.dashboard_servers(id, query).await.unwrap().total
    };
    let stats = accounts.dashboard_stats(id).await.unwrap();
    assert_eq!(by("running").await, stats.online);
    assert_eq!(by("suspended").await, stats.suspended);
    assert_eq!(by("starting").await, 0);
    assert_eq!(by("all").await, stats.total);
    assert_eq!(by("purple").await, stats.total);
    let beyond = DashboardQuery { offset: 1000, ..Default::default() };
    assert!(accounts.dashboard_servers(id, beyond).await.unwrap().rows.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_was_not_proved_shows_no_servers() {
    let Owner { lab: _lab, accounts, id, .. } = owner().await;
    let unproved = aviary_domain::accounts::AccountPatch { verified: Some(false), ..Default::default() };
    accounts.update(&Caller::command_line(), id, unproved).await.unwrap();
    assert_eq!(accounts.dashboard_stats(id).await.unwrap().total, 0);
}
