//! Sealed values follow a new master key, wherever they stand.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::sample::*;
use crate::base::{Fingerprint, MasterKey, Result, Sealer, Timestamp};
use crate::model::*;
use crate::store::faulty::Disk;
use crate::store::rows::{Mirrored, Setting};
use crate::store::tables::{
    ACCOUNTS, ALL, EGG_VARIABLES, MAILS, PANELS, SERVERS, SETTING_CHANGES, SETTING_VALUES, SETTINGS, WEBHOOKS,
};
use crate::store::{Direction, Read, SortText, Span, Store, WriteTx, each_seal};

fn key(byte: u8) -> MasterKey {
    MasterKey::parse(&format!("{byte:02x}").repeat(32)).unwrap()
}

fn hidden(sealer: &Sealer, place: &str) -> Scalar {
    let sealed = sealer.seal(place, place).unwrap();
    Scalar::Hidden(HiddenText::Sealed { mark: Fingerprint([1; 8]), sealed })
}

fn account(id: AccountId, sealer: &Sealer) -> Account {
    let seal = |what| {
        let place = format!("accounts/{id}/{what}");
        sealer.seal(&place, &place).unwrap()
    };
    let at = Timestamp::from_seconds(1);
    Account {
        id,
        email: Email::parse("ada@example.com").unwrap(),
        username: "Ada".into(),
        profile: Profile::default(),
        password: None,
        roles: vec![],
        is_active: true,
        email_verified: None,
        source: AccountSource::Made,
        second_factor: Some(SecondFactor { secret: seal("second_factor"), last_step: 0, recovery: vec![], since: at }),
        second_factor_offer: Some(seal("second_factor_offer")),
        created_at: at,
        updated_at: at,
        last_login_at: None,
    }
}

fn webhook(id: WebhookId, target: HookTarget) -> Webhook {
    Webhook {
        id,
        name: "bots".into(),
        description: String::new(),
        target,
        topic: HookTopic::Custom,
        scope: HookScope::Admin,
        events: vec![EventPattern::all()],
        panels: vec![],
        least: Weight::Info,
        is_enabled: true,
        disabled_why: None,
        failing_since: None,
        failures: 0,
        test_success_at: None,
        created_at: Timestamp::from_seconds(1),
        updated_at: Timestamp::from_seconds(1),
    }
}

