use std::fmt;

use aviary_kernel::base::{Error, Result};

/// The longest expression that is read, in bytes. A list of all minutes has 169.
pub(super) const LONGEST: usize = 256;

const NICKNAMES: &[(&str, &str)] = &[
    ("@HOURLY", "0 * * * *"),
    ("@DAILY", "0 0 * * *"),
    ("@MIDNIGHT", "0 0 * * *"),
    ("@WEEKLY", "0 0 * * SUN"),
    ("@MONTHLY", "0 0 1 * *"),
    ("@YEARLY", "0 0 1 1 *"),
    ("@ANNUALLY", "0 0 1 1 *"),
];

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// One of the places of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Weekday,
}

impl Part {
    const ALL: [Self; 6] = [Self::Second, Self::Minute, Self::Hour, Self::Day, Self::Month, Self::Weekday];

    /// The smallest and the largest number; 7 is Sunday, as 0 is.
    pub(super) fn bounds(self) -> (u8, u8) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::Day => (1, 31),
            Self::Month => (1, 12),
            Self::Weekday => (0, 7),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Second | Self::Minute => "0 to 59",
            Self::Hour => "0 to 23",
            Self::Day => "1 to 31",
            Self::Month => "1 to 12 or a name such as JAN",
            Self::Weekday => "0 to 7 (0 and 7 are Sunday) or a name such as MON",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Weekday => "weekday",
        })
    }
}

/// Which one of its kind in the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nth {
    /// 1 to 5.
    Number(u8),
    Last,
}

/// One place of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// `*`.
    Any,
    /// `*/step`.
    Every { step: u8 },
    /// `5`.
    One(u8),
    /// `first-last`, or `first-last/step`.
    Range { first: u8, last: u8, step: u8 },
    /// `L`: the last day of the month.
    LastDay,
    /// `LW`: the last of Monday to Friday in the month.
    LastWorkday,
    /// `15W`: of Monday to Friday the one nearest to the 15th, in the same month.
    Workday(u8),
    /// `FRI#2`, `MON-FRI#2`, `FRI#L`: the second or the last of these weekdays in the month.
    Nth { first: u8, last: u8, step: u8, nth: Nth },
}

/// One place of an expression, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) part: Part,
    pub(super) items: Vec<Item>,
}

impl Field {
    /// Whether the field is a bare `*`, and so says nothing.
    pub(super) fn is_any(&self) -> bool {
        self.items == [Item::Any]
    }

    /// Whether the field is written with `*`, a range or a step, and not as plain numbers.
    pub(super) fn repeats(&self) -> bool {
        self.items.iter().any(|item| match *item {
            Item::Any | Item::Every { .. } => true,
            Item::Range { first, last, step } => last - first >= step,
            _ => false,
        })
    }

    /// The plain values as bits. Weekday 7 is given as 0; what depends on the month is not among them.
    pub(super) fn bits(&self) -> u64 {
        let (min, max) = self.part.bounds();
        let mut bits = 0;
        for item in &self.items {
            bits |= match *item {
                Item::Any => span(min, max, 1),
                Item::Every { step } => span(min, max, step),
                Item::One(value) => 1 << value,
                Item::Range { first, last, step } => span(first, last, step),
                Item::LastDay | Item::LastWorkday | Item::Workday(_) | Item::Nth { .. } => 0,
            };
        }
        if self.part == Part::Weekday { week(bits) } else { bits }
    }
}

/// The values from `first` to `last` in steps, as bits.
pub(super) fn span(first: u8, last: u8, step: u8) -> u64 {
    (first..=last).step_by(usize::from(step)).fold(0, |bits, value| bits | 1 << value)
}

/// Weekdays with Sunday as 0 only.
pub(super) fn week(bits: u64) -> u64 {
    (bits | bits >> 7) & 0x7f
}

/// A whole expression, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) second: Field,
    pub(super) minute: Field,
    pub(super) hour: Field,
    pub(super) day: Field,
    pub(super) month: Field,
    pub(super) weekday: Field,
    /// Day and weekday must both fit (`+MON`); otherwise one of them is enough.
    pub(super) both: bool,
}

impl Fields {
    /// Reads an expression, and gives its canonical form: capitals, single spaces, nicknames written out, no
    /// seconds when they are 0.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `cron`, which names the part that is wrong and says what it may be.
    pub(super) fn parse(raw: &str) -> Result<(Self, String)> {
        read(raw).map_err(|why| Error::invalid("cron", why))
    }
}

