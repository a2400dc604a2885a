"""Build all that is released, check it, and use it as a user does, on each Python that is here.

    python release/dist.py             # every Python of setup.cfg's classifiers that is found
    python release/dist.py 3.11 3.13   # only these

`dist/` then has the wheel and the source distribution of nmtcli, and the wheel of nmtcli-jax. Each
wheel is installed with its requirements into a fresh environment, where the commands run outside of
the checkout; the source distribution then takes the place of nmtcli's wheel. A Python that is found
neither on the PATH, as `python3.12` for example, nor in pyenv, is skipped; the last lines say so.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from jax_variant import LEFT_OUT, make_variant, read_setup
from use_installed import use_installed

TOP = Path(__file__).parents[1]
DIST = TOP / "dist"
PACKAGE = "nmtcli"


def main(wanted: list[str]) -> None:
    known = supported_pythons()
    if unknown := sorted(set(wanted) - set(known)):
        sys.exit(f"dist: setup.cfg has no classifier for Python {', '.join(unknown)}")
    wheel, source, jax_wheel = build()
    check_metadata([wheel, source, jax_wheel])
    check_wheel(wheel, "nmtcli")
    check_wheel(jax_wheel, "nmtcli_jax")
    check_requirements(wheel, jax_wheel)
    report, used = [], 0
    for version in wanted or known:
        python = find_python(version)
        if python is None:
            report.append(f"Python {version}: SKIPPED, not found on the PATH or in pyenv")
            continue
        install_and_use(python, [wheel, source], has_tensorflow=True)
        install_and_use(python, [jax_wheel], has_tensorflow=False)
        for archive in (wheel, source, jax_wheel):
            report.append(f"Python {version}: {archive.name} installed and used")
        used += 1
    print("\n".join(["", *report]))
    if not used:
        sys.exit("dist: nothing was tried, because none of these Pythons is here")


def supported_pythons() -> list[str]:
    """Return the Pythons that setup.cfg names, such as 3.12."""
    lines = read_setup()["metadata"]["classifiers"].split("\n")
    versions = [line.rpartition(" :: ")[2] for line in lines if "Python :: 3." in line]
    assert versions
    return versions


def find_python(version: str) -> str | None:
    """Find an interpreter that can make environments: this one, on the PATH, or in pyenv."""
    if version == "{}.{}".format(*sys.version_info):
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which(f"python{version}"), *pyenv.glob(f"{version}.*/bin/python{version}")]
    for python in map(str, filter(None, found)):
        command = [python, "-c", "import venv, ssl; print('works')"]  # a shim may lead nowhere
        if subprocess.run(command, capture_output=True, encoding="utf-8").stdout == "works\n":
            return python
    return None


def build() -> tuple[Path, Path, Path]:
    """Build the source distribution, the wheel from it, and the variant's wheel from it."""
    shutil.rmtree(DIST, ignore_errors=True)
    run("building", [sys.executable, "-m", "build", "--outdir", DIST, TOP])
    (source,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    with tempfile.TemporaryDirectory() as name:
        with tarfile.open(source) as archive:
            archive.extractall(name, filter="data")
        (folder,) = Path(name).iterdir()
        make_variant(folder)
        command = [sys.executable, "-m", "build", "--wheel", "--outdir", DIST, folder]
        run("building the variant for JAX", command)
    (jax_wheel,) = set(DIST.glob("*.whl")) - {wheel}
    return wheel, source, jax_wheel


def check_metadata(archives: list[Path]) -> None:
    """Check what an index shows of the archives, such as the README."""
    run("checking the metadata", [sys.executable, "-m", "twine", "check", "--strict", *archives])


def check_wheel(wheel: Path, distribution: str) -> None:
    """Check that a wheel has every file of the package and the licence, and nothing else."""
    expected = {
        path.relative_to(TOP).as_posix()
        for path in (TOP / PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "nmt = nmtcli.cli.main:main" in archive.read(entry_points).decode()
    info = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    assert names - info == expected, sorted((names - info) ^ expected)
    assert any(name.endswith("/licenses/LICENSE") for name in info), sorted(info)
    assert wheel.name.startswith(f"{distribution}-"), wheel.name


def check_requirements(wheel: Path, jax_wheel: Path) -> None:
    """Check that the two wheels differ in the requirements of the backends alone."""
    usual, variant = set(required(wheel)), set(required(jax_wheel))
    removed, added = usual - variant, variant - usual
    assert {line.split(">")[0] for line in removed} == set(LEFT_OUT), removed
    assert [line for line in added if not line.startswith("jax>")] == [] != added, added


def required(wheel: Path) -> list[str]:
    """Return the requirements of a wheel, without those of its extras."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        lines = archive.read(metadata).decode().split("\n")
    found = [line.removeprefix("Requires-Dist: ") for line in lines if "Requires-Dist: " in line]
    return [line for line in found if "extra ==" not in line]


def install_and_use(python: str, archives: list[Path], has_tensorflow: bool) -> None:
    """Install archives, one in place of the other, into a fresh environment and use each there."""
    with tempfile.TemporaryDirectory() as name:
        environment = Path(name) / "environment"
        # The environment needs no pip of its own; not every Python can install one.
        run("making an environment", [python, "-m", "venv", "--without-pip", environment])
        scripts = environment / ("Scripts" if os.name == "nt" else "bin")
        pip = [sys.executable, "-m", "pip", "--python", scripts / "python"]
        for number, archive in enumerate(archives):
            again = ["--force-reinstall", "--no-deps"] if number else []
            command = [*pip, "install", "--quiet", "--no-compile", *again, archive]
            run(f"installing {archive.name} for {python}", command)
            place = Path(name) / f"elsewhere-{number}"
            place.mkdir()
            use_installed(scripts, place, TOP / "data", has_tensorflow)


def run(what: str, command: list) -> None:
    print(f"dist: {what}", flush=True)
    subprocess.run([str(part) for part in command], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
