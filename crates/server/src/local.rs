//! The socket in the data directory by which `leveret ctl` comes in.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Only the broker's own user may connect: whoever comes in this way is an administrator.
const MODE: u32 = 0o600;

/// A bound socket, whose file goes with it.
pub(crate) struct LocalSocket(PathBuf);

impl LocalSocket {
    /// Binds it. The directory is locked by this process, so that a file that is there is left over
    /// from one that was killed. None, with a word to the operator, where that can't be: the file
    /// system has no sockets, or the path is too long for one.
    pub(crate) fn bind(data_dir: &Path) -> Option<(Self, UnixListener)> {
        let path = data_dir.join(ctl::SOCKET_NAME);
        match listen(&path) {
            Ok(listener) => Some((Self(path), listener)),
            Err(error) => {
                tracing::warn!(
                    "'leveret ctl' needs --url: cannot listen on {}: {error}",
                    path.display()
                );
                None
            }
        }
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(MODE))?;
    Ok(listener)
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        // What is left over is removed by the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}