/// Something sealed in every place that there is. Each holds the name of its place.
fn fill(tx: &mut WriteTx<'_>, sealer: &Sealer) -> Result<()> {
    let seal = |place: &str| sealer.seal(place, place);
    for name in ["key_check", "marks"] {
        let place = if name == "key_check" { name.to_owned() } else { format!("settings/{name}") };
        let text = serde_json::to_string(&seal(&place)?).unwrap();
        tx.put(SETTINGS, &SortText::new(name), &Setting(text))?;
    }
    tx.put(SETTINGS, &SortText::new("auto_sync"), &Setting("{\"enabled\":true}".into()))?;
    let secret = || Ok(StoredValue::Secret { mark: Fingerprint([2; 8]), sealed: seal("settings/smtp_password")? });
    let (at, by) = (Timestamp::from_seconds(1), Actor::job("test"));
    let value = SettingValue { value: secret()?, at, by: by.clone() };
    tx.put(SETTING_VALUES, &SortText::new("smtp_password"), &value)?;
    let (before, after) = (Some(secret()?), Some(secret()?));
    let change = SettingChange { key: "smtp_password".into(), at, by, before, after, sent_to: None };
    tx.put(SETTING_CHANGES, &1, &change)?;
    let with_keys =
        Panel { app_key: seal("panels/1/app_key")?, client_key: Some(seal("panels/1/client_key")?), ..panel(1) };
    tx.put(PANELS, &PanelId(1), &with_keys)?;
    for id in 0..20 {
        let mut row = server(id);
        let place = format!("servers/1/{id}");
        row.data.environment.0.push(("TOKEN".into(), hidden(sealer, &place)));
        let variable = ServerVariable { id, env_variable: "TOKEN".into(), server_value: hidden(sealer, &place) };
        row.data.variables = Some(vec![variable]);
        tx.put(SERVERS, &(PANEL, id), &row)?;
    }
    let data = EggVariable {
        id: 3,
        egg_id: 1,
        name: "Token".into(),
        description: None,
        env_variable: "TOKEN".into(),
        default_value: hidden(sealer, "egg-variables/1/3"),
        user_viewable: false,
        user_editable: false,
        rules: vec![],
        sort: None,
        created_at: None,
        updated_at: None,
    };
    tx.put(EGG_VARIABLES, &(PANEL, 3), &Mirrored { data, hash: [0; 16], first_seen: at, changed_at: at })?;
    let id = AccountId(uuid::Uuid::from_u128(9));
    tx.put(ACCOUNTS, &id, &account(id, sealer))?;
    let mail = |says| Mail {
        to: Email::parse("ada@example.com").unwrap(),
        says,
        written_at: at,
        state: MailState::Waiting,
        job: None,
        taken: None,
        attempts: vec![],
    };
    let token = Some(seal("mails/4/token")?);
    let letter = MailContent::Letter { letter: Letter::VerifyEmail, account: id, name: "Ada".into(), token };
    tx.put(MAILS, &4, &mail(letter))?;
    let values = seal("mails/5/values")?;
    let template = MailContent::Template { subject: "Hello".into(), template: "welcome".into(), values };
    tx.put(MAILS, &5, &mail(template))?;
    for (number, is_discord) in [(1_u128, true), (2, false)] {
        let id = uuid::Uuid::from_u128(number);
        let (url, mark, shown) = (seal(&format!("webhooks/{id}/url"))?, Fingerprint([3; 8]), String::new());
        let target = if is_discord {
            HookTarget::Discord { url, mark, shown }
        } else {
            let secret = seal(&format!("webhooks/{id}/secret"))?;
            let old_secret = Some((seal(&format!("webhooks/{id}/old_secret"))?, at));
            HookTarget::Http { url, mark, shown, secret, old_secret }
        };
        tx.put(WEBHOOKS, &id, &webhook(id, target))?;
    }
    Ok(())
}

/// Seals everything anew in stretches of `most` rows. How many rows were changed.
fn reseal(store: &Store, sealer: &std::sync::Arc<Sealer>, most: u64) -> u64 {
    let (mut from, mut changed) = (None, 0);
    loop {
        let sealer = sealer.clone();
        let pass = store
            .write_blocking(move |tx| {
                tx.visit_seals(from.as_ref(), most, &mut |place, sealed| sealer.reseal(place, sealed).map(drop))
            })
            .unwrap();
        changed += pass.changed;
        from = pass.next;
        if from.is_none() {
            return changed;
        }
    }
}

/// In how many rows the number of a key stands, in whatever way; looks at bytes and knows nothing of rows.
fn rows_naming(store: &Store, key: &MasterKey) -> usize {
    let number = [&[252], key.id().to_le_bytes().as_slice()].concat();
    let text = format!("\"key_id\":{}", key.id()).into_bytes();
    let mut rows = 0;
    store
        .read_blocking(|tx| {
            ALL.iter().try_for_each(|table| {
                tx.walk_bytes(table.name, &Span::all(), Direction::Up, &mut |_, value| {
                    let holds = |what: &[u8]| value.windows(what.len()).any(|window| window == what);
                    rows += usize::from(holds(&number) || holds(&text));
                    Ok(ControlFlow::Continue(()))
                })
            })
        })
        .unwrap();
    rows
}

