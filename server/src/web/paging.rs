//! Lists in pages: `?limit=` and `?after=`.

use ::api::Page;
use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::Refusal;

/// Which page of a list is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// At most so many items, 1 to 500.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// The most items of a list that is read whole.
const MOST: usize = 500;

impl Paging {
    /// The page that is wanted of a list that was read whole; `id` names each item.
    ///
    /// # Errors
    /// When the limit is no number from 1 to 500, or the page would follow on what is not in the list (any more).
    pub fn of<T>(&self, mut items: Vec<T>, id: impl Fn(&T) -> String) -> Result<Page<T>, Refusal> {
        let size = page_size(self.limit.as_deref(), MOST)?;
        if let Some(after) = self.after.as_deref().filter(|after| !after.is_empty()) {
            let last = items.iter().position(|item| id(item) == after).ok_or_else(not_next)?;
            items.drain(..=last);
        }
        let has_more = items.len() > size;
        items.truncate(size);
        let next = items.last().filter(|_| has_more).map(id);
        Ok(Page { items, next })
    }
}

/// The refusal of an `after` that no page gave, or whose item is gone by now.
pub fn not_next() -> Refusal {
    Refusal::choice("after", "`after` has to be the `next` of the page before. Begin again without it.")
}

/// How many items a page of a list holds: as many as were asked for, else `most`.
///
/// # Errors
/// When that is no number from 1 to `most`.
pub fn page_size(limit: Option<&str>, most: usize) -> Result<usize, Refusal> {
    let Some(limit) = limit.filter(|limit| !limit.is_empty()) else { return Ok(most) };
    let size = limit.parse().ok().filter(|size| (1..=most).contains(size));
    size.ok_or_else(|| Refusal::choice("limit", format!("`limit` has to be a number from 1 to {most}.")))
}
