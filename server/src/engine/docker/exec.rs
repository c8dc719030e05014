//! Commands inside running containers.

use std::time::Duration;

use bollard::exec::StartExecResults;
use bollard::models;
use futures_util::StreamExt;

use super::errors::Attempt;
use super::{Docker, LIMIT, names};
use crate::engine::{Ended, Result};

/// What is kept of a command's output, in bytes.
const KEPT: usize = 4 << 10;
/// How often a command is looked at that closed its outputs and goes on.
const LOOK: Duration = Duration::from_millis(100);

impl Docker {
    /// Runs a command and waits for its end, at most for `limit`.
    pub(super) async fn run(&self, id: &str, command: &[String], limit: Duration) -> Result<Ended> {
        // The command itself may hold secrets, and this goes into errors.
        let attempt = Attempt::new("running a command in", format!("container {id}"));
        let id = names::name("container", id)?;
        let config = models::ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            ..Default::default()
        };
        let made = self.call(LIMIT, &attempt, |docker| docker.create_exec(id, config)).await?.id;
        let ended = async {
            let output = self.output(&attempt, &made).await?;
            let exit_code = self.exit_code(&attempt, &made).await?;
            Ok(Ended { exit_code, output })
        };
        let late = || attempt.refused(format!("it took longer than {} s", limit.as_secs()));
        tokio::time::timeout(limit, ended).await.unwrap_or_else(|_| Err(late()))
    }

    /// Starts the command and reads what it writes until it closes its outputs.
    async fn output(&self, attempt: &Attempt, made: &str) -> Result<String> {
        let mut kept = Vec::new();
        let started = self.call(LIMIT, attempt, |docker| docker.start_exec(made, None)).await?;
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(chunk) = output.next().await {
                let chunk = chunk.map_err(|cause| self.failed(attempt, &cause))?.into_bytes();
                let room = KEPT.saturating_sub(kept.len());
                kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
        }
        Ok(String::from_utf8_lossy(&kept).into_owned())
    }

    async fn exit_code(&self, attempt: &Attempt, made: &str) -> Result<i64> {
        loop {
            let seen = self.call(LIMIT, attempt, |docker| docker.inspect_exec(made)).await?;
            if seen.running != Some(true) {
                return seen.exit_code.ok_or_else(|| attempt.refused("the engine does not say how it ended"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
