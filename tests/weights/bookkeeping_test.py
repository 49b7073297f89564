from deeplab.weights.bookkeeping import weight_keys


def test_weights_are_told_from_what_training_keeps():
    weights = ["encoder/_stem/_conv/kernel", "moat/stem/conv_0/kernel", "x"]
    state = [
        "encoder/_stem/_conv/kernel/.OPTIMIZER_SLOT/optimizer/m",
        "moat/stem/conv_0/kernel/Momentum",
        "moat/stem/conv_0/kernel/ExponentialMovingAverage",
        "optimizer/_variables/3",
        "optimizer/iter",
        "global_step",
        "save_counter",
        "beta1_power",
        "random/_state_var",
    ]
    assert weight_keys([*state, *weights]) == weights


def test_names_that_only_begin_alike_are_weights():
    keys = ["encoder/a", "encoder/ab", "global_step_embedding", "optimizer_head/bias"]
    assert weight_keys(keys) == keys
