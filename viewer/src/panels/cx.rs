//! What panels draw and change.

use std::any::Any;

use egui::{RichText, Ui};

use crate::data::document::Document;
use crate::data::timeline::Timeline;
use crate::film::Film;
use crate::settings::Settings;
use crate::stage::Stage;
use crate::theme::Palette;

/// What is selected, in all panels at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Population and number of a neuron.
    pub neuron: Option<(String, usize)>,
    /// A body of the robot.
    pub body: Option<usize>,
}

impl Selection {
    /// Number of the selected neuron, if it is in this layer.
    #[must_use]
    pub fn in_layer(&self, layer: &str) -> Option<usize> {
        self.neuron.as_ref().filter(|(name, _)| name == layer).map(|&(_, index)| index)
    }
}

/// What panels keep from one frame to the next to be fast: one value of each type, which is a panel's own.
#[derive(Default)]
pub struct Caches(Vec<Box<dyn Any>>);

impl Caches {
    /// The value of a type, a default one at first.
    pub fn of<T: Default + 'static>(&mut self) -> &mut T {
        let at = self.0.iter().position(|cache| cache.is::<T>()).unwrap_or_else(|| {
            self.0.push(Box::<T>::default());
            self.0.len() - 1
        });
        self.0[at].downcast_mut().expect("found by its type")
    }
}

/// Everything that a panel draws and changes.
pub struct Cx<'a> {
    /// What is open.
    pub document: &'a mut Document,
    /// The cursor.
    pub timeline: &'a mut Timeline,
    /// What is selected.
    pub selection: &'a mut Selection,
    /// What is kept on disk.
    pub settings: &'a mut Settings,
    /// The 3D scene.
    pub stage: &'a mut Stage,
    /// What panels keep.
    pub caches: &'a mut Caches,
    /// Something that went wrong, for the bar at the top.
    pub message: &'a mut Option<String>,
    /// Colours.
    pub palette: Palette,
    /// Time since the last frame, s.
    pub seconds: f64,
    /// Speed at which time really passes, as a factor on real time; none if nobody looks on.
    pub pace: Option<f64>,
    /// How the scene is shown if it stands alone.
    pub film: Option<&'a Film>,
    /// Whether the scene has no buttons: a picture is being taken of it.
    pub bare: bool,
}

impl Cx<'_> {
    /// Duration of the episode, s.
    #[must_use]
    pub fn duration(&self) -> f64 {
        self.document.recording().duration()
    }

    /// The control step under the cursor.
    #[must_use]
    pub fn step(&self) -> usize {
        self.document.recording().step_at(self.timeline.time)
    }
}

/// What a panel says if it has nothing to show.
pub fn empty(ui: &mut Ui, text: &str) {
    ui.centered_and_justified(|ui| {
        ui.label(RichText::new(text).weak());
    });
}
