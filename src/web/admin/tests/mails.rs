//! The mails: the list, what they say, what is done about them, and the templates.

use aviary_domain::access::Caller;
use aviary_domain::mails::NewMail;
use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{Email, Mail, MailContent, MailState};
use aviary_kernel::store::WriteTx;
use aviary_kernel::store::tables::MAILS;

use super::fixture::Fixture;

impl Fixture {
    async fn message(&self, subject: &str, text: &str) -> u64 {
        let data = [("message".to_owned(), text.to_owned())].into();
        let new = NewMail { to: "ada@example.com".into(), subject: subject.into(), template: "news".into(), data };
        self.services.mails.queue(&Caller::command_line(), new).await.unwrap().number
    }

    /// A mail as an older release left it.
    async fn kept(&self) -> u64 {
        let mail = Mail {
            to: Email::parse("old@example.com").unwrap(),
            says: MailContent::Test,
            written_at: Timestamp::parse("2026-03-01T00:00:00Z").unwrap(),
            state: MailState::Kept,
            job: None,
            taken: None,
            attempts: Vec::new(),
        };
        let put = move |tx: &mut WriteTx<'_>| {
            let number = tx.next_number("mails")?;
            tx.put(MAILS, &number, &mail)?;
            Ok(number)
        };
        self.services.store.write(put).await.unwrap()
    }
}

#[actix_web::test]
async fn the_list_tells_where_each_mail_stands_and_whether_mail_leaves() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    fixture.message("<b>News</b>", "Hi").await;
    fixture.kept().await;
    let page = fixture.get(&session, "/admin/mails").await.body;
    assert!(
        page.contains("&#60;b&#62;News") && page.contains("kept here") && page.contains("Send kept mails"),
        "{page}"
    );
    for state in ["waiting", "kept"] {
        assert!(page.contains(&format!("?state={state}")), "{page}");
    }
    let page = fixture.get(&session, "/admin/mails?state=kept").await.body;
    assert!(page.contains("old@example.com") && !page.contains("ada@example.com"), "{page}");
    let page = fixture.get(&session, "/admin/mails/2").await.body;
    assert!(
        page.contains("It is kept here until somebody sends it.") && page.contains("It was not tried yet."),
        "{page}"
    );
}

#[actix_web::test]
async fn what_a_mail_says_stands_in_a_frame_that_can_do_nothing() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let number = fixture.message("News", "<script>alert(1)</script>").await;
    let page = fixture.get(&session, &format!("/admin/mails/{number}")).await.body;
    assert!(page.contains(&format!("sandbox src=\"/admin/mails/{number}/html\"")), "{page}");
    for path in [format!("/admin/mails/{number}/html"), "/admin/mails/templates/welcome/html".into()] {
        let request = actix_web::test::TestRequest::get().uri(&path).cookie(session.clone());
        let frame = fixture.send(request).await;
        assert!(frame.body.contains("<!doctype html>") && !frame.body.contains("<script"), "{}", frame.body);
        assert!(frame.policy.contains("default-src 'none'") && frame.policy.contains("sandbox;"), "{}", frame.policy);
    }
    let page = fixture.get(&session, "/admin/mails").await;
    assert!(page.policy.contains("frame-ancestors 'none'"), "{}", page.policy);
}

#[actix_web::test]
async fn mails_are_dropped_sent_and_sent_together() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let number = fixture.message("News", "Hi").await;
    let dropped = fixture.post(&session, &format!("/admin/mails/{number}/drop"), &[]).await;
    assert_eq!(dropped.location, format!("/admin/mails/{number}?done=mail-dropped"));
    let page = fixture.get(&session, &dropped.location).await.body;
    assert!(page.contains("The mail was dropped.") && page.contains("dropped it"), "{page}");
    let again = fixture.post(&session, &format!("/admin/mails/{number}/again"), &[]).await;
    assert_eq!(again.location, format!("/admin/mails/{number}?done=mail-sent"));
    fixture.kept().await;
    let ask = fixture.get(&session, "/admin/mails/kept").await.body;
    assert!(ask.contains("1 mail leaves") && ask.contains("They would be kept again."), "{ask}");
    let ask = fixture.get(&session, "/admin/mails/kept?since=2026-03-02").await.body;
    assert!(ask.contains("There is nothing to send."), "{ask}");
    let wrong = fixture.post(&session, "/admin/mails/kept", &[("since", ""), ("count", "7")]).await;
    assert_eq!(wrong.status, 409);
    let sent = fixture.post(&session, "/admin/mails/kept", &[("since", ""), ("count", "1")]).await;
    assert_eq!(sent.location, "/admin/mails?done=mails-sent");
}

