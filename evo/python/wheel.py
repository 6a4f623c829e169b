#!/usr/bin/env python3
"""Packs the extension that `cargo build` has made into a wheel: what maturin makes, without building anything twice.

    python3 evo/python/wheel.py target/debug FOLDER

Prints the wheel's path. For tests; `pip install ./evo/python` is for users.
"""

import base64
import hashlib
import re
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIBRARIES = ("lib_native.so", "lib_native.dylib", "_native.dll")


def main():
    target, out = map(Path, sys.argv[1:])
    version = re.search(r'^version = "(.*)"', (HERE / "../../Cargo.toml").read_text(), re.MULTILINE)[1]
    project = (HERE / "pyproject.toml").read_text()
    requires = re.findall(r'"([^"]+)"', re.search(r"^dependencies = \[(.*)\]", project, re.MULTILINE)[1])
    script = re.search(r'^evo = "(.*)"', project, re.MULTILINE)[1]
    info = f"spindle-{version}.dist-info"
    library = next(target / name for name in LIBRARIES if (target / name).is_file())
    source = HERE / "python"
    # Links are followed, as the folder of configs is one.
    paths = [path for path in source.rglob("*") if path.is_file()] + [
        path for path in (source / "spindle/configs").resolve().rglob("*") if path.is_file()
    ]
    configs = (source / "spindle/configs").resolve()
    files = {}
    for path in paths:
        if "__pycache__" in path.parts:
            continue
        inside = path.resolve().is_relative_to(configs)
        name = Path("spindle/configs") / path.resolve().relative_to(configs) if inside else path.relative_to(source)
        files[name.as_posix()] = path.read_bytes()
    files[f"spindle/_native.{'pyd' if library.suffix == '.dll' else 'abi3.so'}"] = library.read_bytes()
    metadata = ["Metadata-Version: 2.1", "Name: spindle", f"Version: {version}", "Requires-Python: >=3.10"]
    metadata += [f"Requires-Dist: {each}" for each in requires]
    files[f"{info}/METADATA"] = ("\n".join(metadata) + "\n").encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: wheel.py\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/entry_points.txt"] = f"[console_scripts]\nevo={script}\n".encode()
    record = ""
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(content)}\n"
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    out.mkdir(parents=True, exist_ok=True)
    wheel = out / f"spindle-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    print(wheel)


main()
