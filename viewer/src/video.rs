//! Writes pictures to files: PNG, APNG, GIF, and MP4 where ffmpeg is installed.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::scene::Picture;

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum VideoError {
    /// Not a kind of file that can be written.
    #[error("{path}: write .gif, .png (animated) or .mp4")]
    Kind {
        /// The file.
        path: PathBuf,
    },
    /// More pictures per second than the format can hold.
    #[error(
        "{path}: a GIF shows at most {} pictures per second, not {fps}; .png and .mp4 show more",
        GIF_FPS
    )]
    TooFast {
        /// The file.
        path: PathBuf,
        /// Pictures per second asked for.
        fps: u16,
    },
    /// The disk, or the folder.
    #[error("cannot write {path}: {reason}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// MP4 needs another program.
    #[error("{path}: writing MP4 needs ffmpeg, which was not found; .gif and .png work without")]
    NoFfmpeg {
        /// The file.
        path: PathBuf,
    },
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> VideoError {
    VideoError::Write { path: path.to_owned(), reason: error.to_string() }
}

/// Writes one picture as PNG.
///
/// # Errors
/// If the file cannot be written.
pub fn write_png(path: &Path, picture: &Picture) -> Result<(), VideoError> {
    let file = File::create(path).map_err(|error| failed(path, &error))?;
    let [width, height] = picture.size;
    let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
    encoder.set_color(png::ColorType::Rgba);
    let mut writer = encoder.write_header().map_err(|error| failed(path, &error))?;
    writer.write_image_data(&picture.rgba).map_err(|error| failed(path, &error))?;
    writer.finish().map_err(|error| failed(path, &error))
}

/// Kind of a file that moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Animated GIF.
    Gif,
    /// Animated PNG.
    Apng,
    /// H.264, by ffmpeg.
    Mp4,
}

impl Kind {
    /// The kind that a file's name asks for.
    ///
    /// # Errors
    /// [`VideoError::Kind`] lists the kinds.
    pub fn of(path: &Path) -> Result<Self, VideoError> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            Some("gif") => Ok(Self::Gif),
            Some("png" | "apng") => Ok(Self::Apng),
            Some("mp4") => Ok(Self::Mp4),
            _ => Err(VideoError::Kind { path: path.to_owned() }),
        }
    }
}

/// Pictures per second of a GIF at most: browsers slow down what is quicker.
const GIF_FPS: u16 = 50;

/// Delay of picture `index`, hundredths of a second: delays are whole, so they differ by one where the
/// rate does not divide 100, and add up.
fn delay(index: u32, fps: u16) -> u16 {
    let until = |index: u32| (u64::from(index) * 100 + u64::from(fps) / 2) / u64::from(fps.max(1));
    u16::try_from(until(index + 1) - until(index)).unwrap_or(u16::MAX)
}

/// A file that pictures of one size are appended to.
pub struct Video {
    path: PathBuf,
    sink: Sink,
}

enum Sink {
    Gif { encoder: gif::Encoder<BufWriter<File>>, fps: u16, pictures: u32 },
    Apng(png::Writer<BufWriter<File>>),
    Ffmpeg(Child),
}

impl Video {
    /// Checks whether a file of this name can be written at `fps` pictures per second, and leaves it as it
    /// is.
    ///
    /// # Errors
    /// See [`VideoError`].
    pub fn check(path: &Path, fps: u16) -> Result<(), VideoError> {
        let kind = Kind::of(path)?;
        if kind == Kind::Gif && fps > GIF_FPS {
            return Err(VideoError::TooFast { path: path.to_owned(), fps });
        }
        // ffmpeg says little of a folder that does not exist.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(failed(path, &format!("there is no folder {}", folder.display())));
        }
        if kind == Kind::Mp4 {
            let mut ffmpeg = Command::new("ffmpeg");
            ffmpeg.arg("-version").stdout(Stdio::null()).stderr(Stdio::null());
            ffmpeg.status().map_err(|error| no_ffmpeg(path, &error))?;
        }
        Ok(())
    }

    /// Begins a file of `frames` pictures, `fps` per second.
    ///
    /// # Errors
    /// See [`VideoError`].
    pub fn create(path: &Path, size: [u32; 2], fps: u16, frames: u32) -> Result<Self, VideoError> {
        Self::check(path, fps)?;
        let kind = Kind::of(path)?;
        let file = || File::create(path).map(BufWriter::new).map_err(|error| failed(path, &error));
        let [width, height] = size;
        let sink = match kind {
            Kind::Gif => {
                let too_large = |_| failed(path, &"a GIF is at most 65535 pixels wide");
                let width = u16::try_from(width).map_err(too_large)?;
                let height = u16::try_from(height).map_err(too_large)?;
                let mut encoder =
                    gif::Encoder::new(file()?, width, height, &[]).map_err(|error| failed(path, &error))?;
                encoder.set_repeat(gif::Repeat::Infinite).map_err(|error| failed(path, &error))?;
                Sink::Gif { encoder, fps, pictures: 0 }
            }
            Kind::Apng => {
                let mut encoder = png::Encoder::new(file()?, width, height);
                encoder.set_color(png::ColorType::Rgba);
                let animated = encoder.set_animated(frames.max(1), 0);
                animated.map_err(|error| failed(path, &error))?;
                encoder.set_frame_delay(1, fps).map_err(|error| failed(path, &error))?;
                Sink::Apng(encoder.write_header().map_err(|error| failed(path, &error))?)
            }
            Kind::Mp4 => Sink::Ffmpeg(ffmpeg(path, size, fps)?),
        };
        Ok(Self { path: path.to_owned(), sink })
    }

    /// Appends a picture.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, picture: &Picture) -> Result<(), VideoError> {
        let path = &self.path;
        match &mut self.sink {
            Sink::Gif { encoder, fps, pictures } => {
                let [width, height] = picture.size.map(|side| side as u16);
                let mut pixels = picture.rgba.clone();
                let mut frame = gif::Frame::from_rgba_speed(width, height, &mut pixels, 10);
                frame.delay = delay(*pictures, *fps);
                *pictures += 1;
                encoder.write_frame(&frame).map_err(|error| failed(path, &error))
            }
            Sink::Apng(writer) => {
                writer.write_image_data(&picture.rgba).map_err(|error| failed(path, &error))
            }
            Sink::Ffmpeg(child) => {
                let input = child.stdin.as_mut().ok_or_else(|| failed(path, &"ffmpeg takes no input"))?;
                input.write_all(&picture.rgba).map_err(|error| failed(path, &error))
            }
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If it cannot be written to its end.
    pub fn finish(self) -> Result<(), VideoError> {
        let path = self.path;
        match self.sink {
            Sink::Gif { encoder, .. } => {
                let mut file = encoder.into_inner().map_err(|error| failed(&path, &error))?;
                file.flush().map_err(|error| failed(&path, &error))
            }
            Sink::Apng(writer) => writer.finish().map_err(|error| failed(&path, &error)),
            Sink::Ffmpeg(mut child) => {
                drop(child.stdin.take());
                let output = child.wait_with_output().map_err(|error| failed(&path, &error))?;
                if output.status.success() {
                    return Ok(());
                }
                let said = String::from_utf8_lossy(&output.stderr);
                Err(failed(&path, &said.lines().last().unwrap_or("ffmpeg failed")))
            }
        }
    }
}

