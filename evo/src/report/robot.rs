//! What a page shows of the robot: a still, a film, and the spikes of an episode.

use super::html;
use super::raster::Raster;
use crate::base64::base64;

/// Pictures of the same tiles.
#[derive(Clone, Debug)]
pub(crate) struct Pictures {
    /// A PNG file.
    pub still: Vec<u8>,
    /// A GIF file.
    pub film: Vec<u8>,
    /// Width on the page, pixels.
    pub width: u32,
    /// What they show.
    pub shows: String,
}

/// Either of them may be missing, with the reason.
#[derive(Clone, Debug)]
pub(crate) struct Robot {
    pub pictures: Result<Pictures, String>,
    /// Of which controller, and its spikes; nothing for what does not spike.
    pub spikes: Result<Option<(String, Raster)>, String>,
}

impl Robot {
    /// The section of a page.
    pub(super) fn markup(&self) -> String {
        let pictures = match &self.pictures {
            Ok(pictures) => pictures.markup(),
            Err(reason) => html::note(&format!("There are no pictures of the robot: {reason}.")),
        };
        let spikes = match &self.spikes {
            Ok(None) => Ok(String::new()),
            Ok(Some((name, raster))) => raster.svg().map(|svg| figure(name, raster, &svg)),
            Err(reason) => Err(reason.clone()),
        };
        let none = |reason| html::note(&format!("There are no spikes of an episode: {reason}."));
        pictures + &spikes.unwrap_or_else(none)
    }
}

impl Pictures {
    fn markup(&self) -> String {
        let shows = html::escape(&self.shows);
        let image = |class: &str, kind: &str, bytes: &[u8]| {
            format!(
                "<img class=\"{class}\" alt=\"{shows}\" width=\"{}\" src=\"data:image/{kind};base64,{}\">\n",
                self.width,
                base64(bytes)
            )
        };
        format!(
            "<figure class=\"film\" title=\"A click stops it, and starts it again\">\n{}{}<figcaption>{shows}</figcaption>\n\
             </figure>\n",
            image("still", "png", &self.still),
            image("moving", "gif", &self.film)
        )
    }
}

fn figure(name: &str, raster: &Raster, svg: &str) -> String {
    let column = raster
        .column()
        .map(|ms| format!(" Columns are {ms:.0} ms wide: the stronger the colour, the more spikes."));
    let shows = format!(
        "Spikes in one episode of {name}, with a return of {:.1}: a row per neuron.{}",
        raster.total,
        column.unwrap_or_default()
    );
    format!("<figure>\n{svg}<figcaption>{}</figcaption>\n</figure>\n", html::escape(&shows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_has_its_reason() {
        let nothing = Robot { pictures: Err("no <viewer>".to_owned()), spikes: Ok(None) };
        let expected = "<p class=\"note\">There are no pictures of the robot: no &lt;viewer&gt;.</p>\n";
        assert_eq!(nothing.markup(), expected);
        let pictures = Pictures { still: vec![1], film: vec![2], width: 300, shows: "a & b".to_owned() };
        let markup = Robot { pictures: Ok(pictures), spikes: Err("it fell".to_owned()) }.markup();
        for expected in
            ["src=\"data:image/png;base64,AQ==\"", "src=\"data:image/gif;base64,Ag==\"", "alt=\"a &amp; b\""]
        {
            assert!(markup.contains(expected), "{expected}: {markup}");
        }
        assert!(markup.contains("There are no spikes of an episode: it fell."), "{markup}");
    }
}
