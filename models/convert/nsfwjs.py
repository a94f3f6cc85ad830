"""nsfwjs: a MobileNet for TensorFlow.js, 8-bit weights, as ONNX. The packages' scripts are read, never run."""

import base64
import json
import re

import numpy as np

from graph import FLOAT, Graph


def literal(script):
    """The object that a bundled script exports, as JSON: keys without quotes, numbers without their zero, !0 for true."""
    text = script[re.search(r"exports=\{", script).end() - 1 :]
    text = re.sub(r"([{,])([A-Za-z_$][\w$]*):", r'\1"\2":', text)
    text = re.sub(r"(?<=[:,\[])(-?)\.(?=\d)", r"\g<1>0.", text)
    text = text.replace(":!0", ":true").replace(":!1", ":false")
    return json.JSONDecoder().raw_decode(text)[0]


def weights(model, folder):
    parts = []
    for group in model["weightsManifest"]:
        for path in group["paths"]:
            script = (folder / f"{path}.min.js").read_text()
            parts.append(base64.b64decode(re.search(r'exports="([A-Za-z0-9+/=]+)"', script)[1]))
    data, at, found = b"".join(parts), 0, {}
    for group in model["weightsManifest"]:
        for one in group["weights"]:
            quantized = one.get("quantization")
            kind = np.dtype((quantized or one)["dtype"])
            count = int(np.prod(one["shape"]))
            values = np.frombuffer(data, kind, count, at)
            at += count * kind.itemsize
            if quantized:
                values = values.astype(np.float32) * np.float32(quantized["scale"]) + np.float32(quantized["min"])
            found[one["name"]] = values.reshape(one["shape"])
    if at != len(data):
        raise SystemExit(f"{len(data) - at} bytes of weights belong to nothing")
    return found


def convert(folder, out):
    folder = folder / "package/dist/models/mobilenet_v2_mid"
    model = literal((folder / "model.min.js").read_text())
    known, graph, made = weights(model, folder), Graph("nsfwjs"), {}
    text = lambda value: base64.b64decode(value).decode()
    for node in model["modelTopology"]["node"]:
        op, attr = node["op"], node.get("attr", {})
        names = [name.split(":")[0] for name in node.get("input", [])]
        value = lambda name: made[name] if name in made else graph.constant(known[name])
        if op == "Const":
            continue
        if op == "Placeholder":
            result = graph.add("Transpose", ["image"], perm=[0, 3, 1, 2])
        elif op in ("Mul", "Sub", "AddV2"):
            result = graph.add({"AddV2": "Add"}.get(op, op), [value(name) for name in names])
        elif op in ("_FusedConv2D", "FusedDepthwiseConv2dNative"):
            result = convolution(graph, node, made[names[0]], known[names[1]], known[names[2]], text)
        elif op == "AvgPool":
            result = graph.add("GlobalAveragePool", [made[names[0]]])
        elif op == "Squeeze":
            result = graph.add("Flatten", [made[names[0]]])
        elif op == "_FusedMatMul":
            result = graph.add("Gemm", [made[names[0]], value(names[1]), value(names[2])])
        elif op == "Softmax":
            result = graph.add("Softmax", [made[names[0]]], axis=1)
        elif op == "Identity":
            result = graph.add("Identity", [made[names[0]]], "scores")
        else:
            raise SystemExit(f"nsfwjs has an operation that isn't known here: {op}")
        made[node["name"]] = result
    shape = ["batch", 224, 224, 3]
    graph.save(out / "nudity/nsfwjs-mid.onnx", [("image", FLOAT, shape)], [("scores", FLOAT, ["batch", 5])])


def convolution(graph, node, value, kernel, bias, text):
    attr = node["attr"]
    steps = [int(step) for step in attr["strides"]["list"]["i"]][1:3]
    fused = [text(one) for one in attr["fused_ops"]["list"]["s"]]
    padding = text(attr["padding"]["s"])
    if node["op"] == "_FusedConv2D":
        groups, kernel = 1, kernel.transpose(3, 2, 0, 1)
    else:
        groups = kernel.shape[2]
        kernel = kernel.transpose(2, 3, 0, 1).reshape(-1, 1, *kernel.shape[:2])
    pads = {"SAME": {"auto_pad": "SAME_UPPER"}, "VALID": {}}
    if padding == "EXPLICIT":
        edges = [int(edge) for edge in attr["explicit_paddings"]["list"]["i"]]
        pads["EXPLICIT"] = {"pads": [edges[2], edges[4], edges[3], edges[5]]}
    inputs = [value, graph.constant(kernel), graph.constant(bias)]
    shape = list(kernel.shape[2:])
    result = graph.add("Conv", inputs, strides=steps, kernel_shape=shape, group=groups, **pads[padding])
    if fused not in (["BiasAdd"], ["BiasAdd", "Relu6"]):
        raise SystemExit(f"nsfwjs fuses what isn't known here: {fused}")
    return graph.relu6(result) if "Relu6" in fused else result
