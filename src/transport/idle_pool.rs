//! Pool of idle connections.

use std::sync::Mutex;

use tokio::time::Instant;

use crate::process::fork::lock;

/// Idle connections, the most recently used last.
pub struct IdlePool<T> {
    idle: Mutex<Vec<Idle<T>>>,
    max: usize,
}

struct Idle<T> {
    expires_at: Instant,
    connection: T,
}

impl<T> IdlePool<T> {
    /// A pool that keeps no more than this many connections.
    pub fn new(max: usize) -> IdlePool<T> {
        IdlePool {
            idle: Mutex::default(),
            max,
        }
    }

    /// The most recently used connection that has not expired. Closes those that have.
    pub fn checkout(&self) -> Option<T> {
        let now = Instant::now();
        let mut idle = lock(&self.idle);
        let expired = take_expired(&mut idle, now);
        let newest = idle.pop();
        drop(idle);
        drop(expired);
        newest.map(|newest| newest.connection)
    }

    /// Keeps a connection. If there are too many, the least recently used one is closed.
    pub fn put(&self, connection: T, expires_at: Instant) {
        let mut idle = lock(&self.idle);
        let oldest = (idle.len() >= self.max && self.max > 0).then(|| idle.remove(0));
        idle.push(Idle {
            expires_at,
            connection,
        });
        drop(idle);
        drop(oldest);
    }

    /// Closes the connections that have expired, or are not to be kept; when the next one expires.
    pub fn expire(&self, mut keep: impl FnMut(&mut T) -> bool) -> Option<Instant> {
        let now = Instant::now();
        let mut idle = lock(&self.idle);
        idle.retain_mut(|idle| now < idle.expires_at && keep(&mut idle.connection));
        idle.iter().map(|idle| idle.expires_at).min()
    }

    /// The number of idle connections.
    pub fn len(&self) -> usize {
        lock(&self.idle).len()
    }
}

/// Takes the expired connections out, to be closed without the lock.
fn take_expired<T>(idle: &mut Vec<Idle<T>>, now: Instant) -> Vec<Idle<T>> {
    let mut expired = Vec::new();
    while let Some(index) = idle.iter().position(|idle| idle.expires_at <= now) {
        expired.push(idle.remove(index));
    }
    expired
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn newest_connection_is_used_and_the_oldest_closed() {
        let pool = IdlePool::new(2);
        let later = Instant::now() + Duration::from_secs(60);
        for number in 1..=3 {
            pool.put(number, later);
        }
        assert_eq!(pool.len(), 2);
        assert_eq!(
            [pool.checkout(), pool.checkout(), pool.checkout()],
            [Some(3), Some(2), None]
        );
    }

    #[test]
    fn expired_connection_is_closed() {
        let pool = IdlePool::new(16);
        let now = Instant::now();
        let later = now + Duration::from_secs(60);
        for (number, expires_at) in [
            (1, now),
            (2, later),
            (3, now),
            (4, later + Duration::from_secs(1)),
        ] {
            pool.put(number, expires_at);
        }
        assert_eq!(pool.expire(|_| true), Some(later));
        assert_eq!(pool.len(), 2);
        assert_eq!(
            pool.expire(|number| *number != 2),
            Some(later + Duration::from_secs(1))
        );
        pool.put(5, now);
        assert_eq!([pool.checkout(), pool.checkout()], [Some(4), None]);
    }
}