fn read(raw: &str) -> Result<(Fields, String), String> {
    let raw = raw.trim();
    if raw.len() > LONGEST {
        return Err(format!("is {} bytes long; {LONGEST} are the most that is read", raw.len()));
    }
    if let Some(odd) = raw.chars().find(|c| !c.is_ascii_graphic() && !c.is_ascii_whitespace()) {
        return Err(format!("has the character {odd:?}, which means nothing here"));
    }
    let upper = raw.to_ascii_uppercase();
    let text = if upper.starts_with('@') { nickname(&upper)? } else { &upper };
    let mut words: Vec<&str> = text.split_ascii_whitespace().collect();
    match words.len() {
        5 => words.insert(0, "0"),
        6 => {}
        n => return Err(wrong_count(n)),
    }
    let plus = words[5].strip_prefix('+');
    words[5] = plus.unwrap_or(words[5]);
    let mut fields = Fields {
        second: field(Part::Second, words[0])?,
        minute: field(Part::Minute, words[1])?,
        hour: field(Part::Hour, words[2])?,
        day: field(Part::Day, words[3])?,
        month: field(Part::Month, words[4])?,
        weekday: field(Part::Weekday, words[5])?,
        both: false,
    };
    fields.both = plus.is_some() && !fields.weekday.is_any();
    let canonical = canonical(&fields, &words);
    Ok((fields, canonical))
}

fn nickname(upper: &str) -> Result<&'static str, String> {
    NICKNAMES.iter().find(|(name, _)| *name == upper).map(|(_, text)| *text).ok_or_else(|| {
        format!(
            "{} is not known; there are @hourly, @daily, @weekly, @monthly and @yearly",
            quoted(&upper.to_ascii_lowercase())
        )
    })
}

fn wrong_count(n: usize) -> String {
    let hint = "write five parts: minute hour day month weekday, such as `0 3 * * *`";
    match n {
        0 => hint.to_owned(),
        1 => format!("{hint}, not one"),
        7 => format!("{hint}; a sixth in front is seconds, and years cannot be given"),
        n => format!("{hint}, not {n}"),
    }
}

fn canonical(fields: &Fields, words: &[&str]) -> String {
    let mut out = String::new();
    let start = usize::from(fields.second.items == [Item::One(0)]);
    for (part, word) in Part::ALL.iter().zip(words).skip(start) {
        if !out.is_empty() {
            out.push(' ');
        }
        if *part == Part::Weekday && fields.both {
            out.push('+');
        }
        out.push_str(&word.replace('?', "*"));
    }
    out
}

fn field(part: Part, word: &str) -> Result<Field, String> {
    let items = word.split(',').map(|text| item(part, text)).collect::<Result<Vec<_>, _>>()?;
    if items.len() > 1 && items.contains(&Item::Any) {
        return Err(format!("the {part} {} lists more beside `*`, which is already every {part}", quoted(word)));
    }
    Ok(Field { part, items })
}

fn item(part: Part, text: &str) -> Result<Item, String> {
    if text.is_empty() {
        return Err(format!("the {part} has an empty place in its list; write it like `{}`", example(part)));
    }
    match part {
        Part::Day if text.contains(['L', 'W']) => day_item(text),
        Part::Weekday if text.contains('#') || text.ends_with('L') => weekday_item(text),
        _ => plain(part, text),
    }
}

fn example(part: Part) -> &'static str {
    match part {
        Part::Second | Part::Minute => "0,30",
        Part::Hour => "6,18",
        Part::Day => "1,15",
        Part::Month => "JAN,JUL",
        Part::Weekday => "MON,THU",
    }
}

fn day_item(text: &str) -> Result<Item, String> {
    match text {
        "L" => Ok(Item::LastDay),
        "LW" => Ok(Item::LastWorkday),
        _ => match text.strip_suffix('W') {
            Some(day) => number(Part::Day, day).map(Item::Workday),
            None => Err(format!(
                "the day {} cannot be read: `L` is the last day of the month, `LW` its last weekday, `15W` the weekday \
                 nearest the 15th",
                quoted(text)
            )),
        },
    }
}

