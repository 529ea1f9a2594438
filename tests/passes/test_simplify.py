"""simplify: each rule, text in and out, and where it has to keep its hands off."""

import pytest

RULES = {
    "reshape to the same shape": (
        "%1: f32[2,3] = tensor.reshape %x shape=(2,3)\n%2: f32[2,3] = nn.relu %1\nreturn %2",
        "%2: f32[2,3] = nn.relu %x\nreturn %2",
    ),
    "reshape of reshape": (
        "%1: f32[6] = tensor.reshape %x shape=(6,)\n%2: f32[3,2] = tensor.reshape %1 shape=(3,2)\nreturn %2",
        "%2: f32[3,2] = tensor.reshape %x shape=(3,2)\nreturn %2",
    ),
    "there and back": (
        "%1: f32[6] = tensor.reshape %x shape=(6,)\n%2: f32[2,3] = tensor.reshape %1 shape=(2,3)\n"
        "%3: f32[2,3] = nn.relu %2\nreturn %3",
        "%3: f32[2,3] = nn.relu %x\nreturn %3",
    ),
    "transposes that undo each other": (
        "%1: f32[3,2] = tensor.transpose %x perm=(1,0)\n%2: f32[2,3] = tensor.transpose %1 perm=(1,0)\n"
        "%3: f32[2,3] = nn.relu %2\nreturn %3",
        "%3: f32[2,3] = nn.relu %x\nreturn %3",
    ),
    "transpose of extents of 1": (
        "%1: f32[2,3,1] = tensor.reshape %x shape=(2,3,1)\n%2: f32[1,2,3] = tensor.transpose %1 perm=(2,0,1)\n"
        "return %2",
        "%2: f32[1,2,3] = tensor.reshape %x shape=(1,2,3)\nreturn %2",
    ),
    "cast there and back": (
        "%1: f64[2,3] = quant.cast %x\n%2: f32[2,3] = quant.cast %1\n%3: f32[2,3] = nn.relu %2\nreturn %3",
        "%3: f32[2,3] = nn.relu %x\nreturn %3",
    ),
    "cast to a narrower type and back is no no-op": (
        "%1: f16[2,3] = quant.cast %x\n%2: f32[2,3] = quant.cast %1\nreturn %2",
        None,
    ),
    "relu of relu": (
        "%1: f32[2,3] = nn.relu %x\n%2: f32[2,3] = nn.relu %1\nreturn %2",
        "%2: f32[2,3] = nn.relu %x\nreturn %2",
    ),
    "relu of clip": (
        "%1: f32[2,3] = nn.clip %x low=-1.0 high=6.0\n%2: f32[2,3] = nn.relu %1\nreturn %2",
        "%2: f32[2,3] = nn.clip %x low=0.0 high=6.0\nreturn %2",
    ),
    "clip without an upper end": (
        "%1: f32[2,3] = nn.clip %x low=0.0 high=inf\nreturn %1",
        "%1: f32[2,3] = nn.relu %x\nreturn %1",
    ),
    "clip of clip": (
        "%1: f32[2,3] = nn.clip %x low=-1.0 high=0.5\n%2: f32[2,3] = nn.clip %1 low=-0.5 high=1.0\nreturn %2",
        "%2: f32[2,3] = nn.clip %x low=-0.5 high=0.5\nreturn %2",
    ),
    "clips that do not meet": (
        "%1: f32[2,3] = nn.clip %x low=-1.0 high=0.0\n%2: f32[2,3] = nn.clip %1 low=0.5 high=1.0\nreturn %2",
        None,
    ),
    "x * sigmoid(x)": (
        "%1: f32[2,3] = nn.sigmoid %x\n%2: f32[2,3] = math.mul %1, %x\nreturn %2",
        "%2: f32[2,3] = nn.silu %x\nreturn %2",
    ),
    "x * hard_sigmoid(x)": (
        "%1: f32[2,3] = nn.hard_sigmoid %x\n%2: f32[2,3] = math.mul %x, %1\nreturn %2",
        "%2: f32[2,3] = nn.hard_swish %x\nreturn %2",
    ),
    "a hard sigmoid of another slope": (
        "%1: f32[2,3] = nn.hard_sigmoid %x alpha=0.2\n%2: f32[2,3] = math.mul %x, %1\nreturn %2",
        None,
    ),
    "y * sigmoid(x)": (
        "%0: f32[2,3] = nn.tanh %x\n%1: f32[2,3] = nn.sigmoid %x\n%2: f32[2,3] = math.mul %0, %1\nreturn %2",
        None,
    ),
    "slice, pad, concat, split of everything": (
        "%1: f32[2,3] = tensor.slice %x starts=(0,0) stops=(2,3) steps=(1,1)\n"
        "%2: f32[2,3] = tensor.pad %1 pads=((0,0),(0,0))\n%3: f32[2,3] = tensor.concat %2 axis=0\n"
        "%4: f32[2,3] = tensor.split %3 sizes=(3,) axis=1\n%5: f32[2,3] = nn.relu %4\nreturn %5",
        "%5: f32[2,3] = nn.relu %x\nreturn %5",
    ),
    "a slice of a part": ("%1: f32[2,2] = tensor.slice %x starts=(0,0) stops=(2,3) steps=(1,2)\nreturn %1", None),
    "an output keeps its name": (
        "%1: f32[2,3] = nn.relu %x\n%y: f32[2,3] = tensor.reshape %1 shape=(2,3)\nreturn %y",
        "%y: f32[2,3] = nn.relu %x\nreturn %y",
    ),
    "an input that is an output": ("%y: f32[2,3] = tensor.reshape %x shape=(2,3)\nreturn %y", None),
    "two outputs that are one value": (
        "%1: f32[2,3] = nn.relu %x\n%y: f32[2,3] = tensor.reshape %1 shape=(2,3)\nreturn %1, %y",
        None,
    ),
}


