//! The fake's answers: each method notes its call and does its effect to the node.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::FakeEngine;
use super::kept::Kept;
use super::node::{Node, PLATFORM};
use crate::engine::{
    Change, ContainerSpec, ContainerState, Ended, Engine, Error, Image, Info, Inspection, LayerProgress, Listing,
    LogLine, LogQuery, NetworkSpec, Pull, Result, Space, Usage, VolumeSpec,
};

#[async_trait]
impl Engine for FakeEngine {
    fn host(&self) -> Option<&str> {
        None
    }

    async fn info(&self) -> Result<Info> {
        let info = Info {
            version: "29.3.1".to_owned(),
            api_version: "1.53".to_owned(),
            platform: PLATFORM.to_owned(),
            cpus: 4,
            memory_bytes: 8 << 30,
            host_name: "fake".to_owned(),
        };
        self.call("info", |_| String::new(), |_| Ok(info)).await
    }

    async fn list(&self) -> Result<Listing> {
        let effect = |node: &mut Node| {
            let mut networks = node.networks.clone();
            networks.sort_by(|a, b| a.name.cmp(&b.name));
            let mut volumes: Vec<_> = node.volumes.iter().map(|(volume, _)| volume.clone()).collect();
            volumes.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(Listing { containers: node.containers.iter().map(Kept::shown).collect(), networks, volumes })
        };
        self.call("list", |_| String::new(), effect).await
    }

