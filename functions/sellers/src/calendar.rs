//! A seller's calendar (AVAIL-*). Its entries lie in the seller, so that whoever decides has them at hand.

use std::sync::Arc;

use api::{Authorized, Body, Created, Deleted, IfMatch, Page, Paging, Path, Problem, Seed, Versioned};
use axum::extract::State;
use domain::calendar::{Calendar, Entry, EntryDraft, MAX_ENTRIES};
use domain::id::{CalendarEntryId, SellerId};
use domain::seller::Seller;

use crate::reach::Reach;
use crate::service::Sellers;

/// Who may change whose calendar.
struct Editing {
    reach: Reach,
    /// Sellers may change their own (SET-10).
    own: bool,
}

impl Editing {
    async fn of(sellers: &Sellers, authorized: Authorized) -> api::Result<Self> {
        let own = sellers.store.settings().await?.sellers_may_edit_calendar;
        Ok(Self { reach: Reach::of(sellers, authorized).await?, own })
    }

    fn check(&self, seller: &Seller) -> api::Result<()> {
        self.reach.check_calendar(seller, self.own)
    }
}

fn entry<'a>(calendar: &'a Calendar, id: &CalendarEntryId) -> api::Result<&'a Entry> {
    calendar.entry(id).ok_or_else(Problem::not_found)
}

/// `GET /v1/sellers/{id}/calendar`: in the order of their creation.
pub(crate) async fn list(
    State(sellers): State<Arc<Sellers>>,
    Path(id): Path<SellerId>,
    authorized: Authorized,
    paging: Paging,
) -> api::Result<Page<Entry>> {
    let seller = sellers.seller(&id).await?;
    Reach::of(&sellers, authorized).await?.check_calendar(&seller, true)?;
    let from = paging.position::<usize>()?.unwrap_or(0);
    let left = seller.calendar.entries().get(from..).unwrap_or_default();
    let next = (left.len() > paging.limit).then_some(from + paging.limit);
    Ok(paging.page(left.iter().take(paging.limit).cloned().collect(), next.as_ref()))
}

/// `POST /v1/sellers/{id}/calendar`.
pub(crate) async fn create(
    State(sellers): State<Arc<Sellers>>,
    Path(id): Path<SellerId>,
    authorized: Authorized,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Created<Entry>> {
    let editing = Editing::of(&sellers, authorized).await?;
    editing.check(&sellers.seller(&id).await?)?;
    let new = EntryDraft::parse(&body, None)?.into_entry(CalendarEntryId::new(seed.id(0)));
    let decide = |seen: &Seller| {
        editing.check(seen)?;
        if seen.calendar.entry(&new.id).is_some() {
            // An earlier run of this very request created it.
            return Ok(seen.clone());
        }
        if seen.calendar.entries().len() >= MAX_ENTRIES {
            let message = format!("a calendar has at most {MAX_ENTRIES} entries; delete some that are over");
            return Err(Problem::conflict("tooManyEntries", message));
        }
        Ok(Seller { calendar: seen.calendar.with(new.clone()), ..seen.clone() })
    };
    let seller = sellers.store.change_seller::<Problem>(&id, decide).await?;
    let resource = entry(&seller.calendar, &new.id)?.clone();
    let location = format!("/v1/sellers/{id}/calendar/{}", new.id);
    Ok(Created { location, version: resource.version, resource })
}

/// `PUT /v1/sellers/{id}/calendar/{entryId}`.
pub(crate) async fn replace(
    State(sellers): State<Arc<Sellers>>,
    Path((id, entry_id)): Path<(SellerId, CalendarEntryId)>,
    authorized: Authorized,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<Entry>> {
    let editing = Editing::of(&sellers, authorized).await?;
    let present = sellers.seller(&id).await?;
    editing.check(&present)?;
    let draft = EntryDraft::parse(&body, Some(entry(&present.calendar, &entry_id)?))?;
    let decide = |seen: &Seller| {
        editing.check(seen)?;
        let known = entry(&seen.calendar, &entry_id)?;
        if_match.check(known.version)?;
        Ok(Seller { calendar: seen.calendar.with(draft.applied_to(known)), ..seen.clone() })
    };
    let seller = sellers.store.change_seller::<Problem>(&id, decide).await?;
    let resource = entry(&seller.calendar, &entry_id)?.clone();
    Ok(Versioned { version: resource.version, resource })
}

/// `DELETE /v1/sellers/{id}/calendar/{entryId}`.
pub(crate) async fn delete(
    State(sellers): State<Arc<Sellers>>,
    Path((id, entry_id)): Path<(SellerId, CalendarEntryId)>,
    authorized: Authorized,
    if_match: IfMatch,
) -> api::Result<Deleted> {
    let editing = Editing::of(&sellers, authorized).await?;
    let decide = |seen: &Seller| {
        editing.check(seen)?;
        if_match.check(entry(&seen.calendar, &entry_id)?.version)?;
        Ok(Seller { calendar: seen.calendar.without(&entry_id), ..seen.clone() })
    };
    sellers.store.change_seller::<Problem>(&id, decide).await?;
    Ok(Deleted)
}
