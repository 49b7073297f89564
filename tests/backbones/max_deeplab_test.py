from deeplab.backbones.dual_path_stages import decoder_steps


def strides(*arguments):
    return [step.stride for step in decoder_steps(*arguments)]


def names(*arguments):
    return [
        (step.fuse_name, step.pretrained, step.extra)
        for step in decoder_steps(*arguments)
    ]


def test_decoders_go_up_and_down_as_often_as_stacked():
    assert strides(16, 0, 0) == [8, 4]
    assert strides(32, 0, 0) == [16, 8, 4]
    assert strides(16, 1, 1) == [8, 4, 8, 16, 8, 4, 8, 16, 8, 4]


def test_what_is_pretrained_ends_at_the_coarsest_feature():
    """As in the published MaX-DeepLab-L: its fourth stage has both kinds of blocks."""
    found = names(16, 1, 1)
    assert found[2] == ("_decoder_stage3_resized_fuse", True, False)
    assert found[3] == ("_decoder_stage4_resized_fuse", True, True)
    assert found[4] == ("_decoder_stage5_extra_resized_fuse", False, True)
    assert names(16, 0, 0)[0] == ("_decoder_stage1_extra_resized_fuse", False, True)
