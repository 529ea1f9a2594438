"""What `benchmarks/cpu.py` is made of: every runtime in a process of its own, measured in turns on the same file.

models     the networks as files: ONNX, its int8 form, the torch weights, an input and what onnxruntime makes of it
engines    each runtime: how it prepares a network and how it runs it
worker     the process an engine lives in        processes  the driver's end of it
turns      one network, all engines in turns      results    rows, statistics, files of rows
tables     Markdown                               plot       SVG
    pages      README.md and docs/speed.md
peak       what the machine's multipliers can do  layers     a network layer by layer against that
"""
