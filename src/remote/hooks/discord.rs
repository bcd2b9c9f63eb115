//! Messages as [Discord takes them](https://docs.discord.com/developers/resources/message#embed-object), within all of its limits
//! whatever is put in: one that breaks a limit is refused as a whole, so too long a text is cut instead.
//!
//! Lengths are counted in UTF-16 units, of which there are never fewer than what Discord counts.

use aviary_kernel::base::Timestamp;
use serde::Serialize;
use url::Url;

/// Units of an embed's title.
const TITLE: usize = 256;
/// Units of a description.
const DESCRIPTION: usize = 4096;
/// Units of a field's name.
const FIELD_NAME: usize = 256;
/// Units of a field's value.
const FIELD_VALUE: usize = 1024;
/// Fields of an embed.
const FIELDS: usize = 25;
/// Units of a footer.
const FOOTER: usize = 2048;
/// Units of an author's name.
const AUTHOR: usize = 256;
/// Units of the name that a message is sent under.
const USERNAME: usize = 80;
/// Units of an address.
const ADDRESS: usize = 2048;
/// Embeds of a message.
const EMBEDS: usize = 10;
/// Units of all texts in a message's embeds.
const TOTAL: usize = 6000;
/// Below this nothing worth reading is left of a description.
const LEAST_DESCRIPTION: usize = 64;
/// Stands for a text that is not there, where there must be one.
const NOTHING: &str = "—";

/// One framed piece of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Embed {
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<Author>,
    #[serde(skip_serializing_if = "Option::is_none")]
    footer: Option<Footer>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Field>,
}

/// A name with a value, inside an embed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    name: String,
    value: String,
    inline: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Author {
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Footer {
    text: String,
}

impl Field {
    /// A field on a line of its own. An empty name or value becomes a dash.
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: required(name, FIELD_NAME), value: required(value, FIELD_VALUE), inline: false }
    }

    /// Beside its neighbours, up to three in a row.
    #[must_use]
    pub fn inline(self) -> Self {
        Self { inline: true, ..self }
    }

    fn units(&self) -> usize {
        units(&self.name) + units(&self.value)
    }
}

impl Embed {
    /// An embed with a title; an empty one becomes a dash.
    pub fn new(title: &str) -> Self {
        Self {
            title: required(title, TITLE),
            description: None,
            url: None,
            color: None,
            timestamp: None,
            author: None,
            footer: None,
            fields: Vec::new(),
        }
    }

    /// With a text below the title.
    #[must_use]
    pub fn description(self, text: &str) -> Self {
        Self { description: optional(text, DESCRIPTION), ..self }
    }

    /// With a link behind the title; left out when Discord would not take it.
    #[must_use]
    pub fn url(self, url: &Url) -> Self {
        Self { url: web_address(url), ..self }
    }

    /// With a colour, `0xRRGGBB`.
    #[must_use]
    pub fn color(self, color: u32) -> Self {
        Self { color: Some(color & 0xff_ffff), ..self }
    }

    /// With a time, which readers see in their own zone.
    #[must_use]
    pub fn timestamp(self, at: Timestamp) -> Self {
        Self { timestamp: Some(at), ..self }
    }

    /// With a small line above the title.
    #[must_use]
    pub fn author(self, name: &str) -> Self {
        Self { author: optional(name, AUTHOR).map(|name| Author { name }), ..self }
    }

    /// With a small line at the end.
    #[must_use]
    pub fn footer(self, text: &str) -> Self {
        Self { footer: optional(text, FOOTER).map(|text| Footer { text }), ..self }
    }

    /// With one more field. What goes beyond 25 is left out.
    #[must_use]
    pub fn field(mut self, field: Field) -> Self {
        if self.fields.len() < FIELDS {
            self.fields.push(field);
        }
        self
    }

    fn units(&self) -> usize {
        let fields: usize = self.fields.iter().map(Field::units).sum();
        self.frame() + self.description.as_deref().map_or(0, units) + fields
    }

