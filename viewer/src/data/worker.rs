//! Lends a world to another thread and takes it back with what it has been through.

use crate::data::world::{Step, World};

/// A world, here or with another thread.
pub struct Worker {
    here: Option<World>,
    #[cfg(not(target_arch = "wasm32"))]
    away: Option<std::thread::JoinHandle<(World, Vec<Step>)>>,
}

#[cfg(not(target_arch = "wasm32"))]
impl Worker {
    /// A world that is here.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self { here: Some(world), away: None }
    }

    /// Lets another thread make up to `count` steps. Nothing if it makes some already.
    pub fn start(&mut self, order: crate::data::world::Order, count: usize) {
        let Some(mut world) = self.here.take() else { return };
        self.away = Some(std::thread::spawn(move || {
            let made = world.steps(order, count);
            (world, made)
        }));
    }

    /// What has been made since [`Worker::start`]; nothing if the world has been here all the time, none if it is not yet.
    pub fn made(&mut self) -> Option<Vec<Step>> {
        if self.away.as_ref().is_some_and(|away| !away.is_finished()) {
            return None;
        }
        Some(self.wait())
    }

    /// The same, after it has come back.
    pub fn wait(&mut self) -> Vec<Step> {
        let Some(away) = self.away.take() else { return Vec::new() };
        let (world, made) = away.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        self.here = Some(world);
        made
    }
}

/// In a browser there is one thread.
#[cfg(target_arch = "wasm32")]
impl Worker {
    /// A world that is here.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self { here: Some(world) }
    }

    /// Nothing: the world is here all the time.
    pub fn wait(&mut self) -> Vec<Step> {
        Vec::new()
    }
}

impl Worker {
    /// The world. To be called after [`Worker::wait`].
    pub fn world(&mut self) -> &mut World {
        self.here.as_mut().expect("it has come back")
    }
}
