//! The job scripts of the page about clusters on a Slurm of their own: its daemons run here, on ports and in a folder that
//! nothing else uses. `tests/run --full` installs it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tests::{generations, program, root, succeed, text};

use crate::ranks::{SMALL, result, send, with_mpi};

/// Generous: a job that hangs is an error and not a test that never ends.
const LIMIT: Duration = Duration::from_secs(600);

/// A cluster of this machine, with two partitions, of which one's jobs give way to those of the other.
struct Cluster {
    folder: TempDir,
}

impl Cluster {
    /// None where Slurm or MPI is missing.
    fn start() -> Option<Self> {
        let evo = with_mpi()?;
        let version = Command::new("slurmctld").arg("-V").stdout(Stdio::null()).status();
        if !version.is_ok_and(|status| status.success()) {
            assert!(
                std::env::var_os("SPINDLE_ALL_TESTS").is_none(),
                "Slurm is missing; tests/run --full installs it"
            );
            return None;
        }
        let cluster = Self { folder: tempfile::tempdir().expect("scratch folder") };
        for name in ["state", "spool", "bin"] {
            fs::create_dir(cluster.path(name)).expect("scratch folder");
        }
        // As the scripts call it.
        std::os::unix::fs::symlink(evo, cluster.path("bin/evo")).expect("a link");
        let own = |file: &str| format!("--{file}={}", cluster.path(&format!("munge.{file}")).display());
        let key = cluster.path("munge.key-file");
        let mut random =
            fs::File::open("/dev/urandom").map(|file| std::io::Read::take(file, 1024)).expect("random bytes");
        std::io::copy(&mut random, &mut fs::File::create(&key).expect("a key")).expect("a key");
        fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o400))
            .expect("a private key");
        let files = ["key-file", "socket", "pid-file", "log-file", "seed-file"].map(own);
        cluster.run("munged", &[&["--force"], &files.each_ref().map(String::as_str)[..]].concat());
        fs::write(cluster.path("slurm.conf"), cluster.config()).expect("slurm.conf");
        let config = cluster.path("slurm.conf");
        cluster.run("slurmctld", &["-i", "-f", text(&config)]);
        cluster.run("slurmd", &["-f", text(&config)]);
        cluster.wait("a node is there", || cluster.run("sinfo", &["-h", "-o", "%t"]).contains("idle"));
        Some(cluster)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> String {
        let [controller, node] = [(); 2].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
        let port = |listener: TcpListener| listener.local_addr().expect("its address").port();
        let (controller, node) = (port(controller), port(node));
        let host = fs::read_to_string("/proc/sys/kernel/hostname").expect("a name of this machine");
        let host = host.trim().split('.').next().expect("a name").to_owned();
        let user = Command::new("id").arg("-un").output().expect("id").stdout;
        let user = String::from_utf8_lossy(&user).trim().to_owned();
        let d = self.folder.path().display();
        format!(
            "ClusterName=spindle\n\
             SlurmctldHost={host}(127.0.0.1)\n\
             SlurmctldPort={controller}\n\
             SlurmdPort={node}\n\
             AuthType=auth/munge\n\
             CredType=cred/munge\n\
             # A job that is requeued begins anew after this many seconds.\n\
             AuthInfo=socket={d}/munge.socket,cred_expire=5\n\
             SlurmUser={user}\n\
             SlurmdUser={user}\n\
             StateSaveLocation={d}/state\n\
             SlurmdSpoolDir={d}/spool\n\
             SlurmctldPidFile={d}/slurmctld.pid\n\
             SlurmdPidFile={d}/slurmd.pid\n\
             SlurmctldLogFile={d}/slurmctld.log\n\
             SlurmdLogFile={d}/slurmd.log\n\
             ProctrackType=proctrack/linuxproc\n\
             TaskPlugin=task/none\n\
             SelectType=select/cons_tres\n\
             SelectTypeParameters=CR_CPU\n\
             SlurmdParameters=config_overrides\n\
             ReturnToService=2\n\
             PreemptType=preempt/partition_prio\n\
             PreemptMode=REQUEUE\n\
             NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=1000\n\
             PartitionName=low Nodes={host} Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=60\n\
             PartitionName=high Nodes={host} PriorityTier=10 PreemptMode=OFF\n"
        )
    }

    /// What a program of the cluster prints.
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(root()).env("SLURM_CONF", self.path("slurm.conf"));
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        // As mpirun in a container.
        command.env("OMPI_MCA_btl_vader_single_copy_mechanism", "none");
        // A daemon keeps what it was given.
        let log = self.path(&format!("{program}.err"));
        let output = self.path(&format!("{program}.out"));
        command.stdin(Stdio::null());
        command
            .stdout(fs::File::create(&output).expect("a file"))
            .stderr(fs::File::create(&log).expect("a file"));
        let status = command.status().expect("a program of Slurm");
        let told = fs::read_to_string(log).unwrap_or_default();
        assert!(status.success(), "{program} {arguments:?}: {told}");
        fs::read_to_string(output).expect("what it prints")
    }

    /// Submits a job script; the number of the job.
    fn submit(&self, arguments: &[&str]) -> String {
        let log = self.path("jobs.log");
        let own = ["--parsable", "--open-mode=append", "-o", text(&log)];
        self.run("sbatch", &[&own[..], arguments].concat()).trim().to_owned()
    }

    /// A field of a job, of each of its tasks in an array.
    fn field(&self, job: &str, field: &str) -> Vec<String> {
        let shown = self.run("scontrol", &["show", "job", "-o", job]);
        let value = |line: &str| {
            let word = line.split_whitespace().find_map(|word| word.strip_prefix(&format!("{field}=")));
            word.unwrap_or_default().to_owned()
        };
        shown.lines().filter(|line| !line.is_empty()).map(value).collect()
    }

    fn wait(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            let logs = ["jobs.log", "slurmctld.log", "slurmd.log"].map(|name| {
                let text = fs::read_to_string(self.path(name)).unwrap_or_default();
                let last = text.lines().rev().take(30).collect::<Vec<_>>();
                format!("{name}:\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"))
            });
            assert!(began.elapsed() < LIMIT, "not in time: {what}\n{}", logs.join("\n"));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits for the end of a job, which must be good, and says how often it was started again.
    fn ended(&self, job: &str) -> Vec<String> {
        self.wait("a job ends", || {
            let states = self.field(job, "JobState");
            let bad =
                states.iter().find(|state| ["FAILED", "CANCELLED", "NODE_FAIL"].contains(&state.as_str()));
            let log = || fs::read_to_string(self.path("jobs.log")).unwrap_or_default();
            assert!(bad.is_none(), "job {job}: {states:?}\n{}", log());
            states.iter().all(|state| state == "COMPLETED")
        });
        self.field(job, "Restarts")
    }

    /// The processes of a job's step by rank.
    fn ranks(job: &str) -> Vec<(usize, u32)> {
        let mut ranks = Vec::new();
        for entry in fs::read_dir("/proc").expect("processes").flatten() {
            let process = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            let value = |name: &str| {
                let prefix = format!("{name}=");
                let found =
                    environment.split(|&byte| byte == 0).find_map(|set| set.strip_prefix(prefix.as_bytes()));
                found.map(|value| String::from_utf8_lossy(value).into_owned())
            };
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            if name.starts_with("evo") && value("SLURM_JOB_ID").as_deref() == Some(job) {
                let rank = value("PMIX_RANK").and_then(|rank| rank.parse().ok());
                ranks.extend(rank.zip(process));
            }
        }
        ranks.sort_unstable();
        ranks
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for daemon in ["slurmd.pid", "slurmctld.pid", "munge.pid-file"] {
            if let Ok(process) = fs::read_to_string(self.path(daemon)) {
                let _ = Command::new("kill").arg(process.trim()).status();
            }
        }
        // Before their folder goes.
        std::thread::sleep(Duration::from_secs(2));
    }
}

