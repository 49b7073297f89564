"""Small videos and experiments on them, one for each video architecture."""

from deeplab.config import parse_config
from deeplab.data.shards import write_shards
from deeplab.datasets.toy_street.videos import ToyStreetVideo
from tests.e2e import tiny_experiment

HEIGHT, WIDTH = tiny_experiment.HEIGHT, tiny_experiment.WIDTH
FRAMES = 3
_BRANCHES = """
  low_level { feature_key: "res3" channels_project: 8 }
  low_level { feature_key: "res2" channels_project: 4 }
  semantic_head { output_channels: 8 head_channels: 8 }
"""
_INSTANCE = """
  center_head { output_channels: 1 head_channels: 4 }
  regression_head { output_channels: 2 head_channels: 4 }
"""
_NEXT = "next_regression_head { output_channels: 2 head_channels: 4 }"
_DEPTH = """
  depth_head { output_channels: 1 head_channels: 4 max_value_after_activation: 88 }
"""
HEADS = {
    "motion_deeplab": f"""
      motion_deeplab {{
        {_BRANCHES}
        instance {{ {_INSTANCE} }}
        motion_head {{ output_channels: 2 head_channels: 4 }}
      }}
    """,
    "vip_deeplab": f"""
      vip_deeplab {{ {_BRANCHES} instance {{ {_INSTANCE} {_NEXT} }} {_DEPTH} }}
    """,
    "vip_deeplab_without_depth": f"""
      vip_deeplab {{ {_BRANCHES} instance {{ {_INSTANCE} {_NEXT} }} }}
    """,
}
LOSSES = {
    "motion_deeplab": 'motion_loss { name: "l1" weight: 0.01 }',
    "vip_deeplab": """
      next_regression_loss { name: "l1" weight: 0.01 }
      depth_loss { name: "depth_loss" weight: 0.1 }
    """,
    "vip_deeplab_without_depth": 'next_regression_loss { name: "l1" weight: 0.01 }',
}


def config_text(architecture):
    """Returns the config of an architecture, without file patterns."""
    frames = "use_two_frames" if architecture == "motion_deeplab" else "use_next_frame"
    data = f"""
      dataset: "toy_street_video" batch_size: 2 crop_size: [33, 65] sigma: 2
      {frames}: true
    """
    return f"""
    model_options {{
      backbone {{ name: "tiny" output_stride: 16 }}
      decoder {{
        feature_key: "res5" decoder_channels: 8 aspp_channels: 8
        atrous_rates: [1, 2, 3]
      }}
      {HEADS[architecture]}
    }}
    trainer_options {{
      save_checkpoints_steps: 2 save_summaries_steps: 2 steps_per_loop: 2
      loss_options {{
        semantic_loss {{ name: "softmax_cross_entropy" }}
        center_loss {{ name: "mse" weight: 200.0 }}
        regression_loss {{ name: "l1" weight: 0.01 }}
        {LOSSES[architecture]}
      }}
      solver_options {{ base_learning_rate: 0.01 training_number_of_steps: 2 }}
    }}
    train_dataset_options {{ {data} }}
    eval_dataset_options {{ {data} }}
    evaluator_options {{
      eval_interval: 2 num_vis_samples: 1 nms_kernel: 5 center_score_threshold: 0.0
    }}
    """


def config_of(architecture, records):
    """Returns the config of an architecture on the records of a folder."""
    config = parse_config(config_text(architecture))
    config.train_dataset_options.file_pattern.append(str(records / "train-*"))
    config.eval_dataset_options.file_pattern.append(str(records / "val-*"))
    return config


def data_set(videos):
    return ToyStreetVideo(
        images=videos * FRAMES, height=HEIGHT, width=WIDTH, frames=FRAMES
    )


def write_records(folder, split, videos):
    """Writes videos of three frames to one file."""
    images = data_set(videos).read(folder, split)
    write_shards(images, folder, split=split, num_shards=1, workers=1, settings={})
