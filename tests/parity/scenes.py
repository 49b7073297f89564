"""Label maps drawn at random, as those of the records were."""

import itertools

import numpy as np

THINGS = (11, 12, 13, 14, 15, 16, 17, 18)
DIVISOR = 1000
IGNORE = 255


def panoptic(
    h,
    w,
    seed,
    things=THINGS,
    stuff=(0, 1, 2, 8, 10),
    divisor=DIVISOR,
    ignore=IGNORE,
    n=9,
    crowd=True,
):
    """A synthetic panoptic label map [h, w] int32.

    Bands of stuff, elliptic things, a void patch and a crowd patch.
    """
    r = np.random.default_rng(seed)
    lab = np.zeros((h, w), np.int32)
    edges = np.sort(r.choice(np.arange(1, h), len(stuff) - 1, replace=False))
    edges = [0, *edges, h]
    for s, (a, b) in zip(r.permutation(stuff), itertools.pairwise(edges), strict=True):
        lab[a:b] = s * divisor
    yy, xx = np.mgrid[:h, :w]
    count = {}
    for _ in range(n):
        c = int(r.choice(things))
        count[c] = count.get(c, 0) + 1
        cy, cx = r.integers(0, h), r.integers(0, w)
        ry, rx = r.integers(2, max(h // 5, 4)), r.integers(2, max(w // 6, 4))
        lab[((yy - cy) / ry) ** 2 + ((xx - cx) / rx) ** 2 <= 1] = c * divisor + count[c]
    lab[: h // 12, -w // 8 :] = ignore * divisor
    if crowd:
        lab[-h // 10 :, : w // 9] = int(things[0]) * divisor
    return lab


def perturb(lab, seed, divisor=DIVISOR, things=THINGS, void=IGNORE):
    """A plausible prediction of a label map.

    Shifted; some instances are dropped, merged or given another class.
    """
    r = np.random.default_rng(seed)
    p = np.roll(lab, (r.integers(-2, 3), r.integers(-2, 3)), (0, 1)).copy()
    for i in np.unique(lab):
        u = r.random()
        m = p == i
        if i % divisor and u < 0.15:
            p[m] = void * divisor
        elif i % divisor and u < 0.3:
            p[m] = int(r.choice(things)) * divisor + 77
        elif u < 0.36:
            p[m] = void * divisor
    return p.astype(np.int32)
