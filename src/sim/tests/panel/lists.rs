//! Pages, filters, sorting, links.

use aviary_sim::PanelSpec;

use crate::http::{get, panel};

fn spec() -> PanelSpec {
    PanelSpec { servers: 120, users: 60, rate_limit: 0, client_rate_limit: 0, ..PanelSpec::default() }
}

#[tokio::test]
async fn pages_add_up_and_end() {
    let panel = panel(spec()).await;
    let mut ids = Vec::new();
    for page in 1..=4 {
        ids.extend(get(&panel, &format!("/api/application/servers?per_page=32&page={page}&sort=id")).await.ids());
    }
    assert_eq!(ids, (1..=120).collect::<Vec<u64>>());

    let past = get(&panel, "/api/application/servers?per_page=32&page=9").await;
    let pagination = past.json()["meta"]["pagination"].clone();
    assert_eq!(
        (past.status, pagination["count"].as_u64(), pagination["current_page"].as_u64()),
        (200, Some(0), Some(9))
    );
    let previous = format!("{}/api/application/servers?page=8", panel.url());
    assert_eq!(pagination["links"], serde_json::json!({ "previous": previous }));
}

#[tokio::test]
async fn page_sizes_are_those_of_the_panel() {
    let panel = panel(spec()).await;
    let size = async |query: &str| {
        let answer = get(&panel, &format!("/api/application/servers?{query}")).await;
        (answer.status, answer.json()["meta"]["pagination"]["per_page"].as_u64())
    };
    assert_eq!(size("").await, (200, Some(50)));
    assert_eq!(size("per_page=5000").await, (200, Some(5000)));
    assert_eq!(size("per_page=0").await, (200, Some(15)));
    assert_eq!(size("per_page=-3").await.0, 500);
    assert_eq!(size("per_page=many").await.0, 500);
    assert_eq!(size("page=0").await, (200, Some(50)));
    let client = get(&panel, "/api/client?type=admin-all&per_page=250").await.json();
    assert_eq!(client["meta"]["pagination"]["per_page"], 100);
}

#[tokio::test]
async fn a_patched_panel_caps_what_was_asked() {
    let panel = panel(PanelSpec { per_page_cap: Some(20), ..spec() }).await;
    let page = get(&panel, "/api/application/servers?per_page=100").await.json();
    assert_eq!(page["meta"]["pagination"]["per_page"], 20);
    assert_eq!(page["meta"]["pagination"]["total_pages"], 6);
}

