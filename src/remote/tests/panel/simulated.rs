//! Against the simulated panel: whole panels, and every fault that it knows.

use std::collections::BTreeSet;
use std::time::Duration;

use aviary_kernel::base::{Env, Secret};
use aviary_kernel::model::{Dialect, HiddenText, Kind, Scalar};
use aviary_remote::{
    HttpOptions, PanelAccess, PanelClient, PanelError, Presence, Readable, ServerBundle, ServerIncludes, Severity,
    Sweep,
};
use aviary_sim::panel::world::{Levels, Resource};
use aviary_sim::{Fault, FaultKind, Match, PanelSpec, SimPanel, world};
use futures_util::StreamExt;

use crate::script::{collect, quick};

async fn start(spec: PanelSpec) -> (SimPanel, PanelClient) {
    let panel = SimPanel::start(spec).await.unwrap();
    let client = client(&panel, panel.app_key(), &quick());
    (panel, client)
}

fn client(panel: &SimPanel, key: &str, options: &HttpOptions) -> PanelClient {
    let access = PanelAccess {
        name: "simulated".to_owned(),
        base_url: panel.url(),
        app_key: Secret::from(key),
        client_key: Some(Secret::from(panel.client_key())),
        dialect: None,
        share_percent: 80,
    };
    PanelClient::new(access, options, Env::system()).unwrap()
}

async fn users(client: &PanelClient) -> Result<Sweep, PanelError> {
    collect(async |pages| client.users(pages).await).await.2
}

async fn allocations(client: &PanelClient, node: u64) -> Result<Sweep, PanelError> {
    collect(async |pages| client.allocations(node, pages).await).await.2
}

async fn servers(client: &PanelClient) -> (Vec<ServerBundle>, Result<Sweep, PanelError>) {
    let (rows, _, sweep) = collect(async |pages| client.servers(ServerIncludes::ALL, pages).await).await;
    (rows, sweep)
}

/// Whole, every row readable, and exactly these ids.
fn assert_whole(what: &str, sweep: Result<Sweep, PanelError>, ids: impl IntoIterator<Item = u64>) {
    let sweep = sweep.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(sweep.is_complete(), "{what}: {:?}", sweep.incomplete);
    assert_eq!(sweep.unreadable, [], "{what}");
    assert_eq!(sweep.ids.iter().collect::<BTreeSet<_>>(), ids.into_iter().collect::<BTreeSet<_>>(), "{what}");
}

/// Reads everything, and compares it with what the panel holds.
async fn read_everything(panel: &SimPanel, client: &PanelClient) {
    let dialect = client.dialect().await.unwrap();
    let world = panel.with_world(|world| world.clone());
    if dialect == Dialect::Pterodactyl {
        let sweep = collect(async |pages| client.locations(pages).await).await.2;
        assert_whole("locations", sweep, world.locations.keys().copied());
        let sweep = collect(async |pages| client.nests(pages).await).await.2;
        assert_whole("nests", sweep, world.nests.keys().copied());
        for nest in world.nests.keys() {
            let sweep = collect(async |pages| client.eggs(Some(*nest), &[], pages).await).await.2;
            let eggs = world.eggs.values().filter(|egg| egg.nest == *nest).map(|egg| egg.id);
            assert_whole("eggs", sweep, eggs);
        }
    } else {
        let sweep = collect(async |pages| client.eggs(None, &[], pages).await).await.2;
        assert_whole("eggs", sweep, world.eggs.keys().copied());
    }
    let sweep = collect(async |pages| client.nodes(pages).await).await.2;
    assert_whole("nodes", sweep, world.nodes.keys().copied());
    for node in world.nodes.keys() {
        let of_node = world.allocations.values().filter(|allocation| allocation.node == *node).map(|row| row.id);
        assert_whole("allocations", allocations(client, *node).await, of_node);
    }
    assert_whole("users", users(client).await, world.users.keys().copied());
    let (rows, sweep) = servers(client).await;
    assert_whole("servers", sweep, world.servers.keys().copied());
    let subusers: BTreeSet<_> =
        rows.iter().flat_map(|row| &row.subusers.as_ref().unwrap().rows).map(|row| row.id).collect();
    let databases: BTreeSet<_> =
        rows.iter().flat_map(|row| &row.databases.as_ref().unwrap().rows).map(|row| row.id).collect();
    assert_eq!(subusers, world.subusers.keys().copied().collect());
    assert_eq!(databases, world.databases.keys().copied().collect());
    for row in &rows {
        let theirs = world.allocations.values().filter(|allocation| allocation.server == Some(row.server.id));
        let ids: Vec<_> = theirs.map(|allocation| allocation.id).collect();
        assert_eq!(row.server.allocations.as_ref().unwrap(), &ids);
        assert_eq!(row.server.name, world.servers[&row.server.id].name);
    }
}

