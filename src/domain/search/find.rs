//! Answers what is asked: plans it, asks the indexes, and shows the hits from their rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{Kind, PanelId};
use aviary_kernel::store::tables::PANELS;
use aviary_kernel::store::{Read, ReadTx, Span, Store};
use jiff::tz::TimeZone;
use tantivy::collector::Count;
use tantivy::query::{Occur, Query as Ask};

use super::bars::bars;
use super::collect::{By, Collect, Collected, Narrow, Rank};
use super::compile::{Compiler, Limits};
use super::docs::{self, Doc, Line};
use super::marks::mark;
use super::query::{self, Query, Text};
use super::shard::{Outcome, Shard};
use super::shelf::{Shelf, Slice};
use super::{Asked, Facet, Found, Hit, Marked, Order, Sight, Standing, Subject, key};

/// Hits of a page when none are asked for, and the most that are given.
const USUAL: usize = 25;
const MOST: usize = 200;
/// Lines of a hit.
const LINES: usize = 6;

/// A question, understood.
struct Plan {
    query: Query,
    order: Order,
    most: usize,
    after: Option<Rank>,
    facets: bool,
    histogram: bool,
    /// Whether what objects say of users may be seen.
    sees_users: bool,
    /// What may be seen and was not left out.
    seen: Vec<u64>,
    /// What is wanted of it.
    classes: Vec<u64>,
    /// The same with panels and states, for counting.
    narrow: Arc<Narrow>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    zone: TimeZone,
}

/// Answers.
pub(super) fn find(
    store: &Store,
    shelf: Option<&Shelf>,
    asked: &Asked,
    sight: &Sight,
    now: Timestamp,
    standing: Standing,
) -> Outcome<Found> {
    let panels = store.read_blocking(panel_names)?;
    let mut plan = Plan::new(asked, sight, now, &panels);
    let mut doubts = std::mem::take(&mut plan.query.doubts);
    if asked.after.is_some() && plan.after.is_none() {
        doubts.push("The place to go on from is none that was given out: this is the first page.".into());
    }
    let limits = Limits::default();
    let mut all = match shelf {
        Some(shelf) => plan.collect(shelf, &limits)?,
        None => Collected::default(),
    };
    if limits.cut.get() {
        doubts
            .push("A beginning stands for very many words: not all of them were searched for. Type more of it.".into());
    }
    if limits.common.get() {
        doubts.push("Parts of words that are in very many records were searched for as whole words only.".into());
    }
    let more = all.ranks.len() > plan.most;
    all.ranks.truncate(plan.most);
    let next = all.ranks.last().filter(|_| more).map(Rank::cursor);
    let hits = store.read_blocking(|tx| plan.show(tx, &all.ranks))?;
    let histogram = if plan.histogram { bars(&all.quarters, &plan.zone) } else { Vec::new() };
    let facets = if plan.facets { facets(&all) } else { Vec::new() };
    Ok(Found { hits, total: all.total, next, facets, histogram, doubts, standing })
}

fn panel_names(tx: &ReadTx) -> Result<BTreeMap<PanelId, String>> {
    Ok(tx.all(PANELS, &Span::all())?.into_iter().map(|(id, panel)| (id, panel.name)).collect())
}

/// The classes of these subjects, as far as they may be seen.
fn classes(sight: &Sight, wants: impl Fn(Subject) -> bool) -> Vec<u64> {
    let of_kind = |class: u64| key::kind_of(class).is_none_or(|kind: Kind| sight.kinds.contains(&kind));
    let seen = key::classes().filter(|class| key::subject_of(*class).is_some_and(|s| sight.sees(s) && wants(s)));
    seen.filter(|class| of_kind(*class)).collect()
}

fn is_among(classes: &[u64], is_object: bool) -> bool {
    classes.iter().any(|class| key::subject_of(*class).is_some_and(|subject| subject.is_object() == is_object))
}

fn narrow(query: &Query, seen: &[u64], classes: &[u64]) -> Narrow {
    let panels = |panels: &Vec<PanelId>| panels.iter().map(|panel| u64::from(panel.0)).collect();
    let states = |states: &Vec<&str>| states.iter().map(|state| docs::state_number(state)).collect();
    Narrow {
        seen: seen.to_vec(),
        classes: classes.to_vec(),
        panels: query.panels.as_ref().map(panels),
        not_panels: panels(&query.other_panels),
        states: query.states.as_ref().map(states),
        not_states: states(&query.other_states),
    }
}

