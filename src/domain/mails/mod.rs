//! Mails: written in the commit that causes them, sent by a job, kept with what became of them.
//!
//! * [`post`], [`post_event`]: writing, in the transaction of the cause. Whether there is a mail service is asked when the job
//!   runs: without one the mail is kept, and a person sends it later.
//! * `says`, `template`, `site`: what mails say, and where links lead.
//! * `send`: the jobs; `carrier`: the mail services. `list`: what people see. `acts`: what they do. `forget`: how it ends.

mod acts;
mod carrier;
mod forget;
mod list;
mod post;
mod rows;
mod says;
mod send;
mod site;
mod template;

use std::sync::{Arc, Mutex, PoisonError};

use aviary_kernel::base::{Env, Result, Sealer, Timestamp};
use aviary_kernel::store::Store;
use aviary_remote::HttpOptions;

pub use acts::{KeptMails, NewMail, Preview, QueuedMail, TestMail};
pub use forget::good_until;
pub use list::{MailCounts, MailLine, MailPage, MailQuery, ShownMail, kind_of};
pub(crate) use list::{subject_of, token_place};
pub use post::{post, post_event};
pub use says::{Rendered, letter_of, lifetime};
pub use send::job_over;
pub use site::Site;

use crate::access::Limits;
use crate::settings::{MailService, Settings};

/// Why a mail is not sent whose link is good no more.
const OUT_OF_DATE: &str = "the time of its link is over";

/// What the configuration says about mail.
#[derive(Clone, Debug, Default)]
pub struct MailOptions {
    /// Where people reach Aviary; links lead there when no front end is set.
    pub own_url: Option<String>,
    /// How requests leave.
    pub http: HttpOptions,
}

/// Knows the mails. Cheap to clone.
#[derive(Clone)]
pub struct Mails {
    store: Store,
    env: Env,
    sealer: Arc<Sealer>,
    settings: Settings,
    limits: Limits,
    options: Arc<MailOptions>,
    fared: Arc<Mutex<Option<Fared>>>,
    /// Until when the mail service wants to be left alone.
    rests_until: Arc<Mutex<Option<Timestamp>>>,
}

/// How the mail service fared when it was last given a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fared {
    /// When.
    pub at: Timestamp,
    /// What stands in the way of all mails, and what to do about it; none = it takes them.
    pub trouble: Option<String>,
}

/// Whether mail leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What takes the mail; otherwise why mails are kept, and what to do about it.
    pub service: Result<String, String>,
    /// How it fared when it was last given one; none = it was given none since the start.
    pub fared: Option<Fared>,
}

impl Standing {
    /// What keeps mail from leaving.
    pub fn trouble(&self) -> Option<&str> {
        self.fared.as_ref().and_then(|fared| fared.trouble.as_deref()).filter(|_| self.service.is_ok())
    }
}

/// All that it takes to send.
struct Setup {
    service: MailService,
    from: String,
    site: Site,
}

impl Mails {
    /// The mails in `store`. `limits` keep anybody from being flooded with tests.
    pub fn new(
        store: Store,
        env: Env,
        sealer: Arc<Sealer>,
        settings: Settings,
        limits: Limits,
        options: MailOptions,
    ) -> Self {
        Self {
            store,
            env,
            sealer,
            settings,
            limits,
            options: Arc::new(options),
            fared: Arc::default(),
            rests_until: Arc::default(),
        }
    }

    /// Whether mail leaves.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn standing(&self) -> Result<Standing> {
        let service = self.setup().await?.map(|setup| setup.service.name().to_owned());
        Ok(Standing { service, fared: self.lock_fared().clone() })
    }

    /// Where links lead when nobody asks from a page.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn site(&self) -> Result<Site> {
        Ok(Site {
            name: self.settings.site_name().await?,
            site_url: self.settings.site_url().await?,
            own_url: self.options.own_url.clone().unwrap_or_default(),
        })
    }

    /// What it takes to send, or why mails are kept.
    async fn setup(&self) -> Result<Result<Setup, String>> {
        let mail = self.settings.mail().await?;
        let service = match mail.service {
            Ok(service) => service,
            Err(why) => return Ok(Err(why)),
        };
        let Some(from) = mail.from else {
            return Ok(Err(
                "no sender is set: set one in the settings, of a domain that the mail service accepts".into()
            ));
        };
        Ok(Ok(Setup { service, from, site: self.site().await? }))
    }

    fn note_fared(&self, trouble: Option<String>) {
        *self.lock_fared() = Some(Fared { at: self.env.now(), trouble });
    }

    fn lock_fared(&self) -> std::sync::MutexGuard<'_, Option<Fared>> {
        self.fared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
