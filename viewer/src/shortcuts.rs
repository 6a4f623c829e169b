//! Keys and what they do: the one table behind the keyboard and the help overlay.

use egui::{Key, KeyboardShortcut, Modifiers};

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Plays or pauses.
    Play,
    /// A control step forward.
    StepForward,
    /// A control step back.
    StepBack,
    /// A second forward.
    SecondForward,
    /// A second back.
    SecondBack,
    /// To the start.
    ToStart,
    /// To the end; in a simulation, to the present.
    ToEnd,
    /// Doubles the speed.
    Faster,
    /// Halves the speed.
    Slower,
    /// Starts a repeated section at the cursor.
    SectionStart,
    /// Ends it there.
    SectionEnd,
    /// Plays everything again.
    SectionClear,
    /// The same start state again.
    Reset,
    /// The next start state.
    NextSeed,
    /// Brain on or off.
    Brain,
    /// Follows the robot with the camera, or does not.
    Track,
    /// Follows the selected body.
    TrackBody,
    /// Puts the camera where it was.
    HomeCamera,
    /// The next camera.
    NextCamera,
    /// Contact points and forces.
    Contacts,
    /// Joint axes.
    Joints,
    /// Centre of mass.
    CentreOfMass,
    /// Trail.
    Trail,
    /// The next neuron.
    NextNeuron,
    /// The previous neuron.
    PreviousNeuron,
    /// Selects nothing.
    Deselect,
    /// The scene alone, or with the panels.
    Panels,
    /// Light or dark.
    Theme,
    /// Larger text.
    ZoomIn,
    /// Smaller text.
    ZoomOut,
    /// A picture of the window.
    Screenshot,
    /// Begins or ends a film of the window.
    Record,
    /// This list.
    Help,
    /// Back to the start page.
    Close,
    /// Ends the program.
    Quit,
}

/// A line of the table.
pub struct Shortcut {
    /// What it does.
    pub action: Action,
    /// The keys.
    pub keys: KeyboardShortcut,
    /// The action in words.
    pub text: &'static str,
    /// Heading in the list.
    pub group: &'static str,
}

const fn plain(action: Action, key: Key, text: &'static str, group: &'static str) -> Shortcut {
    Shortcut { action, keys: KeyboardShortcut::new(Modifiers::NONE, key), text, group }
}

const fn with(
    action: Action,
    held: Modifiers,
    key: Key,
    text: &'static str,
    group: &'static str,
) -> Shortcut {
    Shortcut { action, keys: KeyboardShortcut::new(held, key), text, group }
}

const TIME: &str = "Time";
const SIMULATION: &str = "Simulation";
const VIEW: &str = "Scene";
const BRAIN: &str = "Brain";
const WINDOW: &str = "Window";

const COMMAND_SHIFT: Modifiers =
    Modifiers { alt: false, ctrl: false, shift: true, mac_cmd: false, command: true };

/// All shortcuts, those with modifiers before those without.
pub const TABLE: [Shortcut; 35] = [
    with(Action::SecondForward, Modifiers::SHIFT, Key::ArrowRight, "one second forward", TIME),
    with(Action::SecondBack, Modifiers::SHIFT, Key::ArrowLeft, "one second back", TIME),
    with(Action::NextSeed, Modifiers::SHIFT, Key::R, "start again from the next seed", SIMULATION),
    with(Action::TrackBody, Modifiers::SHIFT, Key::F, "camera follows the selected body", VIEW),
    with(Action::ZoomIn, Modifiers::COMMAND, Key::Plus, "larger text", WINDOW),
    with(Action::ZoomOut, Modifiers::COMMAND, Key::Minus, "smaller text", WINDOW),
    with(Action::Close, Modifiers::COMMAND, Key::W, "back to the start page", WINDOW),
    with(Action::Record, COMMAND_SHIFT, Key::P, "record a film, or end it", WINDOW),
    with(Action::Screenshot, Modifiers::COMMAND, Key::P, "take a picture of the window", WINDOW),
    with(Action::Quit, Modifiers::COMMAND, Key::Q, "quit", WINDOW),
    plain(Action::Play, Key::Space, "play or pause", TIME),
    plain(Action::StepForward, Key::ArrowRight, "one step forward", TIME),
    plain(Action::StepBack, Key::ArrowLeft, "one step back", TIME),
    plain(Action::ToStart, Key::Home, "to the start", TIME),
    plain(Action::ToEnd, Key::End, "to the end, or to the present", TIME),
    plain(Action::Faster, Key::Plus, "twice as fast", TIME),
    plain(Action::Slower, Key::Minus, "half as fast", TIME),
    plain(Action::SectionStart, Key::OpenBracket, "repeated section starts here", TIME),
    plain(Action::SectionEnd, Key::CloseBracket, "repeated section ends here", TIME),
    plain(Action::SectionClear, Key::Backslash, "no repeated section", TIME),
    plain(Action::Reset, Key::R, "start again from the same seed", SIMULATION),
    plain(Action::Brain, Key::B, "brain on or off", SIMULATION),
    plain(Action::Track, Key::F, "camera follows the robot", VIEW),
    plain(Action::HomeCamera, Key::H, "camera back to where it was", VIEW),
    plain(Action::NextCamera, Key::V, "next camera", VIEW),
    plain(Action::Contacts, Key::C, "contact points and forces", VIEW),
    plain(Action::Joints, Key::J, "joint axes", VIEW),
    plain(Action::CentreOfMass, Key::M, "centre of mass", VIEW),
    plain(Action::Trail, Key::T, "trail", VIEW),
    plain(Action::NextNeuron, Key::ArrowDown, "next neuron", BRAIN),
    plain(Action::PreviousNeuron, Key::ArrowUp, "previous neuron", BRAIN),
    plain(Action::Deselect, Key::Escape, "select nothing", BRAIN),
    plain(Action::Panels, Key::Tab, "scene alone, or with panels", WINDOW),
    plain(Action::Theme, Key::L, "light or dark", WINDOW),
    plain(Action::Help, Key::F1, "this list", WINDOW),
];

