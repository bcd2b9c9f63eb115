//! Values that the panel hides from its own users are often secrets. They are marked here, at the door, so that nothing further
//! in can show or store them in the clear.

use std::collections::BTreeSet;

use aviary_kernel::base::Secret;
use aviary_kernel::model::{HiddenText, Scalar};

/// The value, not to be seen. No value and an empty one tell nothing and stay what they are.
pub(crate) fn hidden(value: Scalar) -> Scalar {
    let text = match value {
        Scalar::Text(text) if !text.is_empty() => text,
        Scalar::Bool(flag) => flag.to_string(),
        Scalar::Int(number) => number.to_string(),
        Scalar::Float(number) => number.to_string(),
        other => return other,
    };
    Scalar::Hidden(HiddenText::Clear(Secret::new(text)))
}

/// Hides `value` when the variable it belongs to is not `viewable`.
pub(crate) fn hidden_unless(viewable: bool, value: Scalar) -> Scalar {
    if viewable { value } else { hidden(value) }
}

/// Which values of an environment are hidden.
pub(crate) enum Veil {
    /// Those of these variables.
    Over(BTreeSet<String>),
    /// The variables are not known, so all but what the panel itself adds.
    OverAllVariables,
}

impl Veil {
    /// The environment with what is to be hidden hidden, sorted by name: its order means nothing and would look like a change.
    pub(crate) fn cover(&self, mut environment: Vec<(String, Scalar)>) -> Vec<(String, Scalar)> {
        environment.sort_by(|a, b| a.0.cmp(&b.0));
        environment
            .into_iter()
            .map(|(name, value)| if self.covers(&name) { (name, hidden(value)) } else { (name, value) })
            .collect()
    }

    fn covers(&self, name: &str) -> bool {
        match self {
            Self::Over(names) => names.contains(name),
            Self::OverAllVariables => name != "STARTUP" && !name.starts_with("P_"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Scalar {
        Scalar::Text(text.to_owned())
    }

    #[test]
    fn nothing_and_empty_text_stay_what_they_are() {
        assert_eq!(hidden(Scalar::Null), Scalar::Null);
        assert_eq!(hidden(text("")), text(""));
        assert!(matches!(hidden(text("k3y")), Scalar::Hidden(HiddenText::Clear(secret)) if secret.reveal() == "k3y"));
        assert!(matches!(hidden(Scalar::Int(7)), Scalar::Hidden(HiddenText::Clear(secret)) if secret.reveal() == "7"));
    }

    #[test]
    fn without_known_variables_everything_but_the_panels_own_is_hidden() {
        let environment = vec![
            ("TOKEN".to_owned(), text("k3y")),
            ("STARTUP".to_owned(), text("run")),
            ("P_SERVER_UUID".to_owned(), text("u")),
        ];
        let covered = Veil::OverAllVariables.cover(environment);
        assert_eq!(covered[0], ("P_SERVER_UUID".to_owned(), text("u")));
        assert_eq!(covered[1], ("STARTUP".to_owned(), text("run")));
        assert!(matches!(covered[2].1, Scalar::Hidden(_)));
    }
}
