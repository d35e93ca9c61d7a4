//! Telling the operator what a start found broken.

use std::collections::BTreeMap;
use std::path::Path;

use store::{Lost, QueueId, Recovered};

use crate::queue_names::{QueueName, queue_names};

/// Ranges or places that one line names; the rest is only counted, for a line is to be read.
const NAMED_MAX: usize = 8;

/// One line for each thing that is broken or lost, at level WARN.
pub(crate) fn report(recovered: &Recovered, data_dir: &Path) {
    lines(recovered, data_dir)
        .iter()
        .for_each(|line| tracing::warn!("{line}"));
}

fn lines(recovered: &Recovered, data_dir: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(aside) = &recovered.moved_aside {
        lines.push(format!(
            "the metadata database was damaged: moved to {} and made anew from the log; nothing \
             is lost by it, but acknowledged messages may come back",
            aside.display()
        ));
    }
    if !recovered.damaged.is_empty() {
        let places = recovered.damaged.iter().map(|damaged| {
            let (file, offset) = (damaged.path.display(), damaged.offset);
            match damaged.bytes {
                0 => format!("{file} is missing"),
                bytes => format!("{bytes} bytes at {offset} in {file}"),
            }
        });
        let mut line = format!("the log is damaged: {}", list(places));
        if recovered.damaged.iter().any(|damaged| damaged.bytes > 0) {
            let copies = data_dir.join("log/damaged");
            line.push_str(&format!("; what was there lies in {}", copies.display()));
        }
        lines.push(line);
    }
    let mut lost: BTreeMap<u32, Vec<Lost>> = BTreeMap::new();
    for range in &recovered.lost {
        lost.entry(range.queue.0).or_default().push(*range);
    }
    if lost.is_empty() && !recovered.damaged.is_empty() {
        lines.push("no message is known to be lost by the damage".to_owned());
    }
    let names = queue_names(&recovered.entries);
    lines.extend(lost.into_iter().map(|(id, ranges)| {
        let name = names.get(&QueueId(id));
        let queue = name.map_or_else(|| format!("queue number {id}"), QueueName::to_string);
        let count = |r: &Lost| r.last_seq.saturating_sub(r.first_seq).saturating_add(1);
        let messages = ranges.iter().map(count).fold(0, u64::saturating_add);
        let plural = if messages == 1 { "message" } else { "messages" };
        let ranges = list(ranges.iter().map(range));
        format!("{queue} has lost up to {messages} {plural}: {ranges}")
    }));
    lines
}

fn range(lost: &Lost) -> String {
    match (lost.first_seq, lost.last_seq) {
        (first, last) if first == last => format!("number {first}"),
        (first, last) => format!("numbers {first} to {last}"),
    }
}

fn list(items: impl ExactSizeIterator<Item = String>) -> String {
    let more = items.len().saturating_sub(NAMED_MAX);
    let mut named: Vec<String> = items.take(NAMED_MAX).collect();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use store::Damaged;

    use super::*;
    use crate::queue::QueueDeclare;
    use crate::record::Record;

    fn lost(queue: u32, first_seq: u64, last_seq: u64) -> Lost {
        let queue = QueueId(queue);
        Lost {
            queue,
            first_seq,
            last_seq,
        }
    }

    fn damaged(offset: u64, bytes: u64) -> Damaged {
        Damaged {
            path: PathBuf::from("/d/log/q/1.seg"),
            offset,
            bytes,
        }
    }

    #[test]
    fn a_sound_store_gives_no_line() {
        assert_eq!(lines(&Recovered::default(), Path::new("/d")), [""; 0]);
    }

    #[test]
    fn every_queue_that_lost_something_has_one_line_with_its_name() {
        let declare = QueueDeclare {
            name: "orders".to_owned(),
            durable: true,
            exclusive: false,
            auto_delete: false,
            arguments: codec::FieldTable::default(),
            server_named: false,
        };
        let span = crate::queue::Span {
            first: QueueId(7),
            levels: 1,
        };
        let record = Record::queue("/", &declare, span);
        let recovered = Recovered {
            entries: BTreeMap::from([(record.key, record.value)]),
            lost: vec![lost(7, 3, 3), lost(9, 1, 5), lost(7, 10, 12)],
            damaged: vec![damaged(64, 80), damaged(0, 0)],
            ..Recovered::default()
        };
        assert_eq!(
            lines(&recovered, Path::new("/d")),
            [
                "the log is damaged: 80 bytes at 64 in /d/log/q/1.seg, /d/log/q/1.seg is missing; \
                 what was there lies in /d/log/damaged",
                "queue 'orders' in vhost '/' has lost up to 4 messages: number 3, numbers 10 to 12",
                "queue number 9 has lost up to 5 messages: numbers 1 to 5",
            ]
        );
    }

    #[test]
    fn damage_that_hits_no_message_says_so() {
        let recovered = Recovered {
            damaged: vec![damaged(64, 80)],
            moved_aside: Some(PathBuf::from("/d/meta.broken-1")),
            ..Recovered::default()
        };
        let lines = lines(&recovered, Path::new("/d"));
        assert!(lines[0].contains("moved to /d/meta.broken-1"), "{lines:?}");
        assert_eq!(lines[2], "no message is known to be lost by the damage");
    }

    #[test]
    fn a_long_list_is_cut() {
        let ranges: Vec<Lost> = (0..20).map(|n| lost(1, n * 2 + 1, n * 2 + 1)).collect();
        let recovered = Recovered {
            lost: ranges,
            ..Recovered::default()
        };
        let line = lines(&recovered, Path::new("/d")).remove(0);
        assert!(line.contains("lost up to 20 messages"), "{line}");
        assert!(line.ends_with("number 15, and 12 more"), "{line}");
    }
}
