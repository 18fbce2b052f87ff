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
        if self.store.segment(&leaving.former.id).await?.is_some() {
            // Another one was created under the id.
            self.store.forget_former_segment(&leaving.former).await?;
            return Ok(Step::Over);
        }
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
            Some(since) if leaving.left == 0 => {
                if now.duration_since(since) >= DECIDED {
                    self.store.forget_former_segment(&leaving.former).await?;
                }
            }
            _ => {
                self.store.put_empty_since(&leaving.former, now).await?;
                info!(segment.id = id, members = leaving.left, "a deleted segment was left by its members");
            }
        }
        // The sweep looks again.
        Ok(Step::Over)
    }
}
