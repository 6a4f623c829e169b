//! Files whose bytes arrive later: in a browser, reading takes time.

use std::cell::RefCell;
use std::rc::Rc;

/// A file, or why it could not be read.
pub struct Arrived {
    /// Its name or address.
    pub name: String,
    /// Its bytes.
    pub bytes: Result<Vec<u8>, String>,
    /// Whether it is to be shown beside what is open.
    pub beside: bool,
}

/// Where files arrive; clones share it.
#[derive(Clone, Default)]
pub struct Inbox(Rc<RefCell<Contents>>);

#[derive(Default)]
struct Contents {
    files: Vec<Arrived>,
    window: Option<egui::Context>,
}

impl Inbox {
    /// Names the window that is to be drawn when a file arrives.
    pub fn wakes(&self, window: egui::Context) {
        self.0.borrow_mut().window = Some(window);
    }

    /// Puts a file in.
    pub fn put(&self, file: Arrived) {
        let mut contents = self.0.borrow_mut();
        contents.files.push(file);
        if let Some(window) = &contents.window {
            window.request_repaint();
        }
    }

    /// Takes all files out.
    #[must_use]
    pub fn take(&self) -> Vec<Arrived> {
        std::mem::take(&mut self.0.borrow_mut().files)
    }
}
