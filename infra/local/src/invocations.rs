//! The invocations of one function: which wait, which process holds which, and what became of each.
//!
//! This is the state behind the Lambda runtime API and knows no HTTP and no operating-system process. An invocation
//! is answered exactly once: by its process, by that process's end, or by its time-out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rand::RngExt;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, oneshot};

use crate::invoke::InvokeOutcome;

/// The number of a process among those of its function, counted from 1 and never used again.
pub type ProcessNumber = u64;

/// One function's invocations and the processes that take them.
pub struct Invocations {
    timeout: Duration,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    processes: BTreeMap<ProcessNumber, Process>,
    counts: Counts,
    kill_order: Option<KillOrder>,
}

struct Waiting {
    id: String,
    payload: Vec<u8>,
    answer: oneshot::Sender<InvokeOutcome>,
}

struct Process {
    pid: Option<u32>,
    kill: Arc<Notify>,
    /// It has been killed but may not know yet: what it still says does not count.
    doomed: bool,
    ready: bool,
    deliveries: u64,
    held: Option<Held>,
}

struct Held {
    id: String,
    answer: oneshot::Sender<InvokeOutcome>,
}

/// How many invocations ended in which way since the stack started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Handed to a process.
    pub delivered: u64,
    /// Answered.
    pub succeeded: u64,
    /// Answered with an error.
    pub failed: u64,
    /// Lost with their process.
    pub crashed: u64,
    /// Not answered in time.
    pub timed_out: u64,
}

/// An order to kill the process that gets the n-th invocation from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KillOrder {
    /// Which delivery it is: 1 is the next one.
    pub after_deliveries: u64,
    /// How long the process lives on with that invocation, in milliseconds of real time.
    #[serde(default)]
    pub delay_milliseconds: u64,
}

/// What a process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Activity {
    /// It has not asked for an invocation yet.
    Starting,
    /// It waits for an invocation.
    Idle,
    /// It holds an invocation.
    Busy,
}

/// One process as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessView {
    /// Its number among those of the function.
    pub number: ProcessNumber,
    /// Its id in the operating system.
    pub pid: Option<u32>,
    /// What it is doing.
    pub activity: Activity,
    /// How many invocations it has been handed.
    pub deliveries: u64,
}

/// Everything about one function's invocations at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// How many invocations wait for a process.
    pub waiting: usize,
    /// The processes, oldest first.
    pub processes: Vec<ProcessView>,
    /// What became of the invocations so far.
    pub counts: Counts,
}

/// An invocation in the hands of a process.
#[derive(Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The request id.
    pub id: String,
    /// The event, JSON.
    pub payload: Vec<u8>,
}

/// A process that was never admitted, or has ended.
struct NotOurs;

/// What the end of a process leaves to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Whether it ever asked for an invocation.
    pub was_ready: bool,
    /// Whether it took an invocation with it.
    pub held_an_invocation: bool,
}

impl Invocations {
    /// No invocations yet, of a function with this time-out.
    #[must_use]
    pub fn new(timeout: Duration) -> Arc<Self> {
        Arc::new(Self { timeout, state: Mutex::default(), arrived: Notify::new() })
    }

    /// The function's time-out.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Lets an event wait for a process. The receiver ends without a value only when the stack stops.
    pub fn submit(&self, payload: Vec<u8>) -> oneshot::Receiver<InvokeOutcome> {
        let (answer, outcome) = oneshot::channel();
        self.lock().waiting.push_back(Waiting { id: request_id(), payload, answer });
        self.arrived.notify_waiters();
        outcome
    }

    /// How many further processes could start work at once.
    #[must_use]
    pub fn processes_wanted(&self, maximum: usize) -> usize {
        let state = self.lock();
        let free = state.processes.values().filter(|process| process.held.is_none()).count();
        let wanted = state.waiting.len().saturating_sub(free);
        wanted.min(maximum.saturating_sub(state.processes.len()))
    }

    /// Introduces a process that was started, with its id in the operating system; `kill` is notified when it has to go.
    pub fn admit(&self, number: ProcessNumber, pid: Option<u32>, kill: Arc<Notify>) {
        let process = Process { pid, kill, doomed: false, ready: false, deliveries: 0, held: None };
        self.lock().processes.insert(number, process);
    }

    /// Waits until there is an invocation for this process. `None` when it is not (or no longer) one of ours.
    pub async fn next(self: &Arc<Self>, number: ProcessNumber) -> Option<Delivery> {
        loop {
            // Listening begins before looking: an arrival in between is not missed.
            let arrival = self.arrived.notified();
            tokio::pin!(arrival);
            arrival.as_mut().enable();
            match self.take(number) {
                Ok(Some(delivery)) => return Some(delivery),
                Ok(None) => arrival.await,
                Err(NotOurs) => return None,
            }
        }
    }