#[tokio::test]
async fn application_links_lose_the_query_and_client_links_keep_it() {
    let panel = panel(spec()).await;
    let page = get(&panel, "/api/application/users?per_page=10&page=2&include=servers").await;
    let links = page.json()["meta"]["pagination"]["links"].clone();
    assert_eq!(links["next"], format!("{}/api/application/users?page=3", panel.url()));
    assert_eq!(links["previous"], format!("{}/api/application/users?page=1", panel.url()));
    assert!(page.text().contains(r"\/api\/application\/users?page=3"), "slashes are escaped");
    let page = get(&panel, "/api/client?type=admin-all&per_page=10&include=egg").await.json();
    let next = format!("{}/api/client?type=admin-all&per_page=10&include=egg&page=2", panel.url());
    assert_eq!(page["meta"]["pagination"]["links"]["next"], next);
    let single = get(&panel, "/api/application/nodes").await.text();
    assert!(single.contains(r#""links":{}"#), "{single}");
}

#[tokio::test]
async fn filters_find_parts_and_alternatives() {
    let panel = panel(spec()).await;
    let ids = async |query: &str| get(&panel, &format!("/api/application/servers?per_page=200&{query}")).await.ids();
    let found = ids("filter[external_id]=12").await;
    let expected = panel.with_world(|world| {
        let holds =
            |server: &&aviary_sim::world::Server| server.external_id.as_deref().is_some_and(|id| id.contains("12"));
        world.servers.values().filter(holds).map(|server| server.id).collect::<Vec<_>>()
    });
    assert_eq!(found, expected);
    assert!(found.len() >= 3, "12, 412 and 112x are all found");
    let exact = get(&panel, "/api/application/servers/external/12").await.json();
    assert_eq!(exact["attributes"]["external_id"], "12");

    let uuid = |id: u64| panel.with_world(|world| world.servers[&id].uuid.clone());
    assert_eq!(ids(&format!("filter[uuid]={},{}", uuid(7), uuid(3).to_uppercase())).await, [3, 7]);
    assert_eq!(ids("filter[name]=").await.len(), 120);
    assert_eq!(ids(&format!("filter[name]=nobody&filter[uuid]={}", uuid(7))).await, Vec::<u64>::new());
}

#[tokio::test]
async fn unknown_filters_and_sorts_are_refused_where_the_list_has_any() {
    let panel = panel(spec()).await;
    let code = async |path: &str| {
        let answer = get(&panel, path).await;
        (answer.status, if answer.status == 200 { String::new() } else { answer.code() })
    };
    assert_eq!(code("/api/application/users?filter[shoe]=1").await, (400, "InvalidFilterQuery".to_owned()));
    assert_eq!(code("/api/application/users?sort=shoe").await, (400, "InvalidSortQuery".to_owned()));
    assert_eq!(code("/api/application/nests?filter[shoe]=1&sort=shoe").await.0, 200);
    assert_eq!(code("/api/application/nodes/1/allocations?sort=shoe").await.0, 200);
    assert_eq!(code("/api/application/nodes/1/allocations?filter[shoe]=1").await.0, 400);
    assert_eq!(code("/api/client?filter[shoe]=1").await.0, 400);
    assert_eq!(code("/api/application/servers?filter[uuidShort]=a").await.0, 200);
    assert_eq!(code("/api/application/servers?filter[uuid_short]=a").await.0, 400);
}

#[tokio::test]
async fn lists_can_be_sorted_both_ways() {
    let panel = panel(spec()).await;
    let down = get(&panel, "/api/application/users?sort=-id&per_page=3").await.ids();
    assert_eq!(down, [60, 59, 58]);
    let by_uuid = get(&panel, "/api/application/users?sort=uuid&per_page=100").await.json();
    let uuids: Vec<&str> =
        by_uuid["data"].as_array().expect("rows").iter().filter_map(|row| row["attributes"]["uuid"].as_str()).collect();
    assert!(uuids.is_sorted());
}

#[tokio::test]
async fn allocations_come_by_address_and_port() {
    let panel = panel(spec()).await;
    let added = panel.with_world(|world| world.add_allocation(1, "10.20.1.1", 30_000));
    let page = get(&panel, "/api/application/nodes/1/allocations?per_page=500").await.json();
    let rows: Vec<(String, u64)> = page["data"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| &row["attributes"])
        .map(|row| (row["ip"].as_str().expect("ip").to_owned(), row["port"].as_u64().expect("port")))
        .collect();
    assert!(rows.is_sorted());
    assert_eq!(page["data"][0]["attributes"]["id"], added);
    let free = get(&panel, "/api/application/nodes/1/allocations?per_page=500&filter[server_id]=0").await.json();
    assert!(free["data"].as_array().expect("rows").iter().all(|row| row["attributes"]["assigned"] == false));
    let mine = get(&panel, "/api/application/nodes/1/allocations?filter[server_id]=1").await.ids();
    let expected = panel.with_world(|world| {
        world.allocations.values().filter(|row| row.server == Some(1)).map(|row| row.id).collect::<Vec<_>>()
    });
    assert_eq!(mine, expected);
    assert_eq!(get(&panel, "/api/application/nodes/1/allocations?filter[port]=30000").await.ids(), [added]);
}

#[tokio::test]
async fn the_same_seed_makes_the_same_bytes() {
    let (one, two) = (panel(spec()).await, panel(spec()).await);
    let other = panel(PanelSpec { seed: 2, ..spec() }).await;
    for path in [
        "/api/application/servers?per_page=200&include=allocations,subusers,variables,databases,user",
        "/api/application/users?per_page=9",
        "/api/application/nodes",
    ] {
        let rows = |text: String, url: String| text.replace(&url.replace('/', "\\/"), "");
        let (a, b) = (get(&one, path).await.text(), get(&two, path).await.text());
        assert_eq!(rows(a.clone(), one.url()), rows(b, two.url()), "{path}");
        assert_ne!(rows(a, one.url()), rows(get(&other, path).await.text(), other.url()), "{path}");
    }
}

#[tokio::test]
async fn deployable_nodes_have_room() {
    let ptero = panel(spec()).await;
    assert_eq!(get(&ptero, "/api/application/nodes/deployable").await.status, 422);
    let none = get(&ptero, "/api/application/nodes/deployable?memory=999999999&disk=1").await;
    assert_eq!((none.status, none.code().as_str()), (400, "NoViableNodeException"));
    ptero.with_world(|world| world.nodes.values_mut().for_each(|node| node.memory_overallocate = -1));
    let some = get(&ptero, "/api/application/nodes/deployable?memory=1&disk=1").await.json();
    assert!(some.get("meta").is_none() && some["data"][0]["attributes"]["sum_memory"].is_string());
    let pelican = panel(PanelSpec { rate_limit: 0, ..PanelSpec::pelican() }).await;
    let none = get(&pelican, "/api/application/nodes/deployable?memory=999999999&disk=1").await;
    assert_eq!((none.status, none.ids().len()), (200, 0));
}

#[tokio::test]
async fn without_a_sort_an_unordered_database_moves_rows_around() {
    let panel = panel(PanelSpec { unordered: true, ..spec() }).await;
    panel.with_world(|world| world.change_server(5, |server| server.name = "touched".to_owned()));
    let unsorted = get(&panel, "/api/application/servers?per_page=200").await.ids();
    assert_eq!(unsorted.last(), Some(&5));
    let sorted = get(&panel, "/api/application/servers?per_page=200&sort=id").await.ids();
    assert!(sorted.is_sorted() && !unsorted.is_sorted());
}
