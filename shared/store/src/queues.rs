//! Queues in the store, with their members.

use domain::id::{QueueId, RuleId, SellerId};
use domain::queue::Queue;

use crate::error::{Error, Result};
use crate::groups::Group;
use crate::keys::{self, Key};
use crate::store::Store;

impl Group for Queue {
    type Id = QueueId;
    const PARTITION: &'static str = keys::QUEUES;
    const KIND: &'static str = "queues";

    fn id(&self) -> &QueueId {
        &self.id
    }

    fn key(id: &QueueId) -> Key {
        keys::queue(id)
    }

    fn members(&mut self) -> &mut Vec<SellerId> {
        &mut self.member_ids
    }

    fn version(&mut self) -> &mut u64 {
        &mut self.version
    }
}

impl Store {
    /// A queue.
    pub async fn queue(&self, id: &QueueId) -> Result<Option<Queue>> {
        self.group(id).await
    }

    /// All queues in the order of their ids.
    pub async fn queues(&self) -> Result<Vec<Queue>> {
        self.groups().await
    }

    /// Creates a queue; answers with the one that exists when this very request, by its tag, has created it before.
    pub async fn create_queue(&self, queue: Queue, tag: Option<&str>) -> Result<Queue> {
        self.create_group(queue, tag).await
    }

    /// Replaces a queue by what `decide` makes of it; decides again when somebody else changed it meanwhile. Writes nothing
    /// when nothing changes.
    pub async fn change_queue<E: From<Error>>(
        &self,
        id: &QueueId,
        decide: impl Fn(&Queue) -> std::result::Result<Queue, E>,
    ) -> std::result::Result<Queue, E> {
        self.change_group(id, decide).await
    }

    /// Deletes a queue that `check` lets go; it sees the active rules that name the queue. Records keep it as their owner.
    pub async fn delete_queue<E: From<Error>>(
        &self,
        id: &QueueId,
        check: impl Fn(&Queue, &[RuleId]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        self.delete_group(id, check).await
    }
}
