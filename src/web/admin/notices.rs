/// Something to tell at the head of a page.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    pub(super) tone: &'static str,
    pub(super) text: String,
    /// Whether it is true only as long as a sync goes on.
    pub(super) passing: bool,
}

impl Notice {
    pub(super) fn new(tone: &'static str, text: impl Into<String>) -> Self {
        Self { tone, text: text.into(), passing: false }
    }

    /// Whether it may go by itself: what went well needs no answer.
    pub(super) fn leaves(&self) -> bool {
        self.tone == "good" && !self.passing
    }

    pub(super) fn icon(&self) -> &'static str {
        match self.tone {
            "good" => "check",
            "info" => "info",
            _ => "alert",
        }
    }
}

/// What was done, by the word that stands in the address as `?done=`. Only words of this list say anything, so that no link
/// can put words into our mouth.
pub(super) fn done(word: &str) -> Option<Notice> {
    let (tone, text) = match word {
        "panel-added" => {
            ("good", "The panel was added. Test it to see whether the keys can read everything, then sync it.")
        }
        "search-saved" => ("good", "The search was saved. It stands below, and only you see it."),
        "search-removed" => ("good", "The saved search was removed."),
        "panel-removed" => ("good", "The panel was removed from Aviary. Nothing was changed on the panel itself."),
        "panel-changed" => ("good", "The panel was changed. Test it to see whether it answers as it should."),
        "person-added" => ("good", "The account was made."),
        "person-invited" => {
            ("good", "The account was made, and a mail with a link to set a password was written to them.")
        }
        "person-removed" => ("good", "The account was removed. What they did stays on record."),
        "person-disabled" => ("good", "The account was disabled. They are signed out everywhere."),
        "person-enabled" => ("good", "The account was enabled. They can sign in again."),
        "person-unlocked" => ("good", "They can try to sign in again at once."),
        "roles-set" => ("good", "The roles were set. They count with the next click."),
        "their-session-ended" => ("good", "The session was ended."),
        "their-sessions-ended" => ("good", "All their sessions were ended."),
        "password-set" => ("good", "The password was set. Their sessions were ended."),
        "second-factor-reset" => ("good", "The second factor was taken off. Their sessions were ended."),
        "role-made" => ("good", "The role was made. Give it to people on their pages."),
        "role-changed" => ("good", "The role was changed. That counts at once."),
        "role-removed" => ("good", "The role was removed."),
        "settings-saved" => ("good", "The settings were saved. They count at once."),
        "settings-same" => ("info", "Nothing became different."),
        "setting-reset" => ("good", "The setting is as without; that counts at once."),
        "setting-undone" => ("good", "The change was undone; that counts at once."),
        "schedule-set" => ("good", "The schedule was changed. It takes effect at once."),
        "schedule-made" => ("good", "The schedule was made. Its next runs stand below."),
        "schedule-changed" => ("good", "The schedule was changed. New times count from now on."),
        "schedule-removed" => ("good", "The schedule was removed."),
        "schedule-paused" => ("good", "The schedule is held back. What is at work goes on."),
        "schedule-resumed" => ("good", "The schedule goes on. What was due meanwhile counts for nothing."),
        "schedule-reset" => ("good", "The schedule has its own times back."),
        "schedule-run" => ("good", "It was begun. Its times stay as they are."),
        "sync-started" => ("good", "The sync was started. This page follows it."),
        "sync-joined" => {
            ("info", "A sync of this panel was already at work, so yours was joined to it. This page follows it.")
        }
        "sync-cancelled" => ("info", "The sync was asked to stop. It does so within one page of the list it reads."),
        "job-retried" => ("good", "The job begins anew, with all of its tries. This page follows it."),
        "job-cancelled" => ("info", "The job was taken back, or told to stop when it was at work already."),
        "job-removed" => ("good", "The job was removed from the list. What it did stays done."),
        "jobs-retried" => ("good", "The jobs begin anew, with all of their tries."),
        "jobs-cancelled" => ("info", "The jobs were taken back. Those at work were told to stop."),
        "jobs-removed" => ("good", "The jobs were removed from the list. What they did stays done."),
        "jobs-left" => (
            "warn",
            "It was done, but not with all of them: some were no longer in a state for it, or have a twin on its way.",
        ),
        "removal-confirmed" => (
            "good",
            "The removal was confirmed. A sync was started; it checks each object once more and removes those that are gone.",
        ),
        "profile-saved" => ("good", "Your profile was saved."),
        "display-saved" => ("good", "It was kept in your account, for every browser that you use."),
        "password-changed" => ("good", "Your password was changed. You were signed out everywhere else."),
        "email-asked" => {
            ("good", "A mail with a link is on its way to the new address. Open the link to change the address.")
        }
        "verification-sent" => ("good", "A mail with a link is on its way to you."),
        "verified" => ("good", "Your e-mail address is proved."),
        "second-factor-off" => ("warn", "The second factor is off. Your password alone lets you in."),
        "session-ended" => ("good", "That session is over."),
        "sessions-ended" => ("good", "You are signed out everywhere else."),
        "key-revoked" => ("good", "The key was revoked. Programs that use it are refused at once."),
        "mail-sent" => ("good", "The mail is on its way."),
        "mail-dropped" => ("good", "The mail was dropped. It does not leave."),
        "mails-sent" => ("good", "The kept mails are on their way. Those whose link expired stay."),
        "webhook-made" => ("good", "The webhook was made and is on. Test it to see whether messages arrive."),
        "webhook-made-twin" => (
            "warn",
            "The webhook was made and is on. Another one has the same address: what both hear of arrives there twice.",
        ),
        "webhook-changed" => ("good", "The webhook was changed. That counts from the next event."),
        "webhook-removed" => ("good", "The webhook was removed, and nothing more is sent there."),
        "webhook-on" => {
            ("good", "The webhook is on. What happens from now on is sent; what was dropped can be sent again.")
        }
        "webhook-off" => ("info", "The webhook is off. What waited was not sent; it can be sent again later."),
        "deliveries-again" => ("good", "They are on their way again."),
        "deliveries-stay" => ("info", "Nothing was sent: they wait already, or the webhook is turned off."),
        "deliveries-dropped" => ("info", "What waited is not sent. It can be sent again."),
        "delivery-again" => ("good", "It is on its way again. Load this page again to see what comes of it."),
        "delivery-stays" => ("info", "It waits already, or its webhook is turned off."),
        "removal-refused" => ("good", "The objects are kept."),
        _ => return None,
    };
    Some(Notice { passing: matches!(word, "sync-started" | "sync-joined" | "job-retried"), ..Notice::new(tone, text) })
}
