//! The things to do, gone on with in turn, a step of each, until none is left or time is up.

use std::future::Future;
use std::time::{Duration, SystemTime};

use lambda_runtime::Error;
use lambda_runtime::tracing::warn;
use store::segment_runs::Running;
use store::to_do::ToDo;
use tokio::task::JoinSet;

use crate::Waiting;
use crate::former_segments::Leaving;
use crate::pulls::Pulling;

/// So many records are asked for at once.
const AT_ONCE: usize = 16;

/// How long an invocation stays to see the last records decided. The sweep sees to longer waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it looks meanwhile.
const PAUSE: Duration = Duration::from_millis(100);

/// How a thing to do stands after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// There may be more to do at once.
    More,
    /// It waits for records to be decided.
    Waits,
    /// It is done, or somebody else works on it.
    Over,
}

/// A thing to do, as far as this invocation has come with it.
enum Work {
    Run(Running),
    Pull(Box<Pulling>),
    Leave(Leaving),
}

impl Work {
    fn new(to_do: ToDo) -> Self {
        match to_do {
            ToDo::Run(running) => Self::Run(running),
            ToDo::Pull(pull) => Self::Pull(Box::new(Pulling::new(pull))),
            ToDo::Leave(former) => Self::Leave(Leaving::new(former)),
        }
    }
}

impl Waiting {
    /// Works on everything there is to do.
    pub(crate) async fn see_to_all(&self, ends: SystemTime) -> Result<(), Error> {
        let to_do = self.store.to_do().await?;
        self.work(to_do, SystemTime::now(), ends).await
    }

    /// Works on the things to do of these sort keys.
    pub(crate) async fn see_to(
        &self,
        sort_keys: impl IntoIterator<Item = String>,
        ends: SystemTime,
    ) -> Result<(), Error> {
        let mut to_do = Vec::new();
        for sort_key in sort_keys {
            to_do.extend(self.store.to_do_at(&sort_key).await?);
        }
        self.work(to_do, SystemTime::now() + PATIENCE, ends).await
    }

    /// What only waits is looked at until `patient`.
    async fn work(&self, to_do: Vec<ToDo>, patient: SystemTime, ends: SystemTime) -> Result<(), Error> {
        let mut works: Vec<Work> = to_do.into_iter().map(Work::new).collect();
        while !works.is_empty() && SystemTime::now() < ends {
            let mut left = Vec::with_capacity(works.len());
            let mut more = false;
            for mut work in works {
                if SystemTime::now() >= ends {
                    left.push(work);
                    continue;
                }
                match self.step(&mut work).await {
                    Ok(Step::Over) => {}
                    Ok(step) => {
                        more |= step == Step::More;
                        left.push(work);
                    }
                    // One must not keep the others; the next sweep finds it again.
                    Err(error) => warn!(error = %error, "a thing to do could not be gone on with"),
                }
            }
            works = left;
            if !more {
                if SystemTime::now() >= patient {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        for work in works {
            if let Work::Pull(pulling) = work {
                self.rest(*pulling).await?;
            }
        }
        Ok(())
    }

    async fn step(&self, work: &mut Work) -> Result<Step, Error> {
        match work {
            Work::Run(running) => Ok(self.step_run(running).await?),
            Work::Pull(pulling) => self.step_pull(pulling).await,
            Work::Leave(leaving) => self.step_leaving(leaving).await,
        }
    }
}

/// Does the same with each of these, some at once.
pub(crate) async fn all<T, F>(each: impl IntoIterator<Item = T>, act: impl Fn(T) -> F) -> Result<(), store::Error>
where
    F: Future<Output = Result<(), store::Error>> + Send + 'static,
{
    let mut waiting = each.into_iter();
    let mut acting = JoinSet::new();
    loop {
        while acting.len() < AT_ONCE
            && let Some(next) = waiting.next()
        {
            acting.spawn(act(next));
        }
        match acting.join_next().await {
            Some(done) => done.expect("what is done to each neither panics nor is cancelled")?,
            None => return Ok(()),
        }
    }
}
