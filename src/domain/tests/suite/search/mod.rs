//! Finding things, through the face that the web uses.

mod finds;

use aviary_domain::search::{Asked, Search, Sight, Subject};

use crate::lab::Lab;

impl Lab {
    /// The index beside the data file, not opened yet.
    pub(crate) fn search(&self) -> Search {
        Search::new(self.store.clone(), self.env.clone(), self.dir.path().join("search"))
    }
}

/// An index that holds everything that was committed before.
async fn index(lab: &Lab) -> Search {
    let search = lab.search();
    search.caught_up().await.unwrap();
    search
}

fn everything() -> Sight {
    Sight::of(|_| true)
}

fn text(text: &str) -> Asked {
    Asked { text: text.into(), ..Asked::default() }
}

/// Only objects, by their names.
async fn objects(search: &Search, query: &str) -> Vec<String> {
    let subjects = Subject::ALL.iter().copied().filter(|subject| subject.is_object()).collect();
    let found = search.find(Asked { subjects, ..text(query) }, everything()).await.unwrap();
    found.hits.iter().map(|hit| hit.title.text()).collect()
}
