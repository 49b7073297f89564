"""Forward passes: how the frames of an image pass through backbone and head."""
