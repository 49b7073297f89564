import pytest

from deeplab.backbones.stages import (
    BlockConfig,
    StageConfig,
    plan_blocks,
    scaled_blocks,
)

LAST = StageConfig(index=5, num_blocks=3, channels=(8, 8), input_stride=16)


def plans(output_stride, stage=LAST, **options):
    blocks = list(plan_blocks(stage, BlockConfig(**options), output_stride))
    return [(p.strides, p.atrous_rate, p.second_atrous_rate) for p in blocks]


def test_a_lost_stride_widens_what_comes_after_it():
    assert plans(32) == [(2, 1, 1), (1, 1, 1), (1, 1, 1)]
    assert plans(16) == [(1, 1, 2), (1, 2, 2), (1, 2, 2)]
    assert plans(8) == [(1, 2, 4), (1, 4, 4), (1, 4, 4)]


def test_stages_below_the_output_stride_are_untouched():
    stage = StageConfig(index=3, num_blocks=2, channels=(8, 8), input_stride=4)
    assert plans(8, stage) == plans(32, stage) == [(2, 1, 1), (1, 1, 1)]


def test_a_stage_without_stride_keeps_its_resolution():
    stage = StageConfig(1, 2, (8, 8), input_stride=2, stride=1)
    assert plans(32, stage) == [(1, 1, 1), (1, 1, 1)]


def test_paths_are_dropped_from_a_stride_on_and_more_often_later():
    def keep_probs(stage, **options):
        blocks = BlockConfig(drop_path_keep_prob=0.8, **options)
        return [round(p.keep_prob, 6) for p in plan_blocks(stage, blocks, 32)]

    early = StageConfig(index=4, num_blocks=2, channels=(8, 8), input_stride=8)
    assert keep_probs(early) == [1.0, 0.8]
    assert keep_probs(LAST) == [0.8, 0.8, 0.8]
    linear = {"drop_path_schedule": "linear", "drop_path_beyond_stride": 4}
    assert keep_probs(early, **linear) == [0.9, 0.85]
    assert keep_probs(LAST, **linear) == [0.85, 0.8, 0.8]


def test_layer_multiplier_rounds_down_and_leaves_no_stage_empty():
    assert scaled_blocks((3, 6, 3, 3), 4.5) == [13, 27, 13, 13]
    with pytest.raises(ValueError, match=r"0\.2.*every stage needs at least one"):
        scaled_blocks((3, 4, 6, 3), 0.2)