/// What the mouse does: where, the gesture, its effect.
pub const MOUSE: [(&str, &str, &str); 14] = [
    ("Scene", "Drag", "turn"),
    ("Scene", "Right drag", "move"),
    ("Scene", "Wheel", "nearer, farther"),
    ("Scene", "Click", "select a body"),
    ("Scene", "Ctrl+Drag", "push it where it was taken hold of"),
    ("Scene", "Double click", "follow the robot"),
    ("Plots", "Drag", "move the cursor"),
    ("Plots", "Right drag", "move along the time axis"),
    ("Plots", "Ctrl+Wheel", "shorter, longer part"),
    ("Plots", "Double click", "all, or part"),
    ("Rail", "Drag", "move the cursor"),
    ("Rail", "Shift+Drag", "repeat a section"),
    ("Window", "Drop files", "open, the others beside it"),
    ("Window", "Shift+Drop", "show beside what is open"),
];

/// Takes the keyboard back from whatever button Tab has given it to: here, Tab means something else.
/// To be called after everything is drawn.
pub fn keep_keyboard(ctx: &egui::Context) {
    if !ctx.text_edit_focused() {
        ctx.memory_mut(|memory| {
            if let Some(widget) = memory.focused() {
                memory.surrender_focus(widget);
            }
        });
    }
}

/// Takes the pressed shortcuts out of the input. Nothing while a text is being typed.
#[must_use]
pub fn pressed(ctx: &egui::Context) -> Vec<Action> {
    if ctx.text_edit_focused() {
        return Vec::new();
    }
    ctx.input_mut(|input| {
        let pressed = |line: &Shortcut| {
            // Twice, if it was pressed twice since the last frame.
            let times = input.count_and_consume_key(line.keys.modifiers, line.keys.logical_key);
            std::iter::repeat_n(line.action, times)
        };
        TABLE.iter().flat_map(pressed).collect()
    })
}

/// Keys as people write them: `Shift+→`, `Ctrl+W`, `Ctrl+Shift+P`, `[`.
#[must_use]
pub fn written(keys: &KeyboardShortcut) -> String {
    let held = [(keys.modifiers.command, "Ctrl+"), (keys.modifiers.shift, "Shift+")];
    let held: String = held.into_iter().filter(|(held, _)| *held).map(|(_, name)| name).collect();
    let key = match keys.logical_key {
        Key::ArrowLeft => "←",
        Key::ArrowRight => "→",
        Key::ArrowUp => "↑",
        Key::ArrowDown => "↓",
        Key::OpenBracket => "[",
        Key::CloseBracket => "]",
        Key::Backslash => "\\",
        Key::Plus => "+",
        Key::Minus => "−",
        Key::Escape => "Esc",
        key => key.name(),
    };
    held + key
}

/// The keys of an action.
#[must_use]
pub fn keys(action: Action) -> String {
    let line = TABLE.iter().find(|line| line.action == action);
    line.map_or_else(String::new, |line| written(&line.keys))
}

/// Headings in the order in which they are shown.
pub const GROUPS: [&str; 5] = [TIME, SIMULATION, VIEW, BRAIN, WINDOW];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_one_meaning_and_every_line_a_group() {
        for (index, line) in TABLE.iter().enumerate() {
            assert!(GROUPS.contains(&line.group) && !line.text.is_empty());
            for other in &TABLE[index + 1..] {
                assert_ne!(line.keys, other.keys, "{} and {}", line.text, other.text);
                assert_ne!(line.action, other.action, "{} and {}", line.text, other.text);
            }
        }
    }
}