    fn take(self: &Arc<Self>, number: ProcessNumber) -> Result<Option<Delivery>, NotOurs> {
        let mut state = self.lock();
        let State { waiting, processes, counts, kill_order } = &mut *state;
        let process = processes.get_mut(&number).filter(|process| !process.doomed).ok_or(NotOurs)?;
        process.ready = true;
        // A process that asks again without an answer has given its invocation up.
        if let Some(abandoned) = process.held.take() {
            counts.crashed += 1;
            let _ = abandoned.answer.send(InvokeOutcome::Crashed);
        }
        let Some(Waiting { id, payload, answer }) = waiting.pop_front() else { return Ok(None) };
        process.held = Some(Held { id: id.clone(), answer });
        process.deliveries += 1;
        counts.delivered += 1;
        let killed_after = kill_order.as_mut().and_then(|order| {
            order.after_deliveries = order.after_deliveries.saturating_sub(1);
            (order.after_deliveries == 0).then(|| Duration::from_millis(order.delay_milliseconds))
        });
        if let Some(delay) = killed_after {
            *kill_order = None;
            if delay.is_zero() {
                process.doom();
            } else {
                let this = Arc::clone(self);
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    if let Some(process) = this.lock().processes.get_mut(&number) {
                        process.doom();
                    }
                });
            }
        }
        drop(state);
        let this = Arc::clone(self);
        let held = id.clone();
        tokio::spawn(async move {
            tokio::time::sleep(this.timeout).await;
            this.expire(number, &held);
        });
        Ok(Some(Delivery { id, payload }))
    }

    /// Ends an invocation with what its process says. False when that process does not hold it (any more).
    pub fn answer(&self, number: ProcessNumber, id: &str, outcome: InvokeOutcome) -> bool {
        let mut state = self.lock();
        let State { processes, counts, .. } = &mut *state;
        let process = processes.get_mut(&number).filter(|process| !process.doomed);
        let Some(held) = process.and_then(|process| process.held.take_if(|held| held.id == id)) else {
            return false;
        };
        match &outcome {
            InvokeOutcome::Ok(_) => counts.succeeded += 1,
            InvokeOutcome::FunctionError(_) => counts.failed += 1,
            InvokeOutcome::Crashed => counts.crashed += 1,
            InvokeOutcome::TimedOut => counts.timed_out += 1,
        }
        // Nobody may be waiting for the outcome any more: a client that went away.
        let _ = held.answer.send(outcome);
        true
    }

    fn expire(&self, number: ProcessNumber, id: &str) {
        if self.answer(number, id, InvokeOutcome::TimedOut)
            && let Some(process) = self.lock().processes.get_mut(&number)
        {
            process.doom();
        }
    }

    /// Takes leave of a process that ended; the invocation it held, if any, has crashed.
    pub fn ended(&self, number: ProcessNumber) -> Option<Ended> {
        let mut state = self.lock();
        let process = state.processes.remove(&number)?;
        let ended = Ended { was_ready: process.ready, held_an_invocation: process.held.is_some() };
        if let Some(held) = process.held {
            state.counts.crashed += 1;
            let _ = held.answer.send(InvokeOutcome::Crashed);
        }
        // The process can't even start: whoever waited longest learns it instead of waiting for ever.
        if !ended.was_ready
            && state.processes.is_empty()
            && let Some(oldest) = state.waiting.pop_front()
        {
            state.counts.crashed += 1;
            let _ = oldest.answer.send(InvokeOutcome::Crashed);
        }
        drop(state);
        // The process's request for an invocation may still be waiting; it finds itself gone.
        self.arrived.notify_waiters();
        Some(ended)
    }

    /// Whether this process is still starting.
    #[must_use]
    pub fn is_starting(&self, number: ProcessNumber) -> bool {
        self.lock().processes.get(&number).is_some_and(|process| !process.ready)
    }

    /// Kills one process now, a busy one if there is one. False when there is none.
    pub fn kill_one(&self) -> bool {
        let mut state = self.lock();
        let victim = state.processes.values_mut().max_by_key(|process| process.held.is_some());
        victim.map(Process::doom).is_some()
    }

    /// Kills the process that gets the n-th invocation from now on.
    pub fn order_kill(&self, order: KillOrder) {
        self.lock().kill_order = Some(order);
    }

    /// Kills every process and lets go of what waits.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.waiting.clear();
        state.processes.values_mut().for_each(Process::doom);
    }

    /// Everything at this instant.
    #[must_use]
    pub fn view(&self) -> View {
        let state = self.lock();
        let processes = state.processes.iter().map(|(&number, process)| ProcessView {
            number,
            pid: process.pid,
            activity: match process {
                Process { held: Some(_), .. } => Activity::Busy,
                Process { ready: true, .. } => Activity::Idle,
                Process { ready: false, .. } => Activity::Starting,
            },
            deliveries: process.deliveries,
        });
        View { waiting: state.waiting.len(), processes: processes.collect(), counts: state.counts }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds this lock")
    }
}

