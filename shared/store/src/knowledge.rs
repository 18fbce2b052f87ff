//! What managers configured, compiled and kept between invocations under its versions.
//!
//! One consistent read per batch tells the versions. What changed is loaded again; a change is in force for every batch
//! that starts after its answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::condition::Reads;
use domain::explanation::Names;
use domain::id::{Owner, RecordType, RuleId, SegmentId, SellerId};
use domain::queue::Queue;
use domain::record_type::RecordTypes;
use domain::roster::{Member, Roster};
use domain::route::{Candidates, Organisation};
use domain::rulebook::Rulebook;
use domain::seller::Seller;
use domain::seller_attribute::SellerAttributes;
use domain::settings::Settings;
use domain::subject::Subject;
use domain::team::Team;
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::error::Result;
use crate::store::Store;
use crate::versions::Versions;

/// Everything configured, at one set of versions.
#[derive(Debug, Clone)]
pub struct Knowledge {
    /// The versions it was loaded at.
    pub versions: Versions,
    /// Settings, roles, rulebooks, teams and queues.
    pub organisation: Organisation,
    /// The columns of every type.
    pub record_types: RecordTypes,
    /// The sellers' static part, in the order of their ids.
    pub sellers: Arc<[Arc<Seller>]>,
    /// The sellers as matchers test them, in the same order; without what is related to them.
    subjects: Arc<[Option<Arc<Subject>>]>,
    /// The seller attributes.
    pub seller_attributes: Arc<SellerAttributes>,
}

impl Knowledge {
    /// The seller of an id.
    #[must_use]
    pub fn seller(&self, id: &SellerId) -> Option<&Seller> {
        let position = self.sellers.binary_search_by(|known| known.id.cmp(id)).ok()?;
        Some(&self.sellers[position])
    }

    /// Whether there is such a seller, team or queue.
    #[must_use]
    pub fn has(&self, owner: &Owner) -> bool {
        match owner {
            Owner::Seller(id) => self.seller(id).is_some(),
            Owner::Team(id) => self.organisation.teams.iter().any(|team| team.group.id == *id),
            Owner::Queue(id) => self.organisation.queues.iter().any(|queue| queue.group.id == *id),
        }
    }

    /// Whether an owner that there is may be given records (SEC-47, MON-61). A queue may: its members pick from it.
    #[must_use]
    pub fn may_receive(&self, owner: &Owner) -> bool {
        let roles_of = |id: &SellerId| self.seller(id).map(|seller| seller.roles.as_slice());
        match owner {
            Owner::Seller(id) => roles_of(id).is_some_and(|roles| self.organisation.receives(roles)),
            Owner::Team(id) => {
                let mut teams = self.organisation.teams.iter();
                let team = teams.find(|team| team.group.id == *id);
                team.is_some_and(|team| self.organisation.team_receives(&team.group, roles_of))
            }
            Owner::Queue(_) => true,
        }
    }

    /// The business unit that a seller belongs to.
    #[must_use]
    pub fn unit_of(&self, seller: &SellerId) -> Option<&str> {
        self.seller(seller)?.business_unit()
    }
}

/// What things are called now; of rules only those in force.
impl Names for Knowledge {
    fn owner(&self, owner: &Owner) -> Option<String> {
        match owner {
            Owner::Seller(id) => self.seller(id).map(|seller| seller.name.clone()),
            Owner::Team(id) => {
                let mut teams = self.organisation.teams.iter();
                teams.find(|team| team.group.id == *id).map(|team| team.group.name.clone())
            }
            Owner::Queue(id) => {
                let mut queues = self.organisation.queues.iter();
                queues.find(|queue| queue.group.id == *id).map(|queue| queue.group.name.clone())
            }
        }
    }

    fn rule(&self, rule: &RuleId) -> Option<String> {
        self.organisation.rulebooks.values().find_map(|rulebook| Some(rulebook.rule(rule)?.rule.name.clone()))
    }

