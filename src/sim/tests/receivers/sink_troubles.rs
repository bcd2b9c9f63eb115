//! Everything that a receiver can do wrong.

use std::sync::Arc;
use std::time::Duration;

use aviary_sim::{Match, Sink, SinkSpec, Trouble};
use serde_json::json;

use crate::ask::{beginning, post, send, soon};

async fn sink() -> Arc<Sink> {
    Arc::new(Sink::start(SinkSpec::default()).await.expect("a free port"))
}

#[tokio::test]
async fn paths_ask_for_a_status_a_wait_or_a_redirect() {
    let sink = sink().await;
    for status in [200, 202, 204, 400, 404, 410, 500, 503] {
        let answer = post(&sink, &format!("/status/{status}/orders"), &json!({})).await;
        assert_eq!(answer.status, status);
    }
    assert_eq!(sink.events().total(), 3, "what is answered with success is taken");
    let answer = post(&sink, "/busy/429/30", &json!({})).await;
    assert_eq!((answer.status, answer.header("Retry-After")), (429, Some("30")));
    let answer = post(&sink, "/busy/503", &json!({})).await;
    assert_eq!((answer.status, answer.header("Retry-After")), (503, None));
    for status in [301, 302, 307, 308] {
        let answer = post(&sink, &format!("/redirect/{status}/http://127.0.0.1:9/there?a=b"), &json!({})).await;
        assert_eq!((answer.status, answer.header("Location")), (status, Some("http://127.0.0.1:9/there?a=b")));
    }
}

#[tokio::test]
async fn a_flaky_path_fails_as_often_as_it_says() {
    let sink = sink().await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(post(&sink, "/flaky/2/orders", &json!({})).await.status);
    }
    assert_eq!(statuses, [500, 500, 200, 200]);
    assert_eq!(post(&sink, "/flaky/2/other", &json!({})).await.status, 500, "each path counts for itself");
}

#[tokio::test]
async fn an_answer_may_never_come_and_the_request_is_known_all_the_same() {
    let sink = sink().await;
    let asking = tokio::spawn({
        let sink = Arc::clone(&sink);
        async move { send(&sink, "/hang", &[], "{}").await }
    });
    let seen = soon(sink.deliveries().at_least(1)).await;
    assert!(seen[0].request.status == 0 && !asking.is_finished());
    assert_eq!((sink.max_in_flight(), sink.events().total()), (1, 0));
    asking.abort();
    assert_eq!(post(&sink, "/delay/5", &json!({})).await.status, 200);
}

#[tokio::test]
async fn an_answer_may_have_no_end() {
    let sink = sink().await;
    let much = beginning(&sink, "/endless", 3_000_000).await;
    assert!(String::from_utf8_lossy(&much[..200]).contains("200 OK"));
    let drops = beginning(&sink, "/drip/1", 300).await;
    let drops = String::from_utf8_lossy(&drops);
    assert!(drops.matches("1\r\n \r\n").count() > 10, "{drops}");
}

#[tokio::test]
async fn a_connection_may_end_before_or_in_the_middle_of_the_answer() {
    let sink = sink().await;
    let error = send(&sink, "/reset", &[], "{}").await.expect_err("no answer");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let answer = send(&sink, "/cut", &[], "{}").await.expect("a part");
    assert!(answer.status == 200 && !answer.whole && !answer.body.is_empty());
    assert_eq!(sink.events().total(), 1, "what is cut was taken, what is reset was not");
}

#[tokio::test]
async fn troubles_add_up_and_hit_what_they_were_told() {
    let sink = sink().await;
    let slow = sink.faults().add(Match::path("/a"), Trouble::Delay(Duration::from_millis(1)));
    sink.faults().add(Match::path("/a").method("post").from_nth(2).once(), Trouble::Status(500));
    let mut statuses = Vec::new();
    for path in ["/a", "/b", "/a", "/a"] {
        statuses.push(post(&sink, path, &json!({})).await.status);
    }
    assert_eq!((statuses, sink.faults().fired(slow)), (vec![200, 200, 500, 200], 3));
}

#[tokio::test]
async fn it_goes_down_and_comes_back_with_what_it_knew() {
    let sink = sink().await;
    post(&sink, "/a", &json!({})).await;
    sink.go_down().await;
    let error = send(&sink, "/a", &[], "{}").await.expect_err("nobody is there");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    sink.come_back().await.expect("the port is still free");
    assert_eq!(post(&sink, "/a", &json!({})).await.status, 200);
    assert_eq!(sink.events().total(), 2);
}
