//! Files laid into a container before it starts, as archives for `PUT /containers/{id}/archive`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use secrecy::ExposeSecret;

use crate::engine::{ContainerSpec, FileSpec};

/// The files of one upload: those in one volume, or those in the container's own file system.
#[derive(Debug)]
pub(super) struct Upload<'a> {
    /// The folder the archive is unpacked in: `/` or where the volume is mounted.
    pub(super) root: String,
    /// The files with their paths relative to the root, in order.
    files: Vec<(String, &'a FileSpec)>,
}

/// The uploads that lay all files of `spec`.
///
/// A file in a volume is unpacked at the mount: seen from `/` a read-only container would refuse it.
///
/// # Errors
/// The reason in words when a file cannot be laid where it is wanted.
pub(super) fn uploads(spec: &ContainerSpec) -> Result<Vec<Upload<'_>>, String> {
    let mut by_root: BTreeMap<String, Vec<(String, &FileSpec)>> = BTreeMap::new();
    for file in &spec.files {
        let path = absolute(&file.path)?;
        let mount = spec
            .mounts
            .iter()
            .map(|mount| mount.target.trim_end_matches('/'))
            .filter(|target| path.strip_prefix(target).is_some_and(|rest| rest.starts_with('/')))
            .max_by_key(|target| target.len());
        if mount.is_none() && spec.read_only {
            return Err(format!(
                "{path} cannot be laid into a read-only container; mount a volume at its folder or drop read_only"
            ));
        }
        let inside = path[mount.unwrap_or_default().len()..].trim_start_matches('/').to_owned();
        by_root.entry(mount.unwrap_or("/").to_owned()).or_default().push((inside, file));
    }
    Ok(by_root.into_iter().map(|(root, files)| Upload { root, files }).collect())
}

fn absolute(path: &str) -> Result<&str, String> {
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    match path.strip_prefix('/') {
        Some(rest) if rest.split('/').all(is_plain) => Ok(path),
        _ => Err(format!("{path:?} is not an absolute path of a file")),
    }
}

impl Upload<'_> {
    /// All folders above the files, relative to the root, parents first.
    pub(super) fn folders(&self) -> BTreeSet<String> {
        let parents = |path: &str| path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect::<Vec<_>>();
        self.files.iter().flat_map(|(path, _)| parents(path)).collect()
    }

    /// The archive with all files and the `missing` folders.
    ///
    /// A folder that exists must not be in it: unpacking would give it the archive's owner and permissions.
    ///
    /// # Errors
    /// When a path is too long for an archive.
    pub(super) fn archive(&self, missing: &BTreeSet<String>) -> io::Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        for folder in missing {
            archive.append_data(
                &mut header(tar::EntryType::Directory, 0o755, (0, 0), 0),
                format!("{folder}/"),
                io::empty(),
            )?;
        }
        for (path, file) in &self.files {
            let content = file.content.expose_secret().as_bytes();
            let mut header = header(tar::EntryType::Regular, file.mode, file.owner, content.len() as u64);
            archive.append_data(&mut header, path, content)?;
        }
        archive.into_inner()
    }
}

fn header(kind: tar::EntryType, mode: u32, owner: (u32, u32), size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(owner.0.into());
    header.set_gid(owner.1.into());
    header.set_mtime(0);
    header
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::engine::Mount;

    fn spec(paths: &[&str], read_only: bool) -> ContainerSpec {
        let file = |path: &&str| FileSpec {
            path: (*path).to_owned(),
            content: "x".to_owned().into(),
            mode: 0o440,
            owner: (33, 34),
        };
        ContainerSpec {
            files: paths.iter().map(file).collect(),
            mounts: vec![Mount { volume: "data".into(), target: "/data".into(), read_only: false }],
            read_only,
            ..Default::default()
        }
    }

    #[test]
    fn files_in_a_volume_are_unpacked_at_the_mount() {
        let spec = spec(&["/etc/app/a.conf", "/data/sub/b.conf", "/database.conf"], false);
        let uploads = uploads(&spec).unwrap();
        let paths = |upload: &Upload| upload.files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
        assert_eq!(uploads[0].root, "/");
        assert_eq!(paths(&uploads[0]), ["etc/app/a.conf", "database.conf"]);
        assert_eq!(uploads[0].folders().into_iter().collect::<Vec<_>>(), ["etc", "etc/app"]);
        assert_eq!((uploads[1].root.as_str(), paths(&uploads[1])), ("/data", vec!["sub/b.conf".to_owned()]));
    }

    #[test]
    fn a_read_only_container_takes_files_in_its_volumes_only() {
        assert!(uploads(&spec(&["/etc/a"], true)).is_err());
        assert_eq!(uploads(&spec(&["/data/a"], true)).unwrap().len(), 1);
    }

    #[test]
    fn paths_that_climb_are_refused() {
        for path in ["etc/a", "/etc/../a", "/", "", "/a//b", "/a/."] {
            assert!(uploads(&spec(&[path], false)).is_err(), "{path}");
        }
    }

    #[test]
    fn the_archive_holds_missing_folders_and_files_with_their_modes_and_owners() {
        let spec = spec(&["/etc/app/a.conf"], false);
        let bytes = uploads(&spec).unwrap()[0].archive(&BTreeSet::from(["etc/app".to_owned()])).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            let path = entry.path().unwrap().display().to_string();
            let header = entry.header();
            let owner = (header.uid().unwrap(), header.gid().unwrap());
            found.push((path, header.mode().unwrap(), owner, content));
        }
        let expected = [
            ("etc/app/".to_owned(), 0o755, (0, 0), String::new()),
            ("etc/app/a.conf".to_owned(), 0o440, (33, 34), "x".to_owned()),
        ];
        assert_eq!(found, expected);
    }
}
