//! What is kept between two starts of the program.

use std::path::{Path, PathBuf};

use egui_tiles::{Container, Linear, LinearDir, Tile, TileId, Tiles, Tree};
use serde::{Deserialize, Serialize};

use crate::data::channel::Channel;
use crate::pane::Pane;

/// Number of recent paths that are kept.
const RECENT: usize = 12;

/// What is drawn in the scene beside the robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Overlays {
    /// Contact points and forces.
    pub contacts: bool,
    /// Joint axes.
    pub joints: bool,
    /// Centre of mass.
    pub com: bool,
    /// Path of the centre of mass.
    pub trail: bool,
    /// Shadows.
    pub shadows: bool,
    /// The camera follows the robot.
    pub track: bool,
    /// Ghosts stand beside the robot, not in it.
    pub side_by_side: bool,
}

impl Default for Overlays {
    fn default() -> Self {
        Self {
            contacts: false,
            joints: false,
            com: false,
            trail: true,
            shadows: true,
            track: true,
            side_by_side: false,
        }
    }
}

/// What is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Light or dark.
    pub theme: egui::ThemePreference,
    /// Paths that were opened, latest first.
    pub recent: Vec<PathBuf>,
    /// Overlays of the scene.
    pub overlays: Overlays,
    /// Whether the scene is drawn quickly rather than well; as suits the graphics adapter if nobody has said.
    pub fast: Option<bool>,
    /// Channels in the plot.
    pub plotted: Vec<Channel>,
    /// Whether the panels are shown.
    pub panels: bool,
    /// Factor on the size of text and buttons.
    pub zoom: f32,
    /// Arrangement of the panels.
    pub layout: Tree<Pane>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: egui::ThemePreference::Dark,
            recent: Vec::new(),
            overlays: Overlays::default(),
            fast: None,
            plotted: vec![Channel::Reward],
            panels: true,
            zoom: 1.0,
            layout: default_layout(),
        }
    }
}

impl Settings {
    /// Reads what was kept; whatever cannot be read is as at the first start.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let mut settings: Self = serde_json::from_str(text).unwrap_or_default();
        settings.zoom = if settings.zoom.is_finite() { settings.zoom.clamp(0.5, 3.0) } else { 1.0 };
        // A layout of another version may lack panels.
        let missing = |pane: &Pane| !panes(&settings.layout).contains(pane);
        if Pane::ALL.iter().any(missing) {
            settings.layout = default_layout();
        }
        settings
    }

    /// What is kept, as text.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Shows the map of members if there is one, and the network in its place if there is none.
    pub fn turn_to_map(&mut self, has_members: bool) {
        let is = |tile: &Tile<Pane>, pane: Pane| matches!(tile, Tile::Pane(own) if *own == pane);
        let active = |layout: &Tree<Pane>, pane| {
            layout
                .active_tiles()
                .into_iter()
                .any(|id| layout.tiles.get(id).is_some_and(|tile| is(tile, pane)))
        };
        let shown = active(&self.layout, Pane::Map);
        if has_members != shown {
            let wanted = if has_members { Pane::Map } else { Pane::Network };
            self.layout.make_active(|_, tile| is(tile, wanted));
        }
    }

    /// Puts a path at the head of the recent ones.
    pub fn remember(&mut self, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.recent.retain(|other| *other != path);
        self.recent.insert(0, path);
        self.recent.truncate(RECENT);
    }
}

/// The panels of a layout.
#[must_use]
pub fn panes(layout: &Tree<Pane>) -> Vec<Pane> {
    let pane = |tile: &Tile<Pane>| if let Tile::Pane(pane) = tile { Some(*pane) } else { None };
    let mut panes: Vec<Pane> = layout.tiles.tiles().filter_map(pane).collect();
    panes.sort_unstable();
    panes.dedup();
    panes
}

/// Scene and spikes at the left, brain and rewards at the right.
#[must_use]
pub fn default_layout() -> Tree<Pane> {
    let mut tiles = Tiles::default();
    let mut tabs = |panes: &[Pane]| -> TileId {
        let panes = panes.iter().map(|&pane| tiles.insert_pane(pane)).collect();
        tiles.insert_tab_tile(panes)
    };
    let scene = tabs(&[Pane::Scene]);
    let raster = tabs(&[Pane::Raster, Pane::Observations, Pane::Actions]);
    let network = tabs(&[Pane::Network, Pane::Weights, Pane::Run, Pane::Map, Pane::Controls]);
    let neuron = tabs(&[Pane::Neuron]);
    let rewards = tabs(&[Pane::Rewards, Pane::Plot]);
    let mut split = |direction, children: Vec<TileId>, shares: &[f32]| {
        let mut linear = Linear::new(direction, children.clone());
        for (&child, &share) in children.iter().zip(shares) {
            linear.shares.set_share(child, share);
        }
        tiles.insert_container(Container::Linear(linear))
    };
    let left = split(LinearDir::Vertical, vec![scene, raster], &[0.62, 0.38]);
    let right = split(LinearDir::Vertical, vec![network, neuron, rewards], &[0.46, 0.27, 0.27]);
    let root = split(LinearDir::Horizontal, vec![left, right], &[0.6, 0.4]);
    Tree::new(egui::Id::unique("panels"), root, tiles)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn settings_survive_being_written() {
        let mut settings = Settings::default();
        settings.remember(Path::new("/a/b"));
        settings.overlays.joints = true;
        (settings.panels, settings.zoom) = (false, 1.5);
        let read = Settings::from_text(&settings.to_text());
        assert_eq!((read.panels, read.zoom), (false, 1.5));
        assert_eq!((read.recent, read.overlays.joints), (vec![PathBuf::from("/a/b")], true));
        assert_eq!(panes(&read.layout), Pane::ALL);
    }

    #[test]
    fn what_cannot_be_read_is_as_at_the_first_start() {
        assert_eq!(panes(&Settings::from_text("{\"layout\": 7}").layout), Pane::ALL);
        let mut lacking = Settings::default();
        let tile = lacking.layout.tiles.find_pane(&Pane::Weights).unwrap();
        lacking.layout.remove_recursively(tile);
        assert!(!panes(&lacking.layout).contains(&Pane::Weights));
        assert_eq!(panes(&Settings::from_text(&lacking.to_text()).layout), Pane::ALL);
    }

    #[test]
    fn the_map_is_turned_to_where_there_is_one() {
        let mut settings = Settings::default();
        let active = |settings: &Settings| {
            let tiles = settings.layout.active_tiles().into_iter();
            let pane = |id| match settings.layout.tiles.get(id) {
                Some(Tile::Pane(pane)) => Some(*pane),
                _ => None,
            };
            tiles.filter_map(pane).collect::<Vec<_>>()
        };
        settings.turn_to_map(false);
        let first = active(&settings);
        assert!(first.contains(&Pane::Network) && !first.contains(&Pane::Map), "{first:?}");
        settings.turn_to_map(true);
        assert!(active(&settings).contains(&Pane::Map), "{:?}", active(&settings));
        settings.turn_to_map(false);
        assert_eq!(active(&settings), first);
    }

    #[test]
    fn recent_paths_are_few_and_different() {
        let mut settings = Settings::default();
        for i in 0..50 {
            settings.remember(Path::new(&format!("/{}", i % 20)));
        }
        assert_eq!((settings.recent.len(), settings.recent[0].as_path()), (RECENT, Path::new("/9")));
    }
}
