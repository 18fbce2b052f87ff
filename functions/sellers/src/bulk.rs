//! Many sellers at once.

use std::sync::Arc;

use api::shapes::record::{BatchResult, BatchResults};
use api::{Body, Problem};
use axum::Json;
use axum::extract::State;
use domain::seller::{Seller, SellerBulkDraft};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::capacity::override_needed;
use crate::service::Sellers;

/// How many sellers are changed at once.
const AT_ONCE: usize = 16;

/// `POST /v1/sellers/bulk` (ATTR-05, CAP-06).
pub(crate) async fn change(State(sellers): State<Arc<Sellers>>, Body(body): Body) -> api::Result<Json<BatchResults>> {
    let known = sellers.store.seller_attributes().await?;
    let draft = Arc::new(SellerBulkDraft::parse(&body, &known)?);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut changes = JoinSet::new();
    for (index, id) in draft.sellers.iter().cloned().enumerate() {
        let (store, draft, places) = (sellers.store.clone(), Arc::clone(&draft), Arc::clone(&places));
        changes.spawn(async move {
            let _place = places.acquire_owned().await.expect("the semaphore is never closed");
            let decide = |seen: &Seller| draft.applied_to(seen).ok_or_else(override_needed);
            match store.change_seller::<Problem>(&id, decide).await {
                Ok(_) => BatchResult::ok(index, id),
                Err(problem) => BatchResult::failed(index, Some(id), problem),
            }
        });
    }
    let mut results = changes.join_all().await;
    results.sort_unstable_by_key(|result| result.index);
    Ok(Json(BatchResults { results }))
}
