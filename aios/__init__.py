"""aios: the operating system of a one-person company."""

__version__ = "0.1.0"