#[tokio::test]
async fn everything_of_an_awkward_panel_is_read_in_both_dialects() {
    for spec in [PanelSpec::default(), PanelSpec::pelican()] {
        let (panel, client) = start(PanelSpec { servers: 130, users: 240, ..spec }).await;
        read_everything(&panel, &client).await;
        assert_eq!((panel.count_429(), client.usage().requests as usize), (0, panel.request_count()));
        assert!(panel.max_in_flight() <= 4);
    }
}

#[tokio::test]
async fn a_panel_that_caps_its_pages_is_read_all_the_same() {
    let (panel, client) =
        start(PanelSpec { servers: 60, users: 70, per_page_cap: Some(7), ..PanelSpec::default() }).await;
    read_everything(&panel, &client).await;
}

#[tokio::test]
async fn a_thousand_servers_take_few_requests() {
    let spec =
        PanelSpec { servers: 1_000, users: 700, nodes: 8, allocations_per_node: 400, nests: 5, ..PanelSpec::default() };
    let (panel, client) = start(spec).await;
    read_everything(&panel, &client).await;
    assert!(panel.request_count() <= 70, "{} requests", panel.request_count());
    assert_eq!((panel.count_429(), client.usage().waited_ms), (0, 0));
}

#[tokio::test]
async fn hidden_variables_never_come_in_the_clear() {
    let (panel, client) = start(PanelSpec::default()).await;
    let world = panel.with_world(|world| world.clone());
    let (rows, _) = servers(&client).await;
    let mut hidden = 0;
    for row in &rows {
        let egg = &world.eggs[&row.server.egg_id];
        for variable in egg.variables.iter().filter(|variable| !variable.user_viewable) {
            let value = row.server.environment.get(&variable.env_variable);
            hidden += usize::from(matches!(value, Some(Scalar::Hidden(HiddenText::Clear(_)))));
            assert!(!matches!(value, Some(Scalar::Text(text)) if !text.is_empty()), "{value:?}");
        }
    }
    assert!(hidden > 0, "there was something to hide");
}

fn every_fault() -> Vec<FaultKind> {
    let elsewhere = "https://elsewhere.example/".to_owned();
    vec![
        FaultKind::Status(500),
        FaultKind::Status(502),
        FaultKind::Status(403),
        FaultKind::StatusHtml(500),
        FaultKind::StatusHtml(504),
        FaultKind::StatusHtml(404),
        FaultKind::TooMany { retry_after_s: Some(0) },
        FaultKind::Delay(Duration::from_millis(700)),
        FaultKind::Hang,
        FaultKind::Reset,
        FaultKind::ResetMidBody,
        FaultKind::TruncatedBody,
        FaultKind::TruncatedJson,
        FaultKind::Html200,
        FaultKind::EmptyPage,
        FaultKind::LieTotal(1),
        FaultKind::LieTotal(-1),
        FaultKind::LieTotal(1_000_000),
        FaultKind::DuplicateRows,
        FaultKind::ShiftRow,
        FaultKind::InsertBetween,
        FaultKind::WrongTypes,
        FaultKind::BadRow,
        FaultKind::HugeBody(3 << 20),
        FaultKind::Redirect(elsewhere),
        FaultKind::Maintenance { retry_after_s: None, html: true },
        FaultKind::ReverseRows,
    ]
}

