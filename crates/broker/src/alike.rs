//! Tables of arguments that many queues have in common.

use std::collections::VecDeque;
use std::sync::Arc;

use codec::FieldTable;

use crate::limits::ALIKE_TABLES_MAX;

/// The tables met last. Most queues have the same few arguments (their type, if nothing else), and
/// a table of one argument takes 700 bytes, which is nearly as much as the rest of a queue.
#[derive(Default)]
pub(crate) struct Alike(VecDeque<Arc<FieldTable>>);

impl Alike {
    /// The table, shared with others that were equal to it.
    pub(crate) fn share(&mut self, table: &FieldTable) -> Arc<FieldTable> {
        if let Some(at) = self.0.iter().position(|known| **known == *table) {
            self.0.swap(0, at);
        } else {
            self.0.truncate(ALIKE_TABLES_MAX - 1);
            self.0.push_front(Arc::new(table.clone()));
        }
        Arc::clone(&self.0[0])
    }
}

#[cfg(test)]
mod tests {
    use codec::AMQPValue;

    use super::*;

    fn limit(value: AMQPValue) -> FieldTable {
        let mut table = FieldTable::default();
        table.insert("x-max-length".into(), value);
        table
    }

    #[test]
    fn equal_tables_are_one() {
        let mut alike = Alike::default();
        let first = alike.share(&limit(AMQPValue::LongInt(5)));
        let other = alike.share(&limit(AMQPValue::LongInt(6)));
        assert!(Arc::ptr_eq(
            &first,
            &alike.share(&limit(AMQPValue::LongInt(5)))
        ));
        assert!(Arc::ptr_eq(
            &other,
            &alike.share(&limit(AMQPValue::LongInt(6)))
        ));
    }

    #[test]
    fn tables_that_differ_only_in_a_type_stay_as_given() {
        let mut alike = Alike::default();
        let long = alike.share(&limit(AMQPValue::LongInt(5)));
        let longlong = alike.share(&limit(AMQPValue::LongLongInt(5)));
        assert_eq!(*long, limit(AMQPValue::LongInt(5)));
        assert_eq!(*longlong, limit(AMQPValue::LongLongInt(5)));
    }

    #[test]
    fn only_the_last_tables_are_remembered() {
        let mut alike = Alike::default();
        let first = alike.share(&limit(AMQPValue::LongInt(0)));
        for n in 1..=ALIKE_TABLES_MAX as i32 {
            alike.share(&limit(AMQPValue::LongInt(n)));
        }
        assert_eq!(alike.0.len(), ALIKE_TABLES_MAX);
        assert_eq!(Arc::strong_count(&first), 1);
    }
}
