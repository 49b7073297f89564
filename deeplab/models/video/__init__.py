"""What models remember of a video from frame to frame."""
