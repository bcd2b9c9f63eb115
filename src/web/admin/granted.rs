//! What somebody may do on a server that is not theirs, in words.

use super::shown;

/// Permissions by what they are about: `Files` → `read, write`.
pub(super) fn words(permissions: &[String]) -> Vec<(&'static str, String)> {
    let mut groups: Vec<(&'static str, Vec<String>)> = Vec::new();
    for permission in permissions {
        let (noun, verb) = permission.split_once('.').unwrap_or(("", permission));
        let (title, verb) = match title(noun) {
            Some(title) => (title, action(noun, verb)),
            None => ("Other", shown::short(permission, 60)),
        };
        // What every subuser has is not worth a word.
        if permission == "websocket.connect" {
            continue;
        }
        match groups.iter_mut().find(|(of, _)| *of == title) {
            Some((_, verbs)) => verbs.push(verb),
            None => groups.push((title, vec![verb])),
        }
    }
    groups.into_iter().map(|(title, verbs)| (title, shown::listed(&verbs))).collect()
}

fn title(noun: &str) -> Option<&'static str> {
    Some(match noun {
        "control" => "Console and power",
        "user" => "Other users",
        "file" => "Files",
        "backup" => "Backups",
        "allocation" => "Network",
        "startup" => "Start",
        "database" => "Databases",
        "schedule" => "Schedules",
        "settings" => "Settings",
        "activity" => "Activity",
        "websocket" => "Live view",
        _ => return None,
    })
}

fn action(noun: &str, verb: &str) -> String {
    let words = match (noun, verb) {
        ("control", "console") => "use the console",
        ("file", "read") => "see",
        ("file", "read-content") => "open",
        ("file", "archive") => "pack and unpack",
        ("file", "sftp") => "use SFTP",
        ("startup", "docker-image") => "choose the image",
        ("database", "view_password") => "see passwords",
        ("settings", "rename") => "rename",
        ("settings", "reinstall") => "reinstall",
        (_, "create") => "add",
        (_, "read") => "see",
        (_, "update") => "change",
        (_, "delete") => "remove",
        (_, verb) => return shown::short(&verb.replace(['_', '-'], " "), 40),
    };
    words.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_told_in_words_and_unknown_ones_as_they_are() {
        let of = |list: &[&str]| words(&list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let expected = vec![
            ("Console and power", "use the console, start and stop".to_owned()),
            ("Files", "see and remove".to_owned()),
            ("Other", "magic.wand".to_owned()),
        ];
        let list = [
            "control.console",
            "control.start",
            "control.stop",
            "file.read",
            "file.delete",
            "magic.wand",
            "websocket.connect",
        ];
        assert_eq!(of(&list), expected);
    }
}
