"""tox-block: a bidirectional LSTM over words, from Keras's file and the pickle of its words, without Keras."""

import ast
import pickle
import re
from collections import OrderedDict, defaultdict

import h5py
import numpy as np

from graph import FLOAT, INT64, Graph

# Words it knows, and how many of a text it reads.
WORDS, LENGTH, UNITS = 20_000, 100, 50


class Words(pickle.Unpickler):
    """Data only: whatever class the file names becomes an empty one that keeps its fields."""

    def find_class(self, module, name):
        plain = {"OrderedDict": OrderedDict, "defaultdict": defaultdict, "int": int, "set": set, "list": list, "dict": dict}
        if module in ("collections", "builtins") and name in plain:
            return plain[name]
        return type(name, (), {"__init__": lambda self, *a, **k: None, "__setstate__": lambda self, s: self.__dict__.update(s)})


def word_index(value, depth=0):
    if depth > 6:
        return None
    if hasattr(value, "word_index"):
        return value.word_index
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    if hasattr(value, "__dict__"):
        inner = vars(value).values()
    found = (word_index(one, depth + 1) for one in inner)
    return next((index for index in found if index is not None), None)


def convert(folder, out):
    # Words that were left out before it learnt: each between word boundaries, some of them endings.
    source = (folder / "tox_block/config/config.py").read_text()
    pattern = ast.literal_eval(re.search(r'^RE_STOPWORD_STRING = (".*")$', source, re.MULTILINE)[1])
    skipped = sorted({word.replace("\\b", "") for word in pattern.split("|")})
    (out / "text/tox-block-skipped.txt").write_text("\n".join(skipped) + "\n")

    folder = folder / "tox_block/trained_models"
    with open(folder / "encoder_0.1.2.pkl", "rb") as file:
        index = word_index(Words(file).load())
    by_number = {number: word for word, number in index.items() if number < WORDS}
    lines = [by_number.get(number, "") for number in range(WORDS)]
    (out / "text/tox-block.txt").write_text("\n".join(lines) + "\n")

    stored = h5py.File(folder / "lstm_model_0.1.2.h5")["model_weights"]
    values = lambda name: stored[f"{name}:0"][()].astype(np.float32)
    # Keras orders the gates input, forget, cell, output; ONNX input, output, forget, cell.
    order = lambda gates: np.concatenate([gates[..., i * UNITS : (i + 1) * UNITS] for i in (0, 3, 1, 2)], -1)
    ways = [f"bidirectional/bidirectional/{way}_lstm" for way in ("forward", "backward")]
    kernel = np.stack([order(values(f"{way}/kernel")).T for way in ways])
    recurrent = np.stack([order(values(f"{way}/recurrent_kernel")).T for way in ways])
    bias = np.stack([np.concatenate([order(values(f"{way}/bias")), np.zeros(4 * UNITS, np.float32)]) for way in ways])

    graph = Graph("tox-block")
    words = graph.add("Gather", [graph.constant(values("embedding/embedding/embeddings")), "words"])
    # [batch, time, size] to [time, batch, size]
    words = graph.add("Transpose", [words], perm=[1, 0, 2])
    gates = {"activations": ["HardSigmoid", "Tanh", "Tanh"] * 2, "activation_alpha": [0.2, 0.2], "activation_beta": [0.5, 0.5]}
    inputs = [words, graph.constant(kernel), graph.constant(recurrent), graph.constant(bias)]
    read = graph.add("LSTM", inputs, direction="bidirectional", hidden_size=UNITS, **gates)
    # [time, way, batch, size]: the strongest over time, both ways beside each other.
    strongest = graph.add("ReduceMax", [read], axes=[0], keepdims=0)
    both = graph.add("Reshape", [graph.add("Transpose", [strongest], perm=[1, 0, 2]), graph.constant(np.array([-1, 2 * UNITS]))])
    dense = lambda value, name: graph.add("Gemm", [value, *(graph.constant(values(f"{name}/{part}")) for part in ("kernel", "bias"))])
    hidden = graph.add("Relu", [dense(both, "dense/dense")])
    graph.add("Sigmoid", [dense(hidden, "dense_1/dense_1")], "scores")
    graph.save(out / "text/tox-block.onnx", [("words", INT64, ["batch", LENGTH])], [("scores", FLOAT, ["batch", 6])])
