//! Variables of eggs and servers: raw columns.

use crate::panel::json::Micro;
use crate::panel::query::Includes;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Egg, EggVariable, Kind, Server};

impl<'a> Sheet<'a> {
    /// An `egg_variable`.
    pub(crate) fn egg_variable(&mut self, egg: &'a Egg, variable: &'a EggVariable) {
        self.begin("egg_variable", Kind::EggVariable, variable.id);
        self.variable_columns(egg, variable);
        self.end();
    }

    /// A `server_variable`: the egg's, with the server's value.
    pub(crate) fn server_variable(
        &mut self,
        egg: &'a Egg,
        variable: &'a EggVariable,
        server: &Server,
        includes: &Includes,
    ) {
        self.begin("server_variable", Kind::EggVariable, variable.id);
        self.variable_columns(egg, variable);
        self.json.put("server_value", server.values.get(&variable.id));
        if includes.has("parent") {
            // Advertised by the panel, and broken there.
            self.throw("RelationNotFoundException");
        }
        self.end();
    }

    fn variable_columns(&mut self, egg: &Egg, variable: &EggVariable) {
        let pelican = self.dialect.is_pelican();
        let json = &mut self.json;
        json.put("id", variable.id);
        json.put("egg_id", egg.id);
        json.put("name", &variable.name);
        json.put("description", &variable.description);
        json.put("env_variable", &variable.env_variable);
        json.put("default_value", &variable.default_value);
        json.put("user_viewable", variable.user_viewable);
        json.put("user_editable", variable.user_editable);
        if pelican {
            let rules: Vec<&str> = variable.rules.as_deref().map(split_rules).unwrap_or_default();
            json.put("rules", rules);
        } else {
            json.put("rules", variable.rules.as_deref());
        }
        json.put("created_at", variable.created_at.map(Micro));
        json.put("updated_at", variable.updated_at.map(Micro));
        if pelican {
            let sort = egg.variables.iter().position(|row| row.id == variable.id).map(|at| at as u64 + 1);
            json.put("sort", sort);
        }
    }
}

/// The single rules. A regular expression may hold the separator and stays whole.
fn split_rules(rules: &str) -> Vec<&str> {
    let (plain, regex) = match rules.find("regex:") {
        Some(at) => (rules[..at].trim_end_matches('|'), Some(&rules[at..])),
        None => (rules, None),
    };
    plain.split('|').filter(|rule| !rule.is_empty()).chain(regex).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_regular_expression_is_one_rule() {
        assert_eq!(super::split_rules("required|regex:/^(a|b)$/"), ["required", "regex:/^(a|b)$/"]);
        assert_eq!(super::split_rules("nullable|string"), ["nullable", "string"]);
    }
}
