"""What the library warns of, for tests that cannot use pytest's `caplog`, and for silence."""

import logging
from contextlib import contextmanager


@contextmanager
def warnings_logged():
    """A list that gets the messages that the library logs in the block."""
    messages, handler = [], logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = logging.getLogger("nmtcli")
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)


def silently(function, *arguments):
    """What a function returns that must not warn of anything."""
    with warnings_logged() as messages:
        result = function(*arguments)
    assert messages == []
    return result
