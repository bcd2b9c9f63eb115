/// What a field of a query narrows by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// What is known of it under these names.
    Known(&'static [&'static str]),
    Kind,
    /// A kind or a state.
    Is,
    Panel,
    State,
    /// When it happened.
    At,
    On,
    Since,
    Until,
    Before,
    After,
}

/// Every field, with what it may be called.
pub(super) const FIELDS: &[(&[&str], Field)] = &[
    (&["kind"], Field::Kind),
    (&["is"], Field::Is),
    (&["panel"], Field::Panel),
    (&["state", "status"], Field::State),
    (&["at", "time"], Field::At),
    (&["on", "date"], Field::On),
    (&["since"], Field::Since),
    (&["until"], Field::Until),
    (&["before"], Field::Before),
    (&["after"], Field::After),
    (&["name", "title"], Field::Known(&["name"])),
    (&["id", "number"], Field::Known(&["id", "uuid", "external"])),
    (&["uuid"], Field::Known(&["uuid", "id"])),
    (&["external"], Field::Known(&["external"])),
    (&["node"], Field::Known(&["node"])),
    (&["owner"], Field::Known(&["owner", "email"])),
    (&["egg"], Field::Known(&["egg"])),
    (&["nest"], Field::Known(&["nest"])),
    (&["location"], Field::Known(&["location"])),
    (&["server"], Field::Known(&["server"])),
    (&["user"], Field::Known(&["user", "owner", "subuser", "by"])),
    (&["subuser"], Field::Known(&["subuser"])),
    (&["email", "mail"], Field::Known(&["email"])),
    (&["ip"], Field::Known(&["ip"])),
    (&["port"], Field::Known(&["port"])),
    (&["address"], Field::Known(&["address", "ip", "alias", "host", "url"])),
    (&["alias"], Field::Known(&["alias"])),
    (&["host", "fqdn", "domain"], Field::Known(&["host"])),
    (&["url"], Field::Known(&["url"])),
    (&["image"], Field::Known(&["image"])),
    (&["variable", "var", "env"], Field::Known(&["variable"])),
    (&["tag"], Field::Known(&["tag"])),
    (&["author"], Field::Known(&["author"])),
    (&["role"], Field::Known(&["role"])),
    (&["type"], Field::Known(&["type"])),
    (&["from"], Field::Known(&["from", "ip"])),
    (&["by", "actor"], Field::Known(&["by"])),
    (&["to", "target"], Field::Known(&["to"])),
    (&["of"], Field::Known(&["of"])),
    (&["action"], Field::Known(&["action"])),
    (&["event"], Field::Known(&["event"])),
    (&["field"], Field::Known(&["field"])),
    (&["job"], Field::Known(&["job"])),
    (&["queue"], Field::Known(&["queue"])),
    (&["sync"], Field::Known(&["sync"])),
    (&["webhook"], Field::Known(&["webhook"])),
    (&["account"], Field::Known(&["account"])),
    (&["service"], Field::Known(&["service"])),
    (&["request"], Field::Known(&["request"])),
    (&["code"], Field::Known(&["status"])),
];

/// The field of this name.
pub(super) fn field(name: &str) -> Option<Field> {
    FIELDS.iter().find(|(names, _)| names.contains(&name)).map(|(_, field)| *field)
}
