use actix_web::http::Method;
use serde_json::json;

use crate::desk::Desk;

const PATH: &str = "/api/v1/backups";

#[actix_web::test]
async fn a_backup_is_made_and_listed() {
    let desk = Desk::empty();
    let none = desk.as_admin(Method::GET, PATH, json!(null)).await.ok();
    assert_eq!((&none["data"]["backups"], &none["data"]["running"]), (&json!([]), &json!(null)));
    let made = desk.as_admin(Method::POST, PATH, json!({})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let listed = desk.as_admin(Method::GET, PATH, json!(null)).await.ok();
    assert_eq!(listed["data"]["backups"], json!([made.json()["data"]]));
    assert_eq!(listed["data"]["keep"], 7);
}

#[actix_web::test]
async fn nobody_far_away_says_where_on_this_machine_to_write() {
    let desk = Desk::empty();
    let elsewhere = desk.dir.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let refused = desk.as_admin(Method::POST, PATH, json!({ "to": elsewhere })).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(std::fs::read_dir(&elsewhere).unwrap().next().is_none());
    assert!(!desk.dir.path().join("backups").exists());
}
