"""The variant `nmtcli-jax`: the same code without TensorFlow's packages in its requirements.

Nothing is declared here: its metadata are those of setup.cfg, changed.

    python release/jax_variant.py            print the requirements, for `pip install -r`
    python release/jax_variant.py FOLDER     turn an unpacked source distribution into the variant
"""

import configparser
import re
import sys
from pathlib import Path

SETUP = Path(__file__).parents[1] / "setup.cfg"
NAME = "nmtcli-jax"
LEFT_OUT = ("tensorflow", "tensorflow-text", "tf2onnx")
EXTRA = "jax"  # the extra whose packages are required instead
UNNEEDED_EXTRAS = (EXTRA, "test")


def requirements(setup: configparser.ConfigParser) -> list[str]:
    """Return the requirements of the variant."""
    usual = setup["options"]["install_requires"].split("\n")
    kept = [line for line in usual if line and _package(line) not in LEFT_OUT]
    return [*kept, *filter(None, setup["options.extras_require"][EXTRA].split("\n"))]


def make_variant(folder: Path) -> None:
    """Change the setup.cfg of a source tree into that of the variant."""
    setup = read_setup(folder / "setup.cfg")
    setup["options"]["install_requires"] = "\n" + "\n".join(requirements(setup))
    setup["metadata"]["name"] = NAME
    setup["metadata"]["description"] += ", with JAX instead of TensorFlow"
    for extra in UNNEEDED_EXTRAS:
        setup.remove_option("options.extras_require", extra)
    with open(folder / "setup.cfg", "w", encoding="utf-8") as stream:
        setup.write(stream)


def read_setup(path: Path = SETUP) -> configparser.ConfigParser:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read_string(path.read_text(encoding="utf-8"))
    return setup


def _package(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0].lower()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        make_variant(Path(sys.argv[1]))
    else:
        print("\n".join(requirements(read_setup())))
