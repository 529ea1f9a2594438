"""Code generation through Apache TVM: loop nests and schedules in, one library out. Only `adapter` imports tvm."""