/// The one thing that must hold whatever happens: a listing that calls itself whole misses nothing that is there.
async fn assert_never_lies(what: &FaultKind, page: u32, times: u32) {
    let spec = PanelSpec {
        servers: 9,
        users: 430,
        nodes: 1,
        allocations_per_node: 1_150,
        rate_limit: 0,
        ..PanelSpec::default()
    };
    let panel = SimPanel::start(spec.tame()).await.unwrap();
    let options = HttpOptions { max_body_bytes: 1 << 20, request_timeout: Duration::from_millis(400), ..quick() };
    let client = client(&panel, panel.app_key(), &options);
    let when = Match::any().page(page).times(times);
    let told = format!("{what:?} on page {page}, {times} times");

    panel.faults().inject(Fault::new(Match { path_contains: Some("/users".into()), ..when.clone() }, what.clone()));
    let before: BTreeSet<u64> = panel.with_world(|world| world.users.keys().copied().collect());
    let sweep = users(&client).await;
    let there: BTreeSet<u64> = panel.with_world(|world| world.users.keys().copied().collect());
    check(&told, sweep, &before, &there);

    panel.faults().clear();
    panel.faults().inject(Fault::new(Match { path_contains: Some("/allocations".into()), ..when }, what.clone()));
    let node = panel.with_world(|world| *world.nodes.keys().next().unwrap());
    let before: BTreeSet<u64> = panel.with_world(|world| world.allocations.keys().copied().collect());
    let sweep = allocations(&client, node).await;
    let there: BTreeSet<u64> = panel.with_world(|world| world.allocations.keys().copied().collect());
    check(&told, sweep, &before, &there);
    assert!(panel.request_count() < 400, "{told}: {} requests", panel.request_count());
}

