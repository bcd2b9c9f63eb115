//! Against the simulated Discord and the simulated sink, which follow the documents of their services.

use std::time::Duration;

use aviary_kernel::base::Timestamp;
use aviary_remote::hooks::discord::{Embed, Field, pack};
use aviary_remote::hooks::signature::{ID_HEADER, SIGNATURE_HEADER, SigningSecret, TIMESTAMP_HEADER, sign};
use aviary_remote::hooks::{Attempt, FailureKind, HookClient, HookOptions, Post};
use aviary_sim::{Discord, DiscordSpec, Signature, Sink, SinkSpec};
use bytes::Bytes;

use crate::{allowing, client, post};

fn kind(attempt: &Attempt) -> Option<FailureKind> {
    attempt.outcome.as_ref().err().map(|failure| failure.kind)
}

async fn discord() -> Discord {
    Discord::start(DiscordSpec { limit: 0, ..DiscordSpec::default() }).await.unwrap()
}

async fn say(discord: &Discord, body: Bytes) -> Attempt {
    client().post(Post { body, ..post(&discord.webhook_url()) }).await
}

#[tokio::test]
async fn discord_takes_the_largest_messages_that_are_packed() {
    let discord = discord().await;
    let long = "🦜 long ".repeat(2000);
    let full = |n: usize| {
        let embed = Embed::new(&long).description(&long).author(&long).footer(&long).color(n as u32);
        (0..30)
            .fold(embed, |embed, _| embed.field(Field::new(&long, &long).inline()))
            .timestamp(Timestamp::from_seconds(1))
    };
    let small = |n: usize| (0..30).fold(Embed::new(&n.to_string()), |embed, _| embed.field(Field::new("", " ")));
    let embeds: Vec<_> = (0..3).map(full).chain((0..27).map(small)).collect();
    let count = embeds.len();
    let mut carried = 0;
    for packed in pack(embeds) {
        let message = serde_json::to_vec(&packed.message.username("Aviary")).unwrap();
        let attempt = say(&discord, message.into()).await;
        assert_eq!(attempt.outcome, Ok(()), "{}", attempt.excerpt);
        carried += packed.carries.len();
    }
    let messages = discord.messages().all();
    assert_eq!((carried, messages.iter().map(|message| message.embeds.len()).sum::<usize>()), (count, count));
}

#[tokio::test]
async fn discord_says_when_it_wants_to_be_left_alone_and_when_a_webhook_is_gone() {
    let limited = Discord::start(DiscordSpec { limit: 2, window: Duration::from_secs(600), ..DiscordSpec::default() });
    let limited = limited.await.unwrap();
    let body = || Bytes::from(serde_json::to_vec(&pack(vec![Embed::new("hello")])[0].message).unwrap());
    let first = say(&limited, body()).await;
    assert_eq!((first.outcome, first.pause), (Ok(()), None));
    let second = say(&limited, body()).await;
    assert!(second.outcome.is_ok() && second.pause.is_some(), "{second:?}");
    let third = say(&limited, body()).await;
    assert_eq!(kind(&third), Some(FailureKind::Retry));
    let patience = third.retry_after.unwrap();
    assert!(patience > Duration::from_secs(1) && patience <= Duration::from_secs(600), "{patience:?}");

    let discord = discord().await;
    let url = discord.webhook_url();
    discord.delete_webhook(discord.webhooks()[0].id);
    let attempt = client().post(Post { body: body(), ..post(&url) }).await;
    assert_eq!(kind(&attempt), Some(FailureKind::Gone), "{attempt:?}");
    let token = url.rsplit('/').next().unwrap();
    assert!(!format!("{attempt:?}").contains(token));
}

#[tokio::test]
async fn a_sink_knows_our_signatures_also_while_a_secret_is_replaced() {
    let (old, new) = (SigningSecret::generate().unwrap(), SigningSecret::generate().unwrap());
    let spec = SinkSpec { secrets: vec![old.text().reveal().clone()], ..SinkSpec::default() };
    let sink = Sink::start(spec).await.unwrap();
    let now = Timestamp::from_seconds(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().cast_signed(),
    );
    let send = async |id: &str, secrets: &[SigningSecret]| {
        let body = Bytes::from_static(br#"{"type":"server.created"}"#);
        let signature = sign(secrets, id, now, &body);
        let headers = [(ID_HEADER, id), (TIMESTAMP_HEADER, &now.seconds().to_string()), (SIGNATURE_HEADER, &signature)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        client().post(Post { body, headers: headers.to_vec(), ..post(&sink.at("/orders")) }).await
    };
    assert_eq!(send("msg_1", std::slice::from_ref(&old)).await.outcome, Ok(()));
    assert_eq!(send("msg_2", &[new.clone(), old.clone()]).await.outcome, Ok(()));
    assert_eq!(kind(&send("msg_3", std::slice::from_ref(&new)).await), Some(FailureKind::Refused));
    let worth: Vec<_> = sink.deliveries().all().iter().map(|delivery| delivery.signature).collect();
    assert_eq!(worth, [Signature::Right, Signature::Right, Signature::Wrong]);
}

#[tokio::test]
async fn whatever_a_sink_does_an_attempt_ends_and_says_what_to_do() {
    let sink = Sink::start(SinkSpec::default()).await.unwrap();
    let options = HookOptions { request_timeout: Duration::from_secs(2), ..allowing(&["127.0.0.1"]) };
    let hasty = HookClient::new(&options).unwrap();
    let elsewhere = sink.at("/orders");
    let attempts = [
        ("/status/204".to_owned(), None),
        ("/status/410".to_owned(), Some(FailureKind::Gone)),
        ("/status/400".to_owned(), Some(FailureKind::Refused)),
        ("/busy/503/30".to_owned(), Some(FailureKind::Retry)),
        ("/hang".to_owned(), Some(FailureKind::Retry)),
        ("/reset".to_owned(), Some(FailureKind::Retry)),
        ("/endless".to_owned(), None),
        ("/drip/100".to_owned(), None),
        ("/done-status/500".to_owned(), Some(FailureKind::Retry)),
        (format!("/redirect/308/{elsewhere}"), None),
        (format!("/redirect/302/{elsewhere}"), Some(FailureKind::Refused)),
        ("/redirect/307/http://10.0.0.1/".to_owned(), Some(FailureKind::Forbidden)),
    ]
    .map(|(path, expected)| {
        let (hasty, url) = (hasty.clone(), sink.at(&path));
        async move {
            let attempt = hasty.post(post(&url)).await;
            assert_eq!(kind(&attempt), expected, "{path}: {attempt:?}");
            attempt
        }
    });
    let attempts = futures_util::future::join_all(attempts).await;
    assert_eq!(attempts[3].retry_after, Some(Duration::from_secs(30)));
}
