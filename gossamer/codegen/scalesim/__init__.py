"""SCALE-Sim's input files for a list of layers on an array, and the cycles it will report for them.

    files = scalesim_files("resnet8", array, layers)   # file name -> text: scalesim.cfg, topology.csv, layout.csv
    python -m scalesim.scale -c scalesim.cfg -t topology.csv -l layout.csv -p results

SCALE-Sim (3.0.0) has no padding, batch, dilation, groups or two strides, so each layer is written as the convolution
without them that makes the same M x K by K x N product:

* padding, dilation: the input is given the size that just yields the output, (oh - 1) stride + kh by the same in w;
* batch: outputs of the batch are stacked along the height; unequal strides: stride 1;
* gemm: an M x 1 input of K channels and a 1 x 1 kernel;
* depthwise (one input channel a group): one row whose name starts with `DP`, which SCALE-Sim itself expands into
  `Channels` layers, run one after the other; other grouped convolutions: one row per group;
* layers without weights: no row (SCALE-Sim has none).

Invariant: SCALE-Sim's "Total Cycles" (counted from 0) plus one, summed over the rows of a layer, are the
`compute_cycles` that the target `systolic` reports for that layer.
"""

from gossamer.codegen.scalesim.files import Array, Entry, entries, layout_text, scalesim_files, topology_text

__all__ = ["Array", "Entry", "entries", "layout_text", "scalesim_files", "topology_text"]
