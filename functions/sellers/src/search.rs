//! Looking for sellers by a condition.

use std::sync::Arc;

use api::shapes::seller::Seller as Shape;
use api::{Authorized, Body, Page, Paging, Problem};
use axum::extract::State;
use domain::condition::{Context, CurrentUser, Moment, Schema};
use domain::id::{RecordType, SellerId};
use domain::seller::{Seller, parse_search};
use domain::subject::Subject;
use tokio::task::JoinSet;

use crate::service::Sellers;

/// How many sellers are looked at together.
const AT_ONCE: usize = 16;

/// `POST /v1/sellers/search`: in the order of their ids (ELIG-06). The condition may ask for the current user (COND-32).
pub(crate) async fn search(
    State(sellers): State<Arc<Sellers>>,
    authorized: Authorized,
    paging: Paging,
    Body(body): Body,
) -> api::Result<Page<Shape>> {
    let knowledge = sellers.store.knowledge(&sellers.memory).await?;
    let settings = &knowledge.organisation.settings;
    let definition = knowledge.record_types.get(&RecordType::from("seller"));
    let definition = definition.expect("sellers are described from the start");
    let values = knowledge.seller_attributes.values();
    let schema = Schema::new(definition, &knowledge.record_types).with_attributes(&values).with_current_user();
    let condition = parse_search(&body, &schema, &settings.limits)?;
    let asked = digest(&condition.to_json().to_string());
    let from = match paging.position::<(SellerId, u64)>()? {
        Some((from, of)) if of == asked => Some(from),
        Some(_) => return Err(Problem::unreadable_page_token()),
        None => None,
    };
    let id = SellerId::new(&authorized.caller.sub);
    let caller = knowledge.sellers.iter().find(|seller| seller.id == id);
    let user = CurrentUser { teams: caller.map(|seller| seller.team_ids.clone()).unwrap_or_default(), id };

    let (reads, compiled, now) = (Arc::new(condition.reads()), condition.compile(), sellers.clock.now());
    let left = knowledge.sellers.iter().filter(|seller| from.as_ref().is_none_or(|from| seller.id > *from));
    let left: Vec<Arc<Seller>> = left.cloned().collect();
    let mut found: Vec<Seller> = vec![];
    for together in left.chunks(AT_ONCE) {
        if found.len() > paging.limit {
            break;
        }
        let mut loads = JoinSet::new();
        for (index, seller) in together.iter().cloned().enumerate() {
            let (store, reads, knowledge) = (sellers.store.clone(), Arc::clone(&reads), Arc::clone(&knowledge));
            loads.spawn(async move { (index, store.seller_subject(&seller, &reads, &knowledge, now).await) });
        }
        let mut subjects: Vec<(usize, Subject)> = vec![];
        for (index, subject) in loads.join_all().await {
            subjects.extend(subject?.map(|subject| (index, subject)));
        }
        subjects.sort_unstable_by_key(|(index, _)| *index);
        let moment = Moment::new(now, settings.time_zone.clone(), settings.first_weekday);
        let context = Context::at(&moment).seen_by(&user);
        let fits = subjects.iter().filter(|(_, subject)| compiled.matches(subject, &context).is_ok());
        found.extend(fits.map(|(index, _)| together[*index].as_ref().clone()));
    }
    let next = paging.cut(&mut found, |seller| (seller.id.clone(), asked));
    Ok(paging.page(sellers.answer(found, &authorized).await?, next.as_ref()))
}

/// Tells one condition from another (FNV-1a, 64 bits): the token of a page is good for its own search only.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
