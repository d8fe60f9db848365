"""A Hub on this machine for all tests here."""

from hub_fixture import hub

__all__ = ["hub"]
