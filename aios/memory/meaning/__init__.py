"""Recall by meaning: passages as vectors of a model that the operator chose, beside recall by words.

All of it is optional and derived. The model is exported once to ONNX, below `.aios/embedding/<fingerprint>/`, together
with the vectors that it made; vectors are known by the text that they stand for, so that a changed note costs its own
passages and nothing else. `Meaning` is what recall asks; `aios.memory.meaning.refresh` brings the vectors up to date.
"""
