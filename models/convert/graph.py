"""A little more than onnx.helper: nodes that follow one another, and a file whose bytes depend on nothing but the model."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Of the runtime's range; nothing newer is used here.
OPSET = 17
IR = 8


class Graph:
    def __init__(self, name):
        self.name, self.nodes, self.constants, self.count = name, [], [], 0

    def constant(self, array):
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, op, inputs, output=None, **attributes):
        self.count += 1
        output = output or f"t{self.count}"
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def relu6(self, value):
        return self.add("Clip", [value, self.constant(np.float32(0)), self.constant(np.float32(6))])

    def save(self, path, inputs, outputs):
        """`inputs`, `outputs`: (name, element type, shape) each."""
        info = lambda all: [helper.make_tensor_value_info(*one) for one in all]
        graph = helper.make_graph(self.nodes, self.name, info(inputs), info(outputs), self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
        model.producer_name = ""
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString(deterministic=True))


FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
