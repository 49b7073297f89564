"""Panoptic quality in which the boundaries of segments must match as well.

Boundary IoU: Improving Object-Centric Image Segmentation Evaluation, B. Cheng,
R. Girshick, P. Dollár, A. C. Berg, A. Kirillov, CVPR 2021,
https://arxiv.org/abs/2103.16562. It replaces the IoU in panoptic quality by the minimum
of the mask IoU and the boundary IoU.
"""

from __future__ import annotations

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.metrics import METRICS
from deeplab.metrics.boundary_pixels import boundary_pixels
from deeplab.metrics.overlaps import grouped, overlap_areas, total
from deeplab.metrics.panoptic_quality import Overlaps, PanopticQuality
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

# Replaces the labels of pixels that are not on a boundary.
_INSIDE = -1


class BoundaryPanopticQuality(PanopticQuality):
    """Panoptic quality with the minimum of mask IoU and boundary IoU."""

    def _fit(
        self, truth: np.ndarray, predicted: np.ndarray, overlaps: Overlaps
    ) -> tuple[np.ndarray, np.ndarray]:
        areas, union = super()._fit(truth, predicted, overlaps)
        edge, edge_union = self._boundary_fit(truth, predicted, overlaps)
        # Compares fractions without division.
        worse = edge * union < areas * edge_union
        return np.where(worse, edge, areas), np.where(worse, edge_union, union)

    def _boundary_fit(
        self, truth: np.ndarray, predicted: np.ndarray, overlaps: Overlaps
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns intersection and union of the boundaries, [n] int64 each."""
        void = overlaps.truth[overlaps.is_void]
        counted = boundary_pixels(truth) | np.isin(truth, void)
        first, second, areas = overlap_areas(
            np.where(counted, truth, _INSIDE),
            np.where(boundary_pixels(predicted), predicted, _INSIDE),
        )
        keys, _, truth_area = grouped(first, areas)
        truth_edge = _lookup(keys, truth_area, overlaps.truth)
        keys, of_predicted, predicted_area = grouped(second, areas)
        in_void = np.isin(first, void)
        void_area = total(of_predicted[in_void], areas[in_void], len(keys))
        predicted_edge = _lookup(keys, predicted_area - void_area, overlaps.predicted)
        pairs = _pairs(first, second)
        common = _lookup(
            pairs,
            areas,
            _pairs(
                overlaps.truth[overlaps.of_truth],
                overlaps.predicted[overlaps.of_predicted],
            ),
        )
        union = (
            truth_edge[overlaps.of_truth]
            + predicted_edge[overlaps.of_predicted]
            - common
        )
        return common, union


def _pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Encodes pairs of labels as [n] int64 numbers, preserving their order."""
    return (first.astype(np.int64) << 32) + second.astype(np.int64) + 1


def _lookup(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Returns the values of the wanted keys, 0 for missing ones."""
    position = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[position] == wanted, values[position], 0)


@METRICS.register("boundary_panoptic_quality")
def build_boundary_panoptic_quality(
    info: DatasetInfo, options: EvaluatorOptions
) -> BoundaryPanopticQuality:
    """Returns the metric, which has no options."""
    del options
    return BoundaryPanopticQuality(info)
