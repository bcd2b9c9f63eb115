//! Everything that is wrong with a webhook that somebody wants, at once: whoever makes or changes one is told of the first
//! thing only, and that is tedious for people with a form before them.

use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{HookTarget, WebhookId};

use super::change::{check_panels, parse_addresses, parse_description, parse_events, parse_name};
use super::{NewWebhook, WebhookPatch, Webhooks};

/// What is wrong, in the order of the form.
#[derive(Default)]
struct Faults(Vec<Error>);

impl Faults {
    /// Takes note when a value cannot be taken.
    fn note<T>(&mut self, checked: Result<T>) -> Result<()> {
        match checked {
            Ok(_) => Ok(()),
            Err(fault @ Error::Invalid { .. }) => {
                self.0.push(fault);
                Ok(())
            }
            Err(other) => Err(other),
        }
    }
}

impl Webhooks {
    /// What is wrong with a webhook that is to be made, each an [`Error::Invalid`]; nothing is made.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn faults(&self, new: &NewWebhook) -> Result<Vec<Error>> {
        let mut faults = Faults::default();
        faults.note(parse_name(&new.name))?;
        faults.note(self.check_target(&new.target).await)?;
        faults.note(new.events.as_deref().map(parse_events).transpose())?;
        let panels = new.panels.clone();
        faults.note(self.store().read(move |tx| check_panels(tx, &panels)).await)?;
        faults.note(parse_description(&new.description))?;
        Ok(faults.0)
    }

    /// What is wrong with a change of a webhook, each an [`Error::Invalid`]; nothing is changed.
    ///
    /// # Errors
    /// [`Error::NotFound`]; when it cannot be looked at.
    pub async fn faults_of_change(&self, id: WebhookId, patch: &WebhookPatch) -> Result<Vec<Error>> {
        let hook = self.require(id).await?.webhook;
        let mut faults = Faults::default();
        faults.note(patch.name.as_deref().map(parse_name).transpose())?;
        faults.note(self.check_address(&hook, patch.url.as_ref()).await)?;
        if matches!(hook.target, HookTarget::Mail { .. }) {
            faults.note(patch.to.as_deref().map(parse_addresses).transpose())?;
        }
        faults.note(patch.events.as_deref().map(parse_events).transpose())?;
        if let Some(panels) = patch.panels.clone() {
            faults.note(self.store().read(move |tx| check_panels(tx, &panels)).await)?;
        }
        faults.note(patch.description.as_deref().map(parse_description).transpose())?;
        Ok(faults.0)
    }
}
