//! The pages of webhooks, deliveries and events.

use actix_web::http::StatusCode;
use aviary_sim::{Discord, DiscordSpec, Fault, Match, Sink, SinkSpec, Trouble};

use super::assert_is_clean;
use super::fixture::{Answer, Fixture, HOSTILE, hidden};

const HERE: &str = "/admin/webhooks";

async fn sink() -> Sink {
    Sink::start(SinkSpec::default()).await.unwrap()
}

/// The id of a webhook in an answer to its form.
fn id(answer: &Answer) -> String {
    let id = answer.location.strip_prefix("/admin/webhooks/").and_then(|rest| rest.get(..36));
    id.unwrap_or_else(|| panic!("no id: {}", answer.body)).to_owned()
}

#[actix_web::test]
async fn a_webhook_to_discord_is_made_and_its_address_is_not_seen_again() {
    let fixture = Fixture::empty();
    let discord = Discord::start(DiscordSpec { limit: 0, ..DiscordSpec::default() }).await.unwrap();
    let session = fixture.sign_in().await;
    let empty = fixture.get(&session, HERE).await.body;
    assert!(empty.contains("Nobody hears of anything yet") && empty.contains("Make the first webhook"), "{empty}");
    let url = discord.webhook_url();
    let fields =
        [("target", "discord"), ("name", HOSTILE[0]), ("url", &*url), ("event", "server.*"), ("event", "sync.failed")];
    let made = fixture.post(&session, HERE, &fields).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    assert!(made.location.ends_with("?done=webhook-made"), "{}", made.location);
    let secret = url.rsplit('/').next().unwrap();
    let page = format!("{HERE}/{}", id(&made));
    for uri in
        [HERE, &page, &format!("{page}/edit"), &format!("{page}/deliveries"), &format!("{page}/remove"), "/admin/audit"]
    {
        let body = fixture.get(&session, uri).await.body;
        assert!(!body.contains(secret), "{uri}: {body}");
        assert_is_clean(uri, &body);
    }
    let list = fixture.get(&session, HERE).await.body;
    assert!(list.contains("servers and sync failed") && list.contains("••••"), "{list}");
    let twin = fixture.post(&session, HERE, &fields).await;
    assert!(twin.location.ends_with("?done=webhook-made-twin"), "{}", twin.location);
}

#[actix_web::test]
async fn what_cannot_be_taken_is_said_at_its_field_and_nothing_typed_is_lost() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let panel = fixture.add_panel("Main panel", "https://panel.example.com").await.to_string();
    let fields = [
        ("target", "http"),
        ("name", ""),
        ("description", HOSTILE[0]),
        ("url", "https://10.0.0.1/s3cret"),
        ("event", "node.created"),
        ("event", "user.*"),
        ("panel", &*panel),
        ("least", "alert"),
        ("type", "BILLING"),
        ("scope", "USER"),
    ];
    let refused = fixture.post(&session, HERE, &fields).await.body;
    assert!(refused.contains("id=\"name-error\"") && refused.contains("id=\"url-error\""), "all at once: {refused}");
    assert_is_clean(HERE, &refused);
    for kept in [
        "value=\"http\" checked",
        "value=\"node.created\" checked",
        "value=\"user.*\" checked",
        &format!("value=\"{panel}\" checked"),
        "value=\"alert\" selected",
        "value=\"BILLING\" selected",
        "value=\"USER\" selected",
    ] {
        assert!(refused.contains(kept), "{kept}: {refused}");
    }
    assert!(!refused.contains("s3cret"), "addresses are secrets: {refused}");
    for (field, value) in
        [("url", ""), ("url", "https://10.0.0.1/s3cret"), ("url", "nonsense"), ("event", "server.fly"), ("panel", "99")]
    {
        let mut sent = vec![("target", "http"), ("name", "a"), (field, value)];
        if field != "url" {
            sent.push(("url", "http://127.0.0.1:9/in"));
        }
        let refused = fixture.post(&session, HERE, &sent).await.body;
        let at = match field {
            "event" => "events",
            "panel" => "panels",
            other => other,
        };
        assert!(refused.contains(&format!("id=\"{at}-error\"")), "{field} {value}: {refused}");
    }
    let odd = [("target", "http"), ("name", "a"), ("url", "nonsense"), ("event", "server.fly"), ("panel", "99")];
    let refused = fixture.post(&session, HERE, &odd).await.body;
    for at in ["url", "events", "panels"] {
        assert!(refused.contains(&format!("id=\"{at}-error\"")), "{at} is said with the others: {refused}");
    }
    let nowhere = fixture.post(&session, HERE, &[("name", "a")]).await.body;
    assert!(nowhere.contains("id=\"target-error\""), "{nowhere}");
    assert!(fixture.get(&session, HERE).await.body.contains("Nobody hears"));
}

