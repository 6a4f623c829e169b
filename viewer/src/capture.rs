//! Pictures and films of the window as it is seen, by buttons: into the folder in which the program was started.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use egui::{ColorImage, Context, Rect};

use crate::scene::Picture;
use crate::video::{Video, VideoError, write_png};

/// Pictures per second of a film.
const FPS: u16 = 25;
/// Pictures that may wait to be written.
const WAITING: usize = 8;

/// A word on what became of a picture or a film.
pub type News = Result<String, String>;

/// What is being taken.
#[derive(Default)]
pub struct Capture {
    /// Where it goes; the folder in which the program was started if none.
    pub folder: Option<PathBuf>,
    /// Name of a picture that is wanted, without extension.
    wanted: Option<String>,
    film: Option<Film>,
    /// A picture on its way from the graphics adapter.
    arriving: Option<Receiver<Arc<ColorImage>>>,
    finishing: Option<(PathBuf, JoinHandle<Result<u32, VideoError>>)>,
}

/// A film that is being taken.
struct Film {
    name: String,
    /// What writes it, once there is a picture.
    writer: Option<Writer>,
}

struct Writer {
    path: PathBuf,
    size: [u32; 2],
    pictures: SyncSender<Picture>,
    thread: JoinHandle<Result<u32, VideoError>>,
}

impl Capture {
    /// Takes a picture of the next frame.
    pub fn picture(&mut self, name: String) {
        self.wanted = Some(name);
    }

    /// Begins a film, or ends the one that is being taken.
    pub fn film(&mut self, name: String) {
        match self.film.take() {
            Some(film) => self.end(film),
            None => self.film = Some(Film { name, writer: None }),
        }
    }

    /// Whether a film is being taken.
    #[must_use]
    pub fn films(&self) -> bool {
        self.film.is_some()
    }

    /// Whether a picture of this frame is taken, or of one that is on its way.
    #[must_use]
    pub fn takes(&self) -> bool {
        self.wanted.is_some() || self.film.is_some() || self.arriving.is_some()
    }

    /// Time that the next frame takes while a film is being taken, s, however long drawing takes: none until the last
    /// picture has come.
    #[must_use]
    pub fn seconds(&self) -> Option<f64> {
        let waits = self.arriving.is_some();
        self.film.as_ref().map(|_| if waits { 0.0 } else { 1.0 / f64::from(FPS) })
    }

    /// Asks for a picture of this frame if one is wanted. To be called after everything is drawn.
    pub fn ask(&mut self, ctx: &Context) {
        if self.arriving.is_some() || !(self.wanted.is_some() || self.film.is_some()) {
            return;
        }
        let (send, receive) = channel();
        let window = ctx.clone();
        ctx.request_screenshot(move |image| {
            // Nobody waits any more if the window was closed.
            let _ = send.send(image);
            window.request_repaint();
        });
        self.arriving = Some(receive);
    }

    /// Writes what has come, the part `rect` of it if not all, and says what has been finished.
    pub fn arrived(&mut self, ctx: &Context, rect: Option<Rect>) -> Option<News> {
        if let Some((path, thread)) = self.finishing.take_if(|(_, thread)| thread.is_finished()) {
            let result = thread.join().unwrap_or(Ok(0));
            return Some(match result {
                Ok(count) => Ok(format!("Film of {count} pictures: {}", path.display())),
                Err(error) => Err(error.to_string()),
            });
        }
        if self.finishing.is_some() {
            ctx.request_repaint_after(std::time::Duration::from_millis(100));
        }
        let image = self.arriving.as_ref()?.try_recv().ok()?;
        self.arriving = None;
        let picture = part(&image, rect, ctx.pixels_per_point());
        if let Some(name) = self.wanted.take() {
            let path = unused(&self.folder(), &name, "png");
            let written = write_png(&path, &picture);
            let told = written.map(|()| format!("Picture: {}", path.display()));
            return Some(told.map_err(|error| error.to_string()));
        }
        let mut film = self.film.take()?;
        match film.add(&self.folder(), picture) {
            Ok(true) => self.film = Some(film),
            Ok(false) => self.end(film),
            Err(error) => return Some(Err(error.to_string())),
        }
        None
    }

    fn folder(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| std::env::current_dir().unwrap_or_default())
    }

    /// Lets the film be written to its end.
    fn end(&mut self, film: Film) {
        if let Some(Writer { path, thread, pictures, .. }) = film.writer {
            drop(pictures);
            self.finishing = Some((path, thread));
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        if let Some(film) = self.film.take() {
            self.end(film);
        }
        if let Some((_, thread)) = self.finishing.take() {
            let _ = thread.join();
        }
    }
}

