"""dce: what reaches no output goes, with its parameters."""


def test_dead_statements_and_parameters(lab):
    new = lab.check(
        "dce",
        """
        %x: f32[2,3] = input
        %y: f32[2,3] = input
        %w: f32[2,3] = ir.param "w"
        %v: f32[2,3] = ir.param "v"
        %1: f32[2,3] = math.add %x, %w
        %2: f32[2,3] = math.add %1, %v
        %3: f32[2,3] = nn.relu %2
        return %1
        """,
        """
        %x: f32[2,3] = input
        %y: f32[2,3] = input
        %w: f32[2,3] = ir.param "w"
        %1: f32[2,3] = math.add %x, %w
        return %1
        """,
    )
    assert list(new.params) == ["w"]


def test_one_needed_result_keeps_a_statement(lab):
    lab.check("dce", "%x: f32[4] = input\n%a: f32[1], %b: f32[3] = tensor.split %x sizes=(1,3) axis=0\nreturn %b", None)


def test_parameters_that_nothing_names(lab):
    module = lab.module("%x: f32[4] = input\n%1 = nn.relu %x\nreturn %1")
    from gossamer.passes.dce import DeadCode

    loaded = module.with_graph(module.graph, module.params.updated({"unused": lambda: 1 / 0}))
    assert list(DeadCode().run(loaded).params) == []
