use aviary_domain::search::{Asked, Order};
use aviary_kernel::model::{Server, User};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::kit::{Kit, asked, server, user};

/// Texts that people, programs and enemies type.
fn queries() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "survival",
        "-",
        "\"",
        "*",
        "OR",
        "kind:",
        "kind:server",
        "at:",
        "at:..",
        "at:>",
        "since:9999999999h",
        "node:",
        ":",
        "::",
        "panel:99999999999999",
        "is:",
        "\u{202e}",
        "\0",
        "é",
        "ß",
        "İ",
        "😀",
        "a*",
        "-\"",
        "uuid:*",
        "../..",
        "<script>",
        "' OR 1=1",
        "id:-1",
        "on:0000-00-00",
        "at:9999-12-31",
        "\\",
        "((",
        "~2",
        "^5",
        "[a TO b]",
        "owner:\"",
        "2026-11-20..",
    ]);
    let part = prop_oneof![words.prop_map(str::to_owned), any::<String>(), "[a-z]{1,3}[*:-]?"];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.join(" "))
}

#[tokio::test(flavor = "multi_thread")]
async fn any_text_gives_an_answer() {
    let kit = Kit::filled().await;
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut runner = TestRunner::new(Config { cases: 300, ..Config::default() });
        let orders = prop::sample::select(vec![Order::Usual, Order::Newest, Order::Oldest]);
        runner
            .run(&(queries(), orders, any::<bool>()), |(text, order, facets)| {
                let asked =
                    Asked { order, facets, histogram: facets, limit: 5, zone: Some(text.clone()), ..asked(&text) };
                let found = runtime.block_on(kit.ask(asked));
                prop_assert!(found.hits.len() as u64 <= found.total);
                prop_assert!(found.histogram.len() <= 60);
                Ok(())
            })
            .unwrap();
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn hostile_texts_are_found_and_cut_and_do_no_harm() {
    let kit = Kit::empty().await;
    let huge = format!("needle {} haystack", "x".repeat(3_000_000));
    let rows = vec![
        Server { description: Some(huge.clone()), ..server(1, "Huge") },
        server(2, "<b>bold</b> \u{202e}reversed\u{0} \u{7}bell"),
        server(3, &"long name ".repeat(5_000)),
        server(4, ""),
        server(5, "\u{1F600}\u{1F600}\u{1F600} pride"),
    ];
    kit.put(kit.panel, rows).await;
    kit.put(kit.panel, vec![User { email: huge, ..user(1, "mallory") }]).await;
    kit.search.caught_up().await.unwrap();
    assert_eq!(kit.servers("needle").await, ["Huge"]);
    assert_eq!(kit.servers("bold reversed bell").await.len(), 1);
    assert_eq!(kit.servers("pride").await.len(), 1);
    for hit in kit.find("").await.hits {
        assert!(hit.title.text().chars().count() <= 202, "titles are cut");
        for (_, line) in &hit.lines {
            assert!(line.text().chars().count() <= 202, "lines are cut");
            assert!(!line.text().contains(char::is_control));
        }
        assert!(!hit.title.text().contains(char::is_control));
    }
    let found = kit.find("kind:server needle").await;
    assert!(found.hits[0].lines.iter().any(|(_, line)| line.0.iter().any(|bit| bit.fits && bit.text == "needle")));
}
