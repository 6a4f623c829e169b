// Included by the build scripts of crates that compile a function for several instruction sets.
//
// A release has all of them and picks one at run time. Each takes its time to compile, so a developer's build has one alone,
// the widest of the machine that builds it. `SPINDLE_INSTRUCTION_SETS=all` asks for all of them there as well, `own` for the
// one alone in a release.

use std::env;

/// Sets the cfg `<prefix>_<set>` for each of the sets: of `portable`, `avx2` and `avx512`.
pub fn configure(prefix: &str) {
    println!("cargo::rerun-if-env-changed=SPINDLE_INSTRUCTION_SETS");
    let all = ["portable", "avx2", "avx512"].map(|set| format!("{prefix}_{set}"));
    println!("cargo::rustc-check-cfg=cfg({})", all.join(", "));
    for set in sets() {
        println!("cargo::rustc-cfg={prefix}_{set}");
    }
}

fn sets() -> Vec<&'static str> {
    let variable = |name| env::var(name).unwrap_or_default();
    if variable("CARGO_CFG_TARGET_ARCH") != "x86_64" {
        return vec!["portable"];
    }
    let all = match variable("SPINDLE_INSTRUCTION_SETS").as_str() {
        "all" => true,
        "own" => false,
        _ => variable("PROFILE") == "release",
    };
    // What another machine will run on is not known here.
    if all || variable("HOST") != variable("TARGET") {
        return vec!["portable", "avx2", "avx512"];
    }
    vec![widest()]
}

#[cfg(target_arch = "x86_64")]
fn widest() -> &'static str {
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
        "avx512"
    } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        "avx2"
    } else {
        "portable"
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn widest() -> &'static str {
    "portable"
}
