//! A tool as a plain Compose file with its values, for whoever wants to leave.

use super::{Result, Tools};
use crate::auth::{Actor, Right};
use crate::catalog::Export;

impl Tools {
    /// The tool as a Compose file that runs without Summoner.
    ///
    /// # Errors
    /// [`super::Error::Forbidden`]: the values hold secrets; [`super::Error::NotFound`].
    pub async fn export(&self, actor: &Actor, name: &str) -> Result<Export> {
        actor.needs(Right::SecretsReveal)?;
        let tool = self.tool(name).await?;
        let resolved = self.means.resolved(tool.tool_id, tool.revision).await?;
        Ok(resolved.entry.export(&resolved.definition.choice(&resolved.entry))?)
    }
}
