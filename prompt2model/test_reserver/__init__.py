"""Gold rows, official tests or a share of the retrieved rows, set aside before anything is generated."""

from prompt2model.test_reserver.reserver import TestReserver, TestReserverConfig

__all__ = ["TestReserver", "TestReserverConfig"]