    /// Units of what is short and stays.
    fn frame(&self) -> usize {
        let author = self.author.as_ref().map_or(0, |author| units(&author.name));
        let footer = self.footer.as_ref().map_or(0, |footer| units(&footer.text));
        units(&self.title) + author + footer
    }

    /// Made to fit into a message of its own: the last fields go first, then the end of the description.
    fn fitted(mut self) -> Self {
        let mut over = self.units().saturating_sub(TOTAL);
        while over > 0
            && let Some(field) = self.fields.pop()
        {
            over = over.saturating_sub(field.units());
        }
        if over > 0 {
            let left = TOTAL.saturating_sub(self.frame()).max(LEAST_DESCRIPTION);
            self.description = self.description.and_then(|text| optional(&text, left));
        }
        self
    }
}

/// What is posted to a webhook. Mentions nobody, whatever the texts say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<String>,
    embeds: Vec<Embed>,
    allowed_mentions: Mentions,
}

/// Which mentions in the texts are to ring somebody's bell: those of the kinds that are named, so none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Mentions {
    parse: [&'static str; 0],
}

impl Message {
    fn new(embeds: Vec<Embed>) -> Self {
        Self { username: None, avatar_url: None, embeds, allowed_mentions: Mentions::default() }
    }

    /// Under this name instead of that of the webhook. Names that Discord does not take leave that of the webhook.
    #[must_use]
    pub fn username(self, name: &str) -> Self {
        Self { username: optional(name, USERNAME).filter(|name| is_taken_as_name(name)), ..self }
    }

    /// With this picture instead of that of the webhook.
    #[must_use]
    pub fn avatar_url(self, url: &Url) -> Self {
        Self { avatar_url: web_address(url), ..self }
    }
}

/// A message, and which of the embeds it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The message.
    pub message: Message,
    /// Where its embeds stood in what was packed.
    pub carries: Vec<usize>,
}

/// Puts embeds into as few messages as their order allows. One that is too large for a message loses its end.
pub fn pack(embeds: Vec<Embed>) -> Vec<Packed> {
    let mut messages: Vec<Packed> = Vec::new();
    let mut room = 0;
    for (index, embed) in embeds.into_iter().enumerate() {
        let embed = embed.fitted();
        let needed = embed.units();
        match messages.last_mut() {
            Some(last) if last.carries.len() < EMBEDS && needed <= room => {
                last.message.embeds.push(embed);
                last.carries.push(index);
                room -= needed;
            }
            _ => {
                messages.push(Packed { message: Message::new(vec![embed]), carries: vec![index] });
                room = TOTAL - needed;
            }
        }
    }
    messages
}

/// Text from outside as plain text: no markdown, no mention, no link comes of it.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    let mut is_line_start = true;
    for (at, char) in text.char_indices() {
        let rest = &text[at + char.len_utf8()..];
        let is_special = match char {
            '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '#' | '[' | ']' | '<' => true,
            '-' | '+' => is_line_start,
            // The end of "1." at the beginning of a line, and the middle of "https://".
            '.' => is_number_of_list(&text[..at]),
            ':' => rest.starts_with("//"),
            _ => false,
        };
        if is_special {
            escaped.push('\\');
        }
        escaped.push(char);
        if char == '@' {
            // Nobody is rung for, as the message says so; this keeps it from looking as if.
            escaped.push('\u{200b}');
        }
        is_line_start = char == '\n' || (is_line_start && char.is_whitespace());
    }
    escaped
}

