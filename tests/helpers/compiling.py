"""Models called as they are, for comparisons in which the compiling is not what is compared."""

from unittest import mock


def uncompiled():
    """A context in which nothing is compiled."""
    return mock.patch("nmtcli.backend.compiled", lambda function, *_, **__: function)