impl Process {
    fn doom(&mut self) {
        self.doomed = true;
        self.kill.notify_one();
    }
}

/// A request id of the form that Lambda gives: a random UUID.
fn request_id() -> String {
    let random: u128 = rand::rng().random();
    let version_and_variant = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let digits = format!("{version_and_variant:032x}");
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function() -> Arc<Invocations> {
        Invocations::new(Duration::from_mins(1))
    }

    #[tokio::test]
    async fn invocations_are_delivered_in_order_and_answered_once() {
        let function = function();
        function.admit(1, None, Arc::default());
        let first = function.submit(b"1".to_vec());
        let _second = function.submit(b"2".to_vec());
        let delivery = function.next(1).await.unwrap();
        assert_eq!(delivery.payload, b"1");
        assert!(function.answer(1, &delivery.id, InvokeOutcome::Ok(b"one".to_vec())));
        assert!(!function.answer(1, &delivery.id, InvokeOutcome::Ok(b"again".to_vec())));
        assert_eq!(first.await.unwrap(), InvokeOutcome::Ok(b"one".to_vec()));
        assert_eq!(function.next(1).await.unwrap().payload, b"2");
    }

    #[tokio::test]
    async fn a_process_that_ends_takes_its_invocation_with_it_and_no_other() {
        let function = function();
        function.admit(1, None, Arc::default());
        let lost = function.submit(b"lost".to_vec());
        let _kept = function.submit(b"kept".to_vec());
        function.next(1).await.unwrap();
        assert_eq!(function.ended(1), Some(Ended { was_ready: true, held_an_invocation: true }));
        assert_eq!(lost.await.unwrap(), InvokeOutcome::Crashed);
        assert_eq!(function.next(1).await, None, "a process that is gone gets nothing");
        function.admit(2, None, Arc::default());
        assert_eq!(function.next(2).await.unwrap().payload, b"kept");
    }

    #[tokio::test]
    async fn a_process_that_never_starts_fails_the_oldest_invocation() {
        let function = function();
        function.admit(1, None, Arc::default());
        let outcome = function.submit(b"{}".to_vec());
        function.ended(1);
        assert_eq!(outcome.await.unwrap(), InvokeOutcome::Crashed);
    }

    #[tokio::test]
    async fn an_invocation_that_takes_too_long_times_out_and_its_process_is_killed() {
        let function = Invocations::new(Duration::from_millis(20));
        let kill = Arc::new(Notify::new());
        function.admit(1, None, Arc::clone(&kill));
        let outcome = function.submit(b"{}".to_vec());
        let delivery = function.next(1).await.unwrap();
        assert_eq!(outcome.await.unwrap(), InvokeOutcome::TimedOut);
        kill.notified().await;
        assert!(!function.answer(1, &delivery.id, InvokeOutcome::Ok(Vec::new())), "too late");
        assert_eq!(function.view().counts.timed_out, 1);
    }

    #[tokio::test]
    async fn a_kill_order_hits_the_process_that_gets_the_nth_invocation() {
        let function = function();
        let (first, second) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        function.admit(1, None, Arc::clone(&first));
        function.admit(2, None, Arc::clone(&second));
        function.order_kill(KillOrder { after_deliveries: 2, delay_milliseconds: 5 });
        let outcomes = [function.submit(Vec::new()), function.submit(Vec::new())];
        let spared = function.next(1).await.unwrap();
        let hit = function.next(2).await.unwrap();
        second.notified().await;
        assert!(function.answer(1, &spared.id, InvokeOutcome::Ok(Vec::new())));
        assert!(!function.answer(2, &hit.id, InvokeOutcome::Ok(Vec::new())), "a killed process says nothing");
        assert_eq!(function.next(2).await, None);
        function.ended(2);
        let [_, lost] = outcomes;
        assert_eq!(lost.await.unwrap(), InvokeOutcome::Crashed);
        assert!(tokio::time::timeout(Duration::from_millis(50), first.notified()).await.is_err());
    }

    #[test]
    fn more_processes_are_wanted_only_for_what_waits_and_up_to_the_maximum() {
        let function = function();
        assert_eq!(function.processes_wanted(4), 0);
        function.admit(1, None, Arc::default());
        let _waiting: Vec<_> = (0..3).map(|_| function.submit(Vec::new())).collect();
        assert_eq!(function.processes_wanted(4), 2);
        assert_eq!(function.processes_wanted(2), 1);
        assert_eq!(function.processes_wanted(1), 0);
    }

    #[test]
    fn a_request_id_is_a_random_uuid() {
        let id = request_id();
        assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_eq!(id.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&id.as_bytes()[19]));
    }
}