@pytest.mark.parametrize("before, after", RULES.values(), ids=RULES)
def test_rule(lab, before, after):
    head = "%x: f32[2,3] = input\n"
    lab.check("simplify", head + before, None if after is None else head + after)


IMAGES = {
    "channel shuffle": (
        "%1: f32[1,2,3,2,2] = tensor.reshape %x shape=(1,2,3,2,2)\n"
        "%2: f32[1,3,2,2,2] = tensor.transpose %1 perm=(0,2,1,3,4)\n"
        "%3: f32[1,6,2,2] = tensor.reshape %2 shape=(1,6,2,2)\nreturn %3",
        "%3: f32[1,6,2,2] = nn.channel_shuffle %x groups=2\nreturn %3",
    ),
    "another permutation": (
        "%1: f32[1,2,3,2,2] = tensor.reshape %x shape=(1,2,3,2,2)\n"
        "%2: f32[1,3,2,2,2] = tensor.transpose %1 perm=(0,2,1,4,3)\n"
        "%3: f32[1,6,2,2] = tensor.reshape %2 shape=(1,6,2,2)\nreturn %3",
        None,
    ),
    "shuffles and pools that do nothing": (
        "%1: f32[1,6,2,2] = nn.channel_shuffle %x groups=1\n%2: f32[1,6,2,2] = nn.channel_shuffle %1 groups=6\n"
        "%3: f32[1,6,2,2] = nn.max_pool2d %2 kernel_shape=(1,1)\n%4: f32[1,6,2,2] = nn.relu %3\nreturn %4",
        "%4: f32[1,6,2,2] = nn.relu %x\nreturn %4",
    ),
    "padding before a convolution": (
        '%w: f32[1,6,3,3] = ir.param "w"\n%1: f32[1,6,5,3] = tensor.pad %x pads=((0,0),(0,0),(1,2),(0,1))\n'
        "%2: f32[1,1,3,3] = nn.conv2d %1, %w pads=(0,1,0,1)\nreturn %2",
        '%w: f32[1,6,3,3] = ir.param "w"\n%2: f32[1,1,3,3] = nn.conv2d %x, %w pads=(1,1,2,2)\nreturn %2',
    ),
    "padding with ones": (
        '%w: f32[1,6,3,3] = ir.param "w"\n%1: f32[1,6,4,4] = tensor.pad %x pads=((0,0),(0,0),(1,1),(1,1)) value=1.0\n'
        "%2: f32[1,1,2,2] = nn.conv2d %1, %w\nreturn %2",
        None,
    ),
}


@pytest.mark.parametrize("before, after", IMAGES.values(), ids=IMAGES)
def test_image_rule(lab, before, after):
    head = "%x: f32[1,6,2,2] = input\n"
    lab.check("simplify", head + before, None if after is None else head + after)


def test_integers_read_back_and_stored_again_are_the_same_integers(lab):
    lab.check(
        "simplify",
        """
        %x: u8[4]{scale=0.1, zero_point=3} = input
        %1: f32[4] = quant.cast %x
        %2: u8[4]{scale=0.1, zero_point=3} = quant.cast %1
        %3: u8[4]{scale=0.2} = quant.cast %1
        %4: f32[4] = quant.cast %2
        return %3, %4
        """,
        """
        %x: u8[4]{scale=0.1, zero_point=3} = input
        %1: f32[4] = quant.cast %x
        %3: u8[4]{scale=0.2} = quant.cast %1
        %4: f32[4] = quant.cast %x
        return %3, %4
        """,
    )
