//! Large panels are served like small ones. No times are asserted; run with `--nocapture` to see them.

use std::time::Instant;

use aviary_sim::PanelSpec;

use crate::http::{get, panel};

#[tokio::test]
#[ignore = "prints times for people to look at"]
async fn ten_thousand_servers() {
    let start = Instant::now();
    let spec = PanelSpec {
        servers: 10_000,
        users: 4_000,
        nodes: 20,
        allocations_per_node: 5_000,
        rate_limit: 0,
        ..PanelSpec::default()
    };
    let panel = panel(spec).await;
    println!("started in {:?}", start.elapsed());
    for path in [
        "/api/application/servers?per_page=100&page=1",
        "/api/application/servers?per_page=100&page=50",
        "/api/application/servers?per_page=100&page=51&include=allocations,user,subusers,variables,databases,location",
        "/api/application/nodes/7/allocations?per_page=500&page=3",
        "/api/application/users?per_page=100&page=20&sort=id",
    ] {
        let start = Instant::now();
        let answer = get(&panel, path).await;
        println!("{:>8} bytes in {:?} {path}", answer.body.len(), start.elapsed());
    }
}
