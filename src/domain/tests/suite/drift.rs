//! What does not fit together: the report that is kept says what a new one would.

use aviary_domain::mirror::Book;
use aviary_kernel::model::{DriftKind, Kind, Limits, Missing, ObjectKey, Server};
use aviary_kernel::store::tables::MISSING;
use uuid::Uuid;

use crate::search::kit::{Kit, add_panel, allocation, node, server};

struct Watched {
    kit: Kit,
    book: Book,
}

impl Watched {
    /// How many findings of a kind there are, once both reports agree.
    async fn count(&self, kind: DriftKind) -> u64 {
        let mut count = 0;
        for panel in [None, Some(self.kit.panel), Some(aviary_kernel::model::PanelId(99))] {
            let fresh = Book::new(self.kit.store.clone()).drift(panel).await.unwrap();
            for _ in 0..2 {
                let kept = self.book.drift(panel).await.unwrap();
                assert_eq!((&kept.findings, &kept.totals), (&fresh.findings, &fresh.totals));
            }
            count = count.max(fresh.totals.get(kind.word()).copied().unwrap_or(0));
        }
        count
    }

    async fn miss(&self, id: u64, is_missing: bool) {
        let object = ObjectKey { panel: self.kit.panel, kind: Kind::Server, id };
        let missing = Missing { object, since: self.kit.env.now(), sync: Uuid::from_u128(5) };
        let write = self.kit.store.write(move |tx| {
            if is_missing {
                tx.put(MISSING, &object, &missing).map(drop)
            } else {
                tx.remove(MISSING, &object).map(drop)
            }
        });
        write.await.unwrap();
    }
}

#[tokio::test]
async fn the_report_follows_every_change_of_the_mirror() {
    let kit = Kit::filled().await;
    let watched = Watched { book: Book::new(kit.store.clone()), kit };
    let kit = &watched.kit;
    assert_eq!(watched.count(DriftKind::NoOwner).await, 0);
    kit.put(kit.panel, vec![Server { user_id: 77, ..server(11, "Survival One") }]).await;
    assert_eq!(watched.count(DriftKind::NoOwner).await, 1);
    kit.put(kit.panel, vec![Server { user_id: 77, ..server(11, "Renamed") }]).await;
    assert_eq!(watched.count(DriftKind::NoOwner).await, 1, "under its new name");
    let limits = Limits { memory: 100_000, ..Limits::default() };
    kit.put(kit.panel, vec![Server { user_id: 2, limits, ..server(11, "Renamed") }]).await;
    assert_eq!(watched.count(DriftKind::NoOwner).await, 0);
    assert_eq!(watched.count(DriftKind::OverAllocated).await, 1);
    kit.put(kit.panel, (0..30).map(|id| allocation(500 + id, 9, "10.1.1.1", 4_000 + id as u16)).collect()).await;
    kit.put(kit.panel, vec![allocation(600, 1, "10.1.1.1", 1), allocation(601, 11, "10.1.1.1", 1)]).await;
    assert_eq!(watched.count(DriftKind::Orphan).await, 31);
    kit.put(kit.panel, vec![node(9, "Late")]).await;
    assert_eq!(watched.count(DriftKind::Orphan).await, 1);
    kit.remove(Kind::Node, vec![9]).await;
    assert_eq!(watched.count(DriftKind::Orphan).await, 31);
}

#[tokio::test]
async fn the_report_tells_what_is_missing_also_when_another_is_instead() {
    let kit = Kit::filled().await;
    let watched = Watched { book: Book::new(kit.store.clone()), kit };
    watched.miss(11, true).await;
    assert_eq!(watched.count(DriftKind::Vanished).await, 1);
    watched.miss(11, false).await;
    watched.miss(12, true).await;
    assert_eq!(watched.count(DriftKind::Vanished).await, 1);
    let other = add_panel(&watched.kit.panels, "Other").await;
    watched.kit.fill(other).await;
    assert_eq!(watched.count(DriftKind::UnusedEgg).await, 0);
}
