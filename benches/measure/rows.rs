//! Rows as a panel would have them, without a panel.

use aviary_domain::mirror::{Draft, Writer};
use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{Allocation, FeatureLimits, Limits, Node, Pairs, Resources, Scalar, Server, ServerVariable};

use super::Outcome;

const WORDS: &[&str] = &["Reef", "Ember", "Frost", "Cedar", "Comet", "Harbour", "Lantern", "Meadow", "Nebula", "Onyx"];
const PLAY: &[&str] = &["Survival", "Creative", "Skyblock", "Arena", "Hub", "Roleplay", "Lobby", "Racing"];

/// Servers on one node.
pub(crate) const ON_A_NODE: u64 = 500;
/// Rows that are handed over at a time, as many as a large page of a panel has.
const PAGE: u64 = 2_000;

/// Fills a mirror with as many servers and as many allocations, on as many nodes as they need. `filler` is the number of
/// bytes of each description.
pub(crate) async fn fill(writer: &Writer, servers: u64, filler: usize) -> Outcome {
    let nodes = servers.div_ceil(ON_A_NODE);
    writer.apply((1..=nodes).map(node).collect()).await?;
    in_pages(writer, servers, |id| allocation(id, servers)).await?;
    in_pages(writer, servers, |id| server(id, filler)).await
}

async fn in_pages<T: Draft>(writer: &Writer, rows: u64, make: impl Fn(u64) -> T) -> Outcome {
    let mut first = 1;
    while first <= rows {
        let last = rows.min(first + PAGE - 1);
        writer.apply((first..=last).map(&make).collect()).await?;
        first = last + 1;
    }
    Ok(())
}

/// Well mixed, and the same each time.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 32)
}

fn pick<'a>(from: &[&'a str], number: u64) -> &'a str {
    from[usize::try_from(number % from.len() as u64).unwrap_or(0)]
}

fn uuid(number: u64) -> String {
    let (a, b) = (mixed(number), mixed(!number));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        a >> 32,
        a & 0xffff,
        b >> 52,
        (b >> 40) & 0xfff,
        b & 0xffff_ffff_ffff
    )
}

fn made(id: u64) -> Option<Timestamp> {
    Some(Timestamp::from_millis(1_700_000_000_000 + i64::try_from(mixed(id) % 50_000_000_000).unwrap_or(0)))
}

pub(crate) fn node(id: u64) -> Node {
    Node {
        id,
        uuid: uuid(id << 32),
        public: true,
        name: format!("node-{:02x}-{id}", mixed(id) & 0xff),
        description: None,
        location_id: Some(1),
        fqdn: format!("node-{id}.example.com"),
        scheme: "https".into(),
        behind_proxy: false,
        maintenance_mode: false,
        memory: 262_144,
        memory_overallocate: 0,
        disk: 4_000_000,
        disk_overallocate: 0,
        cpu: None,
        cpu_overallocate: None,
        upload_size: 100,
        daemon_listen: 8080,
        daemon_sftp: 2022,
        daemon_base: "/var/lib/pterodactyl/volumes".into(),
        daemon_sftp_alias: None,
        daemon_connect: None,
        tags: vec![],
        allocated_resources: Resources { memory: 131_072, disk: 2_000_000, cpu: None },
        created_at: made(id),
        updated_at: made(id),
    }
}

pub(crate) fn allocation(id: u64, servers: u64) -> Allocation {
    Allocation {
        id,
        node_id: (id - 1) / ON_A_NODE + 1,
        ip: format!("10.{}.{}.1", id / ON_A_NODE / 250, id / ON_A_NODE % 250),
        alias: None,
        port: u16::try_from(20_000 + id % ON_A_NODE).unwrap_or(u16::MAX),
        notes: None,
        assigned: id <= servers,
    }
}

pub(crate) fn server(id: u64, filler: usize) -> Server {
    let words = || (0..).map(|n| pick(WORDS, mixed(id + n * 7_919)));
    let mut description = String::with_capacity(filler + 16);
    words().take_while(|_| filler > 0).find(|word| {
        description.push_str(word);
        description.push(' ');
        description.len() >= filler
    });
    let values = [("SERVER_JARFILE", "server.jar"), ("VERSION", "1.21.4"), ("MAX_PLAYERS", "40"), ("MOTD", "Welcome")];
    Server {
        id,
        external_id: Some(format!("svc-{}", 80_000 + id)),
        uuid: uuid(id),
        identifier: format!("{:08x}", mixed(id) >> 32),
        name: format!("{} {} {id}", pick(WORDS, mixed(id)), pick(PLAY, mixed(id) >> 8)),
        description: Some(description).filter(|text| !text.is_empty()),
        status: None,
        suspended: id.is_multiple_of(40),
        limits: Limits { memory: 4096, swap: 0, disk: 20_480, io: 500, cpu: 200, threads: None, oom_disabled: true },
        feature_limits: FeatureLimits { databases: Some(1), allocations: Some(1), backups: Some(3) },
        user_id: mixed(id) % 400 + 1,
        node_id: (id - 1) / ON_A_NODE + 1,
        allocation_id: Some(id),
        nest_id: Some(id % 4 + 1),
        egg_id: id % 20 + 1,
        startup_command: "java -Xms128M -XX:MaxRAMPercentage=95.0 -jar {{SERVER_JARFILE}}".into(),
        image: "ghcr.io/pterodactyl/yolks:java_21".into(),
        installed: true,
        environment: Pairs(
            values.iter().map(|(name, value)| ((*name).into(), Scalar::Text((*value).into()))).collect(),
        ),
        allocations: Some(vec![id]),
        variables: Some(
            (1..)
                .zip(&values)
                .map(|(id, (name, value))| ServerVariable {
                    id,
                    env_variable: (*name).into(),
                    server_value: Scalar::Text((*value).into()),
                })
                .collect(),
        ),
        created_at: made(id),
        updated_at: made(id),
    }
}
