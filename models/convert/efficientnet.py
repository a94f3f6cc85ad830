"""EfficientNet-Lite0 from PyTorch's file, without PyTorch: only tensors are read, and nothing that the file names is run."""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict

import numpy as np

from graph import FLOAT, Graph

KINDS = {"FloatStorage": np.float32, "LongStorage": np.int64}
# Times it is repeated, kernel, step of the first, expansion, channels in and out; the network's published shape.
STAGES = [
    (1, 3, 1, 1, 32, 16), (2, 3, 2, 6, 16, 24), (2, 5, 2, 6, 24, 40), (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112), (4, 5, 2, 6, 112, 192), (1, 3, 1, 6, 192, 320),
]
EPSILON = 1e-3
SIZE = 224


class Tensors(pickle.Unpickler):
    def find_class(self, module, name):
        if name == "_rebuild_tensor_v2":
            return lambda storage, offset, size, stride, *rest: (storage, offset, size, stride)
        if name == "OrderedDict":
            return OrderedDict
        if name in KINDS:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} isn't a tensor")

    def persistent_load(self, pid):
        return pid[2], KINDS[pid[1]]


def tensors(path):
    data = path.read_bytes()
    if zipfile.is_zipfile(path):
        archive = zipfile.ZipFile(path)
        root = archive.namelist()[0].split("/")[0]
        named = Tensors(io.BytesIO(archive.read(f"{root}/data.pkl"))).load()
        raw = lambda key, kind: np.frombuffer(archive.read(f"{root}/data/{key}"), kind)
    else:
        file = io.BytesIO(data)
        for _ in range(3):
            Tensors(file).load()
        named = Tensors(file).load()
        kinds = {key: kind for (key, kind), *_ in named.values()}
        stored = {}
        for key in Tensors(file).load():
            (count,) = struct.unpack("<q", file.read(8))
            kind = np.dtype(kinds.get(key, np.float32))
            stored[key] = np.frombuffer(file.read(count * kind.itemsize), kind)
        raw = lambda key, kind: stored[key]
    found = {}
    for name, ((key, kind), offset, size, stride) in named.items():
        values = raw(key, kind)[offset:]
        bytes_apart = [step * values.itemsize for step in stride]
        found[name] = np.lib.stride_tricks.as_strided(values, size, bytes_apart).copy() if size else values[0]
    return found


def convert(folder, out):
    known, graph = tensors(next(folder.glob("**/efficientnet-lite0-*.pth"))), Graph("efficientnet-lite0")

    def layer(value, kernel, norm, step, groups, bounded, size):
        """A convolution with its normalisation folded in; padded as TensorFlow does, more at the end."""
        gain = known[f"{norm}.weight"] / np.sqrt(known[f"{norm}.running_var"] + np.float32(EPSILON))
        weight = known[kernel] * gain[:, None, None, None]
        bias = known[f"{norm}.bias"] - known[f"{norm}.running_mean"] * gain
        width = weight.shape[2]
        after = -(-size // step)
        pad = max((after - 1) * step + width - size, 0)
        edges = [pad // 2, pad // 2, pad - pad // 2, pad - pad // 2]
        inputs = [value, graph.constant(weight.astype(np.float32)), graph.constant(bias.astype(np.float32))]
        value = graph.add("Conv", inputs, kernel_shape=[width] * 2, strides=[step] * 2, pads=edges, group=groups)
        return (graph.relu6(value) if bounded else value), after

    value, size = layer("image", "_conv_stem.weight", "_bn0", 2, 1, True, SIZE)
    block = 0
    for times, _, first_step, expansion, channels_in, channels_out in STAGES:
        for time in range(times):
            at, step, before = f"_blocks.{block}", first_step if time == 0 else 1, value
            channels = channels_in if time == 0 else channels_out
            if expansion != 1:
                value, _ = layer(value, f"{at}._expand_conv.weight", f"{at}._bn0", 1, 1, True, size)
            depth = f"{at}._depthwise_conv.weight"
            value, size = layer(value, depth, f"{at}._bn1", step, known[depth].shape[0], True, size)
            value, _ = layer(value, f"{at}._project_conv.weight", f"{at}._bn2", 1, 1, False, size)
            if step == 1 and channels == channels_out:
                value = graph.add("Add", [value, before])
            block += 1
    value, _ = layer(value, "_conv_head.weight", "_bn1", 1, 1, True, size)
    value = graph.add("Flatten", [graph.add("GlobalAveragePool", [value])])
    dense = [value, graph.constant(known["_fc.weight"]), graph.constant(known["_fc.bias"])]
    graph.add("Softmax", [graph.add("Gemm", dense, transB=1)], "scores", axis=1)
    shapes = ("image", FLOAT, ["batch", 3, SIZE, SIZE]), ("scores", FLOAT, ["batch", 1000])
    graph.save(out / "weapon/efficientnet-lite0.onnx", shapes[:1], shapes[1:])
