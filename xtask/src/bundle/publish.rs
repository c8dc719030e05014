//! From plain names to published ones: hash, compress, map, and clear away what is no longer named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};

use super::{Asset, Mode};
use crate::{Outcome, files};

/// The map from plain to published names, beside the files it names.
const MANIFEST: &str = "manifest.json";

/// Hexadecimal digits of SHA-256 in a published name.
const HASH_DIGITS: usize = 12;

/// Kinds that compress; the others are compressed already.
const TEXTUAL: [&str; 9] = ["css", "html", "js", "json", "svg", "txt", "wasm", "webmanifest", "xml"];

/// Reads the map of a published site.
pub fn manifest(site: &Path) -> Outcome<BTreeMap<String, String>> {
    let path = site.join(MANIFEST);
    let text = files::read_text(&path)?;
    serde_json::from_str(&text).map_err(|cause| format!("reading {}: {cause}", path.display()))
}

/// Writes files, compressed siblings and the manifest, in an order in which a running server never sees a name
/// without its file: new files, then the map, then old files go.
pub fn publish(site: &Path, assets: &[Asset], mode: Mode) -> Outcome {
    let mut names = BTreeMap::new();
    let mut kept = BTreeSet::from([site.join(MANIFEST)]);
    for asset in assets {
        let published = published_name(asset);
        let path = site.join(&published);
        if !path.is_file() {
            files::write(&path, &asset.content)?;
        }
        if mode == Mode::Release && TEXTUAL.contains(&extension(&asset.name)) {
            kept.insert(compress(&path, "br", &asset.content, brotli)?);
            kept.insert(compress(&path, "gz", &asset.content, gzip)?);
        }
        kept.insert(path);
        names.insert(asset.name.clone(), published);
    }
    let map = serde_json::to_string_pretty(&names).map_err(|cause| format!("writing {MANIFEST}: {cause}"))?;
    files::write(&site.join(MANIFEST), map + "\n")?;
    for stale in files::below(site)?.into_iter().filter(|path| !kept.contains(path)) {
        fs::remove_file(&stale).map_err(|cause| format!("removing {}: {cause}", stale.display()))?;
    }
    Ok(())
}

/// `icons.svg` with the content's hash: `icons.0123456789ab.svg`.
fn published_name(asset: &Asset) -> String {
    let hash = &files::digest(&asset.content)[..HASH_DIGITS];
    let name = asset.name.as_str();
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[file..].rfind('.') {
        Some(dot) => format!("{}.{hash}{}", &name[..file + dot], &name[file + dot..]),
        None => format!("{name}.{hash}"),
    }
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Writes the sibling unless it is there: the name carries the content's hash, so what is there is right.
fn compress(
    path: &Path,
    suffix: &str,
    content: &[u8],
    method: fn(&[u8]) -> std::io::Result<Vec<u8>>,
) -> Outcome<PathBuf> {
    let sibling = PathBuf::from(format!("{}.{suffix}", path.display()));
    if !sibling.is_file() {
        let packed = method(content).map_err(|cause| format!("compressing {}: {cause}", path.display()))?;
        files::write(&sibling, packed)?;
    }
    Ok(sibling)
}

/// Quality 11 and the largest common window: slow, done once for each content.
fn brotli(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packed = Vec::new();
    {
        let mut writer = brotli::CompressorWriter::new(&mut packed, 4096, 11, 22);
        writer.write_all(content)?;
    }
    Ok(packed)
}

fn gzip(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut writer = GzBuilder::new().write(Vec::new(), Compression::best());
    writer.write_all(content)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(name: &str, content: &str) -> Asset {
        Asset { name: name.to_owned(), content: content.as_bytes().to_vec() }
    }

    #[test]
    fn the_published_name_carries_the_hash_before_the_extension() {
        let cases = [
            ("app.js", "app.ba7816bf8f01.js"),
            ("a.b/icons.svg", "a.b/icons.ba7816bf8f01.svg"),
            ("a.b/LICENSE", "a.b/LICENSE.ba7816bf8f01"),
            ("site.tar.gz", "site.tar.ba7816bf8f01.gz"),
        ];
        for (name, published) in cases {
            assert_eq!(published_name(&asset(name, "abc")), published);
        }
    }

    #[test]
    fn publishing_again_removes_what_is_no_longer_named() {
        let site = std::env::temp_dir().join(format!("summoner-publish-{}", std::process::id()));
        files::remove_folder(&site).unwrap();
        publish(&site, &[asset("app.js", "one"), asset("photo.png", "x")], Mode::Release).unwrap();
        publish(&site, &[asset("app.js", "two")], Mode::Release).unwrap();

        let names: Vec<String> = files::below(&site)
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        let published = manifest(&site).unwrap()["app.js"].clone();
        files::remove_folder(&site).unwrap();
        assert_eq!(
            names,
            [published.clone(), format!("{published}.br"), format!("{published}.gz"), MANIFEST.to_owned()]
        );
    }
}
