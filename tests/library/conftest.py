"""Fixtures of the library's tests."""

from programs import program

__all__ = ["program"]
