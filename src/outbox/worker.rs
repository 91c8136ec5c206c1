//! The thread that writes for those that must not wait for a disk, such as the network thread. It
//! is started when there is something to write, and ends when there was nothing for a while.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::{Error, Result};
use crate::process::fork::{lock, PerProcess};
use crate::process::{panic, threads};
use crate::status::Status;

type Job = Box<dyn FnOnce() + Send>;

/// How long the thread waits for more.
const IDLE: Duration = Duration::from_secs(2);

static WORKER: PerProcess<Worker> = PerProcess::new();

#[derive(Default)]
struct Worker {
    queue: Mutex<Queue>,
    added: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    is_running: bool,
}

/// Where a part of the outbox runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// On a thread of the application, which may wait.
    Here,
    /// On the network thread.
    NetworkThread,
}

impl Place {
    /// Runs a job that waits for the disk, and returns its result.
    pub async fn run<R: Send + 'static>(
        self,
        job: impl FnOnce() -> Result<R> + Send + 'static,
    ) -> Result<R> {
        if self == Place::Here {
            return job();
        }
        let (sender, receiver) = oneshot::channel();
        run_later(Box::new(move || drop(sender.send(job()))));
        let lost = |_| {
            Error::new(
                Status::Internal,
                "internal error: the outbox's thread ended",
            )
        };
        receiver.await.map_err(lost)?
    }

    /// Runs a job that waits for the disk, now or soon.
    pub fn run_soon(self, job: impl FnOnce() + Send + 'static) {
        match self {
            Place::Here => job(),
            Place::NetworkThread => run_later(Box::new(job)),
        }
    }
}

/// Adds a job for the thread.
pub fn run_later(job: Job) {
    let worker = WORKER.get(Worker::default);
    let mut queue = lock(&worker.queue);
    queue.jobs.push_back(job);
    if queue.is_running {
        worker.added.notify_one();
        return;
    }
    let own = worker.clone();
    match threads::spawn("cbsvc-outbox", move || own.work()) {
        Ok(_) => queue.is_running = true,
        // Without a thread, waiting here is better than losing the job.
        Err(_) => {
            let jobs: Vec<Job> = queue.jobs.drain(..).collect();
            drop(queue);
            jobs.into_iter().for_each(|job| drop(panic::catch(job)));
        }
    }
}

impl Worker {
    fn work(self: Arc<Worker>) {
        let mut queue = lock(&self.queue);
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                let _ = panic::catch(job);
                queue = lock(&self.queue);
                continue;
            }
            let (after, waited) = self
                .added
                .wait_timeout(queue, IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            queue = after;
            if waited.timed_out() && queue.jobs.is_empty() {
                queue.is_running = false;
                return;
            }
        }
    }
}
