//! A process that is killed while it writes, checkpoints and recycles.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::*;

const DIR: &str = "LEVERET_STORE_KILLED_DIR";

/// Messages that stay unsettled behind the newest.
const WINDOW: u64 = 500;

/// Messages that may have been committed, and as many settled, after the last line that was heard:
/// one run whose line was cut short and one that was not announced yet.
const UNHEARD_MAX: u64 = 2 * 37;

fn numbered(seq: u64) -> Body {
    body(&format!("{seq} {}", "k".repeat(seq as usize % 700)))
}

/// Not a test: what the killed process runs. Prints what was committed.
#[test]
#[ignore = "runs as the child of the test below"]
#[allow(clippy::print_stdout)]
fn writer() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let every = Duration::from_millis(3);
    let options = Options {
        checkpoint_every: every,
        ..options()
    };
    let (store, recovered) = Store::open(Path::new(&dir), options).unwrap();
    let mut seq = recovered.queues.first().map_or(1, |queue| queue.next_seq);
    loop {
        let run = 1 + seq % 37;
        let ticket = store.append(Q, seq, (seq..seq + run).map(numbered).collect());
        seq += run;
        store.wait(ticket).unwrap();
        println!("\ncommitted {}", seq - 1);
        let settled: Vec<u64> =
            (seq.saturating_sub(WINDOW + run).max(1)..seq.saturating_sub(WINDOW)).collect();
        store.settle(Q, &settled);
    }
}

#[test]
fn a_killed_process_loses_nothing_that_was_committed() {
    let scratch = Scratch::new();
    let mut committed: u64 = 0;
    for round in 1..=6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "tests::killed::writer",
                "--ignored",
                "--nocapture",
            ])
            .env(DIR, scratch.dir())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        let mut hear = |line: String| {
            if let Some(seq) = line.strip_prefix("committed ") {
                committed = seq.parse().unwrap();
                seen += 1;
            }
            seen
        };
        while hear(lines.next().unwrap().unwrap()) < 100 * round {}
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had said before it died counts too; the last line may be cut short.
        let mut rest: Vec<String> = lines.map_while(Result::ok).collect();
        rest.pop();
        for line in rest {
            hear(line);
        }

        let (store, recovered) = open(&scratch);
        assert!(!recovered.clean);
        let found = store.read(Q, 0, usize::MAX, usize::MAX).unwrap();
        assert!(found.iter().all(|(seq, body)| *body == numbered(*seq)));
        // Older ones may be back, as the last settlements may be lost; these were never settled.
        let oldest = committed.saturating_sub(WINDOW - UNHEARD_MAX).max(1);
        let mut seqs = found
            .iter()
            .map(|(seq, _)| *seq)
            .filter(|seq| *seq >= oldest);
        for seq in oldest..=committed {
            assert_eq!(seqs.next(), Some(seq), "in round {round}");
        }
        store.abandon();
    }
}
