"""Code generation through Apache TVM: loop nests and schedules in, one shared library out. Only `adapter` imports tvm."""