#[actix_web::test]
async fn a_secret_is_shown_when_made_when_asked_for_and_when_renewed() {
    let (fixture, sink) = (Fixture::empty(), sink().await);
    let session = fixture.sign_in().await;
    let url = sink.at("/in");
    let made = fixture.post(&session, HERE, &[("target", "http"), ("name", "Own"), ("url", &url)]).await;
    let secret = |body: &str| {
        body.split("id=\"secret\">").nth(1).unwrap_or_else(|| panic!("{body}")).split('<').next().unwrap().to_owned()
    };
    let page = format!("{HERE}/{}", id(&made));
    assert_eq!(made.location, format!("{page}/secret"), "{}", made.body);
    let other = fixture.sign_in_as("ada@example.com", "ADMINISTRATOR").await;
    let theirs = fixture.get(&other, &made.location).await.body;
    assert!(theirs.contains("Show the secret of Own?") && !theirs.contains("id=\"secret\">"), "{theirs}");
    let shown = fixture.get(&session, &made.location).await.body;
    let first = secret(&shown);
    assert!(first.starts_with("whsec_") && shown.contains("hmac.new"), "{shown}");
    let again = fixture.get(&session, &made.location).await.body;
    assert!(again.contains("Show the secret of Own?") && !again.contains(&first), "loading it again asks: {again}");
    assert_eq!(fixture.services.webhooks.all().await.unwrap().len(), 1, "and makes no second one");
    assert!(!fixture.get(&session, &page).await.body.contains("whsec_MA"));
    assert!(!fixture.get(&session, &page).await.body.contains(&first));
    let asked = fixture.post(&session, &format!("{page}/secret"), &[]).await;
    assert_eq!(secret(&fixture.get(&session, &asked.location).await.body), first);
    assert!(fixture.get(&session, &page).await.body.contains("Looked at the secret of a webhook"));
    let blind = fixture.post(&session, &format!("{page}/renew"), &[]).await;
    assert_eq!(blind.status, StatusCode::BAD_REQUEST, "without its page");
    let asked = hidden(&fixture.get(&session, &format!("{page}/renew")).await.body, "asked");
    fixture.clock.advance_s(1);
    let renew = async || fixture.post(&session, &format!("{page}/renew"), &[("asked", &*asked)]).await;
    let renewed = renew().await;
    assert_eq!(renew().await.location, renewed.location, "sent twice it is done once, and shown");
    let renewed = fixture.get(&session, &renewed.location).await.body;
    assert_ne!(secret(&renewed), first);
    let late = renew().await;
    assert!(late.body.contains("The secret was renewed since you were asked"), "{}", late.body);
    let events = fixture.get(&session, &page).await.body.matches("Renewed the secret of a webhook").count();
    assert_eq!(events, 1);
    assert!(renewed.contains("24 hours"), "{renewed}");
    assert!(fixture.get(&session, &page).await.body.contains("The secret before the last renewal is used too"));
    let ask = fixture.get(&session, &format!("{page}/renew")).await.body;
    assert!(ask.contains("The one before it") && ask.contains("ends at once"), "{ask}");
}

