"""Handle SIGINT and SIGTERM: the first stops the training after the step, the second at once."""

import logging
import os
import signal
import threading

logger = logging.getLogger(__name__)


class StopRequest:
    """A context that stores the first signal in `signal_number`; a second one ends the training.

    A second SIGINT raises KeyboardInterrupt, so that a notebook goes on; a second SIGTERM exits.
    """

    def __init__(self):
        self.signal_number = 0
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
        if self.signal_number and number == signal.SIGINT:
            raise KeyboardInterrupt
        if self.signal_number:
            os._exit(128 + number)
        self.signal_number = number
        logger.warning("stopping after this step and saving; once more to stop at once")
