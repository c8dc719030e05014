//! The pages as WebAssembly, and the JavaScript glue that loads them.
//!
//! cargo builds the `app` crate as a `cdylib` (only here: in the manifest it would be linked natively with every
//! server build for nothing), wasm-bindgen writes the glue, and a release build runs binaryen over the one and
//! esbuild over the other.

use std::path::Path;

use wasm_bindgen_cli_support::Bindgen;

use super::{Asset, Mode, node_tool};
use crate::workspace::Workspace;
use crate::{Outcome, files, process};

/// What rustc emits for this target and every browser we support runs; binaryen refuses what it was not told of.
const WASM_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-multivalue",
    "--enable-sign-ext",
    "--enable-mutable-globals",
];

/// Gives `app.wasm` and `app.js`.
///
/// cargo decides whether to compile; everything after it depends on cargo's file, the mode and this crate's versions,
/// and is skipped while those stay equal.
pub fn build(workspace: &Workspace, mode: Mode) -> Outcome<Vec<Asset>> {
    let profile = match mode {
        Mode::Release => "wasm-release",
        Mode::Dev => "wasm-dev",
    };
    process::run(&mut process::cargo(
        workspace,
        &[
            "rustc",
            "--package=summoner-app",
            "--lib",
            "--crate-type=cdylib",
            "--target=wasm32-unknown-unknown",
            "--no-default-features",
            "--features=hydrate",
            "--profile",
            profile,
        ],
    ))?;
    let compiled = workspace.target.join("wasm32-unknown-unknown").join(profile).join("app.wasm");
    let stage = workspace.target.join("bundle").join(mode.name());
    let inputs = [
        files::digest(&files::read(&compiled)?),
        files::digest(&files::read(&workspace.root.join("xtask/package-lock.json"))?),
        files::digest(include_bytes!("wasm.rs")),
    ]
    .join(" ");
    let stamp = stage.join("stamp");
    if std::fs::read_to_string(&stamp).is_ok_and(|built| built == inputs) {
        return collect(&stage);
    }
    files::remove_folder(&stage)?;
    files::make_folder(&stage)?;
    bind(&compiled, &stage, mode)?;
    if mode == Mode::Release {
        optimise(workspace, &stage)?;
    }
    files::write(&stamp, inputs)?;
    collect(&stage)
}

/// Writes `glue.js` and `glue_bg.wasm`; release builds lose their names section, development keeps it for traces.
fn bind(compiled: &Path, stage: &Path, mode: Mode) -> Outcome {
    let release = mode == Mode::Release;
    Bindgen::new()
        .input_path(compiled)
        .web(true)
        .and_then(|bindgen| {
            bindgen
                .typescript(false)
                .out_name("glue")
                // The page's loader names the published file itself.
                .omit_default_module_path(true)
                .remove_name_section(release)
                .remove_producers_section(release)
                .generate(stage)
        })
        .map_err(|cause| format!("wasm-bindgen on {}: {cause:#}", compiled.display()))?;
    rename(stage, "glue_bg.wasm", "app.wasm")?;
    let snippets = files::below(&stage.join("snippets"))?;
    match mode {
        // Snippets are imported by relative paths that only bundling resolves, and development does not bundle.
        Mode::Dev if !snippets.is_empty() => Err(format!(
            "the app brought JavaScript snippets ({}); build the glue with esbuild in dev too",
            snippets.len()
        )),
        Mode::Dev => rename(stage, "glue.js", "app.js"),
        Mode::Release => Ok(()),
    }
}

fn optimise(workspace: &Workspace, stage: &Path) -> Outcome {
    println!("bundle: wasm-opt");
    let wasm = stage.join("app.wasm");
    process::run(node_tool(workspace, "wasm-opt").arg("-Oz").args(WASM_FEATURES).arg(&wasm).arg("-o").arg(&wasm))?;
    process::run(
        node_tool(workspace, "esbuild")
            .args(["--bundle", "--format=esm", "--minify", "--log-level=warning"])
            .arg(stage.join("glue.js"))
            .arg(format!("--outfile={}", stage.join("app.js").display())),
    )
}

fn rename(stage: &Path, from: &str, to: &str) -> Outcome {
    std::fs::rename(stage.join(from), stage.join(to)).map_err(|cause| format!("renaming {from} to {to}: {cause}"))
}

fn collect(stage: &Path) -> Outcome<Vec<Asset>> {
    ["app.js", "app.wasm"]
        .into_iter()
        .map(|name| Ok(Asset { name: name.to_owned(), content: files::read(&stage.join(name))? }))
        .collect()
}
