"""skip what imports a framework or starts a process, as soon as it does"""

import sys

import pytest

FRAMEWORKS = {"tensorflow", "keras", "jax"}
PROCESSES = {"subprocess.Popen", "os.fork", "os.posix_spawn", "os.system"}


class NoFramework:
    """Stands before the finders of modules; whoever asks for a framework is skipped."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in FRAMEWORKS:
            pytest.skip(f"imports {name}", allow_module_level=True)


def no_process(event, arguments):
    """Whoever starts a process is skipped before it has started."""
    if event in PROCESSES:
        pytest.skip("starts a process")


def install() -> None:
    """For as long as this process lasts: a hook for audits cannot be taken away."""
    sys.meta_path.insert(0, NoFramework)
    sys.addaudithook(no_process)