fn check(told: &str, sweep: Result<Sweep, PanelError>, before: &BTreeSet<u64>, there: &BTreeSet<u64>) {
    let Ok(sweep) = sweep else { return };
    if !sweep.is_complete() {
        return;
    }
    let missed: Vec<_> = before.intersection(there).filter(|id| !sweep.ids.contains(**id)).collect();
    assert!(missed.is_empty(), "{told}: whole, and yet {missed:?} were missed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_a_listing_never_claims_to_be_whole_when_it_is_not() {
    let mut cases = Vec::new();
    for what in every_fault() {
        cases.extend([1, 2, 3].into_iter().flat_map(|page| [1, u32::MAX].map(|times| (what.clone(), page, times))));
    }
    let runs = cases.into_iter().map(|(what, page, times)| async move { assert_never_lies(&what, page, times).await });
    // Most of the time goes by in waiting for panels that hang.
    futures_util::stream::iter(runs).buffer_unordered(12).collect::<()>().await;
}

#[tokio::test]
async fn what_passes_is_got_over() {
    for what in [
        FaultKind::Status(502),
        FaultKind::StatusHtml(504),
        FaultKind::Reset,
        FaultKind::ResetMidBody,
        FaultKind::TruncatedBody,
        FaultKind::TruncatedJson,
        FaultKind::Html200,
        FaultKind::EmptyPage,
        FaultKind::LieTotal(3),
        FaultKind::DuplicateRows,
        FaultKind::ShiftRow,
        FaultKind::InsertBetween,
        FaultKind::ReverseRows,
        FaultKind::TooMany { retry_after_s: Some(1) },
        FaultKind::Maintenance { retry_after_s: Some(1), html: false },
    ] {
        let (panel, client) = start(PanelSpec { users: 500, ..PanelSpec::default() }).await;
        panel.faults().inject(Fault::new(Match::containing("/users").page(2).once(), what.clone()));
        let sweep = users(&client).await;
        assert_whole(
            &format!("{what:?}"),
            sweep,
            panel.with_world(|world| world.users.keys().copied().collect::<Vec<_>>()),
        );
    }
}

#[tokio::test]
async fn a_broken_row_is_left_out_and_the_others_come() {
    let (panel, client) = start(PanelSpec { users: 260, ..PanelSpec::default() }).await;
    panel.with_world(|world| world.break_row(world::Kind::User, 201));
    let sweep = users(&client).await.unwrap();
    assert!(sweep.is_complete(), "{sweep:?}");
    assert_eq!((sweep.unreadable_count, sweep.unreadable[0].id), (1, Some(201)));
    // The panel fails to show it, which is not the same as not having it.
    assert!(matches!(client.presence(Kind::User, 201, None).await.unwrap(), Presence::Unclear(_)));
}

#[tokio::test]
async fn an_inheriting_egg_does_not_hide_its_neighbours() {
    let (panel, client) = start(PanelSpec::default()).await;
    let (child, nest, known) = panel.with_world(|world| {
        let child = world.add_inheriting_egg().unwrap();
        let nest = world.eggs[&child].nest;
        (child, nest, world.eggs.values().filter(|egg| egg.nest == nest).map(|egg| egg.id).collect::<Vec<_>>())
    });
    let (rows, _, sweep) = collect(async |pages| client.eggs(Some(nest), &known, pages).await).await;
    let sweep = sweep.unwrap();
    assert_eq!(rows.len(), known.len() - 1);
    assert_eq!((sweep.is_complete(), sweep.unreadable[0].id), (false, Some(child)));
}

#[tokio::test]
async fn absence_is_told_apart_from_presence_in_both_dialects() {
    for spec in [PanelSpec::default(), PanelSpec::pelican()] {
        let (panel, client) = start(spec).await;
        let (user, server) = panel.with_world(|world| {
            let user = world.add_user("gone", "gone@reef.example");
            world.remove_user(user);
            (user, *world.servers.keys().next().unwrap())
        });
        let _ = users(&client).await.unwrap();
        assert_eq!(client.presence(Kind::User, user, None).await.unwrap(), Presence::Gone);
        assert_eq!(client.presence(Kind::Server, server, None).await.unwrap(), Presence::Here);
        assert!(client.server(server, ServerIncludes::ALL).await.unwrap().is_some());
        assert_eq!(client.server(99_999, ServerIncludes::ALL).await.unwrap(), None);
        panel.faults().add(Match::any(), FaultKind::StatusHtml(404));
        assert!(matches!(client.presence(Kind::User, user, None).await.unwrap(), Presence::Unclear(_)));
    }
}

#[tokio::test]
async fn a_full_key_passes_the_check_in_both_dialects() {
    for (spec, kinds) in [(PanelSpec::default(), 10), (PanelSpec::pelican(), 8)] {
        let (panel, client) = start(spec).await;
        let check = client.check().await.unwrap();
        assert!(check.is_good(), "{:#?}", check.findings);
        assert_eq!(check.access.len(), kinds);
        let servers = check.access.iter().find(|access| access.kind == Kind::Server).unwrap();
        assert_eq!((servers.readable, servers.total), (Readable::Yes, Some(panel.spec().servers.into())));
        assert!(check.application_limit.is_some() && check.client_limit.is_some());
        assert_eq!(check.client_is_admin, Some(true));
        assert!(check.clock_ahead_s.is_none_or(|ahead| ahead.abs() < 5));
        assert_eq!(check.findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(), ["tls"]);
    }
}

#[tokio::test]
async fn the_check_says_which_levels_a_key_lacks() {
    let (panel, _) = start(PanelSpec::default()).await;
    let levels =
        Levels::read_only().with(Resource::Locations, 0).with(Resource::ServerDatabases, 0).with(Resource::Eggs, 0);
    let key = panel.with_world(|world| {
        let admin = *world.users.keys().next().unwrap();
        world.add_application_key(admin, levels)
    });
    let client = client(&panel, &key, &quick());
    let check = client.check().await.unwrap();
    let lacking: Vec<_> =
        check.access.iter().filter(|access| access.readable == Readable::No).map(|access| access.kind).collect();
    assert_eq!(lacking, [Kind::Location, Kind::Egg, Kind::EggVariable, Kind::Database]);
    assert!(!check.is_good());
    assert!(
        check
            .findings
            .iter()
            .any(|finding| finding.severity == Severity::Problem && finding.what.contains("locations"))
    );
    let (rows, sweep) = servers(&client).await;
    assert!(sweep.unwrap().is_complete());
    assert!(rows.iter().all(|row| row.databases.is_none() && row.subusers.is_some()));
}

#[tokio::test]
async fn the_check_names_a_key_in_the_wrong_place() {
    let (panel, _) = start(PanelSpec::default()).await;
    let access = PanelAccess {
        name: "simulated".to_owned(),
        base_url: panel.url(),
        app_key: Secret::from(panel.app_key()),
        client_key: Some(Secret::from(panel.app_key())),
        dialect: None,
        share_percent: 80,
    };
    let client = PanelClient::new(access, &quick(), Env::system()).unwrap();
    let check = client.check().await.unwrap();
    assert_eq!(check.client_is_admin, None);
    assert!(check.findings.iter().any(|finding| finding.code == "wrong_key_kind"), "{:#?}", check.findings);
}

/// Takes a minute, because the panel's windows do.
#[tokio::test]
async fn a_small_allowance_is_kept_without_a_single_refusal() {
    let (panel, client) =
        start(PanelSpec { users: 900, rate_limit: 20, per_page_cap: Some(30), ..PanelSpec::default() }).await;
    assert!(users(&client).await.unwrap().is_complete());
    assert!(panel.request_count() > 20, "more than one window's worth");
    assert_eq!(panel.count_429(), 0);
}
