"""SIGINT and SIGTERM while training: the first stops after the step, the second at once."""

import os
import signal
import threading


class StopRequest:
    """A context in which the first signal is remembered in `signal_number` and a second one exits.

    on_signal: called with the number of the first one.
    """

    def __init__(self, on_signal=lambda number: None):
        self.signal_number = 0
        self.on_signal = on_signal
        self._before = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number, frame):
        if self.signal_number:
            os._exit(128 + number)
        self.signal_number = number
        self.on_signal(number)
