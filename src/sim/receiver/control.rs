//! What people can do with a running receiver by hand.
//!
//! | Request | Does |
//! |---|---|
//! | `GET /` | shows what arrived, newest first |
//! | `POST /_sim/faults` | `{"do": "status/503", "path": "/a", "path_contains": "b", "method": "POST", "nth": 2, "times": 3}`; all but `do` may be left out |
//! | `DELETE /_sim/faults` | switches all troubles off |
//! | `DELETE /_sim/arrivals` | forgets what arrived |
//! | `POST /_sim/<switch>` | a switch of the service |

use serde_json::{Value, json};

use crate::fault::Match;
use crate::receiver::received::{Received, text_of};
use crate::receiver::{Service, serve};
use crate::reply::Reply;

/// Rows that `GET /` shows.
const SHOWN: usize = 100;

/// An answer, when the request is for us and not for the simulated service.
pub(crate) fn answer(service: &dyn Service, request: &Received) -> Option<Reply> {
    if request.path == "/" && matches!(request.method.as_str(), "GET" | "HEAD") {
        return Some(json_reply(200, &service.list(SHOWN)));
    }
    let name = request.path.strip_prefix("/_sim/")?;
    let body = request.json().unwrap_or(Value::Null);
    let done = match (request.method.as_str(), name) {
        ("POST", "faults") => return Some(arm(service, &body)),
        ("DELETE", "faults") => {
            service.disarm();
            Ok(())
        }
        ("DELETE", "arrivals") => {
            serve::forget(service);
            Ok(())
        }
        ("POST", name) => {
            service.order(name, &body).unwrap_or_else(|| Err(format!("there is no switch called `{name}`")))
        }
        _ => Err("switches are turned with POST, and faults and arrivals are cleared with DELETE".to_owned()),
    };
    Some(match done {
        Ok(()) => Reply::done(),
        Err(why) => refusal(&why),
    })
}

fn arm(service: &dyn Service, body: &Value) -> Reply {
    let text = |key: &str| text_of(body, key).map(str::to_owned);
    let number = |key: &str| body.get(key).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    let when = Match {
        path: text("path"),
        path_contains: text("path_contains"),
        query_contains: text("query_contains"),
        page: None,
        method: text("method").map(|method| method.to_uppercase()),
        nth: number("nth"),
        times: number("times"),
    };
    match service.arm(when, text_of(body, "do").unwrap_or_default()) {
        Ok(id) => json_reply(200, &json!({ "id": id })),
        Err(why) => refusal(&why),
    }
}

fn refusal(why: &str) -> Reply {
    json_reply(400, &json!({ "error": why }))
}

fn json_reply(status: u16, body: &Value) -> Reply {
    Reply::json(status, body.to_string().into_bytes())
}
