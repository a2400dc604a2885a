"""nmtcli: neural machine translation on the command line, on Keras 3."""

__version__ = "0.2.0"
