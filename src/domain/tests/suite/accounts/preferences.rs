use std::collections::BTreeMap;

use aviary_domain::accounts::PreferencesPatch;
use aviary_kernel::base::Error;
use aviary_kernel::model::{Density, Preferences, Theme, Units};
use aviary_kernel::store::tables::PREFERENCES;

use super::*;

fn columns(list: &str, names: &[&str]) -> BTreeMap<String, Vec<String>> {
    [(list.to_owned(), names.iter().map(|name| (*name).to_owned()).collect())].into()
}

#[tokio::test]
async fn preferences_are_kept_one_by_one_and_outlive_a_crash() {
    let people = People::new();
    let account = people.made("ada@example.com", &[]).await;
    let caller = people.caller(&account);
    assert_eq!(people.accounts.preferences(&caller).await.unwrap(), Preferences::default());
    let zone = PreferencesPatch { time_zone: Some(" europe/BERLIN ".into()), ..Default::default() };
    people.accounts.change_preferences(&caller, zone).await.unwrap();
    let more = PreferencesPatch {
        units: Some(Units::Exact),
        density: Some(Density::Compact),
        theme: Some(Theme::Dark),
        folded: Some(true),
        rows: Some(100),
        columns: columns("servers", &["owner", "limits.memory"]),
        ..Default::default()
    };
    let kept = people.accounts.change_preferences(&caller, more).await.unwrap();
    assert_eq!((kept.time_zone.as_deref(), kept.units), (Some("Europe/Berlin"), Units::Exact));
    let people = people.crash();
    assert_eq!(people.accounts.preferences(&caller).await.unwrap(), kept);
    let back = PreferencesPatch {
        time_zone: Some(String::new()),
        rows: Some(0),
        columns: columns("servers", &[]),
        ..Default::default()
    };
    let kept = people.accounts.change_preferences(&caller, back).await.unwrap();
    assert_eq!((kept.time_zone, kept.rows, kept.columns.len(), kept.folded), (None, None, 0, true));
    people.assert_sound();
}

#[tokio::test]
async fn what_cannot_be_preferred_is_refused_at_its_field() {
    let people = People::new();
    let caller = people.caller(&people.made("ada@example.com", &[]).await);
    let none = PreferencesPatch::default;
    let many: Vec<String> = (0..41).map(|n| format!("c{n}")).collect();
    let cases = [
        ("timeZone", PreferencesPatch { time_zone: Some("Europe/Berlim".into()), ..none() }),
        ("timeZone", PreferencesPatch { time_zone: Some("x".repeat(10_000)), ..none() }),
        ("rows", PreferencesPatch { rows: Some(7), ..none() }),
        ("columns", PreferencesPatch { columns: columns("<b>", &["a"]), ..none() }),
        ("columns", PreferencesPatch { columns: columns("servers", &["a b"]), ..none() }),
        ("columns", PreferencesPatch { columns: [("servers".to_owned(), many)].into(), ..none() }),
        (
            "columns",
            PreferencesPatch {
                columns: (0..41).map(|n| (format!("list{n}"), vec!["a".to_owned()])).collect(),
                ..none()
            },
        ),
    ];
    for (field, patch) in cases {
        let refused = people.accounts.change_preferences(&caller, patch).await;
        assert!(matches!(&refused, Err(Error::Invalid { field: at, .. }) if *at == field), "{field}: {refused:?}");
    }
    assert_eq!(people.accounts.preferences(&caller).await.unwrap(), Preferences::default());
    let program = Caller::command_line();
    assert_eq!(people.accounts.preferences(&program).await.unwrap(), Preferences::default());
    let refused = people.accounts.change_preferences(&program, none()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[tokio::test]
async fn preferences_go_with_their_account() {
    let people = People::new();
    let account = people.made("ada@example.com", &[]).await;
    let caller = people.caller(&account);
    let dark = PreferencesPatch { theme: Some(Theme::Dark), ..Default::default() };
    people.accounts.change_preferences(&caller, dark.clone()).await.unwrap();
    people.accounts.remove(&Caller::command_line(), account.id).await.unwrap();
    assert!(people.read(|tx| tx.get(PREFERENCES, &account.id)).is_none());
    assert!(people.accounts.change_preferences(&caller, dark).await.is_err(), "nobody is there to prefer anything");
}
