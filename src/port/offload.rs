//! Where slow synchronous work runs: on the blocking pool in production, in place in the simulator, where
//! the order of several pool threads would not be determined by the seed.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::priority::give_way;

/// Runs blocking work without blocking the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offload {
    /// tokio's pool of blocking threads.
    Pool,
    /// At once, on the calling task.
    Inline,
}

impl Offload {
    /// Runs `work` to its end; a panic in it goes on in the caller.
    pub async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> T {
        match self {
            Self::Inline => work(),
            Self::Pool => match tokio::task::spawn_blocking(work).await {
                Ok(value) => value,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The runtime is shutting down: nobody waits for this task any more.
                    Err(_) => std::future::pending().await,
                },
            },
        }
    }
}

/// An iterator that goes on while its items are used.
pub type Ahead<T> = Box<dyn Iterator<Item = T> + Send>;

impl Offload {
    /// Lets `items` work ahead of whoever takes them, by at most `lead` items, on a thread of its own
    /// called `name`. In the simulator, and where no thread can be had, an item is made when it is asked for.
    pub fn ahead<I>(self, name: &str, lead: usize, items: I) -> Ahead<I::Item>
    where
        I: Iterator<Item: Send + 'static> + Send + 'static,
    {
        if self == Self::Inline {
            return Box::new(items);
        }
        // Handed over once the thread is there, so that it is not lost with a thread that is not.
        let (hand, taken) = sync_channel::<I>(1);
        let (line, made) = sync_channel(lead);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || feed(&taken, &line));
        match thread {
            Ok(thread) => {
                let _ = hand.send(items);
                Box::new(Fed {
                    made,
                    thread: Some(thread),
                })
            }
            Err(_) => Box::new(items),
        }
    }
}

fn feed<I: Iterator>(taken: &Receiver<I>, line: &SyncSender<I::Item>) {
    give_way();
    for item in taken.recv().into_iter().flatten() {
        // Nobody takes them any more.
        if line.send(item).is_err() {
            return;
        }
    }
}

/// The end of the line.
struct Fed<T> {
    made: Receiver<T>,
    thread: Option<JoinHandle<()>>,
}

impl<T> Iterator for Fed<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if let Ok(item) = self.made.recv() {
            return Some(item);
        }
        // An end that is a panic must not be taken for the end of the items.
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_in_their_order_and_no_more_are_made_than_the_lead() {
        let (made, seen) = std::sync::mpsc::channel();
        let numbers = (0..).inspect(move |number| {
            let _ = made.send(*number);
        });
        let mut ahead = Offload::Pool.ahead("numbers", 2, numbers);
        assert_eq!(ahead.next(), Some(0));
        assert_eq!(ahead.next(), Some(1));
        drop(ahead);
        // Its end: the sender went with the iterator.
        let made: Vec<i32> = seen.iter().collect();
        assert!((2..=5).contains(&made.len()), "{made:?}");
    }

    #[test]
    fn a_panic_is_not_the_end_of_the_items() {
        let fails = (0..3).inspect(|number| assert!(*number < 1, "broken on purpose"));
        let mut ahead = Offload::Pool.ahead("fails", 8, fails);
        assert_eq!(ahead.next(), Some(0));
        let next = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ahead.next()));
        assert!(next.is_err());
    }
}
