//! The thread of the management API.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

use broker::Broker;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// A thread and a runtime of their own, so that a listing of 50,000 queues cannot delay a
/// heartbeat. It prepares what needs no broker while the broker is opened, and ends if it never
/// gets one.
pub(crate) struct Web(mpsc::Sender<Task>);

/// What it serves.
struct Task {
    broker: Arc<Broker>,
    sockets: management::Sockets,
    info: management::Info,
    /// Dropped when it can answer, or has failed.
    ready: mpsc::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl Web {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (begin, task) = mpsc::channel::<Task>();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new()
            .name("management".to_owned())
            .spawn(move || {
                let routes = management::Routes::new();
                let Ok(task) = task.recv() else {
                    return;
                };
                let (ready, stopped) = (task.ready, task.stopped);
                let ready = || drop(ready);
                let stopped = async {
                    // A sender that is gone says the same as one that has sent.
                    let _ = stopped.await;
                };
                let (broker, sockets, info) = (task.broker, task.sockets, task.info);
                let serving = management::serve(broker, sockets, info, routes, ready, stopped);
                if let Err(error) = runtime.block_on(serving) {
                    tracing::error!("the management API has stopped: {error}");
                }
            })?;
        Ok(Self(begin))
    }

    /// Serves, until the result is dropped or sent to. Waits until it can answer.
    pub(crate) fn serve(
        self,
        broker: Arc<Broker>,
        sockets: management::Sockets,
        info: management::Info,
    ) -> oneshot::Sender<()> {
        let (stop, stopped) = oneshot::channel();
        let (ready, built) = mpsc::channel();
        let task = Task {
            broker,
            sockets,
            info,
            ready,
            stopped,
        };
        // A thread that has failed takes nothing and says so itself.
        if self.0.send(task).is_ok() {
            let _ = built.recv();
        }
        stop
    }
}
