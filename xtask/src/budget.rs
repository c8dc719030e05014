//! What a first visit costs to load, against the budget that was set for it.

use std::path::Path;

use crate::workspace::Workspace;
use crate::{Outcome, bundle};

/// A part of the first load: plain name, what it is, its share in bytes.
const PARTS: [(&str, &str, u64); 4] = [
    ("app.wasm", "pages (wasm)", 340_000),
    ("app.js", "glue", 12_000),
    ("app.css", "style", 16_000),
    ("icons.svg", "icons", 6_000),
];

/// Reserved for the largest first page, which the bundle does not contain; `end2end/specs/whole-pages.spec.ts` measures
/// every page against it.
const HTML: u64 = 22_000;

/// Everything a browser with an empty cache loads before the first page works.
const FIRST_LOAD: u64 = 450_000;

/// One part of the first load.
pub struct Part {
    /// What it is.
    pub what: &'static str,
    /// Compressed, in bytes.
    pub size: u64,
    /// The share that was planned for it, in bytes.
    pub share: u64,
}

/// Prints each part and fails when the sum is over the budget; a part over its own share is only pointed out,
/// because another may have left room.
pub fn check(workspace: &Workspace) -> Outcome {
    let parts = measure(workspace)?;
    println!("{:<22} {:>9} {:>9}", "first load", "bytes", "share");
    for Part { what, size, share } in &parts {
        let remark = if size > share { "  over its share" } else { "" };
        println!("{what:<22} {size:>9} {share:>9}{remark}");
    }
    println!("{:<22} {:>9} {FIRST_LOAD:>9}", "sum", sum(&parts));
    judge(&parts)
}

/// The same as lines of JSON, for `bench`.
pub fn figures(workspace: &Workspace) -> Outcome {
    let parts = measure(workspace)?;
    let line = |name: &str, size: u64, limit: u64| {
        println!(
            r#"{{"name":"{name}","value":{:.2},"unit":"kB","limit":{:.0},"how":"compressed bytes of the release bundle"}}"#,
            size as f64 / 1000.0,
            limit as f64 / 1000.0
        );
    };
    line("first_load", sum(&parts), FIRST_LOAD);
    for Part { what, size, .. } in &parts {
        println!(r#"{{"name":"first_load: {what}","value":{:.2},"unit":"kB"}}"#, *size as f64 / 1000.0);
    }
    judge(&parts)
}

fn measure(workspace: &Workspace) -> Outcome<Vec<Part>> {
    let site = workspace.site();
    let names = bundle::manifest(&site)
        .map_err(|cause| format!("{cause}; build the release bundle first: cargo xtask bundle"))?;
    let mut parts = vec![Part { what: "page (HTML), reserved", size: HTML, share: HTML }];
    for (name, what, share) in PARTS {
        let published = names.get(name).ok_or_else(|| format!("the bundle has no {name}"))?;
        parts.push(Part { what, size: compressed_size(&site.join(published))?, share });
    }
    Ok(parts)
}

fn sum(parts: &[Part]) -> u64 {
    parts.iter().map(|part| part.size).sum()
}

fn judge(parts: &[Part]) -> Outcome {
    match sum(parts).checked_sub(FIRST_LOAD) {
        None | Some(0) => Ok(()),
        Some(over) => Err(format!("the first load is {over} bytes over its budget")),
    }
}

/// The size as browsers get it. A development bundle has no compressed files and cannot be judged.
fn compressed_size(path: &Path) -> Outcome<u64> {
    let packed = format!("{}.br", path.display());
    std::fs::metadata(&packed)
        .map(|file| file.len())
        .map_err(|cause| format!("{packed}: {cause}; only a release bundle has a budget: cargo xtask bundle"))
}