/// A run that takes a while, since Slurm looks every few seconds.
const LONG: [&str; 6] =
    ["--set", "strategy=CmaEs(population: 12)", "--set", "controller=Mlp(hidden: [3])", "--threads", "1"];

fn script(name: &str) -> PathBuf {
    root().join("docs/how-to/cluster").join(name)
}

/// A run over two ranks that another job displaces, and one of which a rank is killed: both go on by themselves.
fn over_mpi(cluster: &Cluster, generations_of_run: &str) {
    let options = [&SMALL[2..], &LONG, &["--generations", generations_of_run]].concat();
    let whole = cluster.path("whole");
    let _ = succeed(&[&SMALL[..2], &options, &["-q", "--out", text(&whole)]].concat());
    for what in ["preempted", "killed"] {
        let out = cluster.path(what);
        let node = ["-p", "low", "--nodes=1", "--ntasks-per-node=2", "--cpus-per-task=1", "--time=10"];
        let words = [text(&script("train.sh")).to_owned(), "ant.ron".to_owned(), text(&out).to_owned()];
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let job = cluster.submit(&[&node[..], &words, &options].concat());
        cluster.wait("generations", || generations(&out) >= 3);
        if what == "preempted" {
            let other = cluster.submit(&["-p", "high", "-n", "4", "--wrap", "sleep 1"]);
            let _ = cluster.ended(&other);
        } else {
            let ranks = Cluster::ranks(&job);
            assert_eq!(ranks.iter().map(|(rank, _)| *rank).collect::<Vec<_>>(), [0, 1], "{ranks:?}");
            send("-KILL", ranks[1].1);
        }
        assert_eq!(cluster.ended(&job), ["1"], "{what}: it was started again once");
        assert!(result(&out) == result(&whole), "a run that was {what} differs");
    }
}

