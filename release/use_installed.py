"""Use an installed nmt as a user does: from a few lines of text to a translation."""

import os
import subprocess
from pathlib import Path

from jax_variant import LEFT_OUT

LINES = {"train": 300, "valid": 5}
OPTIONS = (
    *(f"model.{part}_size=8" for part in ("embedding", "encoder", "decoder", "attention")),
    *("search.beam=1", "search.max_length_factor=1", "search.max_length_margin=5"),
)
# What decides on modules, backends and caches of this user must not help.
UNSET = ("PYTHONPATH", "PYTHONHOME", "KERAS_BACKEND", "VIRTUAL_ENV")


def use_installed(scripts: Path, place: Path, data: Path, has_tensorflow: bool) -> None:
    """Run the commands of an environment one after the other, and check what they make.

    Args:
        scripts: the folder of the environment's commands.
        place: an empty folder outside of the checkout.
        data: the embedded corpus.
        has_tensorflow: whether TensorFlow must be installed; if not, it must not be.

    Raises:
        AssertionError: a command failed, or made something else than it should.
    """
    nmt = Commands(scripts, place)
    nmt.check_environment(has_tensorflow)
    for split, count in LINES.items():
        for side in ("ko", "en"):
            lines = (data / f"{split}.{side}").read_text(encoding="utf-8").splitlines()[:count]
            (place / f"{split}.{side}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    nmt("preprocess", "--train", "train.ko", "train.en", "--valid", "valid.ko", "valid.en",
        "--vocab-size", "600")  # fmt: skip
    options = [word for option in OPTIONS for word in ("--set", option)]
    said = nmt("train", "--data", "prepared", "--run", "run", "--steps", "3", *options).stderr
    if has_tensorflow:
        assert (place / "run" / "export" / "onnx" / "nmt.json").is_file(), said
    else:
        assert said.count("not exported, so Keras will translate") == 1, said
        for kind in ("onnx", "savedmodel"):
            refused = nmt("export", "--run", "run", "--format", kind, status=2).stderr
            assert "TensorFlow, which is not installed: pip install" in refused, refused
            assert refused.count("\n") == 1, refused
    for engine in ("auto", "keras"):
        nmt("translate", "--run", "run", "--engine", engine, "-i", "valid.ko", "-o", engine)
        found = (place / engine).read_text(encoding="utf-8").splitlines()
        assert len(found) == LINES["valid"] and any(found), found
    for command in ("score", "align"):
        found = nmt(command, "--run", "run", "valid.ko", "valid.en").stdout.splitlines()
        assert len(found) == LINES["valid"], found
    assert "BLEU" in nmt("bleu", "valid.en", "keras").stdout
    assert ("tensorflow" if has_tensorflow else "jax") in nmt("inspect", "run").stdout


class Commands:
    """Runs the commands of an environment.

    Args:
        scripts: the folder of the environment's commands.
        place: the working folder.
    """

    def __init__(self, scripts: Path, place: Path):
        self._scripts, self._place = scripts, place

    def __call__(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess:
        print(f"dist:   nmt {' '.join(arguments)}", flush=True)
        return self._run([self._scripts / "nmt", *arguments], status)

    def check_environment(self, has_tensorflow: bool) -> None:
        """Check the version, where the package comes from, and which packages are there."""
        version, file = self._python("import nmtcli as n; print(n.__version__, n.__file__)").split()
        assert self("--version").stdout.split() == ["nmt", version]
        assert file.startswith(str(self._scripts.parent)), file
        names = [name.replace("-", "_") for name in LEFT_OUT]
        code = f"import importlib.util as u; print(*[n for n in {names} if u.find_spec(n)])"
        installed = self._python(code).split()
        assert ("tensorflow" in installed) if has_tensorflow else (not installed), installed

    def _python(self, code: str) -> str:
        return self._run([self._scripts / "python", "-c", code]).stdout

    def _run(self, command: list, status: int = 0) -> subprocess.CompletedProcess:
        clean = {name: value for name, value in os.environ.items() if name not in UNSET}
        done = subprocess.run(
            [str(part) for part in command], cwd=self._place, env=clean, capture_output=True,
            encoding="utf-8",
        )  # fmt: skip
        assert done.returncode == status, f"{command}: {done.returncode}\n{done.stderr}"
        return done
