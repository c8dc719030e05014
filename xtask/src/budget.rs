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

/// Reserved for the largest first page, which the bundle does not contain.
const HTML: u64 = 22_000;

/// Everything a browser with an empty cache loads before the first page works.
const FIRST_LOAD: u64 = 450_000;

/// Prints each part and fails when the sum is over the budget; a part over its own share is only pointed out,
/// because another may have left room.
pub fn check(workspace: &Workspace) -> Outcome {
    let site = workspace.site();
    let names = bundle::manifest(&site)
        .map_err(|cause| format!("{cause}; build the release bundle first: cargo xtask bundle"))?;
    println!("{:<14} {:>9} {:>9}", "first load", "bytes", "share");
    let mut sum = HTML;
    for (name, what, share) in PARTS {
        let published = names.get(name).ok_or_else(|| format!("the bundle has no {name}"))?;
        let size = compressed_size(&site.join(published))?;
        let remark = if size > share { "  over its share" } else { "" };
        println!("{what:<14} {size:>9} {share:>9}{remark}");
        sum += size;
    }
    println!("{:<14} {HTML:>9} {HTML:>9}  reserved", "page (HTML)");
    println!("{:<14} {sum:>9} {FIRST_LOAD:>9}", "sum");
    if sum > FIRST_LOAD {
        return Err(format!("the first load is {} bytes over its budget", sum - FIRST_LOAD));
    }
    Ok(())
}

/// The size as browsers get it. A development bundle has no compressed files and cannot be judged.
fn compressed_size(path: &Path) -> Outcome<u64> {
    let packed = format!("{}.br", path.display());
    std::fs::metadata(&packed)
        .map(|file| file.len())
        .map_err(|cause| format!("{packed}: {cause}; only a release bundle has a budget: cargo xtask bundle"))
}
