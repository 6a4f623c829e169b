//! Files whose bytes arrive later: in a browser, reading takes time.

use std::cell::RefCell;
use std::rc::Rc;

/// A file, or why it could not be read.
pub struct Arrived {
    /// Its name or address.
    pub name: String,
    /// Its bytes.
    pub bytes: Result<Vec<u8>, String>,
}

/// Where files arrive; clones share it.
#[derive(Clone, Default)]
pub struct Inbox(Rc<RefCell<Vec<Arrived>>>);

impl Inbox {
    /// Puts a file in.
    pub fn put(&self, name: String, bytes: Result<Vec<u8>, String>) {
        self.0.borrow_mut().push(Arrived { name, bytes });
    }

    /// Takes all files out.
    #[must_use]
    pub fn take(&self) -> Vec<Arrived> {
        std::mem::take(&mut self.0.borrow_mut())
    }
}