impl Plan {
    fn new(asked: &Asked, sight: &Sight, now: Timestamp, panels: &BTreeMap<PanelId, String>) -> Self {
        let zone = asked.zone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
        let mut query = query::read(&asked.text, now, &zone, panels);
        let (narrowed, left_out) = (query.subjects.clone(), query.left_out.clone());
        let wants = |subject: Subject| {
            (asked.subjects.is_empty() || asked.subjects.contains(&subject))
                && narrowed.as_ref().is_none_or(|subjects| subjects.contains(&subject))
                && !left_out.contains(&subject)
        };
        if let Some(panel) = asked.panel {
            match &mut query.panels {
                Some(panels) => panels.retain(|id| *id == panel),
                None => query.panels = Some(vec![panel]),
            }
        }
        let (seen, classes) = (classes(sight, |subject| !left_out.contains(&subject)), classes(sight, wants));
        let narrow = Arc::new(narrow(&query, &seen, &classes));
        let limit = if asked.limit == 0 { USUAL } else { asked.limit.min(MOST) };
        Self {
            since: query.since.max(asked.since),
            until: [query.until, asked.until].into_iter().flatten().min(),
            order: asked.order,
            most: limit,
            after: asked.after.as_ref().and_then(Rank::of),
            facets: asked.facets,
            histogram: asked.histogram,
            sees_users: sight.sees(Subject::User),
            seen,
            classes,
            narrow,
            zone,
            query,
        }
    }

    /// Whether a hit, or something that is counted, can be an object, or a record.
    fn asks_for(&self, is_object: bool) -> bool {
        is_among(if self.facets { &self.seen } else { &self.classes }, is_object)
    }

    fn collect(&self, shelf: &Shelf, limits: &Limits) -> Outcome<Collected> {
        let mut all = Collected::default();
        // Words of objects say little about when something happened, unless only objects are wanted.
        let only_objects = !is_among(&self.classes, false);
        if self.asks_for(true) {
            let by = match self.order {
                Order::Usual => By::Fit,
                Order::Newest => By::Newest(0),
                Order::Oldest => By::Oldest,
            };
            let mut collect = self.collector(by, self.histogram && only_objects, &shelf.objects);
            collect.range = (self.since.is_some() || self.until.is_some()).then(|| self.range());
            self.ask(&shelf.objects, true, limits, collect, &mut all)?;
        }
        if self.asks_for(false) {
            self.collect_records(shelf, limits, &mut all)?;
        }
        Ok(all)
    }

    fn range(&self) -> (i64, i64) {
        (self.since.map_or(i64::MIN, Timestamp::millis), self.until.map_or(i64::MAX, Timestamp::millis))
    }

    fn collect_records(&self, shelf: &Shelf, limits: &Limits, all: &mut Collected) -> Outcome<()> {
        let mut months = shelf.months();
        if self.order == Order::Oldest {
            months.reverse();
        }
        let by = match self.order {
            Order::Usual => By::Newest(1),
            Order::Newest => By::Newest(0),
            Order::Oldest => By::Oldest,
        };
        let mut found = 0;
        for month in months.into_iter().filter(|month| self.reaches(*month)) {
            let Some(shard) = shelf.read(month)? else { continue };
            let mut collect = self.collector(by, self.histogram, &shard);
            // What follows is older, or newer, than all that was found.
            if found > self.most || self.is_past(month) {
                collect.most = 0;
            }
            let is_within =
                self.since.is_none_or(|at| at <= month.from()) && self.until.is_none_or(|at| at >= month.until());
            collect.range = (!is_within).then(|| self.range());
            let before = all.ranks.len();
            self.ask(&shard, false, limits, collect, all)?;
            found += all.ranks.len() - before;
        }
        all.keep(self.most + 1);
        Ok(())
    }

    fn reaches(&self, month: Slice) -> bool {
        self.since.is_none_or(|at| at < month.until()) && self.until.is_none_or(|at| at > month.from())
    }

    /// Whether all of a month stands before the place to go on from.
    fn is_past(&self, month: Slice) -> bool {
        match (self.order, &self.after) {
            (Order::Usual, Some(after)) => after.is_record() && after.newest_at() < month.from(),
            (Order::Newest, Some(after)) => after.newest_at() < month.from(),
            _ => false,
        }
    }

