"""An experiment whose model is built in a second."""

CONFIG = """
model_options {
  backbone { name: "mobilenet_v3_small" output_stride: 32 }
  decoder { feature_key: "res5" aspp_channels: 8 decoder_channels: 8
            atrous_rates: [1, 2, 3] }
  deeplab_v3 { num_classes: 5 }
}
train_dataset_options { crop_size: [65, 65] }
"""
