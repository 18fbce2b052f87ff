//! Segments that were deleted: their members leave them, page by page (SEG-05).

use jiff::SignedDuration;
use lambda_runtime::Error;
use lambda_runtime::tracing::info;
use store::former_segments::FormerSegment;
use store::listing::{Listing, Position};

use crate::Waiting;
use crate::work::{Step, all};

/// So many members leave with one page.
const PAGE: usize = 100;

/// A batch that loaded the rules before the segment was deleted has been committed by then.
const DECIDED: SignedDuration = SignedDuration::from_mins(1);

/// A former segment, as far as this invocation has come with it.
pub(crate) struct Leaving {
    former: FormerSegment,
    position: Option<Position>,
    left: usize,
}

impl Leaving {
    pub(crate) fn new(former: FormerSegment) -> Self {
        Self { former, position: None, left: 0 }
    }
}

impl Waiting {
    /// Has a page of members leave.
    pub(crate) async fn step_leaving(&self, leaving: &mut Leaving) -> Result<Step, Error> {
        let now = self.clock.now();
        let listing = Listing::members(&leaving.former.id).oldest_first();
        let (keys, next) = self.store.index_page(&listing, leaving.position.as_ref(), PAGE).await?;
        leaving.left += keys.len();
        let leave = |key| {
            let (store, former) = (self.store.clone(), leaving.former.clone());
            async move { store.leave(&former, &key, now).await }
        };
        all(keys, leave).await?;
        if next.is_some() {
            leaving.position = next;
            return Ok(Step::More);
        }
        let id = leaving.former.id.as_str();
        match leaving.former.empty_since {
            // The next sweep looks whether they have left: an item that changes now would have it looked at at once, and
            // again for a member that can't leave.
            _ if leaving.left > 0 => info!(segment.id = id, members = leaving.left, "members leave a deleted segment"),
            None => self.store.put_empty_since(&leaving.former, now).await?,
            Some(since) if now.duration_since(since) < DECIDED => {}
            Some(_) => self.store.forget_former_segment(&leaving.former).await?,
        }
        Ok(Step::Over)
    }
}
