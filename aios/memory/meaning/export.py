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
from pathlib import Path
from typing import Any

from aios.errors import RefusedError
from aios.memory.meaning.choice import Choice, folder_of

MODEL, TOKENIZER, MANIFEST = "model.onnx", "tokenizer.json", "manifest.json"
LONGEST = 512  # tokens of a passage, at most
OPSET = 17
EXTRA = "pip install 'aios[semantic]' (on a machine without a GPU, PyTorch's CPU build first)"
_SAMPLE = ["A short example.", "And another one, which is a little longer than the first."]


def export(choice: Choice, fingerprint: str, root: Path, folder: Path) -> None:
    """Make `folder` hold the exported model; complete or not at all. A name on the hub may be fetched from there.

    Raises RefusedError where the extra is not installed or the model cannot be had or exported.
    """
    try:
        with _quiet():
            import onnx  # noqa: F401  the exporter's own need, told now rather than after the model is loaded
            import torch
            from sentence_transformers import SentenceTransformer

            _without_progress_bars()
    except ImportError as error:
        raise RefusedError(f"`{error.name}` is not installed, and recall by meaning needs it", EXTRA) from error
    place = str(folder_of(choice, root)) if choice.is_folder else choice.model
    try:
        with _quiet():
            model = SentenceTransformer(
                place, device="cpu", local_files_only=choice.is_folder, revision=choice.revision or None
            ).eval()
    except Exception as error:  # whatever a foreign model's files make it raise
        raise RefusedError(
            f"the model {choice.model} cannot be loaded: {_first_line(error)}", "`aios doctor`"
        ) from error
    made = folder.with_name(f"{folder.name}.making-{os.getpid()}")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    try:
        with _quiet(), torch.no_grad():
            _write(model, torch, made)
        told = {"fingerprint": fingerprint, "model": choice.model, "revision": choice.revision, **_facts(model)}
        (made / MANIFEST).write_text(json.dumps(told, indent=1))
        folder.mkdir(parents=True, exist_ok=True)
        for name in (MODEL, TOKENIZER, MANIFEST):  # the manifest last: with it the model is there
            (made / name).replace(folder / name)
    except (RefusedError, OSError):
        raise
    except Exception as error:  # the exporter's own
        raise RefusedError(
            f"the model {choice.model} cannot be exported: {_first_line(error)}", "try another"
        ) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


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
    return {
        "dimensions": int(model.get_sentence_embedding_dimension()),
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