    async fn changes(&self, since: Option<Timestamp>) -> Result<BoxStream<'static, Result<Change>>> {
        let effect = |node: &mut Node| {
            let (sender, receiver) = mpsc::unbounded_channel();
            let earlier = node.history.iter().filter(|change| since.is_some_and(|since| change.at >= since));
            let earlier: Vec<_> = earlier.cloned().map(Ok).collect();
            node.listeners.push(sender);
            Ok(stream::iter(earlier).chain(UnboundedReceiverStream::new(receiver)).boxed())
        };
        self.call("changes", |_| String::new(), effect).await
    }

    async fn space(&self) -> Result<Space> {
        let effect = |node: &mut Node| {
            let plenty = Space::Free { bytes: 1 << 40, folder: "/var/lib/docker".to_owned() };
            Ok(node.space.clone().unwrap_or(plenty))
        };
        self.call("space", |_| String::new(), effect).await
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>> {
        let effect = |node: &mut Node| Ok(node.image_at(reference).map(|at| node.images[at].0.clone()));
        self.call("image", |_| reference.to_owned(), effect).await
    }

    async fn pull(&self, pull: &Pull, progress: &(dyn Fn(LayerProgress) + Send + Sync)) -> Result<()> {
        let subject = |_: &Node| format!("{}@{}", pull.repository, pull.digest);
        self.call("pull", subject, |node| node.pull(pull)).await?;
        for layer in ["aaaaaaaaaaaa", "bbbbbbbbbbbb"] {
            for (status, done_bytes) in [("Downloading", 512), ("Pull complete", 1024)] {
                let (layer, status) = (layer.to_owned(), status.to_owned());
                progress(LayerProgress { layer, status, done_bytes, total_bytes: 1024 });
            }
        }
        Ok(())
    }

    async fn tag_image(&self, reference: &str, repository: &str, tag: &str) -> Result<()> {
        let name = format!("{repository}:{tag}");
        self.call("tag_image", |_| format!("{reference} {name}"), |node| node.tag_image(reference, &name)).await
    }

    async fn remove_image(&self, reference: &str) -> Result<()> {
        self.call("remove_image", |_| reference.to_owned(), |node| node.remove_image(reference)).await
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<String> {
        self.call("create_network", |_| spec.name.clone(), |node| node.create_network(spec)).await
    }

    async fn remove_network(&self, id: &str) -> Result<()> {
        self.call("remove_network", |node| node.name_of(id), |node| node.remove_network(id)).await
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<()> {
        self.call("create_volume", |_| spec.name.clone(), |node| node.create_volume(spec)).await
    }

    async fn remove_volume(&self, name: &str) -> Result<()> {
        self.call("remove_volume", |_| name.to_owned(), |node| node.remove_volume(name)).await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<String> {
        self.call("create_container", |_| spec.name.clone(), |node| node.create_container(spec)).await
    }

    async fn start_container(&self, id: &str) -> Result<()> {
        // What was started goes on although the answer got lost.
        let mut started = None;
        let effect = |node: &mut Node| {
            started = node.start(id)?;
            Ok(())
        };
        let answer = self.call("start_container", |node| node.name_of(id), effect).await;
        self.schedule(started);
        answer
    }

    async fn stop_container(&self, id: &str) -> Result<()> {
        self.call("stop_container", |node| node.name_of(id), |node| node.stop(id)).await
    }

    async fn remove_container(&self, id: &str) -> Result<()> {
        self.call("remove_container", |node| node.name_of(id), |node| node.remove_container(id)).await
    }

    async fn rename_container(&self, id: &str, name: &str) -> Result<()> {
        let subject = |node: &Node| format!("{} {name}", node.name_of(id));
        self.call("rename_container", subject, |node| node.rename(id, name)).await
    }

    async fn inspect(&self, id: &str) -> Result<Inspection> {
        let effect = |node: &mut Node| node.container(id).map(Kept::inspected);
        self.call("inspect", |node| node.name_of(id), effect).await
    }

    async fn logs(&self, id: &str, query: &LogQuery) -> Result<BoxStream<'static, Result<LogLine>>> {
        let effect = |node: &mut Node| {
            let kept = node.container(id)?;
            let is_wanted = |line: &&LogLine| query.since.is_none_or(|since| line.at.is_none_or(|at| at >= since));
            let lines: Vec<_> = kept.logs.iter().filter(is_wanted).cloned().collect();
            let skipped = query.tail.map_or(0, |tail| lines.len().saturating_sub(tail as usize));
            Ok((kept.id.clone(), kept.logs.len(), lines[skipped..].to_vec()))
        };
        let (id, read, lines) = self.call("logs", |node| node.name_of(id), effect).await?;
        let lines = stream::iter(lines.into_iter().map(Ok));
        if !query.follow {
            return Ok(lines.boxed());
        }
        let start = (self.clone(), self.inner.stirred.subscribe(), id, read);
        let coming = stream::try_unfold(start, |(fake, mut stirred, id, read)| async move {
            loop {
                stirred.mark_unchanged();
                {
                    let state = fake.state();
                    let Ok(kept) = state.node.container(&id) else { return Ok(None) };
                    if let Some(line) = kept.logs.get(read).cloned() {
                        drop(state);
                        return Ok(Some((line, (fake, stirred, id, read + 1))));
                    }
                    if !matches!(kept.state, ContainerState::Running | ContainerState::Paused) {
                        return Ok(None);
                    }
                }
                if stirred.changed().await.is_err() {
                    return Ok(None);
                }
            }
        });
        Ok(lines.chain(coming.into_stream()).boxed())
    }

    async fn exec(&self, id: &str, command: &[String], _: Duration) -> Result<Ended> {
        let effect = |node: &mut Node| {
            let kept = node.container(id)?;
            if kept.state != ContainerState::Running {
                let what = format!("running a command in container {id}");
                return Err(Error::Conflict { what, reason: "it is not running".to_owned() });
            }
            Ok(kept.script.command.clone())
        };
        let subject = |node: &Node| format!("{} {}", node.name_of(id), command.join(" "));
        self.call("exec", subject, effect).await
    }

    async fn usage(&self, id: &str) -> Result<Usage> {
        let effect = |node: &mut Node| {
            let kept = node.container(id)?;
            if kept.state != ContainerState::Running {
                let what = format!("measuring container {id}");
                return Err(Error::Conflict { what, reason: "it is not running".to_owned() });
            }
            Ok(kept.usage)
        };
        self.call("usage", |node| node.name_of(id), effect).await
    }
}
