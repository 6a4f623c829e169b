//! The spikes of an episode: a row per neuron over time.

use super::html::escape;
use crate::base64::base64;
use crate::plot::picture::{PALETTE, WIDTH, tick};

/// Left end of the axes, and width, pixels as all lengths here.
const LEFT: i32 = 128;
const ACROSS: usize = 1080;
/// Least and most height of a layer.
const HEIGHT: [usize; 2] = [72, 260];
/// Height of a neuron in layers that are neither small nor large.
const ROW: usize = 3;
/// Between two layers.
const GAP: usize = 12;
/// Of the axis with its labels.
const FOOT: usize = 56;
/// Least opacity of a place with a spike.
const FAINTEST: f64 = 0.25;

/// A layer's spikes.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub name: String,
    pub neurons: usize,
    /// `[tick][neuron]`, 0 or 1.
    pub spikes: Vec<u8>,
}

/// An episode's spikes.
#[derive(Clone, Debug)]
pub(crate) struct Raster {
    /// Length of the episode, s.
    pub seconds: f64,
    /// Return of the episode.
    pub total: f64,
    /// Layers that spike, from input to output; at least one.
    pub layers: Vec<Layer>,
}

impl Layer {
    fn height(&self) -> usize {
        (ROW * self.neurons).clamp(HEIGHT[0], HEIGHT[1])
    }

    fn ticks(&self) -> usize {
        self.spikes.len() / self.neurons.max(1)
    }

    /// Share of ticks with a spike, `[neuron][column]`, with the number of columns: one per tick, or as many as there is
    /// room for.
    fn shares(&self) -> (usize, Vec<f64>) {
        let columns = self.ticks().clamp(1, ACROSS);
        let (mut spikes, mut ticks) = (vec![0.0; columns * self.neurons], vec![0.0; columns]);
        for (tick, row) in self.spikes.chunks_exact(self.neurons.max(1)).enumerate() {
            let column = tick * columns / self.ticks();
            ticks[column] += 1.0;
            for (neuron, &spike) in row.iter().enumerate() {
                spikes[neuron * columns + column] += f64::from(spike);
            }
        }
        let share = |(index, count): (usize, f64)| count / f64::max(ticks[index % columns], 1.0);
        (columns, spikes.into_iter().enumerate().map(share).collect())
    }

    /// The same as a PNG file with a pixel per place.
    fn png(&self) -> Result<Vec<u8>, String> {
        let (columns, shares) = self.shares();
        let ink = PALETTE[0];
        let pixel = |share: f64| {
            let opacity = if share > 0.0 { FAINTEST + (1.0 - FAINTEST) * share } else { 0.0 };
            [ink.0, ink.1, ink.2, (255.0 * opacity).round() as u8]
        };
        let pixels: Vec<u8> = shares.into_iter().flat_map(pixel).collect();
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, columns as u32, self.neurons.max(1) as u32);
        encoder.set_color(png::ColorType::Rgba);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&pixels)?;
            writer.finish()
        });
        written.map_err(|error| error.to_string())?;
        Ok(bytes)
    }
}

impl Raster {
    /// As the text of an SVG picture.
    ///
    /// # Errors
    /// If a layer cannot be drawn.
    pub(super) fn svg(&self) -> Result<String, String> {
        let heights = self.layers.iter().map(|layer| layer.height() + GAP);
        let axis = heights.sum::<usize>() + 6 - GAP;
        let mut text = format!(
            "<svg role=\"img\" aria-label=\"spikes of each neuron over time\" viewBox=\"0 0 {WIDTH} {}\" \
             xmlns=\"http://www.w3.org/2000/svg\" font-size=\"16\">\n",
            axis + FOOT
        );
        let mut top = 6;
        for layer in &self.layers {
            let height = layer.height();
            let (name, neurons) = (escape(&layer.name), layer.neurons);
            text += &format!(
                "<text x=\"12\" y=\"{}\" fill=\"#222222\">{name}</text>\n\
                 <text x=\"12\" y=\"{}\" fill=\"#606060\">{neurons} neurons</text>\n",
                top + 18,
                top + 38
            );
            text += &format!(
                "<image x=\"{LEFT}\" y=\"{top}\" width=\"{ACROSS}\" height=\"{height}\" preserveAspectRatio=\"none\" \
                 style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/>\n\
                 <rect x=\"{LEFT}\" y=\"{top}\" width=\"{ACROSS}\" height=\"{height}\" fill=\"none\" stroke=\"#606060\"/>\n",
                base64(&layer.png()?)
            );
            top += height + GAP;
        }
        let every = round(self.seconds / 10.0);
        for mark in
            (0..).map(|index| f64::from(index) * every).take_while(|&mark| mark <= self.seconds * 1.0001)
        {
            let x = f64::from(LEFT) + mark / self.seconds * ACROSS as f64;
            text += &format!(
                "<path d=\"M{x:.1} {axis}v5\" stroke=\"#606060\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#222222\">{}</text>\n",
                axis + 22,
                tick(mark)
            );
        }
        let middle = LEFT as usize + ACROSS / 2;
        text += &format!(
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" fill=\"#222222\">time (s)</text>\n</svg>\n",
            axis + 48
        );
        Ok(text)
    }

    /// What a place stands for where columns hold several ticks, ms.
    pub(super) fn column(&self) -> Option<f64> {
        let most = self.layers.iter().map(Layer::ticks).max()?;
        (most > ACROSS).then(|| 1e3 * self.seconds / ACROSS as f64)
    }
}

/// The next larger 1, 2 or 5 times a power of ten.
fn round(value: f64) -> f64 {
    let power = libm::pow(10.0, libm::log10(value.max(1e-9)).floor());
    [1.0, 2.0, 5.0].into_iter().map(|digit| digit * power).find(|&x| x >= value).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn every_spike_is_seen_where_it_was() {
        // Two neurons: one spikes in every tick, the other in the last one only.
        let layer = |ticks: usize| {
            let spikes = (0..ticks).flat_map(|tick| [1, u8::from(tick + 1 == ticks)]).collect();
            Layer { name: "hidden.0".to_owned(), neurons: 2, spikes }
        };
        assert_eq!(layer(3).shares(), (3, vec![1.0, 1.0, 1.0, 0.0, 0.0, 1.0]));
        let (columns, shares) = layer(10 * ACROSS).shares();
        assert_eq!((columns, shares[0], shares[2 * ACROSS - 2]), (ACROSS, 1.0, 0.0));
        assert!((shares[2 * ACROSS - 1] - 0.1).abs() < 1e-12);
        assert_eq!(layer(0).shares(), (1, vec![0.0, 0.0]));
        assert!(layer(0).png().unwrap().starts_with(b"\x89PNG"));
    }

    #[test]
    fn the_axis_has_round_times() {
        assert_eq!([0.8, 5.0, 0.011, 2.0].map(round), [1.0, 5.0, 0.02, 2.0]);
        let layers = vec![Layer { name: "<a>".to_owned(), neurons: 1, spikes: vec![1; 8] }];
        let raster = Raster { seconds: 0.4, total: 1.0, layers };
        let svg = raster.svg().unwrap();
        assert!(
            svg.contains("&lt;a&gt;") && svg.contains(">0.05</text>") && svg.contains(">0.4</text>"),
            "{svg}"
        );
        assert_eq!((svg.matches("<image").count(), raster.column()), (1, None));
    }
}
