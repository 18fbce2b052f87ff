//! What managers configured, compiled and kept between invocations under its versions.
//!
//! One consistent read per batch tells the versions. What changed is loaded again; a change is in force for every batch
//! that starts after its answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::id::RecordType;
use domain::queue::Queue;
use domain::record_type::RecordTypes;
use domain::roster::{Member, Roster};
use domain::route::Organisation;
use domain::rulebook::Rulebook;
use domain::seller::Seller;
use domain::settings::Settings;
use domain::team::Team;
use tokio::sync::Mutex;

use crate::error::Result;
use crate::store::Store;
use crate::versions::Versions;

/// Everything configured, at one set of versions.
#[derive(Debug, Clone)]
pub struct Knowledge {
    /// The versions it was loaded at.
    pub versions: Versions,
    /// Settings and rulebooks.
    pub organisation: Organisation,
    /// The columns of every type.
    pub record_types: RecordTypes,
    /// The sellers' static part.
    pub sellers: Arc<[Arc<Seller>]>,
    /// The teams, under the version of the roster.
    pub teams: Arc<[Arc<Team>]>,
    /// The queues, under the version of the roster.
    pub queues: Arc<[Arc<Queue>]>,
}

/// What one process keeps between invocations.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Option<Arc<Knowledge>>>);

impl Store {
    /// What is configured now: from memory where the versions are still the same.
    pub async fn knowledge(&self, memory: &Memory) -> Result<Arc<Knowledge>> {
        let mut kept = memory.0.lock().await;
        loop {
            let versions = self.versions().await?;
            if let Some(known) = kept.as_ref().filter(|known| known.versions == versions) {
                return Ok(Arc::clone(known));
            }
            let known = self.load_knowledge(versions, kept.as_deref()).await?;
            *kept = Some(Arc::new(known));
            // Loaded between two reads of the versions: what was loaded is what they say only if they still stand.
        }
    }

    async fn load_knowledge(&self, versions: Versions, known: Option<&Knowledge>) -> Result<Knowledge> {
        let unchanged = |part: fn(&Versions) -> u64| known.filter(|known| part(&known.versions) == part(&versions));
        let settings: Arc<Settings> = match unchanged(|versions| versions.settings) {
            Some(known) => Arc::clone(&known.organisation.settings),
            None => Arc::new(self.settings().await?),
        };
        let (sellers, teams, queues) = match unchanged(|versions| versions.roster) {
            Some(known) => (Arc::clone(&known.sellers), Arc::clone(&known.teams), Arc::clone(&known.queues)),
            None => (shared(self.sellers().await?), shared(self.teams().await?), shared(self.queues().await?)),
        };
        let record_types = match unchanged(|versions| versions.definitions) {
            Some(known) => known.record_types.clone(),
            None => self.record_types().await?,
        };
        let mut rulebooks: BTreeMap<RecordType, Arc<Rulebook>> = BTreeMap::new();
        for definition in record_types.iter().filter(|definition| definition.holds_records()) {
            let record_type = &definition.record_type;
            let version = versions.rulebook(record_type);
            let kept = known.and_then(|known| known.organisation.rulebooks.get(record_type));
            let kept = kept.filter(|rulebook| rulebook.version == version);
            let rulebook = match kept {
                Some(rulebook) => Arc::clone(rulebook),
                None => Arc::new(Rulebook::compile(self.rulebook_source(definition).await?, &record_types)),
            };
            rulebooks.insert(record_type.clone(), rulebook);
        }
        let organisation = Organisation { settings, rulebooks };
        Ok(Knowledge { versions, organisation, record_types, sellers, teams, queues })
    }

    /// The sellers with the moving part as it is now.
    pub async fn roster(&self, knowledge: &Knowledge) -> Result<Roster> {
        let ids: Vec<_> = knowledge.sellers.iter().map(|seller| seller.id.clone()).collect();
        let mut states = self.seller_states(&ids).await?;
        let members = knowledge
            .sellers
            .iter()
            .map(|seller| Member { seller: Arc::clone(seller), state: states.remove(&seller.id).unwrap_or_default() });
        Ok(Roster::new(members.collect()))
    }
}

fn shared<T>(loaded: Vec<T>) -> Arc<[Arc<T>]> {
    loaded.into_iter().map(Arc::new).collect()
}
