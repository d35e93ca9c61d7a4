//! The thread of the management API.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

use broker::Broker;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Serves the management API until the result is dropped or sent to. Waits until it can answer. It
/// has a thread and a runtime of its own, so that a listing of 50,000 queues cannot delay a
/// heartbeat.
///
/// # Errors
///
/// The system gives no thread.
pub(crate) fn serve(
    broker: Arc<Broker>,
    sockets: management::Sockets,
    info: management::Info,
) -> io::Result<oneshot::Sender<()>> {
    let (stop, stopped) = oneshot::channel();
    let (begun, ready) = mpsc::channel::<()>();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new()
        .name("management".to_owned())
        .spawn(move || {
            let stopped = async {
                // A sender that is gone says the same as one that has sent.
                let _ = stopped.await;
            };
            let served = management::serve(broker, sockets, info, || drop(begun), stopped);
            if let Err(error) = runtime.block_on(served) {
                tracing::error!("the management API has stopped: {error}");
            }
        })?;
    // Nothing is sent: what ends the wait is that the sender goes, also with a thread that fails.
    let _ = ready.recv();
    Ok(stop)
}
