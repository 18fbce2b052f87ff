//! Pulls: whom was freed takes waiting records, the oldest first.
//!
//! A pull looks through the waiting records page by page, decides them as `assignment` would, and asks again for those
//! that would find an owner; it decides nothing itself. It begins again until it asks for nothing: what it asked for may
//! have been closed before it was decided, and then the next one's turn has come. When the freed can take no more, it ends
//! where it is, so one free place costs one page however many wait.

use std::sync::Arc;

use domain::freed::{Freed, Look, OfType, Sought, open_rules};
use domain::id::RecordKey;
use domain::record::Record;
use domain::roster::Member;
use domain::route::Present;
use jiff::Timestamp;
use lambda_runtime::Error;
use lambda_runtime::tracing::info;
use store::freed::Pull;
use store::knowledge::Knowledge;
use store::listing::{Listing, Position};
use store::to_do::ToDo;

use crate::Waiting;
use crate::work::{Step, all};

/// So many records are looked at first: most of those who are freed have one place.
const FIRST_PAGE: usize = 10;

/// A page is twice as large as the one before it, up to this.
const LARGEST_PAGE: usize = 100;

/// Who has room again looks at so many at the most, lest each close reads through everybody who waits for another city.
/// The sweep looks through the rest.
const MOST_FOR_ROOM: usize = 2_000;

/// A pull, as far as this invocation has come with it.
pub(crate) struct Pulling {
    pull: Pull,
    walk: Option<Walk>,
    /// Records that were asked for or wait already: the pull begins again when they are decided.
    awaited: Vec<RecordKey>,
    looked_at: usize,
    asked_for: usize,
}

/// One walk through the waiting records.
struct Walk {
    look: Look,
    sought: Vec<(OfType, Sought)>,
    position: Option<Position>,
    page: usize,
    looked_at: usize,
    from_the_start: bool,
}

impl Pulling {
    pub(crate) fn new(pull: Pull) -> Self {
        Self { pull, walk: None, awaited: Vec::new(), looked_at: 0, asked_for: 0 }
    }
}

impl Waiting {
    /// Goes on with a pull: looks at a page, or whether what it asked for is decided.
    pub(crate) async fn step_pull(&self, pulling: &mut Pulling) -> Result<Step, Error> {
        let now = self.clock.now();
        if pulling.walk.is_none() {
            if self.any_waits(&pulling.awaited, now).await? {
                return Ok(Step::Waits);
            }
            pulling.awaited.clear();
            let Some(pull) = self.as_it_stands(&pulling.pull).await? else { return Ok(Step::Over) };
            pulling.pull = pull;
        }
        let knowledge = self.store.knowledge(&self.memory).await?;
        let walk = match pulling.walk.take() {
            Some(walk) => Some(walk),
            None => self.begin(&pulling.pull, &knowledge, now).await?,
        };
        let Some(mut walk) = walk else { return self.end(pulling).await };
        if self.look_at_page(pulling, &mut walk, &knowledge, now).await? {
            pulling.walk = Some(walk);
            return Ok(Step::More);
        }
        if !walk.from_the_start {
            pulling.pull.position = None;
            self.store.keep_place(&pulling.pull, None).await?;
            return Ok(Step::More);
        }
        if pulling.awaited.is_empty() { self.end(pulling).await } else { Ok(Step::Waits) }
    }

    /// Leaves a pull for the next sweep.
    pub(crate) async fn rest(&self, pulling: Pulling) -> Result<(), Error> {
        let Some(walk) = pulling.walk else { return Ok(()) };
        Ok(self.store.keep_place(&pulling.pull, walk.position.as_ref()).await?)
    }

    async fn end(&self, pulling: &Pulling) -> Result<Step, Error> {
        let ended = self.store.end_pull(&pulling.pull).await?;
        if ended && pulling.looked_at > 0 {
            let seller = match &pulling.pull.freed {
                Freed::Seller(id) => Some(id.as_str()),
                Freed::Anybody => None,
            };
            info!(seller.id = seller, looked_at = pulling.looked_at, asked_for = pulling.asked_for, "pull");
        }
        // Freed again since, or ended by somebody else: the next step sees which.
        Ok(if ended { Step::Over } else { Step::More })
    }

    async fn as_it_stands(&self, pull: &Pull) -> Result<Option<Pull>, Error> {
        match self.store.to_do_at(&pull.sort_key()).await? {
            Some(ToDo::Pull(pull)) => Ok(Some(pull)),
            _ => Ok(None),
        }
    }