/// A sweep by an array of two tasks, of which one is stopped in the middle and starts again.
fn an_array(cluster: &Cluster) {
    let file = cluster.path("small.ron");
    let content = r#"(
        config: "inverted_pendulum.ron",
        set: ["run.generations=40", "run.eval_every=0", "run.eval_episodes=2", "strategy.population=8",
              "rollout.horizon=50", "run.checkpoint_every=1"],
        axes: [LogRange(path: "strategy.sigma", from: 0.03, to: 0.3)],
        sampler: Random(trials: 24),
    )"#;
    fs::write(&file, content).expect("a sweep file");
    let (whole, out) = (cluster.path("whole_sweep"), cluster.path("sweep"));
    let _ = succeed(&["sweep", "--config", text(&file), "--out", text(&whole), "--threads", "1", "-q"]);
    let node = ["-p", "low", "--array=3-4", "--cpus-per-task=1", "--time=10"];
    let words = [text(&script("sweep.sh")).to_owned(), text(&file).to_owned(), text(&out).to_owned()];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let job = cluster.submit(&[&node[..], &words, &["--workers", "1", "--threads", "1"]].concat());
    let done = |number: usize| {
        let journal = fs::read_to_string(out.join(format!("workers/{number}.jsonl")));
        journal.map_or(0, |text| text.matches("{\"done\"").count())
    };
    cluster.wait("both have a run", || done(1) > 0 && done(2) > 0);
    let _ = cluster.run("scontrol", &["requeue", &format!("{job}_3")]);
    let mut restarts = cluster.ended(&job);
    restarts.sort();
    assert_eq!(restarts, ["0", "1"]);
    let table = |out: &Path| fs::read_to_string(out.join("sweep.csv")).expect("a table");
    assert_eq!(table(&out), table(&whole));
    assert_eq!(done(1) + done(2), 24, "nothing is done twice");
}

#[test]
#[ignore = "slow: ./tests/run --full"]
fn slurm_runs_jobs_and_arrays_which_go_on_after_a_stop() {
    let Some(cluster) = Cluster::start() else { return };
    assert!(program("evo").exists());
    over_mpi(&cluster, "500");
    an_array(&cluster);
}