fn weekday_item(text: &str) -> Result<Item, String> {
    let (days, nth) =
        text.split_once('#').or_else(|| text.strip_suffix('L').map(|days| (days, "L"))).unwrap_or((text, ""));
    if days.is_empty() {
        return Err("the weekday must say which day: `FRI#L` is the last Friday; for the last day of the month write \
                    `L` in the place of the day"
            .to_owned());
    }
    let nth = match nth {
        "L" => Nth::Last,
        _ => match nth.parse() {
            Ok(n @ 1..=5) => Nth::Number(n),
            _ => {
                return Err(format!(
                    "after `#` the weekday takes 1 to 5 or L, such as `MON#2` for the second Monday, not {}",
                    quoted(nth)
                ));
            }
        },
    };
    match plain(Part::Weekday, days)? {
        Item::One(day) => Ok(Item::Nth { first: day, last: day, step: 1, nth }),
        Item::Range { first, last, step } => Ok(Item::Nth { first, last, step, nth }),
        _ => Err(format!("the weekday {} must say which day before `#`, such as `MON#2`", quoted(text))),
    }
}

/// `*`, a value or a range, each with or without a step.
fn plain(part: Part, text: &str) -> Result<Item, String> {
    let (base, step) = match text.split_once('/') {
        None => (text, None),
        Some((base, step)) => (base, Some(step_of(part, step)?)),
    };
    let any = base == "*" || (base == "?" && matches!(part, Part::Day | Part::Weekday));
    match (any, base.split_once('-'), step) {
        (true, _, None) => Ok(Item::Any),
        (true, _, Some(step)) => Ok(Item::Every { step }),
        (false, Some((first, last)), step) => range(part, first, last, step.unwrap_or(1)),
        (false, None, None) => number(part, base).map(Item::One),
        (false, None, Some(step)) if base.is_empty() => {
            Err(format!("the {part} {} lacks what it steps over; write `*/{step}`", quoted(text)))
        }
        (false, None, Some(step)) => {
            let first = number(part, base)?;
            let (_, max) = part.bounds();
            Err(format!("the {part} {} steps over a single number; write `{first}-{max}/{step}`", quoted(text)))
        }
    }
}

fn step_of(part: Part, text: &str) -> Result<u8, String> {
    let (_, max) = part.bounds();
    match digits(text) {
        Some(step) if (1..=u32::from(max)).contains(&step) => Ok(step as u8),
        _ => Err(format!("the step of the {part} must be 1 to {max}, such as `*/2`, not {}", quoted(text))),
    }
}

fn range(part: Part, first: &str, last: &str, step: u8) -> Result<Item, String> {
    let start = number(part, first)?;
    // A week may end with Sunday.
    let end = if part == Part::Weekday && last == "SUN" { 7 } else { number(part, last)? };
    if start > end {
        let (min, max) = part.bounds();
        let min = if part == Part::Weekday { 1 } else { min };
        let piece = |a: u8, b: u8| if a >= b { b.to_string() } else { format!("{a}-{b}") };
        return Err(format!(
            "the {part} {} runs backwards; write `{},{}`",
            quoted(&format!("{first}-{last}")),
            piece(start, max),
            piece(min, end)
        ));
    }
    Ok(Item::Range { first: start, last: end, step })
}

fn number(part: Part, text: &str) -> Result<u8, String> {
    let (min, max) = part.bounds();
    if let Some(value) = digits(text) {
        return match u8::try_from(value) {
            Ok(value) if (min..=max).contains(&value) => Ok(value),
            _ => Err(format!("the {part} must be {}, not {text}", part.expected())),
        };
    }
    let named = match part {
        Part::Month => MONTHS.iter().position(|name| *name == text).map(|at| at + 1),
        Part::Weekday => WEEKDAYS.iter().position(|name| *name == text),
        _ => None,
    };
    match named {
        Some(value) => Ok(value as u8),
        None => Err(format!(
            "the {part} must be {}, or written like `*`, `*/2` or `{}`, not {}",
            part.expected(),
            example(part),
            quoted(text)
        )),
    }
}

/// A number of one to four digits and nothing else.
fn digits(text: &str) -> Option<u32> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// The text for a message, cut when it is long.
pub(super) fn quoted(text: &str) -> String {
    const MOST: usize = 24;
    match text.char_indices().nth(MOST) {
        None => format!("`{}`", text.escape_debug()),
        Some((at, _)) => format!("`{}…`", text[..at].escape_debug()),
    }
}