impl Film {
    /// Appends a picture; false if it ends before that, as the window has another size now.
    fn add(&mut self, folder: &Path, picture: Picture) -> Result<bool, VideoError> {
        if self.writer.is_none() {
            self.writer = Some(Writer::start(folder, &self.name, picture.size)?);
        }
        let Some(writer) = &self.writer else { return Ok(false) };
        Ok(picture.size == writer.size && writer.pictures.send(picture).is_ok())
    }
}

impl Writer {
    /// An MP4 where ffmpeg is installed, else a GIF.
    fn start(folder: &Path, name: &str, size: [u32; 2]) -> Result<Self, VideoError> {
        let mp4 = unused(folder, name, "mp4");
        let (path, mut video) = match Video::create(&mp4, size, FPS, 0) {
            Ok(video) => (mp4, video),
            Err(VideoError::NoFfmpeg { .. }) => {
                let gif = unused(folder, name, "gif");
                let video = Video::create(&gif, size, FPS, 0)?;
                (gif, video)
            }
            Err(error) => return Err(error),
        };
        let (pictures, waiting) = sync_channel::<Picture>(WAITING);
        let thread = std::thread::spawn(move || {
            let mut count = 0;
            for picture in waiting {
                video.add(&picture)?;
                count += 1;
            }
            video.finish().map(|()| count)
        });
        Ok(Self { path, size, pictures, thread })
    }
}

/// A path that nothing has yet.
fn unused(folder: &Path, name: &str, extension: &str) -> PathBuf {
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = name.chars().map(plain).collect();
    let mut path = folder.join(format!("{name}.{extension}"));
    let mut count = 2;
    while path.exists() {
        path = folder.join(format!("{name}-{count}.{extension}"));
        count += 1;
    }
    path
}

/// A part of what was drawn, given in points; all of it if there is none.
fn part(image: &ColorImage, rect: Option<Rect>, pixels_per_point: f32) -> Picture {
    let [width, height] = image.size;
    let pixel = |x: f32, most: usize| ((x * pixels_per_point).round().max(0.0) as usize).min(most);
    let (left, right, top, bottom) = match rect {
        Some(rect) if rect.is_positive() => (
            pixel(rect.left(), width),
            pixel(rect.right(), width),
            pixel(rect.top(), height),
            pixel(rect.bottom(), height),
        ),
        _ => (0, width, 0, height),
    };
    let rows = (top..bottom).flat_map(|row| &image.pixels[row * width + left..row * width + right]);
    let rgba = rows.flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b(), 255]).collect();
    Picture { size: [(right - left) as u32, (bottom - top) as u32], rgba }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use egui::{Color32, Pos2, Vec2};

    #[test]
    fn names_are_plain_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        let first = unused(folder.path(), "a run/1.5 s", "png");
        assert_eq!(name(first.clone()), "a_run_1.5_s.png");
        std::fs::write(&first, "").unwrap();
        assert_eq!(name(unused(folder.path(), "a run/1.5 s", "png")), "a_run_1.5_s-2.png");
    }

    #[test]
    fn a_part_is_cut_out_by_its_points() {
        let pixels = (0..24).map(|i| Color32::from_rgb(i, 0, 0)).collect();
        let image = ColorImage::new([6, 4], pixels);
        let rect = Rect::from_min_size(Pos2::new(1.0, 0.5), Vec2::new(1.0, 1.0));
        let picture = part(&image, Some(rect), 2.0);
        assert_eq!(picture.size, [2, 2]);
        let reds: Vec<u8> = picture.rgba.chunks(4).map(|pixel| pixel[0]).collect();
        assert_eq!(reds, [8, 9, 14, 15]);
        assert_eq!(part(&image, None, 2.0).size, [6, 4]);
        // A scene that reaches beyond the window's edge.
        let rect = Rect::from_min_max(Pos2::new(-1.0, 1.0), Pos2::new(9.0, 9.0));
        assert_eq!(part(&image, Some(rect), 1.0).size, [6, 3]);
    }

    #[test]
    fn a_film_holds_every_picture_and_ends_if_the_size_changes() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::start(folder.path(), "film", [16, 8]).unwrap();
        let path = writer.path.clone();
        let mut film = Film { name: "film".to_owned(), writer: Some(writer) };
        let picture =
            |size: [u32; 2]| Picture { size, rgba: [9, 80, 200, 255].repeat((size[0] * size[1]) as usize) };
        (0..5).for_each(|_| assert!(film.add(folder.path(), picture([16, 8])).unwrap()));
        assert!(!film.add(folder.path(), picture([8, 8])).unwrap());
        let mut capture = Capture::default();
        capture.end(film);
        let (_, thread) = capture.finishing.take().unwrap();
        assert_eq!(thread.join().unwrap().unwrap(), 5);
        assert!(std::fs::metadata(path).unwrap().len() > 50);
    }
}