#[actix_web::test]
async fn what_is_lost_with_a_webhook_is_asked_on_a_page_that_names_it() {
    let (fixture, sink) = (Fixture::empty(), sink().await);
    let session = fixture.sign_in().await;
    let hook = fixture.webhook("<b>Own</b>", &sink.at("/status/500"), &["notice.*"]).await;
    let page = format!("{HERE}/{hook}");
    let get = async |what: &str| fixture.get(&session, &format!("{page}{what}")).await.body;
    let one = get("").await;
    for what in ["disable", "renew", "remove"] {
        assert!(one.contains(&format!("href=\"/admin/webhooks/{hook}/{what}\"")), "{what}: {one}");
        assert!(!one.contains(&format!("action=\"/admin/webhooks/{hook}/{what}\"")), "{what}: {one}");
        let ask = get(&format!("/{what}")).await;
        assert!(ask.contains("&#60;b&#62;Own&#60;/b&#62;") && ask.contains("What stays"), "{ask}");
        assert!(ask.contains(&format!("action=\"/admin/webhooks/{hook}/{what}\"")), "{what}: {ask}");
        assert_is_clean(what, &ask);
    }
    assert!(get("/drop").await.contains("Nothing waits for it."));
    for what in ["disable", "drop", "remove"] {
        let blind = fixture.post(&session, &format!("{page}/{what}"), &[]).await;
        assert_eq!(blind.status, StatusCode::BAD_REQUEST, "{what} without its page");
    }

    // Many are asked for by their number.
    for _ in 0..22 {
        fixture.told("notice").await;
    }
    let waiting = fixture.services.webhooks.require(hook).await.unwrap().counts.waiting.to_string();
    let ask = get("/drop").await;
    assert!(ask.contains(&format!("Drop {waiting} deliveries")) && ask.contains("name=\"typed\""), "{ask}");
    assert_eq!(hidden(&ask, "count"), waiting);
    for what in ["disable", "drop", "remove"] {
        let sent = [("count", &*waiting), ("typed", "7")];
        let wrong = fixture.post(&session, &format!("{page}/{what}"), &sent).await.body;
        assert!(wrong.contains("“7” is not the number.") && wrong.contains("typed-error"), "{what}: {wrong}");
    }
    for what in ["disable", "remove"] {
        let few = fixture.post(&session, &format!("{page}/{what}"), &[("count", "3")]).await.body;
        assert!(few.contains(&format!("it is {waiting} by now")) && few.contains("name=\"typed\""), "{what}: {few}");
    }
    assert!(fixture.services.webhooks.require(hook).await.unwrap().webhook.is_enabled);
    let more = fixture.post(&session, &format!("{page}/drop"), &[("count", "3")]).await.body;
    assert!(more.contains("look again") && more.contains("Drop "), "{more}");
    let sent = [("count", &*waiting), ("typed", &*waiting)];
    let dropped = fixture.post(&session, &format!("{page}/drop"), &sent).await;
    assert!(dropped.location.ends_with("?done=deliveries-dropped"), "{}", dropped.body);
    let off = fixture.post(&session, &format!("{page}/disable"), &[("count", "0")]).await;
    assert!(off.location.ends_with("?done=webhook-off"), "{}", off.body);
    assert!(get("/disable").await.contains("It is turned off already."));
    let all = hidden(&get("/remove").await, "count");
    let gone = fixture.post(&session, &format!("{page}/remove"), &[("count", &all), ("typed", &all)]).await;
    assert_eq!(gone.location, "/admin/webhooks?done=webhook-removed", "{}", gone.body);
}

#[actix_web::test]
async fn what_has_no_secret_says_so_where_it_would_be_renewed() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let fields = [("target", "mail"), ("name", "Staff"), ("to", "ada@example.com")];
    let page = format!("{HERE}/{}", id(&fixture.post(&session, HERE, &fields).await));
    for what in ["renew", "secret"] {
        let ask = fixture.get(&session, &format!("{page}/{what}")).await.body;
        assert!(ask.contains("It has no secret") && ask.contains(" disabled"), "{ask}");
    }
}

