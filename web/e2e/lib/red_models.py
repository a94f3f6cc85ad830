"""A folder of models in which what looks for nudity finds the colour red, so that a test has a picture that is flagged and
that anybody may look at. Everything else is as in the folder it is made from.

    red_models.py MODELS FOLDER [all]

With "all" every picture is flagged, whatever its colour.
"""

import hashlib
import pathlib
import sys

import numpy as np

MODELS, FOLDER = map(pathlib.Path, sys.argv[1:3])
sys.path.insert(0, str(MODELS / "convert"))
from graph import Graph  # noqa: E402
from onnx import TensorProto  # noqa: E402

SIDE = 224
# How much more red than the rest: from a fifth of all light on it is red, from two fifths on quite.
FROM, FULL = (-3, -2) if sys.argv[3:] == ["all"] else (0.2, 0.4)


def redness(graph, image, weights, offset):
    """Between 0 and 1."""
    mean = graph.add("ReduceMean", [image], axes=[1, 2], keepdims=0)
    more = graph.add("MatMul", [mean, graph.constant(np.array(weights, np.float32).reshape(3, 1))])
    more = graph.add("Add", [more, graph.constant(np.float32(offset - FROM))])
    more = graph.add("Mul", [more, graph.constant(np.float32(1 / (FULL - FROM)))])
    return graph.add("Clip", [more, graph.constant(np.float32(0)), graph.constant(np.float32(1))])


def first(path):
    graph = Graph("red")
    red = redness(graph, "image", [1, -0.5, -0.5], 0)
    zero = graph.add("Mul", [red, graph.constant(np.float32(0))])
    rest = graph.add("Sub", [graph.constant(np.float32(1)), red])
    graph.add("Concat", [zero, zero, rest, red, zero], "scores", axis=1)
    graph.save(path, [("image", TensorProto.FLOAT, [1, SIDE, SIDE, 3])], [("scores", TensorProto.FLOAT, [1, 5])])


def second(path):
    graph = Graph("red")
    # Blue, green, red of 255, less what its picture has in the mean.
    offset = (123 - (117 + 104) / 2) / 255
    red = redness(graph, "input:0", [-0.5 / 255, -0.5 / 255, 1 / 255], offset)
    rest = graph.add("Sub", [graph.constant(np.float32(1)), red])
    graph.add("Concat", [rest, red], "outputs", axis=1)
    graph.save(path, [("input:0", TensorProto.FLOAT, [1, SIDE, SIDE, 3])], [("outputs", TensorProto.FLOAT, [1, 2])])


def main():
    ours = {"nudity/nsfwjs-mid.onnx": first, "nudity/open-nsfw.onnx": second}
    manifest = (MODELS / "manifest.toml").read_text()
    for found in sorted(MODELS.rglob("*")):
        below = found.relative_to(MODELS)
        if not found.is_file() or below.parts[0] in ("convert", "samples") or below.name == "manifest.toml":
            continue
        target = FOLDER / below
        target.parent.mkdir(parents=True, exist_ok=True)
        make = ours.get(str(below))
        if not make:
            target.symlink_to(found.resolve())
            continue
        make(target)
        digest = lambda path: hashlib.sha256(path.read_bytes()).hexdigest()
        assert digest(found) in manifest, f"{below} isn't what the manifest says: cargo xtask models"
        manifest = manifest.replace(digest(found), digest(target))
    (FOLDER / "manifest.toml").write_text(manifest)


main()
