use tests::{shared, wire::queue};

#[test]
fn smoke() {
    let mut w = shared().open();
    w.declare("smoke", queue::EXCLUSIVE);
    w.enqueue("smoke", "a");
    assert_eq!(w.drain("smoke"), ["a"]);
}
