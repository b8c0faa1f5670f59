//! The two formats of a metrics page. The encoder speaks OpenMetrics; the older text format, which is what is served unless
//! OpenMetrics is asked for, names a counter's family by its samples (`…_total`) and has no units and no end mark.

/// A rendered page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposition {
    /// For the `Content-Type` header.
    pub content_type: &'static str,
    /// The page.
    pub body: String,
}

impl Exposition {
    pub(super) fn new(open_metrics: String, accept: Option<&str>) -> Self {
        if accept.is_some_and(|a| a.contains("application/openmetrics-text")) {
            Self {
                content_type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
                body: open_metrics,
            }
        } else {
            Self {
                content_type: "text/plain; version=0.0.4; charset=utf-8",
                body: plain(&open_metrics),
            }
        }
    }
}

fn plain(open_metrics: &str) -> String {
    let mut page = String::with_capacity(open_metrics.len() + 1024);
    let mut lines = open_metrics.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').unwrap_or((help, ""));
            // The type line always follows its help line.
            let kind = lines
                .next_if(|l| l.starts_with("# TYPE "))
                .and_then(|l| l.rsplit(' ').next())
                .unwrap_or("untyped");
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                other => ("", other),
            };
            page.push_str(&format!("# HELP {name}{suffix} {words}\n"));
            page.push_str(&format!("# TYPE {name}{suffix} {kind}\n"));
        } else if !line.starts_with('#') {
            page.push_str(line);
            page.push('\n');
        }
    }
    page
}