#[actix_web::test]
async fn a_form_that_was_open_for_long_takes_nothing_back() {
    let (fixture, sink) = (Fixture::empty(), sink().await);
    let session = fixture.sign_in().await;
    let hook = fixture.webhook("Own", &sink.at("/s3cret"), &["drift.*", "server.created"]).await;
    let edit = format!("{HERE}/{hook}/edit");
    let form = fixture.get(&session, &edit).await.body;
    assert!(form.contains("value=\"drift.*\" checked") && form.contains("value=\"server.created\" checked"), "{form}");
    assert!(!form.contains("s3cret"), "{form}");
    let (had, url) = (hidden(&form, "had"), hidden(&form.replace("id=\"url\" ", ""), "url"));
    fixture.clock.advance_s(1);
    let fields = [("had", &*had), ("name", "Ours"), ("url", &*url), ("event", "drift.*")];
    let saved = fixture.post(&session, &edit, &fields).await;
    assert!(saved.location.ends_with("?done=webhook-changed"), "{}", saved.body);
    let page = fixture.get(&session, &format!("{HERE}/{hook}")).await.body;
    assert!(page.contains("Ours") && page.contains("<span class=\"tag\" dir=\"auto\">drift.*</span>"), "{page}");
    let late = fixture.post(&session, &edit, &[("had", &*had), ("name", "Late"), ("url", &*url)]).await.body;
    assert!(late.contains("Somebody changed this webhook") && late.contains("value=\"Ours\""), "{late}");
    // None ticked means what suits topic and readers.
    let had = hidden(&fixture.get(&session, &edit).await.body, "had");
    fixture.clock.advance_s(1);
    let fields = [("had", &*had), ("name", "Ours"), ("url", ""), ("type", "SECURITY"), ("scope", "ADMIN")];
    fixture.post(&session, &edit, &fields).await;
    assert!(fixture.get(&session, &edit).await.body.contains("value=\"sign_in.*\" checked"));
    let tested = fixture.post(&session, &format!("{HERE}/{hook}/test"), &[]).await.body;
    assert!(tested.contains("The test was taken"), "the address is the one it had: {tested}");
}

#[actix_web::test]
async fn a_test_that_is_not_taken_says_what_to_do() {
    let (fixture, sink) = (Fixture::empty(), sink().await);
    let session = fixture.sign_in().await;
    let hook = fixture.webhook("Own", &sink.at("/status/404/s3cret"), &["*"]).await;
    let failed = fixture.post(&session, &format!("{HERE}/{hook}/test"), &[]).await.body;
    assert!(
        failed.contains("The test was not taken") && failed.contains("What to do:") && failed.contains("404"),
        "{failed}"
    );
    assert!(!failed.contains("s3cret"), "{failed}");
    assert_is_clean("test", &failed);
}

#[actix_web::test]
async fn a_delivery_is_followed_to_its_end_and_sent_again() {
    let (fixture, sink) = (Fixture::empty(), sink().await);
    let session = fixture.sign_in().await;
    fixture.add_panel("Main panel", "https://panel.example.com").await;
    let hook = fixture.webhook("Own", &sink.at("/in"), &["*"]).await;
    sink.faults().inject(Fault::new(Match::any(), Trouble::Status(410)));
    let (event, delivery) = fixture.told("<b>order</b>").await;
    fixture.sent(hook).await;
    let page = format!("{HERE}/{hook}");
    let off = fixture.get(&session, &page).await.body;
    assert!(off.contains("Aviary turned this webhook off") && off.contains("turned off by Aviary"), "{off}");
    let overview = fixture.get(&session, "/admin").await.body;
    assert!(overview.contains("See the webhook") && overview.contains("turned off"), "{overview}");
    let one = format!("/admin/deliveries/{delivery}");
    let body = fixture.get(&session, &one).await.body;
    assert!(
        body.contains("410") && body.contains("turn the webhook on first") && !body.contains("Send again"),
        "{body}"
    );
    assert_is_clean(&one, &body);
    assert_is_clean("event", &fixture.get(&session, &format!("/admin/events/{event}")).await.body);
    let list = fixture.get(&session, &format!("{page}/deliveries?state=failed")).await.body;
    assert!(list.contains(&one) && list.contains("Send failed ones again"), "{list}");

    sink.faults().clear();
    fixture.post(&session, &format!("{page}/enable"), &[]).await;
    let ticked = format!("{page}/deliveries/again");
    assert!(list.contains(&format!("formaction=\"{ticked}\"")), "{list}");
    let odd = fixture.post(&session, &ticked, &[("act", "again"), ("pick", "x")]).await;
    assert!(odd.status.is_client_error(), "{}", odd.body);
    let none = fixture.post(&session, &ticked, &[("act", "again")]).await;
    assert!(none.location.ends_with("/deliveries?done=deliveries-stay"), "{}", none.location);
    let all = fixture.post(&session, &ticked, &[("act", "again"), ("all", "yes")]).await;
    assert_eq!(all.location, format!("{page}/again?hours=0"));
    let again = fixture.post(&session, &format!("{one}/again"), &[]).await;
    assert!(again.location.ends_with("?done=delivery-again"), "{}", again.location);
    fixture.sent(hook).await;
    let body = fixture.get(&session, &one).await.body;
    assert!(body.contains(">delivered<") && body.contains(">200<"), "{body}");
    assert_eq!(sink.events().total(), 1);
    let events = fixture.get(&session, "/admin/events?name=notice.posted").await.body;
    assert!(events.contains(&format!("/admin/events/{event}")), "{events}");
    assert_is_clean("events", &events);
}

