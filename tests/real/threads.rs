//! Which of the daemon's threads have to wait where processors are few.

use std::fs;

use crate::desk::{Desk, small_site, wait_for};

struct Thread {
    id: u32,
    name: String,
    nice: i32,
}

fn threads(pid: u32) -> Vec<Thread> {
    fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .filter_map(|task| {
            // It may have ended meanwhile.
            let stat = fs::read_to_string(task.ok()?.path().join("stat")).ok()?;
            let (id, rest) = stat.split_once(" (")?;
            let (name, fields) = rest.rsplit_once(") ")?;
            Some(Thread {
                id: id.parse().ok()?,
                name: name.to_owned(),
                nice: fields.split(' ').nth(16)?.parse().ok()?,
            })
        })
        .collect()
}

#[test]
fn the_database_and_the_disk_give_way_to_the_engine() {
    let desk = Desk::new();
    small_site(&desk, 30);
    let daemon = desk.run();
    let mut looks = 0;
    wait_for("they give way", || {
        // A thread that has nothing to read goes away after a while.
        looks += 1;
        desk.write("looked-at.txt", looks.to_string());
        let threads = threads(daemon.pid());
        // The first thread has the number of the process.
        let mut first = threads.iter().filter(|thread| thread.id == daemon.pid());
        let engine = first.next().unwrap().nice;
        let gives_way = |name: &str| {
            let mut named = threads
                .iter()
                .filter(|thread| thread.name == name)
                .peekable();
            named.peek().is_some() && named.all(|thread| thread.nice == (engine + 5).min(19))
        };
        gives_way("store") && gives_way("tokio-rt-worker")
    });
    assert_eq!(daemon.stop().code(), Some(0));
}
