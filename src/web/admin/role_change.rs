//! Asking before a change of a role takes something from people who have it.

use std::collections::BTreeSet;

use aviary_domain::access::Loss;
use aviary_kernel::model::{Permission, Role};

use super::ask::{Ask, Question};
use super::card::{Body, Card, Fact, fact};
use super::desk::{Crumb, Desk, Known};
use super::form::{self, Sent};
use super::nav::Spot;
use super::shown;
use super::value::Value;
use crate::page::PageResult;

/// People who are named.
const NAMED: usize = 20;

/// What a form says to what it takes from people.
pub(super) enum Answer {
    /// Whoever sent it saw what is taken.
    Meant,
    /// They did not, or typed a number that is wrong in this way.
    Unseen(Option<String>),
}

impl Answer {
    pub(super) fn of(sent: &Sent, losses: &[Loss]) -> Self {
        let seen = form::counted(sent).ok().filter(|count| *count >= losses.len() as u64);
        match seen {
            _ if losses.is_empty() => Self::Meant,
            None => Self::Unseen(None),
            Some(count) => match form::mistyped(sent, count) {
                None => Self::Meant,
                wrong => Self::Unseen(wrong),
            },
        }
    }
}

/// Asks whether the role shall be changed as the form says.
pub(super) async fn ask(desk: Desk, role: &Role, sent: &Sent, losses: &[Loss], wrong: Option<String>) -> PageResult {
    let known = desk.known().await?;
    let here = format!("/admin/roles/{}", role.name);
    let people = losses.len() as u64;
    let who = shown::counted(people, "person", "people");
    let carried = sent.iter().filter(|(name, _)| !matches!(name.as_str(), "_token" | "count" | "typed"));
    let ask = Ask::new(here.clone(), format!("Change {}", role.name))
        .line(format!("{who} can do less at once. What they did so far stays as it is."))
        .counting(people)
        .mistyped(wrong)
        .keep("Leave it as it is", here.clone());
    let ask = carried.fold(ask, |ask, (name, value)| ask.with(name, value));
    let stays = vec![
        fact("Other roles", Value::Text("of these people, with what they allow".into())),
        fact("Sessions", Value::Text("nobody is signed out".into())),
    ];
    let mut question = Question::new(format!("Change the role {}?", role.name), goes(losses), stays).ask(ask);
    question.cards.push(Card::new("Who loses it", "c12", Body::Facts(named(&known, role, losses))));
    let crumbs = vec![Crumb::to("Roles", "/admin/roles"), Crumb::to(role.name.clone(), here), Crumb::here("Change")];
    question.show(desk, &known, Spot::Roles, crumbs)
}

/// What people lose, together.
fn goes(losses: &[Loss]) -> Vec<Fact> {
    let lost = all(losses).into_iter().map(|permission| fact(permission.name(), Value::Text(permission.does().into())));
    let mut goes: Vec<_> = lost.collect();
    let waiting = losses.iter().filter(|loss| loss.lacks_second_factor).count() as u64;
    if waiting > 0 {
        let who = shown::counted(waiting, "person has", "people have");
        let text = format!("{who} no second factor and can do nothing until they set one up");
        goes.push(fact("Everything, for now", Value::Text(text)));
    }
    goes
}

fn all(losses: &[Loss]) -> BTreeSet<Permission> {
    losses.iter().flat_map(|loss| loss.permissions.iter().copied()).collect()
}

/// Who loses what. People are named to those who may see them.
fn named(known: &Known, role: &Role, losses: &[Loss]) -> Vec<Fact> {
    let people = losses.len() as u64;
    let mut facts = vec![fact("People", known.count(people, super::roles::people_with(role)))];
    if !known.may(Permission::AccountRead) {
        return facts;
    }
    let all = all(losses);
    facts.extend(losses.iter().take(NAMED).map(|loss| {
        let is_all = loss.permissions.len() == all.len();
        let tag = |permission: &Permission| Value::Tag(permission.name().into());
        let mut what = match is_all && !all.is_empty() {
            true => vec![Value::Text("all of it".into())],
            false => loss.permissions.iter().map(tag).collect(),
        };
        if loss.lacks_second_factor {
            what.push(Value::Text("has no second factor".into()));
        }
        fact(shown::short(loss.email.as_str(), 100), Value::Many(what))
    }));
    if losses.len() > NAMED {
        facts.push(fact("And", Value::Muted(format!("{} more", shown::grouped((losses.len() - NAMED) as u64)))));
    }
    facts
}