fn is_number_of_list(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default().trim_start();
    !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_taken_as_name(name: &str) -> bool {
    let lower = name.to_lowercase();
    !["clyde", "discord", "@", "#", ":", "```"].iter().any(|bad| lower.contains(bad))
        && !["everyone", "here"].contains(&lower.as_str())
}

fn web_address(url: &Url) -> Option<String> {
    let fits = matches!(url.scheme(), "http" | "https") && units(url.as_str()) <= ADDRESS;
    fits.then(|| url.to_string())
}

fn required(text: &str, most: usize) -> String {
    optional(text, most).unwrap_or_else(|| NOTHING.to_owned())
}

/// Blank counts as empty, as it does there.
fn optional(text: &str, most: usize) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| cut(text, most))
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// At most `most` units, with an ellipsis in place of what is missing.
fn cut(text: &str, most: usize) -> String {
    if units(text) <= most {
        return text.to_owned();
    }
    let mut left = most - 1;
    let fits = text.chars().take_while(|char| {
        let needed = char.len_utf16();
        let fits = needed <= left;
        left = left.saturating_sub(needed);
        fits
    });
    let mut short: String = fits.collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn json_of(packed: &Packed) -> Value {
        serde_json::to_value(&packed.message).unwrap()
    }

    #[test]
    fn a_message_looks_as_discord_expects_it() {
        let embed = Embed::new("Sync failed")
            .description("the panel *did not* answer")
            .url(&Url::parse("https://aviary.example/admin/syncs/7").unwrap())
            .color(0xffd9_3025)
            .timestamp(Timestamp::from_seconds(1_700_000_000))
            .author("harbour")
            .footer("Aviary")
            .field(Field::new("Step", "servers").inline())
            .field(Field::new("Note", " "));
        let packed = pack(vec![embed]);
        assert_eq!((packed.len(), &packed[0].carries[..]), (1, &[0][..]));
        let picture = Url::parse("https://aviary.example/bird.png").unwrap();
        let message = packed[0].message.clone().username("Aviary").avatar_url(&picture);
        assert_eq!(
            serde_json::to_value(message).unwrap(),
            json!({
                "username": "Aviary",
                "avatar_url": "https://aviary.example/bird.png",
                "embeds": [{
                    "title": "Sync failed",
                    "description": "the panel *did not* answer",
                    "url": "https://aviary.example/admin/syncs/7",
                    "color": 0xd9_3025,
                    "timestamp": "2023-11-14T22:13:20Z",
                    "author": {"name": "harbour"},
                    "footer": {"text": "Aviary"},
                    "fields": [
                        {"name": "Step", "value": "servers", "inline": true},
                        {"name": "Note", "value": "—", "inline": false},
                    ],
                }],
                "allowed_mentions": {"parse": []},
            })
        );
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        let bad = Url::parse("ftp://aviary.example/").unwrap();
        let packed = pack(vec![Embed::new("").description(" \n").author("").footer("").url(&bad)]);
        let message = packed[0].message.clone().username("My Discord bot").avatar_url(&bad);
        let expected = json!({"embeds": [{"title": "—"}], "allowed_mentions": {"parse": []}});
        assert_eq!(serde_json::to_value(message).unwrap(), expected);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde…");
        assert_eq!(cut("ab🦜🦜🦜", 6), "ab🦜…");
        assert_eq!(cut("abcd  fg", 6), "abcd…");
    }

    #[test]
    fn too_large_an_embed_loses_its_last_fields() {
        let mut embed = Embed::new("t").description(&"d".repeat(4096));
        for n in 0..30 {
            embed = embed.field(Field::new(&format!("field {n}"), &"v".repeat(1000)));
        }
        let packed = json_of(&pack(vec![embed])[0]);
        assert_eq!(packed["embeds"][0]["fields"].as_array().unwrap().len(), 1);
        assert_eq!(packed["embeds"][0]["description"].as_str().unwrap().len(), 4096);
        let long = Embed::new(&"t".repeat(300)).author(&"a".repeat(300)).footer(&"f".repeat(3000));
        let packed = pack(vec![long.description(&"d".repeat(5000)).field(Field::new("n", "v"))]);
        let text = packed[0].message.embeds[0].description.as_deref().unwrap();
        assert_eq!((units(text), packed[0].message.embeds[0].units()), (6000 - 2560, 6000));
    }

    #[test]
    fn embeds_stay_in_order_and_fill_messages() {
        let packed = pack((0..23).map(|n| Embed::new(&n.to_string())).collect());
        let carried: Vec<_> = packed.iter().map(|one| one.carries.clone()).collect();
        assert_eq!(carried, [(0..10).collect::<Vec<_>>(), (10..20).collect(), (20..23).collect()]);
        assert!(pack(Vec::new()).is_empty());
    }

    #[test]
    fn text_from_outside_stays_plain() {
        for (text, expected) in [
            ("**bold** __it__ ~~no~~ `x` ||s||", r"\*\*bold\*\* \_\_it\_\_ \~\~no\~\~ \`x\` \|\|s\|\|"),
            ("# head\n> quote\n- one\n  + two\n12. three", "\\# head\n\\> quote\n\\- one\n  \\+ two\n12\\. three"),
            ("a-b + 3.5 is 1.5", "a-b + 3.5 is 1.5"),
            ("[click](https://evil.example)", r"\[click\](https\://evil.example)"),
            ("<@123> <#4> <:x:5> @everyone", "\\<@\u{200b}123\\> \\<\\#4\\> \\<:x:5\\> @\u{200b}everyone"),
            (r"\*not\*", r"\\\*not\\\*"),
        ] {
            assert_eq!(escape(text), expected);
        }
    }

    #[test]
    fn names_that_discord_refuses_leave_that_of_the_webhook() {
        for bad in ["Clyde", "my discord", "a@b", "everyone", "HERE", " "] {
            assert_eq!(Message::new(Vec::new()).username(bad).username, None, "{bad}");
        }
        assert_eq!(units(&Message::new(Vec::new()).username(&"🦜".repeat(80)).username.unwrap()), 79);
    }

    /// Texts of all lengths around the limits, with characters of one and two units.
    fn text(most: usize) -> impl Strategy<Value = String> {
        (prop::sample::select(vec!["a", "é", "🦜", " ", "\n", "@everyone ", "<@1>"]), 0..most, any::<String>())
            .prop_map(|(piece, times, end)| piece.repeat(times) + &end)
    }

    fn embed() -> impl Strategy<Value = Embed> {
        let fields = prop::collection::vec((text(300), text(1100)), 0..30);
        (text(300), text(4200), text(300), text(2100), fields).prop_map(
            |(title, description, author, footer, fields)| {
                let embed = Embed::new(&title).description(&description).author(&author).footer(&footer);
                fields.iter().fold(embed, |embed, (name, value)| embed.field(Field::new(name, value)))
            },
        )
    }

    fn holds(text: &Value, most: usize) -> usize {
        let Some(text) = text.as_str() else { return 0 };
        assert!(!text.trim().is_empty() && units(text) <= most, "{} of {most} units", units(text));
        units(text)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_input_exceeds_any_limit(embeds in prop::collection::vec(embed(), 0..24), name in text(100)) {
            let count = embeds.len();
            let packed = pack(embeds);
            let carried: Vec<_> = packed.iter().flat_map(|one| one.carries.clone()).collect();
            prop_assert_eq!(carried, (0..count).collect::<Vec<_>>());
            for one in packed {
                let message = serde_json::to_value(one.message.username(&name)).unwrap();
                holds(&message["username"], 80);
                let embeds = message["embeds"].as_array().unwrap();
                prop_assert!((1..=10).contains(&embeds.len()) && embeds.len() == one.carries.len());
                let mut total = 0;
                for embed in embeds {
                    total += holds(&embed["title"], 256) + holds(&embed["description"], 4096);
                    total += holds(&embed["author"]["name"], 256) + holds(&embed["footer"]["text"], 2048);
                    let fields = embed["fields"].as_array().cloned().unwrap_or_default();
                    prop_assert!(fields.len() <= 25);
                    for field in &fields {
                        prop_assert!(field["name"].is_string() && field["value"].is_string());
                        total += holds(&field["name"], 256) + holds(&field["value"], 1024);
                    }
                }
                prop_assert!(total <= 6000, "{} units", total);
            }
        }

        #[test]
        fn escaped_text_says_the_same(text in any::<String>()) {
            let plain = escape(&text).replace("\\\\", "\u{1}").replace('\\', "").replace('\u{1}', "\\").replace("@\u{200b}", "@");
            prop_assert_eq!(plain, text.replace("@\u{200b}", "@").replace('\u{1}', "\\"));
        }
    }
}
