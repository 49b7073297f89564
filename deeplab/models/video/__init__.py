"""The state that models keep between the frames of a video."""
