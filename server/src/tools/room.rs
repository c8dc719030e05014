//! Whether there is room on the disk for what is about to be pulled.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};

use super::definition::Resolved;
use super::steps::room::Download;
use super::{Error, Result, Tools, plan};
use crate::engine::Space;
use crate::registry::Reference;

/// What an image takes on the disk, in sizes of its download: the download itself, and the same unpacked.
const UNPACKED: u64 = 3;
/// What has to stay free beside: containers write, too.
const MARGIN: u64 = 512 << 20;
/// How many registries are asked at once.
const AT_ONCE: usize = 4;
/// How long a plan waits for what a registry says of an image. One that says less is better than none.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);

/// The room that downloads of these sizes need in all; zero for none.
pub(super) fn needed(sizes: impl IntoIterator<Item = u64>) -> u64 {
    let all = sizes.into_iter().fold(0_u64, u64::saturating_add);
    if all == 0 { 0 } else { all.saturating_mul(UNPACKED).saturating_add(MARGIN) }
}

/// What is said of `needed` bytes on a disk: a sentence when there is room or nobody can tell.
///
/// # Errors
/// The sentence that refuses: how much is needed, how much is free, and what to do.
pub(super) fn verdict(needed: u64, space: &Space) -> Result<String, String> {
    let wanted = in_words(needed);
    match space {
        Space::Unknown { reason } => {
            Ok(format!("The images need about {wanted} of disk; how much is free is not known: {reason}."))
        }
        Space::Free { bytes, folder } if *bytes < needed => Err(format!(
            "The images need about {wanted} of disk, and {} are free in {folder}. Remove images that nothing uses \
             (docker image prune) or add space, then try again.",
            in_words(*bytes)
        )),
        Space::Free { bytes, .. } => {
            Ok(format!("The images need about {wanted} of disk; {} are free.", in_words(*bytes)))
        }
    }
}

/// A size with one digit after the point from a gigabyte on, in powers of 1000 as disks are sold.
pub(super) fn in_words(bytes: u64) -> String {
    const MEGA: u64 = 1_000_000;
    match bytes / MEGA {
        megabytes @ 0..1000 => format!("{megabytes} MB"),
        megabytes => format!("{}.{} GB", megabytes / 1000, megabytes % 1000 / 100),
    }
}

impl Tools {
    /// The compressed sizes of a tool's images for this node, as far as registries tell in time, each image once.
    pub(super) async fn sizes(&self, resolved: &Resolved) -> Vec<Download> {
        let platform = &self.platform();
        let size = |image: &super::definition::RunningImage| {
            let reference = image.reference.parse::<Reference>().ok().zip(image.digest.parse().ok());
            let pinned = image.pinned();
            async move {
                let (reference, digest) = reference?;
                let reference = reference.with_digest(digest);
                let asked = self.versions.details(&reference, platform, Duration::MAX);
                match tokio::time::timeout(PATIENCE, asked).await {
                    Ok(Ok(details)) => Some(Download { image: pinned, size_bytes: details.config?.size_bytes }),
                    Ok(Err(error)) => {
                        tracing::info!(image = pinned, error = %error, "the size of an image is not known");
                        None
                    }
                    Err(_) => None,
                }
            }
        };
        // In the order of the images: steps made from the same must be the same.
        let asked: Vec<_> = plan::images(resolved).into_iter().map(size).collect();
        stream::iter(asked).buffered(AT_ONCE).filter_map(std::future::ready).collect().await
    }

    /// Says what the images that are not on the node need of its disk; nothing when none has to be pulled.
    ///
    /// # Errors
    /// [`Error::NoSpace`] when there is less; [`Error::Engine`].
    pub(super) async fn room(&self, sizes: &[Download], is_present: &BTreeMap<String, bool>) -> Result<String> {
        let missing = sizes.iter().filter(|download| is_present.get(&download.image) != Some(&true));
        match needed(missing.map(|download| download.size_bytes)) {
            0 => Ok(String::new()),
            needed => {
                let space = match self.means.engine.space().await {
                    // The step asks again when the engine is back.
                    Err(error) if error.is_temporary() => Space::Unknown { reason: error.to_string() },
                    answered => answered?,
                };
                verdict(needed, &space).map_err(Error::NoSpace)
            }
        }
    }

    /// Which images of a tool are on the node, by the name they are pinned to.
    pub(super) async fn present_images(&self, resolved: &Resolved) -> Result<BTreeMap<String, bool>> {
        let mut found = BTreeMap::new();
        for image in plan::images(resolved) {
            let pinned = image.pinned();
            let is_present = match self.means.engine.image(&pinned).await {
                // An engine that is away for now is waited for by the operation; the plan is made all the same.
                Err(error) if error.is_temporary() => false,
                answered => answered?.is_some(),
            };
            found.insert(pinned, is_present);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_how_much_is_needed_how_much_is_free_and_what_to_do() {
        let free = |bytes| Space::Free { bytes, folder: "/var/lib/docker".into() };
        let wanted = needed([400_000_000, 100_000_000]);
        assert_eq!(wanted, 1_500_000_000 + MARGIN);
        assert_eq!(
            verdict(wanted, &free(1_200_000_000)).unwrap_err(),
            "The images need about 2.0 GB of disk, and 1.2 GB are free in /var/lib/docker. Remove images that nothing \
             uses (docker image prune) or add space, then try again."
        );
        assert_eq!(verdict(wanted, &free(wanted)).unwrap(), "The images need about 2.0 GB of disk; 2.0 GB are free.");
        let unknown = Space::Unknown { reason: "the engine runs on another machine".into() };
        assert!(verdict(wanted, &unknown).unwrap().contains("is not known: the engine runs on another machine"));
    }

    #[test]
    fn nothing_to_pull_needs_no_room_and_no_size_overflows() {
        assert_eq!(needed([]), 0);
        assert_eq!(needed([u64::MAX, u64::MAX]), u64::MAX);
        assert_eq!(in_words(999_999_999), "999 MB");
        assert_eq!(in_words(41_260_000_000), "41.2 GB");
    }
}
