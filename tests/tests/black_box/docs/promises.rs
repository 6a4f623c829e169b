//! What pages promise of a command: the files that it writes, and the lines that it prints.

use std::path::PathBuf;

/// Options that name a file or folder to write.
const OUT: [&str; 8] =
    ["--out", "--output", "--screenshot", "--record", "--html", "--markdown", "--qvel-out", "--onnx"];

/// The files that a command has to leave, as its words name them.
pub fn files(name: &str, words: &[String]) -> Vec<PathBuf> {
    let verb = words.first().map_or("", String::as_str);
    let named =
        words.windows(2).filter(|pair| OUT.contains(&pair[0].as_str())).map(|pair| PathBuf::from(&pair[1]));
    let mut files: Vec<PathBuf> = named.collect();
    let only_read = words.iter().any(|word| word == "--dry-run");
    if only_read {
        return Vec::new();
    }
    // What stands in a folder of its own.
    let inside: &[&str] = match (name, verb) {
        ("evo", "train" | "--config" | "finetune") => {
            &["config.ron", "metrics.csv", "summary.json", "curve.svg"]
        }
        ("evo", "sweep") => &["sweep.ron", "sweep.csv", "report.html"],
        _ => &[],
    };
    if let Some(folder) = files.first().filter(|_| !inside.is_empty()).cloned() {
        files.extend(inside.iter().map(|file| folder.join(file)));
    }
    files
}

/// The files that a command says on stdout to have written.
pub fn said(name: &str, words: &[String], stdout: &str) -> Vec<PathBuf> {
    let verb = words.first().map_or("", String::as_str);
    let tells = name == "evo" && matches!(verb, "export" | "plot" | "record" | "report");
    stdout.lines().filter(|_| tells).map(|line| PathBuf::from(line.trim())).collect()
}

/// The first line of a block that no line of what was printed is like, numbers and times aside.
pub fn missing<'a>(block: &'a str, printed: &str) -> Option<&'a str> {
    let printed: Vec<String> = printed.lines().map(shape).collect();
    block.lines().find(|line| !printed.contains(&shape(line)))
}

/// A line with `#` for each number with its sign and size (`56.6k`), `# s` for each time, and single spaces.
fn shape(line: &str) -> String {
    let mut shape = String::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let signed = rest.strip_prefix('-').unwrap_or(rest);
        let inside = |c: char| c.is_ascii_digit() || c == '.';
        let number = signed.trim_start_matches(inside);
        if signed.starts_with(|c: char| c.is_ascii_digit()) && !shape.ends_with(char::is_alphanumeric) {
            shape.push('#');
            rest = number.strip_prefix(['k', 'M', 'G']).unwrap_or(number);
        } else {
            shape.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    let words: Vec<&str> = shape.split_whitespace().collect();
    ["# h # min", "# min # s", "# min", "# ms"]
        .iter()
        .fold(words.join(" "), |line, time| line.replace(time, "# s"))
}

#[test]
fn lines_are_compared_without_their_numbers() {
    let block = "generation 300/300  fitness 862.2 (best 981.2)  56.6k steps/s\nfinished 300: 19.1M steps in 6 min 50 s\n";
    let printed =
        "start\ngeneration 2/2  fitness -3.1 (best 7)     800 steps/s\nfinished 2: 64 steps in 0.3 s\n";
    assert_eq!(missing(block, printed), None);
    assert_eq!(missing("generation 1/2  fitnes 1.0\n", printed), Some("generation 1/2  fitnes 1.0"));
    assert_eq!(missing("finished 300: 19.1M steps\n", printed), Some("finished 300: 19.1M steps"));
    assert_eq!(shape("w2 of v1 in 3 h 4 min"), "w2 of v1 in # s");
}

#[test]
fn commands_promise_files() {
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let names = |files: Vec<PathBuf>| files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>();
    assert_eq!(
        names(files("evo", &words("--config a --out r"))),
        ["r", "r/config.ron", "r/metrics.csv", "r/summary.json", "r/curve.svg"]
    );
    assert_eq!(names(files("viewer", &words("r --record a.gif --at 1"))), ["a.gif"]);
    assert_eq!(names(files("evo", &words("--config a --out r --dry-run"))), [""; 0]);
    assert_eq!(
        names(said("evo", &words("plot r"), "r/curve.svg\nr/curve.png\n")),
        ["r/curve.svg", "r/curve.png"]
    );
}
