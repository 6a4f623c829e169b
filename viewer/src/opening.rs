//! Files that a thread of its own opens while the window goes on.

use std::path::{Path, PathBuf};

use crate::data::document::Document;

/// What has been opened, and whether it is to be shown beside what is open.
pub struct Opened {
    /// Where it comes from.
    pub path: PathBuf,
    /// What is there, or why it cannot be opened.
    pub document: anyhow::Result<Document>,
    /// Whether it is to be shown beside what is open.
    pub beside: bool,
}

/// Files on their way, in the order in which they were asked for.
#[derive(Default)]
pub struct Opening {
    #[cfg(not(target_arch = "wasm32"))]
    files: Vec<native::File>,
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::sync::mpsc::{Receiver, TryRecvError, channel};

    use super::{Document, Opened, Opening, Path, PathBuf};

    /// A file on its way.
    pub(super) struct File {
        path: PathBuf,
        beside: bool,
        arriving: Receiver<anyhow::Result<Document>>,
    }

    impl Opening {
        /// Opens a path; `ctx` is drawn again when that is done. What was to be opened before it, but not beside
        /// something, is not shown any more.
        pub fn start(&mut self, path: &Path, beside: bool, ctx: &egui::Context) {
            if !beside {
                self.files.clear();
            }
            let (send, arriving) = channel();
            let (file, window) = (path.to_owned(), ctx.clone());
            std::thread::spawn(move || {
                // Nobody waits any more if something else was asked for.
                let _ = send.send(Document::open(&file));
                window.request_repaint();
            });
            self.files.push(File { path: path.to_owned(), beside, arriving });
        }

        /// What is on its way.
        #[must_use]
        pub fn path(&self) -> Option<&Path> {
            self.files.first().map(|file| file.path.as_path())
        }

        /// The next file if it has been opened.
        pub fn take(&mut self) -> Option<Opened> {
            let document = match self.files.first()?.arriving.try_recv() {
                Ok(document) => document,
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => Err(anyhow::anyhow!("it could not be read")),
            };
            let File { path, beside, .. } = self.files.remove(0);
            Some(Opened { path, document, beside })
        }
    }
}

/// In a browser files come another way, see [`Inbox`](crate::inbox::Inbox).
#[cfg(target_arch = "wasm32")]
impl Opening {
    /// Nothing.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        None
    }

    /// Nothing.
    pub fn take(&mut self) -> Option<Opened> {
        None
    }
}
