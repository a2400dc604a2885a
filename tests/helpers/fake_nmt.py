"""`nmt` with a fake model, as a program: fake_nmt.py SECONDS_A_STEP ARGUMENT..."""

import sys
import time

import pytest

from helpers.fake_engine import fake_engine, install
from nmtcli.cli.main import main


def slow(engine, seconds):
    step = engine.step

    def slow_step(*arguments):
        time.sleep(seconds)
        return step(*arguments)

    engine.step = slow_step
    return engine


if __name__ == "__main__":
    install(pytest.MonkeyPatch(), slow(fake_engine(), float(sys.argv[1])))
    main(sys.argv[2:])
