"""What `aios doctor` looks at: each check explains itself and says what to do. Changes nothing."""

from aios.diagnosis.check import Check
from aios.diagnosis.company import examine

__all__ = ["Check", "examine"]
