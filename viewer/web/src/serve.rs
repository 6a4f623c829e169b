//! A small web server for this machine alone.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Serves a folder, and some files as if they were in it, until the process ends.
pub fn serve(folder: &Path, port: u16, files: &[PathBuf]) -> anyhow::Result<()> {
    let address = format!("127.0.0.1:{port}");
    let listener =
        TcpListener::bind(&address).with_context(|| format!("cannot listen on {address} (--port)"))?;
    eprintln!("http://{}/", listener.local_addr()?);
    for file in files {
        let name = file.file_name().context("a file without a name")?.to_string_lossy();
        eprintln!("http://{}/?file={name}", listener.local_addr()?);
    }
    for stream in listener.incoming() {
        let (folder, files) = (folder.to_owned(), files.to_vec());
        let Ok(stream) = stream else { continue };
        // A browser that goes away in the middle is no failure.
        std::thread::spawn(move || answer(stream, &folder, &files).ok());
    }
    Ok(())
}

fn answer(mut stream: TcpStream, folder: &Path, files: &[PathBuf]) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // The rest of the head must be read, or the browser sees its connection break.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let body = find(&request, folder, files).and_then(|path| Some((fs::read(&path).ok()?, kind(&path))));
    let (status, (body, kind)) = match body {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", (b"not found".to_vec(), "text/plain")),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-cache\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

/// The file that a request line asks for; only names directly in the folder, never paths.
fn find(request: &str, folder: &Path, files: &[PathBuf]) -> Option<PathBuf> {
    let path = request.strip_prefix("GET /")?.split(' ').next()?;
    let name = path.split(['?', '#']).next()?;
    let name = if name.is_empty() { "index.html" } else { name };
    if name.contains(['/', '\\', '%']) || name.starts_with('.') {
        return None;
    }
    let given = files.iter().find(|file| file.file_name().is_some_and(|other| other == name));
    Some(given.cloned().unwrap_or_else(|| folder.join(name)))
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::Read as _;

    use super::*;

    #[test]
    fn names_lead_to_files_and_paths_lead_nowhere() {
        let found = |request: &str| find(request, Path::new("web"), &[PathBuf::from("/runs/a.bin")]);
        assert_eq!(found("GET / HTTP/1.1"), Some(PathBuf::from("web/index.html")));
        assert_eq!(found("GET /?file=a.bin HTTP/1.1"), Some(PathBuf::from("web/index.html")));
        assert_eq!(found("GET /viewer.js HTTP/1.1"), Some(PathBuf::from("web/viewer.js")));
        assert_eq!(found("GET /a.bin HTTP/1.1"), Some(PathBuf::from("/runs/a.bin")));
        for bad in
            ["GET /../secret HTTP/1.1", "GET /.git HTTP/1.1", "GET /%2e%2e/x HTTP/1.1", "POST / HTTP/1.1", ""]
        {
            assert_eq!(found(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_file_is_sent_whole() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.wasm"), [7u8; 100_000]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.write_all(b"GET /a.wasm HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        answer(listener.accept().unwrap().0, folder.path(), &[]).unwrap();
        let mut text = Vec::new();
        client.read_to_end(&mut text).unwrap();
        let head = String::from_utf8_lossy(&text[..200]).into_owned();
        assert!(
            head.starts_with(
                "HTTP/1.1 200 OK\r\nContent-Type: application/wasm\r\nContent-Length: 100000\r\n"
            )
        );
        assert_eq!(text.iter().filter(|&&byte| byte == 7).count(), 100_000);
    }
}
