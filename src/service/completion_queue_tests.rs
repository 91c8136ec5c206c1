//! The queue: order, limits, waiting and closing.

use super::*;

type Queue = CompletionQueue<u32>;

fn pop_now(queue: &Queue) -> Popped<u32> {
    queue.pop(Some(Duration::ZERO))
}

fn is_readable(queue: &Queue) -> bool {
    crate::process::sys::is_signalled(queue.waitable().unwrap())
}

#[test]
fn items_are_popped_in_order() {
    let queue = Queue::default();
    queue.reserve(3).unwrap().complete(1);
    queue.push(2);
    queue.reserve(3).unwrap().commit();
    drop(queue.complete(3));
    assert_eq!(queue.len(), 3);
    for item in 1..=3 {
        assert_eq!(pop_now(&queue), Popped::Item(item));
    }
    assert_eq!(pop_now(&queue), Popped::TimedOut);
}

#[test]
fn limit_counts_reservations_until_their_item_is_popped() {
    let queue = Queue::default();
    let first = queue.reserve(2).unwrap();
    queue.reserve(2).unwrap().commit();
    assert_eq!(queue.reserve(2).err(), Some(Refusal::Full));
    drop(first);
    queue.reserve(2).unwrap().complete(1);
    queue.push(2);
    assert!(queue.reserve(2).is_err() && queue.in_flight() == 2);
    assert_eq!(pop_now(&queue), Popped::Item(1));
    assert!(queue.reserve(2).is_ok());
    drop(queue.complete(3));
    assert_eq!(pop_now(&queue), Popped::Item(2));
    assert_eq!((pop_now(&queue), queue.in_flight()), (Popped::Item(3), 0));
}

#[test]
fn close_wakes_blocked_threads_after_the_last_item() {
    let queue = Queue::default();
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (queue.pop(None), queue.pop(None))))
            .collect();
        while queue.lock().blocked_threads < 4 {
            std::thread::yield_now();
        }
        queue.push(1);
        while queue.len() > 0 {
            std::thread::yield_now();
        }
        queue.close();
        let popped = waiting.into_iter().map(|thread| thread.join().unwrap());
        let items = popped.filter(|(first, _)| *first == Popped::Item(1));
        assert_eq!(items.count(), 1);
    });
    queue.push(2);
    assert_eq!(pop_now(&queue), Popped::Item(2));
    assert_eq!(queue.pop(None), Popped::Closed);
}

#[test]
fn closed_queue_waits_for_the_last_reservation() {
    let queue = Queue::default();
    queue.reserve(2).unwrap().commit();
    let unused = queue.reserve(2).unwrap();
    queue.close();
    assert_eq!(queue.reserve(2).err(), Some(Refusal::Closed));
    assert_eq!(pop_now(&queue), Popped::TimedOut);
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..2).map(|_| scope.spawn(|| queue.pop(None))).collect();
        while queue.lock().blocked_threads < 2 {
            std::thread::yield_now();
        }
        drop(queue.complete(1));
        while queue.len() > 0 {
            std::thread::yield_now();
        }
        drop(unused);
        let popped = waiting.into_iter().map(|thread| thread.join().unwrap());
        let items = popped.filter(|popped| *popped == Popped::Item(1));
        assert_eq!(items.count(), 1);
    });
    assert_eq!(queue.pop(None), Popped::Closed);
}

#[test]
fn pop_ends_at_its_timeout() {
    let queue = Queue::default();
    let started = Instant::now();
    let timeout = Duration::from_millis(50);
    assert_eq!(queue.pop(Some(timeout)), Popped::TimedOut);
    assert!((timeout..timeout * 40).contains(&started.elapsed()));
}

#[test]
fn sealed_queue_drops_what_is_appended() {
    let queue = Queue::default();
    queue.reserve(1).unwrap().commit();
    queue.push(1);
    queue.seal();
    assert!(queue.complete(2).is_none());
    queue.push(3);
    assert_eq!((queue.in_flight(), pop_now(&queue)), (0, Popped::Item(1)));
    assert_eq!(pop_now(&queue), Popped::TimedOut);
}

#[test]
fn replaceable_items_make_room_for_newer_ones() {
    let queue = Queue::default();
    let push = |item, size| {
        let limit = ReplaceableLimit { count: 2, size: 10 };
        queue.push_replaceable(item, size, &limit)
    };
    queue.reserve(9).unwrap().complete(1);
    queue.push(2);
    assert_eq!((push(3, 1), push(4, 9)), (vec![], vec![]));
    queue.reserve(9).unwrap().complete(5);
    assert_eq!((push(6, 1), push(7, 10)), (vec![3], vec![4, 6]));
    assert_eq!(push(8, 11), [7]);
    for item in [1, 2, 5, 8] {
        assert_eq!(pop_now(&queue), Popped::Item(item));
    }
    assert_eq!((push(9, 5), push(10, 5)), (vec![], vec![]));
    queue.seal();
    assert_eq!(push(11, 1), [9]);
    assert_eq!(pop_now(&queue), Popped::Item(10));
    assert_eq!(pop_now(&queue), Popped::TimedOut);
    let state = queue.lock();
    assert_eq!((state.replaceable, state.replaceable_size), (0, 0));
}

#[test]
fn pipe_is_readable_while_the_queue_has_items() {
    let queue = Queue::default();
    queue.push(1);
    assert!(is_readable(&queue));
    queue.push(2);
    assert_eq!(pop_now(&queue), Popped::Item(1));
    assert!(is_readable(&queue));
    assert_eq!(pop_now(&queue), Popped::Item(2));
    assert!(!is_readable(&queue));
    queue.reserve(1).unwrap().commit();
    let wake = queue.complete(3);
    assert!(queue.complete(4).is_none() && !is_readable(&queue));
    drop(wake);
    assert!(is_readable(&queue));
}
