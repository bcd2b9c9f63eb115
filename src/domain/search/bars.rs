//! How many there were when: bars of a length that suits the stretch of time.

use aviary_kernel::base::Timestamp;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan, Unit, Zoned, ZonedRound};

use super::Bar;
use super::collect::QUARTER_MS;

/// At most so many bars.
const MOST: i64 = 60;
/// Bars are not made for more than this many steps, whatever the clock said when something was written.
const LAST_RESORT: usize = 400;

/// The bars of what was counted by quarters of an hour.
pub(super) fn bars(quarters: &[(i64, u64)], zone: &TimeZone) -> Vec<Bar> {
    let all = || quarters.iter().map(|(quarter, _)| quarter);
    let (Some(first), Some(last)) = (all().min(), all().max()) else { return Vec::new() };
    let Some(step) = Step::for_quarters(last - first + 1) else { return Vec::new() };
    let mut edges = Vec::new();
    let Some(mut edge) = zoned(*first, zone).and_then(|at| step.begin(&at)) else { return Vec::new() };
    while quarter_of(&edge) <= *last && edges.len() < LAST_RESORT {
        edges.push(edge.clone());
        match edge.checked_add(step.length()) {
            Ok(next) if next > edge => edge = next,
            _ => break,
        }
    }
    edges.push(edge);
    let mut bars: Vec<Bar> =
        edges.windows(2).map(|ends| Bar { from: moment(&ends[0]), until: moment(&ends[1]), count: 0 }).collect();
    for (quarter, count) in quarters {
        let at = Timestamp::from_millis(quarter * QUARTER_MS);
        let place = bars.partition_point(|bar| bar.until <= at);
        if let Some(bar) = bars.get_mut(place) {
            bar.count += count;
        }
    }
    bars
}

#[derive(Clone, Copy)]
enum Step {
    Quarter,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Step {
    fn for_quarters(quarters: i64) -> Option<Self> {
        let steps = [
            (Self::Quarter, 1),
            (Self::Hour, 4),
            (Self::Day, 96),
            (Self::Week, 7 * 96),
            (Self::Month, 28 * 96),
            (Self::Year, 365 * 96),
        ];
        // Where the stretch begins and ends within a bar, there is one more of them.
        steps.into_iter().find(|(_, of)| quarters / of + 1 < MOST || *of == 365 * 96).map(|(step, _)| step)
    }

    fn length(self) -> Span {
        match self {
            Self::Quarter => 15.minutes(),
            Self::Hour => 1.hour(),
            Self::Day => 1.day(),
            Self::Week => 1.week(),
            Self::Month => 1.month(),
            Self::Year => 1.year(),
        }
    }

    /// The beginning of the bar that a moment is in.
    fn begin(self, at: &Zoned) -> Option<Zoned> {
        let round =
            |unit, by| at.round(ZonedRound::new().smallest(unit).increment(by).mode(jiff::RoundMode::Floor)).ok();
        let day = || at.start_of_day().ok();
        match self {
            Self::Quarter => round(Unit::Minute, 15),
            Self::Hour => round(Unit::Hour, 1),
            Self::Day => day(),
            Self::Week => {
                let back = i64::from(at.weekday().to_monday_zero_offset());
                day()?.checked_sub(back.days()).ok()
            }
            Self::Month => at.first_of_month().ok()?.start_of_day().ok(),
            Self::Year => at.first_of_year().ok()?.start_of_day().ok(),
        }
    }
}

fn zoned(quarter: i64, zone: &TimeZone) -> Option<Zoned> {
    Some(jiff::Timestamp::from_millisecond(quarter.checked_mul(QUARTER_MS)?).ok()?.to_zoned(zone.clone()))
}

fn quarter_of(at: &Zoned) -> i64 {
    at.timestamp().as_millisecond().div_euclid(QUARTER_MS)
}

fn moment(at: &Zoned) -> Timestamp {
    Timestamp::from_millis(at.timestamp().as_millisecond())
}
