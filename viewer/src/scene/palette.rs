//! Colours of the light and the dark theme.

/// A colour, sRGB with straight alpha, 0..=1.
pub type Rgba = [f32; 4];

/// Colours that are not the robots' own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Palette {
    /// Sky overhead.
    pub zenith: Rgba,
    /// Sky at the horizon, into which the ground fades.
    pub horizon: Rgba,
    /// Ground.
    pub ground: Rgba,
    /// Lines on it.
    pub line: Rgba,
    /// Contact points.
    pub contact: Rgba,
    /// Contact forces.
    pub force: Rgba,
    /// Joint axes.
    pub joint: Rgba,
    /// Targets.
    pub target: Rgba,
    /// Trails.
    pub trail: Rgba,
    /// Outline of the body that is selected.
    pub outline: Rgba,
}

const fn rgb(hex: u32) -> Rgba {
    let [_, r, g, b] = hex.to_be_bytes();
    [r as f32 / 255.0, g as f32 / 255.0, b as f32 / 255.0, 1.0]
}

impl Palette {
    /// Of the light theme.
    pub const LIGHT: Self = Self {
        zenith: rgb(0x00b8_c9dd),
        horizon: rgb(0x00ee_f2f6),
        ground: rgb(0x00d9_dfe6),
        line: rgb(0x009a_a7b5),
        contact: rgb(0x00e8_8c1a),
        force: rgb(0x00d6_3a5e),
        joint: rgb(0x0000_8f7a),
        target: rgb(0x0014_9c62),
        trail: rgb(0x002f_6fd6),
        outline: rgb(0x00f2_8c13),
    };

    /// Of the dark theme.
    pub const DARK: Self = Self {
        zenith: rgb(0x000d_1117),
        horizon: rgb(0x0025_2c36),
        ground: rgb(0x0020_262f),
        line: rgb(0x0056_6273),
        contact: rgb(0x00ff_b64d),
        force: rgb(0x00ff_6b8b),
        joint: rgb(0x0035_d0b8),
        target: rgb(0x003d_dc97),
        trail: rgb(0x006c_a8ff),
        outline: rgb(0x00ff_b04a),
    };

    /// Of the theme that `dark` asks for.
    #[must_use]
    pub const fn of(dark: bool) -> &'static Self {
        if dark { &Self::DARK } else { &Self::LIGHT }
    }
}

/// Colour of trunks whose model gives none.
pub(super) const TRUNK: Rgba = rgb(0x00e6_e3dc);

/// Colours of limbs whose model gives none, by turns: right and left differ.
pub(super) const LIMBS: [Rgba; 2] = [rgb(0x0052_86c4), rgb(0x00e5_9a5c)];

/// From sRGB to linear light; alpha stays.
pub(super) fn linear([r, g, b, a]: Rgba) -> Rgba {
    let part = |c: f32| if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    [part(r), part(g), part(b), a]
}