#[actix_web::test]
async fn many_kept_mails_are_sent_only_when_their_number_is_typed() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    for _ in 0..21 {
        fixture.kept().await;
    }
    let kept = async || fixture.services.mails.count_kept(None).await.unwrap();
    let ask = fixture.get(&session, "/admin/mails/kept").await.body;
    assert!(ask.contains("Type <b dir=\"auto\">21</b> to confirm"), "{ask}");
    for typed in ["", "20", "all"] {
        let fields = [("since", "2026-02-01"), ("count", "21"), ("typed", typed)];
        let wrong = fixture.post(&session, "/admin/mails/kept", &fields).await.body;
        assert!(wrong.contains(&format!("Nothing was done: “{typed}” is not the number.")), "{wrong}");
        assert!(wrong.contains("aria-invalid=\"true\"") && wrong.contains("value=\"2026-02-01\""), "{wrong}");
        assert_eq!(kept().await, 21, "{typed}");
    }
    let fields = [("since", ""), ("count", "21"), ("typed", " 21 ")];
    let sent = fixture.post(&session, "/admin/mails/kept", &fields).await;
    assert_eq!(sent.location, "/admin/mails?done=mails-sent", "{}", sent.body);
    assert_eq!(kept().await, 0);
}

#[actix_web::test]
async fn a_mail_is_dropped_on_a_page_that_names_it() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let number = fixture.message("<b>News</b>", "Hi").await;
    let uri = format!("/admin/mails/{number}/drop");
    let page = fixture.get(&session, &format!("/admin/mails/{number}")).await.body;
    assert!(page.contains(&format!("href=\"{uri}\"")) && !page.contains(&format!("action=\"{uri}\"")), "{page}");
    let ask = fixture.get(&session, &uri).await.body;
    assert!(ask.contains("Drop &#60;b&#62;News&#60;/b&#62;?") && ask.contains("ada@example.com"), "{ask}");
    super::assert_is_clean(&uri, &ask);
    // Who sends but may not look learns no more here.
    fixture.role("SENDS_MAIL", &["mail.send"]).await;
    let sender = fixture.sign_in_as("zoe@example.com", "SENDS_MAIL").await;
    let ask = fixture.get(&sender, &uri).await.body;
    assert!(ask.contains(&format!("Drop mail {number}?")) && !ask.contains("ada@example.com"), "{ask}");
    fixture.post(&session, &uri, &[]).await;
    let ask = fixture.get(&session, &uri).await.body;
    assert!(ask.contains("It was not sent.") && ask.contains(" disabled"), "{ask}");
}

#[actix_web::test]
async fn templates_are_looked_at_and_a_test_is_sent() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let page = fixture.get(&session, "/admin/mails/templates").await.body;
    assert!(
        page.contains("/admin/mails/templates/sync-complete") && page.contains("value=\"mara@example.com\""),
        "{page}"
    );
    assert!(fixture.get(&session, "/admin/mails/templates/welcome").await.body.contains("sandbox"));
    assert!(fixture.get(&session, "/admin/mails/templates/test").await.body.contains("It does: links"));
    assert_eq!(fixture.get(&session, "/admin/mails/templates/nothing").await.status, 404);
    let wrong = fixture.post(&session, "/admin/mails/test", &[("email", "nobody")]).await.body;
    assert!(wrong.contains("Is no e-mail address") && wrong.contains("value=\"nobody\""), "{wrong}");
    let sent = fixture.post(&session, "/admin/mails/test", &[("email", "ada@example.com")]).await;
    assert_eq!(sent.location, "/admin/mails/1?done=mail-sent");
}

#[actix_web::test]
async fn who_may_not_open_mails_sees_what_became_of_them_only() {
    let fixture = Fixture::empty();
    fixture.sign_in().await;
    let number = fixture.message("News", "the words of this mail").await;
    fixture.role("WATCHES_MAIL", &["mail.read"]).await;
    let session = fixture.sign_in_as("ada@example.com", "WATCHES_MAIL").await;
    let page = fixture.get(&session, &format!("/admin/mails/{number}")).await.body;
    assert!(
        page.contains("Your role does not let you see what mails say.") && !page.contains("the words of"),
        "{page}"
    );
    assert!(!page.contains("/drop") && !page.contains("/again"), "{page}");
    assert_eq!(fixture.get(&session, &format!("/admin/mails/{number}/html")).await.status, 403);
    assert_eq!(fixture.post(&session, &format!("/admin/mails/{number}/drop"), &[]).await.status, 403);
}