#[actix_web::test]
async fn everything_is_sent_again_after_a_look_at_how_much_that_is() {
    let (fixture, sink) = (Fixture::empty(), sink().await);
    let session = fixture.sign_in().await;
    let hook = fixture.webhook("Own", &sink.at("/in"), &["*"]).await;
    sink.faults().inject(Fault::new(Match::any(), Trouble::Status(410)));
    fixture.told("one").await;
    fixture.sent(hook).await;
    let page = format!("{HERE}/{hook}");
    let ask = format!("{page}/again");
    assert!(fixture.get(&session, &ask).await.body.contains("The webhook is turned off"));
    fixture.post(&session, &format!("{page}/enable"), &[]).await;
    sink.faults().clear();
    let body = fixture.get(&session, &format!("{ask}?hours=0")).await.body;
    let (since, expected) = (hidden(&body, "since"), hidden(&body, "count"));
    assert!(body.contains(&format!("Send {expected} deliver")), "{body}");
    let fewer = fixture.post(&session, &ask, &[("since", &since), ("count", "0")]).await.body;
    assert!(fewer.contains("look again"), "{fewer}");
    let sent = fixture.post(&session, &ask, &[("since", &since), ("count", &expected)]).await;
    assert!(sent.location.ends_with("?done=deliveries-again"), "{}", sent.body);
    fixture.sent(hook).await;
    assert_eq!(sink.events().total().to_string(), expected);
    let nothing = fixture.get(&session, &ask).await.body;
    assert!(nothing.contains("Nothing failed or was dropped"), "{nothing}");
    let gone = fixture.post(&session, &format!("{page}/remove"), &[("count", "2")]).await;
    assert_eq!(gone.location, "/admin/webhooks?done=webhook-removed");
    assert_eq!(fixture.get(&session, &page).await.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn mail_goes_to_whom_the_form_names() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let none = fixture.post(&session, HERE, &[("target", "mail"), ("name", "Staff"), ("to", " ")]).await.body;
    assert!(none.contains("id=\"to-error\"") && none.contains("value=\"mail\" checked"), "{none}");
    let fields =
        [("target", "mail"), ("name", "Staff"), ("to", "ada@example.com\nbob@example.com"), ("least", "alert")];
    let made = fixture.post(&session, HERE, &fields).await;
    assert!(made.location.ends_with("?done=webhook-made"), "{}", made.body);
    let page = format!("{HERE}/{}", id(&made));
    let body = fixture.get(&session, &page).await.body;
    assert!(
        body.contains("bob@example.com") && body.contains("alerts only") && !body.contains("Show the secret"),
        "{body}"
    );
    let edit = fixture.get(&session, &format!("{page}/edit")).await.body;
    assert!(edit.contains("ada@example.com\nbob@example.com") && !edit.contains("name=\"url\""), "{edit}");
    assert!(fixture.post(&session, &format!("{page}/test"), &[]).await.body.contains("The test was taken"));
}