    fn segment(&self, segment: &SegmentId) -> Option<String> {
        self.organisation.rulebooks.values().find_map(|rulebook| rulebook.segment_names().get(segment).cloned())
    }
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
        let record_types = match unchanged(|versions| versions.definitions) {
            Some(known) => known.record_types.clone(),
            None => self.record_types().await?,
        };
        let receiving = match unchanged(|versions| versions.roles) {
            Some(known) => known.organisation.receiving.clone(),
            None => self.role_definitions().await?.receiving(),
        };
        let candidates = match unchanged(|versions| versions.roster).filter(|known| known.record_types == record_types)
        {
            Some(known) => known.candidates(),
            None => self.load_candidates(&record_types).await?,
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
        let Everybody { sellers, subjects, seller_attributes, teams, queues } = candidates;
        let organisation = Organisation { settings, receiving, rulebooks, teams, queues };
        Ok(Knowledge { versions, organisation, record_types, sellers, subjects, seller_attributes })
    }

    async fn load_candidates(&self, record_types: &RecordTypes) -> Result<Everybody> {
        let attributes = self.seller_attributes().await?;
        let sellers: Arc<[Arc<Seller>]> = self.sellers().await?.into_iter().map(Arc::new).collect();
        let described = |record_type: &str| record_types.get(&RecordType::from(record_type));
        let definition = described("seller");
        let subject = |seller: &Arc<Seller>| Some(Arc::new(seller.subject(definition?, &attributes)?));
        let subjects = sellers.iter().map(subject).collect();
        let definition = described("team");
        let team = |team: Team| {
            let subject = definition.and_then(|definition| team.subject(definition));
            Candidates { group: Arc::new(team), subject }
        };
        let teams = self.teams().await?.into_iter().map(team).collect();
        let definition = described("queue");
        let queue = |queue: Queue| {
            let subject = definition.and_then(|definition| queue.subject(definition));
            Candidates { group: Arc::new(queue), subject }
        };
        let queues = self.queues().await?.into_iter().map(queue).collect();
        Ok(Everybody { sellers, subjects, seller_attributes: Arc::new(attributes), teams, queues })
    }

    /// The sellers with the moving part as it is now, and with the related records that matchers look at.
    pub async fn roster(&self, knowledge: &Knowledge, now: Timestamp) -> Result<Roster> {
        let ids: Vec<_> = knowledge.sellers.iter().map(|seller| seller.id.clone()).collect();
        let mut states = self.seller_states(&ids).await?;
        let mut reads = Reads::default();
        for rulebook in knowledge.organisation.rulebooks.values() {
            reads.join(rulebook.seller_reads().clone());
        }
        let beyond = !(reads.relations.is_empty() && reads.names.is_empty());
        let mut members = Vec::with_capacity(ids.len());
        for (seller, subject) in knowledge.sellers.iter().zip(knowledge.subjects.iter()) {
            let subject = if beyond {
                self.seller_subject(seller, &reads, knowledge, now).await?.map(Arc::new)
            } else {
                subject.clone()
            };
            let state = states.remove(&seller.id).unwrap_or_default();
            members.push(Member { seller: Arc::clone(seller), state, subject });
        }
        Ok(Roster::new(members))
    }
}

/// Everybody who can own a record, under one version.
struct Everybody {
    sellers: Arc<[Arc<Seller>]>,
    subjects: Arc<[Option<Arc<Subject>>]>,
    seller_attributes: Arc<SellerAttributes>,
    teams: Arc<[Candidates<Team>]>,
    queues: Arc<[Candidates<Queue>]>,
}

impl Knowledge {
    fn candidates(&self) -> Everybody {
        Everybody {
            sellers: Arc::clone(&self.sellers),
            subjects: Arc::clone(&self.subjects),
            seller_attributes: Arc::clone(&self.seller_attributes),
            teams: Arc::clone(&self.organisation.teams),
            queues: Arc::clone(&self.organisation.queues),
        }
    }
}
