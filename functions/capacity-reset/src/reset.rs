//! Goes on with the round through all sellers (CAP-09, CAP-11): opens the periods that have begun in the organisation's
//! zone, takes a look at what each seller holds, and looks again at who is under suspicion.
//!
//! Being called each minute it mostly finds nothing to do. Opening a period changes no decision, because what is known
//! of an earlier period counts as nothing; it makes the present one visible where the state is kept.

use std::time::{Duration, SystemTime};

use domain::id::{RecordType, SellerId};
use domain::recount::{Figures, PAGE, Round};
use jiff::Timestamp;
use lambda_runtime::tracing::info;
use serde::{Deserialize, Serialize};
use store::knowledge::{Knowledge, Memory};
use store::recount::Suspects;
use store::rounds::Lease;
use store::{Clock, Error, Store};

/// A page is begun only if an invocation has this much time left, so that the timeout never cuts one short.
const RESERVE: Duration = Duration::from_secs(15);

/// The event, of the schedule or of somebody who asks: `{"recount": "due"}` or `{"recount": "now"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    recount: When,
}

/// Whether a round is wanted.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum When {
    /// When it is due.
    Due,
    /// Now, whenever the last one was. Whom it suspects the schedule looks at again, a minute later at the
    /// soonest.
    Now,
}

/// What one process of this function keeps.
#[derive(Debug)]
pub(crate) struct Reset {
    store: Store,
    clock: Clock,
    memory: Memory,
}

/// What an invocation did.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Done {
    #[serde(flatten)]
    figures: Figures,
    /// Who is under suspicion now.
    suspects: usize,
}

impl Reset {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, memory: Memory::default() }
    }

    pub(crate) async fn run(&self, ask: &Ask, deadline: SystemTime) -> Result<Done, lambda_runtime::Error> {
        if ask.recount == When::Now {
            self.store.ask_for_round(self.clock.now()).await?;
        }
        let knowledge = self.store.knowledge(&self.memory).await?;
        let suspects = self.store.suspects().await?;
        let now = self.clock.now();
        if due_again(&suspects, now).is_empty() && self.present_round(&knowledge).await?.finished_at.is_some() {
            return Ok(Done { suspects: suspects.len(), ..Done::default() });
        }
        // The lease is as long as the invocation can last, so it never outlives a process that died.
        let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
        let Some(lease) = self.store.lease_round(now, now.checked_add(left)?).await? else {
            info!("another invocation is at the round");
            return Ok(Done { suspects: suspects.len(), ..Done::default() });
        };
        let done = self.go_on(&knowledge, &lease, deadline - RESERVE).await;
        self.store.release_round(lease).await?;
        Ok(done?)
    }

    /// The round to go on with, as known or begun anew.
    async fn present_round(&self, knowledge: &Knowledge) -> Result<Round, Error> {
        let rounds = self.store.rounds().await?;
        let (now, zone) = (self.clock.now(), &knowledge.organisation.settings.time_zone);
        let known = rounds.latest.filter(|round| !round.is_over(rounds.asked_at, now, zone));
        Ok(known.unwrap_or_else(|| Round::begin(now, zone)))
    }

    /// Under the lease: looks again at suspects, then goes through the pages of the round, until there is nothing left or
    /// time is up. The next invocation goes on from the last page that was written down.
    async fn go_on(&self, knowledge: &Knowledge, lease: &Lease, ends: SystemTime) -> Result<Done, Error> {
        let types: Vec<RecordType> = knowledge.organisation.rulebooks.keys().cloned().collect();
        let mut suspects = self.store.suspects().await?;
        let mut done = Done::default();
        for page in due_again(&suspects, self.clock.now()).chunks(PAGE) {
            if SystemTime::now() >= ends {
                break;
            }
            done.figures += self.recount(page, &mut suspects, &types, knowledge).await?;
        }
        let mut round = self.present_round(knowledge).await?;
        while round.finished_at.is_none() && SystemTime::now() < ends {
            let page = round.page(&knowledge.sellers);
            let ids: Vec<SellerId> = page.iter().map(|seller| seller.id.clone()).collect();
            let figures = self.recount(&ids, &mut suspects, &types, knowledge).await?;
            done.figures += figures;
            round = round.after(page, figures, self.clock.now());
            match self.store.put_round(lease, &round).await {
                Ok(()) => {}
                // The lease ended and somebody else goes on with the round. What was put right stays so.
                Err(Error::Conflict) => break,
                Err(error) => return Err(error),
            }
        }
        done.suspects = suspects.len();
        let Figures { looks, void, suspected, repaired, opened } = done.figures;
        let (started, behind) = (round.started_at.to_string(), round.behind.as_ref().map(SellerId::as_str));
        let (finished, suspects) = (round.finished_at.is_some(), done.suspects);
        info!(
            round.started_at = started,
            round.behind = behind,
            round.finished = finished,
            round.looks = round.figures.looks,
            looks,
            void,
            suspected,
            repaired,
            opened,
            suspects,
            "recount"
        );
        Ok(done)
    }

    /// Reads these sellers, opens the periods that have begun for them and recounts them.
    async fn recount(
        &self,
        ids: &[SellerId],
        suspects: &mut Suspects,
        types: &[RecordType],
        knowledge: &Knowledge,
    ) -> Result<Figures, Error> {
        let now = self.clock.now();
        let states = self.store.seller_states(ids).await?;
        let settings = &knowledge.organisation.settings;
        let mut opened = 0;
        for (id, state) in &states {
            let Ok(position) = knowledge.sellers.binary_search_by(|seller| seller.id.cmp(id)) else { continue };
            let capacity = &knowledge.sellers[position].capacity;
            let Some(with_present) = state.opened(capacity, now, settings) else { continue };
            opened += u64::from(self.store.open_period(id, &state.in_periods, &with_present).await?);
        }
        let mut figures = Figures { opened, ..Figures::default() };
        let recounted = self.store.recount(states, suspects, types, now, &mut figures).await;
        telemetry::drift(figures.repaired);
        recounted.map(|()| figures)
    }
}

/// Who is to be looked at again.
fn due_again(suspects: &Suspects, now: Timestamp) -> Vec<SellerId> {
    suspects.values().filter(|look| look.is_due_again(now)).map(|look| look.seller.clone()).collect()
}