    async fn any_waits(&self, awaited: &[RecordKey], now: Timestamp) -> Result<bool, Error> {
        if awaited.is_empty() {
            return Ok(false);
        }
        Ok(self.store.records(awaited, now).await?.iter().any(|stored| stored.record.waits()))
    }

    /// Begins a walk, if the freed could take records and some wait that they could take.
    async fn begin(&self, pull: &Pull, knowledge: &Knowledge, now: Timestamp) -> Result<Option<Walk>, Error> {
        let organisation = &knowledge.organisation;
        let rules: Vec<OfType> = organisation
            .rulebooks
            .iter()
            .flat_map(|(name, rulebook)| rulebook.rules().map(|ready| (name.clone(), ready.rule.id.clone())))
            .collect();
        let open: Vec<&OfType> = match &pull.freed {
            Freed::Anybody => rules.iter().collect(),
            Freed::Seller(id) => {
                let Some(seller) = knowledge.sellers.iter().find(|seller| seller.id == *id) else { return Ok(None) };
                let state = self.store.seller_states(std::slice::from_ref(id)).await?.remove(id).unwrap_or_default();
                let member = Member { seller: Arc::clone(seller), state, subject: None };
                open_rules(organisation, &[member], now, &rules).into_iter().collect()
            }
        };
        let mut sought = Vec::new();
        for record_type in organisation.rulebooks.keys().filter(|name| open.iter().any(|(of, _)| of == *name)) {
            let found = self.store.sought(record_type).await?.into_keys();
            let of_type = |sought: Sought| ((record_type.clone(), sought.rule.clone()), sought);
            // Whatever the reason: it is that of its last decision, and may be another one by now.
            sought.extend(found.map(of_type).filter(|(rule, _)| open.contains(&rule)));
        }
        if sought.is_empty() {
            return Ok(None);
        }
        let roster = self.store.roster(knowledge, now).await?;
        Ok(Some(Walk {
            look: Look::new(pull.freed.clone(), roster),
            sought,
            position: pull.position.clone(),
            page: FIRST_PAGE,
            looked_at: 0,
            from_the_start: pull.position.is_none(),
        }))
    }

    /// Looks at the next page; whether there is another one to look at.
    async fn look_at_page(
        &self,
        pulling: &mut Pulling,
        walk: &mut Walk,
        knowledge: &Knowledge,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let open = walk.look.open_rules(&knowledge.organisation, now, walk.sought.iter().map(|(rule, _)| rule));
        let open = walk.sought.iter().filter(|(rule, _)| open.contains(rule)).map(|(_, sought)| sought);
        let listing = Listing::waiting(open);
        let (keys, next) = self.store.index_page(&listing, walk.position.as_ref(), walk.page).await?;
        walk.looked_at += keys.len();
        pulling.looked_at += keys.len();
        walk.page = (walk.page * 2).min(LARGEST_PAGE);
        let (asked, met) = self.look(&mut walk.look, keys, knowledge, now).await?;
        pulling.asked_for += asked.len();
        pulling.awaited.extend(asked);
        pulling.awaited.extend(met);
        let over = next.is_none() || !pulling.pull.anew && walk.looked_at >= MOST_FOR_ROOM;
        walk.position = next;
        Ok(!over)
    }

    /// Asks again for those of these records that would find an owner, the oldest first. They, and those that wait to be
    /// decided already.
    pub(crate) async fn look(
        &self,
        look: &mut Look,
        keys: Vec<RecordKey>,
        knowledge: &Knowledge,
        now: Timestamp,
    ) -> Result<(Vec<RecordKey>, Vec<RecordKey>), Error> {
        let mut found = self.store.records(&keys, now).await?;
        // The index may have what waits no more.
        found.retain(|stored| stored.record.sought().is_some());
        found.sort_by(|a, b| (a.record.created_on, &a.record.key).cmp(&(b.record.created_on, &b.record.key)));
        let organisation = &knowledge.organisation;
        let page = self.store.arrivals(found, organisation, &knowledge.record_types, now).await?;
        let wait = page.iter().map(|waiting| &waiting.stored.record).filter(|record| record.waits());
        let met = wait.map(|record| record.key.clone()).collect();
        let present = Present { now, writer: 0, drawn: rand::random() };
        let asked = look.at(organisation, page.into_iter().map(|waiting| waiting.arrival).collect(), present);
        let keys = asked.iter().map(|record| record.key.clone()).collect();
        let ask = |record: Record| {
            let store = self.store.clone();
            async move { store.ask_again(&record, now).await }
        };
        all(asked, ask).await?;
        Ok((keys, met))
    }
}