#[test]
fn everything_sealed_follows_a_new_key_and_nothing_else_changes() {
    let store = open(&Disk::new());
    let sealer = std::sync::Arc::new(Sealer::new(&key(1)));
    let first = sealer.clone();
    store.write_blocking(move |tx| fill(tx, &first)).unwrap();
    let rows = rows_naming(&store, &key(1));
    assert_eq!(rows, 31, "as many rows as there are places, so that a place which is missing here is noticed below");

    let mut tables = BTreeMap::<_, u64>::new();
    let see = |tables: &mut BTreeMap<&'static str, u64>| {
        store.read_blocking(|tx| {
            each_seal(tx, &mut |table, place, sealed| {
                *tables.entry(table).or_default() += 1;
                assert_eq!(sealer.open(place, sealed).unwrap().reveal(), place);
                Ok(())
            })
        })
    };
    see(&mut tables).unwrap();
    // Of the mirrored kinds only these two have values that may be hidden.
    let mirrored = ["locations", "nodes", "allocations", "nests", "eggs", "users", "databases", "subusers"];
    let with_seals = ALL.iter().filter(|table| table.seals.is_some()).map(|table| table.name);
    let expected: BTreeSet<_> = with_seals.filter(|name| !mirrored.contains(name)).collect();
    assert_eq!(
        tables.keys().copied().collect::<BTreeSet<_>>(),
        expected,
        "this test fills every table that can hold some"
    );

    sealer.renew(&key(2));
    assert_eq!(reseal(&store, &sealer, 3), 31);
    assert_eq!(reseal(&store, &sealer, 1), 0, "a second walk finds nothing");
    sealer.forget_old();
    let mut again = BTreeMap::new();
    see(&mut again).unwrap();
    assert_eq!(again, tables);
    assert_eq!((rows_naming(&store, &key(1)), rows_naming(&store, &key(2))), (0, 31));
    assert_sound(&store);
    let count = store.read_blocking(|tx| tx.count(servers_counter())).unwrap();
    assert_eq!(count, 20);
}

#[test]
fn a_walk_that_was_left_in_a_table_of_another_release_begins_anew() {
    let store = open(&Disk::new());
    let sealer = std::sync::Arc::new(Sealer::new(&key(1)));
    let first = sealer.clone();
    store.write_blocking(move |tx| fill(tx, &first)).unwrap();
    let cursor = serde_json::from_str(r#"{"table":"from_the_past","key":[1,2]}"#).unwrap();
    let pass = store.write_blocking(move |tx| tx.visit_seals(Some(&cursor), 1000, &mut |_, _| Ok(()))).unwrap();
    let rows = store.read_blocking(|tx| tx.rows_with_seals()).unwrap();
    assert_eq!((pass.rows, pass.changed, pass.next), (rows, 0, None));
}

#[test]
fn values_that_were_swapped_between_rows_stop_the_walk_and_change_nothing() {
    let store = open(&Disk::new());
    let sealer = std::sync::Arc::new(Sealer::new(&key(1)));
    let first = sealer.clone();
    store
        .write_blocking(move |tx| {
            let swapped = Panel { app_key: first.seal("panels/2/app_key", "x")?, ..panel(1) };
            tx.put(PANELS, &PanelId(1), &swapped).map(drop)
        })
        .unwrap();
    sealer.renew(&key(2));
    let walker = sealer.clone();
    let walked = store.write_blocking(move |tx| {
        tx.visit_seals(None, 10, &mut |place, sealed| walker.reseal(place, sealed).map(drop))
    });
    assert!(walked.unwrap_err().to_string().contains("moved from another record"));
    assert_eq!(rows_naming(&store, &key(1)), 1);
}

#[test]
fn a_file_that_is_not_let_in_keeps_every_byte() {
    let disk = Disk::new();
    drop(open(&disk));
    let before = disk.image();
    let vet: crate::store::Vet = std::sync::Arc::new(|tx| {
        assert!(tx.get(SETTINGS, &SortText::new("key_check"))?.is_none());
        Err(crate::base::Error::Unusable("not this one".into()))
    });
    let refused = Store::open(crate::store::Options { vet: Some(vet), ..options(&disk) });
    assert!(refused.err().unwrap().to_string().contains("not this one"));
    assert!(disk.image() == before);
    drop(open(&disk));
}
