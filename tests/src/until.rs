//! Waiting for something to become true, with an end: the only way these tests wait.

use std::time::{Duration, Instant};

use anyhow::bail;

/// How often is looked.
const PAUSE: Duration = Duration::from_millis(15);

/// How long anything may take that has no stated time of its own; generous, for a busy machine.
pub const LONG: Duration = Duration::from_mins(4);

/// Looks until the answer is there and returns it.
///
/// # Errors
/// When it is not there in time, naming what was waited for; or when looking fails.
pub async fn found<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let end = Instant::now() + within;
    loop {
        if let Some(answer) = look().await? {
            return Ok(answer);
        }
        if Instant::now() >= end {
            bail!("not within {within:?}: {what}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Looks until the condition holds.
///
/// # Errors
/// As [`found`].
pub async fn until(
    what: &str,
    within: Duration,
    mut condition: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    found(what, within, async || Ok(condition().await?.then_some(()))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_never_comes_is_named() {
        let error = until("the moon falls", Duration::from_millis(40), async || Ok(false)).await.unwrap_err();
        assert!(error.to_string().contains("the moon falls"), "{error}");
    }

    #[tokio::test]
    async fn what_comes_late_is_seen() {
        let mut looks = 0;
        until("the third look", LONG, async || {
            looks += 1;
            Ok(looks == 3)
        })
        .await
        .unwrap();
        assert_eq!(looks, 3);
    }
}
