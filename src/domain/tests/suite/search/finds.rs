use aviary_domain::search::Standing;
use aviary_kernel::model::Server;

use super::{index, objects};
use crate::lab::{Lab, small};

#[tokio::test]
async fn what_was_mirrored_is_found_by_name_part_and_id() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let search = index(&lab).await;
    assert_eq!(search.standing(), Standing::Ready);
    assert_eq!(search.stats().behind, 0);
    let id = *lab.ids::<Server>().first().unwrap();
    let server = lab.get::<Server>(id).unwrap();
    let queries = [
        server.name.clone(),
        server.name.to_uppercase(),
        server.uuid.clone(),
        server.identifier.clone(),
        server.uuid[3..12].to_owned(),
        format!("uuid:{}", server.uuid),
        format!("id:{id} kind:server"),
    ];
    for query in queries {
        let found = objects(&search, &query).await;
        assert!(found.contains(&server.name), "{query}: {found:?}");
    }
}