/// Starts ffmpeg, which reads pictures from its input.
fn ffmpeg(path: &Path, [width, height]: [u32; 2], fps: u16) -> Result<Child, VideoError> {
    let size = format!("{width}x{height}");
    let rate = fps.to_string();
    let mut command = Command::new("ffmpeg");
    command.args([
        "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgba", "-s", &size, "-r", &rate, "-i", "-",
    ]);
    // Players want yuv420p, which needs even sides.
    let even = "pad=ceil(iw/2)*2:ceil(ih/2)*2";
    command.args([
        "-vf",
        even,
        "-c:v",
        "libx264",
        "-crf",
        "20",
        "-pix_fmt",
        "yuv420p",
        "-movflags",
        "+faststart",
    ]);
    command.arg(path).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(|error| no_ffmpeg(path, &error))
}

/// Why ffmpeg did not start.
fn no_ffmpeg(path: &Path, error: &std::io::Error) -> VideoError {
    match error.kind() {
        std::io::ErrorKind::NotFound => VideoError::NoFfmpeg { path: path.to_owned() },
        _ => failed(path, error),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn picture(shade: u8) -> Picture {
        Picture { size: [6, 4], rgba: [shade, 10, 200, 255].repeat(24) }
    }

    #[test]
    fn pictures_come_back_from_a_png() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        write_png(&path, &picture(7)).unwrap();
        let mut reader =
            png::Decoder::new(std::io::BufReader::new(File::open(&path).unwrap())).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut bytes).unwrap();
        assert_eq!(bytes, picture(7).rgba);
    }

    #[test]
    fn animations_hold_every_frame() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.gif", "a.png"] {
            let path = folder.path().join(name);
            let mut video = Video::create(&path, [6, 4], 20, 3).unwrap();
            [0, 100, 200].iter().for_each(|&shade| video.add(&picture(shade)).unwrap());
            video.finish().unwrap();
        }
        let mut decoder =
            gif::DecodeOptions::new().read_info(File::open(folder.path().join("a.gif")).unwrap()).unwrap();
        let mut delays = Vec::new();
        while let Some(frame) = decoder.read_next_frame().unwrap() {
            delays.push(frame.delay);
        }
        assert_eq!(delays, [5, 5, 5]);
        // 3.33 and 1.67 hundredths: their sums are right, whatever the rate.
        let delays = |fps: u16, count: u32| (0..count).map(|index| delay(index, fps)).collect::<Vec<_>>();
        assert_eq!(delays(30, 6), [3, 4, 3, 3, 4, 3]);
        for fps in 1..=GIF_FPS {
            assert_eq!(delays(fps, u32::from(fps)).iter().sum::<u16>(), 100, "{fps}");
        }
        let file = std::io::BufReader::new(File::open(folder.path().join("a.png")).unwrap());
        let reader = png::Decoder::new(file).read_info().unwrap();
        assert_eq!(reader.info().animation_control.unwrap().num_frames, 3);
    }

    #[test]
    fn other_files_are_refused() {
        let refused = |name: &str| Video::create(Path::new(name), [4, 4], 20, 1).err().unwrap().to_string();
        assert_eq!(refused("a.avi"), "a.avi: write .gif, .png (animated) or .mp4");
        assert!(refused("/nonexistent/a.gif").starts_with("cannot write /nonexistent/a.gif: "));
        let fast = Video::check(Path::new("a.gif"), 60).unwrap_err().to_string();
        assert!(fast.contains("at most 50 pictures per second, not 60"), "{fast}");
        assert!(Video::check(Path::new("a.png"), 60).is_ok());
    }
}
