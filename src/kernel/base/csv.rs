//! Lines of CSV (RFC 4180), for spreadsheets.

/// A line with its end.
pub fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let mut line = cells.into_iter().map(cell).collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

/// A cell. Spreadsheets take what begins with certain signs for a formula and would run it, so such text is led by an
/// apostrophe, which they do not show. Text that begins with one gets another, so that what was there can be told.
fn cell(text: &str) -> String {
    let defused = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\'']) { "'" } else { "" };
    if defused.is_empty() && !text.contains(['"', ',', '\r', '\n']) {
        return text.to_owned();
    }
    format!("\"{defused}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_and_formulas_defused() {
        let cells = ["plain", "a,b", "say \"hi\"", "=1+1", "+1", "-1", "@SUM(A1)", "'quoted", "two\nlines", ""];
        let expected =
            "plain,\"a,b\",\"say \"\"hi\"\"\",\"'=1+1\",\"'+1\",\"'-1\",\"'@SUM(A1)\",\"''quoted\",\"two\nlines\",\r\n";
        assert_eq!(line(cells), expected);
    }
}
