"""For `--fast`: a module or test is skipped as soon as it imports a framework or starts a process.

So no list of fast tests is kept. That light commands import no framework
is proven elsewhere, by processes that `make test` starts.
"""

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