    fn collector(&self, by: By, times: bool, shard: &Shard) -> Collect {
        Collect {
            by,
            most: self.most + 1,
            after: self.after,
            range: None,
            facets: self.facets.then(|| self.narrow.clone()),
            times,
            everything: false,
            parts: shard.parts.clone(),
        }
    }

    fn ask(
        &self,
        shard: &Shard,
        is_of_objects: bool,
        limits: &Limits,
        mut collect: Collect,
        all: &mut Collected,
    ) -> Outcome<()> {
        shard.check()?;
        let (searcher, fields) = (&shard.searcher(), &shard.fields);
        let sees_users = self.sees_users && is_of_objects;
        let compiler = Compiler { searcher, fields, limits, ranks: collect.by == By::Fit, sees_users };
        let mut asks: Vec<(Occur, Box<dyn Ask>)> = compiler.clauses(&self.query)?;
        if !self.facets {
            asks.extend(compiler.among(key::classes().partition(|class| self.classes.contains(class)))?);
            let of_panel = |panel: &PanelId| format!("panel:{panel}");
            let in_state = |state: &&str| format!("state:{state}");
            let Query { panels, other_panels, states, other_states, .. } = &self.query;
            asks.extend(panels.as_ref().map(|panels| compiler.one_of(panels.iter().map(of_panel))));
            asks.extend(states.as_ref().map(|states| compiler.one_of(states.iter().map(in_state))));
            if !other_panels.is_empty() {
                asks.push(compiler.none_of(other_panels.iter().map(of_panel)));
            }
            if !other_states.is_empty() {
                asks.push(compiler.none_of(other_states.iter().map(in_state)));
            }
        }
        collect.everything = asks.is_empty();
        let ask = compiler.all(asks);
        if collect.most == 0 && collect.facets.is_none() && !collect.times && collect.range.is_none() {
            all.total += searcher.search(&ask, &Count)? as u64;
        } else {
            all.add(searcher.search(&ask, &collect)?);
        }
        Ok(())
    }

    /// The hits, from their rows.
    fn show(&self, tx: &ReadTx, ranks: &[Rank]) -> Result<Vec<Hit>> {
        let texts: Vec<&Text> = self.query.texts().collect();
        let mut hits = Vec::with_capacity(ranks.len());
        for place in ranks.iter().filter_map(Rank::place) {
            hits.extend(docs::load(tx, &place)?.map(|doc| hit(doc, &texts, self.sees_users)));
        }
        Ok(hits)
    }
}

/// A document as it is shown: the lines that fit first, then those that tell it from others.
fn hit(doc: Doc, texts: &[&Text], sees_users: bool) -> Hit {
    let (mut fitting, mut telling) = (Vec::new(), Vec::new());
    let shown = |line: &&Line| !line.label.is_empty() && (sees_users || !line.of_user);
    for line in doc.lines.iter().filter(shown) {
        let (marked, fits) = mark(&line.text, texts);
        if fits {
            fitting.push((line.label, marked));
        } else if line.tells {
            telling.push((line.label, marked));
        }
    }
    let mut lines: Vec<(&'static str, Marked)> = fitting;
    lines.extend(telling);
    lines.truncate(LINES);
    Hit { title: mark(&doc.title, texts).0, place: doc.place, lines, state: doc.state, at: doc.at, panel: doc.panel }
}

fn facets(all: &Collected) -> Vec<Facet> {
    let mut kinds: HashMap<Subject, u64> = HashMap::new();
    for (class, count) in &all.classes {
        if let Some(subject) = key::subject_of(*class) {
            *kinds.entry(subject).or_default() += count;
        }
    }
    let facet = |field, value: String, count| Facet { field, value, count };
    let mut facets: Vec<_> =
        kinds.into_iter().map(|(subject, count)| facet("kind", subject.word().to_owned(), count)).collect();
    facets.extend(all.panels.iter().filter(|(id, _)| **id > 0).map(|(id, n)| facet("panel", id.to_string(), *n)));
    let states = all.states.iter().filter_map(|(number, count)| Some((docs::state_word(*number)?, *count)));
    facets.extend(states.map(|(state, count)| facet("state", state.to_owned(), count)));
    let place = |field: &str| ["kind", "panel", "state"].iter().position(|of| *of == field);
    facets.sort_by(|a, b| (place(a.field), b.count, &a.value).cmp(&(place(b.field), a.count, &b.value)));
    facets
}
