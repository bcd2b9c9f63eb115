//! The audit trail as pages.

use actix_web::http::StatusCode;
use aviary_domain::audit::{Did, record};
use aviary_kernel::model::{Action, Actor, Kind, ObjectKey, Origin, PanelId, SyncId, Who};

use super::super::on_record;
use super::fixture::{Fixture, HOSTILE};
use super::{all_pages, assert_is_clean};

async fn put_on_record(fixture: &Fixture, actor: Actor, did: Did) -> u64 {
    let (store, env) = (fixture.services.store.clone(), fixture.services.env.clone());
    store.write(move |tx| record(tx, &env, &actor, did)).await.unwrap()
}

fn somebody() -> Actor {
    let origin = Origin {
        address: Some("192.0.2.7".parse().unwrap()),
        user_agent: Some(HOSTILE[1].into()),
        request_id: Some("request-1".into()),
    };
    Actor::new(Who::Nobody, HOSTILE[0]).from(origin)
}

#[actix_web::test]
async fn an_event_shows_who_did_what_from_where_and_what_became_different() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let did = Did::new(Action::PanelChanged)
        .to("panel", 1, HOSTILE[0])
        .changed(HOSTILE[1], Some("old <b>bold</b>".into()), Some("new".into()))
        .refused(HOSTILE[1]);
    let seq = put_on_record(&fixture, somebody(), did).await;
    let uri = format!("/admin/audit/{seq}");
    let page = fixture.get(&session, &uri).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert_is_clean(&uri, &page.body);
    for wanted in ["Changed a panel", "192.0.2.7", "request-1", "old &#60;b&#62;bold", "refused", "/admin/panels/1"] {
        assert!(page.body.contains(wanted), "{wanted}: {}", page.body);
    }
    let (_, event) = fixture.services.audit.get(seq).await.unwrap();
    let hash: String = event.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(page.body.contains(&hash));
    for uri in all_pages() {
        assert_is_clean(&uri, &fixture.get(&session, &uri).await.body);
    }
    assert_eq!(fixture.get(&session, "/admin/audit/999").await.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn filters_narrow_the_list_and_older_events_are_a_page_away() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    for n in 0..60 {
        put_on_record(&fixture, somebody(), Did::new(Action::SignInFailed).to("account", n, format!("who{n}."))).await;
    }
    let first = fixture.get(&session, "/admin/audit?action=account.sign_in_failed").await.body;
    assert!(first.contains("who59.") && !first.contains("who9."), "{first}");
    let (_, rest) = first.split_once("rel=\"next\" href=\"").unwrap();
    let older = rest.split('"').next().unwrap().replace("&#38;", "&");
    let second = fixture.get(&session, &older).await.body;
    assert!(second.contains("who9.") && !second.contains("who59."), "{second}");
    let one = fixture.get(&session, "/admin/audit?kind=account&id=7").await.body;
    assert!(one.contains("who7.") && !one.contains("who17."), "{one}");
    let none = fixture.get(&session, "/admin/audit?actor=command-line&action=account.lock").await.body;
    assert!(none.contains("Nothing matches"), "{none}");
    let odd = fixture.get(&session, "/admin/audit?action=fly&from=yesterday&after=abc").await;
    assert_eq!(odd.status, StatusCode::OK);
    assert!(odd.body.contains("all actions are shown"), "{}", odd.body);
}

#[actix_web::test]
async fn an_export_takes_the_filters_of_the_list_along_and_is_on_record() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    put_on_record(&fixture, somebody(), Did::new(Action::SignInFailed)).await;
    let list = fixture.get(&session, "/admin/audit?action=account.sign_in_failed").await.body;
    let export = super::link(&list, "href=\"/admin/audit/export?");
    assert_eq!(export, "action=account.sign_in_failed&format=csv");
    let answer = fixture.get(&session, &format!("/admin/audit/export?{export}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert!(answer.body.contains("account.sign_in_failed") && !answer.body.contains("panel.add"), "{}", answer.body);
    let newest = fixture.get(&session, "/admin/audit").await.body;
    assert!(newest.contains("Exported the audit trail"), "{newest}");
    let ticked = fixture.post(&session, "/admin/audit/export", &[("format", "jsonl"), ("pick", "1")]).await.body;
    assert!(ticked.lines().count() == 1 && ticked.contains("\"seq\":1,"), "{ticked}");
    let newest = fixture.get(&session, "/admin/audit").await.body;
    assert_eq!(newest.matches("Exported the audit trail").count(), 2 + 1, "and one in the filters: {newest}");
}

#[actix_web::test]
async fn every_page_of_a_thing_shows_what_was_done_to_it() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let (kind, id) = on_record::object(ObjectKey { panel: PanelId(1), kind: Kind::Server, id: 1 });
    let sync = SyncId::from_u128(1);
    put_on_record(&fixture, somebody(), Did::new(Action::SyncCancelled).to("sync", sync, "Main")).await;
    put_on_record(&fixture, somebody(), Did::new(Action::SettingChanged).to(kind, id, "Server")).await;
    put_on_record(&fixture, somebody(), Did::new(Action::PanelTested).to("panel", 1, "Main")).await;
    let pages = [
        (format!("/admin/syncs/{sync}"), "Cancelled a sync"),
        ("/admin/servers/1/1?tab=audit".into(), "Changed a setting"),
        ("/admin/panels/1".into(), "Tested a panel"),
    ];
    for (uri, wanted) in pages {
        let body = fixture.get(&session, &uri).await.body;
        assert!(body.contains("On record") && body.contains(wanted), "{uri}: {body}");
        assert!(body.contains("/admin/audit?kind="), "{uri}");
    }
    let body = fixture.get(&session, "/admin/nodes/1/1?tab=audit").await.body;
    assert!(body.contains("Nobody did anything to it"), "{body}");
}
