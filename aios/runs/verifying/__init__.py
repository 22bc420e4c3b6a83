"""Deterministic verification of what jobs hand over that nobody trusts."""

from aios.runs.verifying.folder import digest_of, material_of, strangers, verify_folder
from aios.runs.verifying.verify import Material, Verified, digests_of, verify

__all__ = ["Material", "Verified", "digest_of", "digests_of", "material_of", "strangers", "verify", "verify_folder"]
