"""Recall by meaning, with an embedder that needs no model; `test_minilm` runs a real one."""
