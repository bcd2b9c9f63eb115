//! Finds out which API a panel speaks, without a key: a panel answers 401 on routes that it knows and 404 on others. The
//! original lists nests and no eggs, its fork eggs and no nests.

use aviary_kernel::model::Dialect;

use super::call::{Ask, Caller};
use super::judge::error_code;
use super::{FaultKind, PanelError};
use crate::http::Answer;

/// The dialect of the panel.
pub(crate) async fn detect(caller: &Caller) -> Result<Dialect, PanelError> {
    let nests = Ask::application("/nests").without_key();
    let eggs = Ask::application("/eggs").without_key();
    let (nests, eggs) = tokio::try_join!(caller.get(&nests), caller.get(&eggs))?;
    match (route(&nests), route(&eggs)) {
        (Route::Known, Route::Unknown) => Ok(Dialect::Pterodactyl),
        (Route::Unknown, Route::Known) => Ok(Dialect::Pelican),
        routes => Err(undecided(routes, &nests)),
    }
}

/// What an answer without a key says about a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Known,
    Unknown,
    /// Not the panel speaks, but something in front of it, or something else altogether.
    Foreign,
}

fn route(answer: &Answer) -> Route {
    match (answer.status, error_code(answer)) {
        (401 | 403, Some(_)) => Route::Known,
        (404, Some(_)) => Route::Unknown,
        // A 200 without a key would be a panel that is open to the world; no release is.
        _ => Route::Foreign,
    }
}

fn undecided(routes: (Route, Route), answer: &Answer) -> PanelError {
    let (what, remedy) = match routes {
        (Route::Known, Route::Known) => (
            "the panel knows the routes of Pterodactyl and of Pelican alike",
            "set the panel's kind by hand, by what its administrators say it is",
        ),
        (Route::Unknown, Route::Unknown) => (
            "the panel has neither the nests of Pterodactyl nor the eggs of Pelican",
            "check that the address is that of a Pterodactyl or Pelican panel, and its release",
        ),
        _ => match answer.status {
            404 => (
                "there is no panel at this address",
                "check the address, and the path in it if the panel does not stand at the top of its host",
            ),
            _ => (
                "something in front of the panel answers in its place",
                "let Aviary pass it, or give the headers that it asks for as extra headers",
            ),
        },
    };
    PanelError::new(FaultKind::UnknownDialect, what, remedy).asked("GET /api/application/nests").answered(answer.status)
}
