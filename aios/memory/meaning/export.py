"""Exporting a model once, so that questions need neither PyTorch nor ten seconds of imports.

The whole pipeline of sentence-transformers (transformer, pooling, whatever follows) becomes one ONNX graph; its
tokenizer and what one must know to use both lie beside it.
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aios.errors import RefusedError
from aios.memory.meaning.choice import Choice, folder_of

MODEL, TOKENIZER, MANIFEST = "model.onnx", "tokenizer.json", "manifest.json"
LONGEST = 512  # tokens of a passage, at most
OPSET = 17
ASKING = ("numpy", "onnxruntime", "tokenizers")  # modules that a question needs
NEEDED = (*ASKING, "onnx", "sentence_transformers", "torch")  # … and that an export needs
EXTRA = "pip install 'aios[semantic]' (on a machine without a GPU, PyTorch's CPU build first)"
# Sentences that have nothing to do with each other: how near a model finds these is its zero.
_UNRELATED = [
    "The invoice is due within two weeks.",
    "Rain is expected in the mountains tonight.",
    "She plays the cello in a small orchestra.",
    "A new kernel fixes the driver of the network card.",
    "The recipe needs three eggs and a pinch of salt.",
    "Our goalkeeper broke his finger in the second half.",
    "The museum shows paintings of the seventeenth century.",
    "Photosynthesis turns light into sugar.",
]
_SAMPLE = ["A short example.", "And another one, which is a little longer than the first."]


def require(*names: str) -> None:
    """Raises RefusedError where one of these modules is not installed. Imports none of them."""
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        told = ", ".join(f"`{name}`" for name in missing)
        raise RefusedError(f"recall by meaning needs {told}, not installed here", EXTRA)


def export(choice: Choice, fingerprint: str, root: Path, folder: Path) -> None:
    """Make `folder` hold the exported model; complete or not at all. A name on the hub may be fetched from there.

    Raises RefusedError where the extra is not installed or the model cannot be had or exported.
    """
    require(*NEEDED)
    with _quiet():
        import torch
        from sentence_transformers import SentenceTransformer

        _without_progress_bars()
    place = str(folder_of(choice, root)) if choice.is_folder else choice.model
    if choice.is_folder:
        _require_known_parts(Path(place))
    try:
        with _quiet():
            model = SentenceTransformer(
                place, device="cpu", local_files_only=choice.is_folder, revision=choice.revision or None
            ).eval()
    except Exception as error:  # whatever a foreign model's files make it raise
        raise RefusedError(
            f"the model {choice.model} cannot be loaded: {_first_line(error)}", "see `embedding` in state/company.yaml"
        ) from error
    made = folder.with_name(f"{folder.name}.making-{os.getpid()}")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    try:
        with _quiet(), torch.no_grad():
            _write(model, torch, made)
            told = {"fingerprint": fingerprint, "model": choice.name, "revision": choice.revision, **_facts(model)}
        (made / MANIFEST).write_text(json.dumps(told, indent=1))
        folder.mkdir(parents=True, exist_ok=True)
        for name in (MODEL, TOKENIZER, MANIFEST):  # the manifest last: with it the model is there
            (made / name).replace(folder / name)
    except (RefusedError, OSError):
        raise
    except Exception as error:  # the exporter's own
        raise RefusedError(
            f"the model {choice.model} cannot be exported: {_first_line(error)}",
            "choose another (`embedding` in state/company.yaml)",
        ) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _require_known_parts(folder: Path) -> None:
    """A model names the classes that it is made of; those of the library, and no others, are loaded."""
    try:
        parts = json.loads((folder / "modules.json").read_text())
        types = [str(part["type"]) for part in parts]
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefusedError(f"{folder}/modules.json cannot be read", "copy the model's folder again") from error
    foreign = [each for each in types if not each.startswith("sentence_transformers.")]
    if foreign:
        raise RefusedError(f"the model in {folder} wants code of its own: {foreign[0]}", "choose one that does not")


def _write(model: Any, torch: Any, folder: Path) -> None:
    tokenizer = model.tokenizer
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is None:
        raise RefusedError("the model has no fast tokenizer", "choose one whose folder has a tokenizer.json")
    encoded = tokenizer(_SAMPLE, padding=True, return_tensors="pt")
    names = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in encoded]

    class Whole(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, *given: Any) -> Any:
            return self.inner(dict(zip(names, given, strict=True)))["sentence_embedding"]

    axes = {name: {0: "batch", 1: "length"} for name in names} | {"embedding": {0: "batch"}}
    torch.onnx.export(
        Whole(), tuple(encoded[name] for name in names), str(folder / MODEL), input_names=names,
        output_names=["embedding"], dynamic_axes=axes, opset_version=OPSET, dynamo=False,
    )  # fmt: skip
    fast.save(str(folder / TOKENIZER))


def _facts(model: Any) -> dict[str, Any]:
    """What one must know to use it. Prompts are what some models want before a question and before a passage."""
    prompts = dict(getattr(model, "prompts", None) or {})
    apart = model.encode(_UNRELATED, normalize_embeddings=True)
    count = len(_UNRELATED)
    return {
        "dimensions": int(apart.shape[1]),
        "far": float((apart @ apart.T).sum() - count) / (count * (count - 1)),
        "tokens": min(int(model.max_seq_length or LONGEST), LONGEST),
        "pad": {"id": int(model.tokenizer.pad_token_id or 0), "token": str(model.tokenizer.pad_token or "[PAD]")},
        "query_prompt": str(prompts.get("query") or ""),
        "passage_prompt": str(prompts.get("document") or prompts.get("passage") or ""),
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings of libraries on the operator's screen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _without_progress_bars() -> None:
    from huggingface_hub.utils import disable_progress_bars
    from transformers.utils import logging

    disable_progress_bars()
    logging.disable_progress_bar()
    logging.set_verbosity_error()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
