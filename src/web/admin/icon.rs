use std::fmt;

/// A small line drawing beside words that say the same.
#[derive(Clone, Copy)]
pub(crate) struct Icon(&'static str);

/// The drawing of this name; a dot for names that do not exist.
pub(crate) fn icon(name: &str) -> Icon {
    Icon(match name {
        "bird" => {
            r#"<path d="M2 12.500c4.200 0 5.200-7.500 10.200-7.500 3 0 3.800 2 5.800 2-.9 5-4.800 8.200-8.800 8.200-2.400 0-4.700-.9-7.200-2.700z"/><path d="M12.200 5c-.8 3.200-2.900 5.300-6.200 6.400"/>"#
        }
        "home" => r#"<path d="M3.500 9 10 3.500 16.500 9v6.500a1 1 0 0 1-1 1H12V12H8v4.500H4.500a1 1 0 0 1-1-1z"/>"#,
        "server" => {
            r#"<rect x="3" y="3.500" width="14" height="5.500" rx="1.500"/><rect x="3" y="11" width="14" height="5.500" rx="1.500"/><path d="M6 6.250h.01M6 13.750h.01M9 6.250h5M9 13.750h5"/>"#
        }
        "node" => {
            r#"<path d="m10 2.800 6.300 3.500v7.400L10 17.200l-6.300-3.500V6.300z"/><path d="m3.700 6.300 6.300 3.500 6.300-3.500M10 9.800v7.400"/>"#
        }
        "plug" => r#"<path d="M7.200 3v4M12.800 3v4M5 7h10v2.800a5 5 0 0 1-10 0zM10 14.800V17"/>"#,
        "pin" => {
            r#"<path d="M10 17.500s5.800-5 5.800-9.600a5.800 5.800 0 1 0-11.600 0c0 4.600 5.800 9.600 5.800 9.600z"/><circle cx="10" cy="8" r="2.100"/>"#
        }
        "egg" => {
            r#"<path d="M10 2.800c2.900 0 5.300 4.400 5.300 8.300a5.300 5.300 0 0 1-10.600 0c0-3.900 2.400-8.300 5.300-8.300z"/>"#
        }
        "nest" => {
            r#"<path d="M2.800 10h14.400c-.5 4-3.300 6.700-7.200 6.700S3.300 14 2.800 10z"/><path d="M6.500 10c0-2.800 1.300-5.500 3.200-5.500 1.500 0 2.700 1.700 3.100 3.700M11.800 10c.3-1.500 1.200-2.600 2.200-2.600.8 0 1.400 1 1.700 2.600"/>"#
        }
        "user" => r#"<circle cx="10" cy="7" r="3.300"/><path d="M3.800 16.800a6.200 6.200 0 0 1 12.400 0"/>"#,
        "database" => {
            r#"<ellipse cx="10" cy="5" rx="6" ry="2.300"/><path d="M4 5v10c0 1.300 2.700 2.300 6 2.300s6-1 6-2.300V5M4 10c0 1.300 2.700 2.300 6 2.300s6-1 6-2.300"/>"#
        }
        "drift" => r#"<path d="M3 6.500h8.500M3 13.500h8.500M3 10h4"/><path d="m11 3.500 5.500 6.500-5.500 6.500"/>"#,
        "sync" => {
            r#"<path d="M16.300 8.500A6.500 6.500 0 0 0 4.800 6.200M3.700 11.500a6.500 6.500 0 0 0 11.500 2.300"/><path d="M4.500 2.700v3.800h3.800M15.500 17.300v-3.800h-3.800"/>"#
        }
        "history" => {
            r#"<path d="M3.200 10a6.800 6.800 0 1 0 2.200-5L3 7.200M3 3.400v3.800h3.800"/><path d="M10 6.300V10l2.600 1.700"/>"#
        }
        "panel" => {
            r#"<rect x="2.800" y="3.800" width="14.400" height="12.400" rx="1.800"/><path d="M2.800 7.800h14.400M7 7.800v8.400"/>"#
        }
        "search" => r#"<circle cx="8.800" cy="8.800" r="5.300"/><path d="m12.800 12.800 4 4"/>"#,
        "menu" => r#"<path d="M3.500 6h13M3.500 10h13M3.500 14h13"/>"#,
        "close" => r#"<path d="m5.500 5.500 9 9M14.500 5.500l-9 9"/>"#,
        "check" => r#"<path d="m4.500 10.500 3.700 3.700 7.300-8"/>"#,
        "alert" => r#"<path d="M10 3 17.500 16.500h-15z"/><path d="M10 8.200v3.600M10 14.200h.01"/>"#,
        "info" => r#"<circle cx="10" cy="10" r="7"/><path d="M10 9.200v4.300M10 6.600h.01"/>"#,
        "out" => {
            r#"<path d="M12 5.500V4a1 1 0 0 0-1-1H4.500a1 1 0 0 0-1 1v12a1 1 0 0 0 1 1H11a1 1 0 0 0 1-1v-1.500M8.500 10h8.300M14 7l3 3-3 3"/>"#
        }
        "open" => {
            r#"<path d="M11.500 3.500h5v5M16.200 3.800 9.500 10.500M14.500 11.500v4a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1h4"/>"#
        }
        "save" => r#"<path d="M10 3v9.500M6 8.800l4 4 4-4M3.500 16.500h13"/>"#,
        "plus" => r#"<path d="M10 4v12M4 10h12"/>"#,
        "previous" => r#"<path d="m12 4.500-5.500 5.500 5.500 5.500"/>"#,
        "next" => r#"<path d="m8 4.500 5.500 5.500L8 15.500"/>"#,
        "theme" => {
            r#"<circle cx="10" cy="10" r="6.800"/><path d="M10 3.200v13.600a6.800 6.800 0 0 0 0-13.600z" fill="currentColor" stroke="none"/>"#
        }
        "settings" => {
            r#"<path d="M3.500 6h7M14.500 6h2M3.500 14h2M9.500 14h7"/><circle cx="12.500" cy="6" r="2"/><circle cx="7.500" cy="14" r="2"/>"#
        }
        "lock" => r#"<rect x="4.500" y="9" width="11" height="8" rx="1.500"/><path d="M7 9V6.500a3 3 0 0 1 6 0V9"/>"#,
        _ => r#"<circle cx="10" cy="10" r="2"/>"#,
    })
}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">{}</svg>"#, self.0)
    }
}

// Only drawings from the list above.
impl askama::filters::HtmlSafe for Icon {}
