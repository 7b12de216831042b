"""Who trains and who is forecast: splits that do not leak.

A sample at time t reads images from t - span to t, and its label looks as far as t + horizon
(lag and catch together). Its window is [t - span, t + horizon]. Samples minutes or days apart show
the same regions and share their flares, so a sample that is dealt to one split is left out where
its window comes within the embargo of a window of a split that counts for more: training gives way
to validation and test, and validation to test.

Source:
    Ahmadzadeh et al. 2019 (arXiv:1911.09061) and 2021 (arXiv:2103.07542): temporal coherence
    inflates the scores of flare forecasts, under cross-validation too.
"""

import dataclasses

import numpy as np
import numpy.typing

from dataset_models import dealing, split_checks
from dataset_models.dealing import SPLITS

EMBARGO = "within "  # begins the reason of a sample that the embargo takes


@dataclasses.dataclass(frozen=True)
class Kind:
    """A way to deal samples.

    Args:
        way_out: what helps where it leaves a split empty.
        undealt: why it deals a sample to no split.
        embargoed: whether the embargo acts on what it deals.
    """

    way_out: str
    undealt: str = ""
    embargoed: bool = True


KINDS = {
    "blocks": Kind("Lower embargo_days or block_days, change fractions, or add data."),
    "periods": Kind(
        "Move the periods apart, lower embargo_days, or add data.", "outside every period"
    ),
    "groups": Kind(
        "Take another seed or other fractions, or add groups.", "belongs to no group", False
    ),
    "random": Kind("Change fractions, or add data.", embargoed=False),
    "folds": Kind("Take fewer folds, lower embargo_days, or add data."),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Split:
    """Which sample is in which split, and why others are in none.

    Args:
        names: str array, shape (n,), of `SPLITS`, or "" where a sample is left out.
        reasons: str array, shape (n,), why a sample is left out, else "".
        times: datetime64 array, shape (n,), UTC.
        kind: str, how the samples were dealt.
        leaks: bool, whether training may have seen what is forecast.
        span_minutes: what a sample reads before its time, minutes.
        horizon_minutes: what its label reads after its time, minutes.
        embargo_minutes: two samples of different splits lie further apart than this, minutes.
        groups: array, shape (n,), where whole groups were dealt.
    """

    names: np.ndarray
    reasons: np.ndarray
    times: np.ndarray
    kind: str
    leaks: bool
    span_minutes: float
    horizon_minutes: float
    embargo_minutes: float
    groups: np.ndarray | None = None

    def indices(self, split: str) -> np.ndarray:
        """Positions of the samples of `split`, int array, in the order they were given."""
        if split not in SPLITS:
            raise ValueError(f"No split {split!r}. {dealing.near(split, SPLITS)}")
        return np.flatnonzero(self.names == split)

    def verify(self) -> "Split":
        """Returns the split, unless two windows of different splits touch.

        Raises:
            ValueError: naming the two samples, unless the split is marked as leaking.
        """
        for first, second in ("train", "validation"), ("train", "test"), ("validation", "test"):
            pair = None if self.leaks else self._touching(first, second)
            if pair is not None:
                raise ValueError(
                    f"The splits leak: the {first} sample at {pair[0]} and the {second} sample at "
                    f"{pair[1]} share what they read or forecast. Expected windows of "
                    f"{self.span_minutes:g} min before to {self.horizon_minutes:g} min after each "
                    "sample that do not touch, and no group in two splits. Make the split with "
                    "splits.make, which leaves such samples out."
                )
        return self

    def _touching(self, first, second):
        """Times of the two samples that leak most, or None."""
        ours, theirs = self.indices(first), self.indices(second)
        if self.groups is not None:
            shared = np.intersect1d(self.groups[ours], self.groups[theirs])[:1]
            ours, theirs = (i[np.isin(self.groups[i], shared)] for i in (ours, theirs))
        if not len(ours) or not len(theirs):
            return None
        distance, nearest = _nearest(self.times[ours], self.times[theirs])
        worst = distance.argmin()
        reach = _duration(self.span_minutes + self.horizon_minutes)
        if self.groups is None and distance[worst] > reach:
            return None
        return self.times[ours][worst], self.times[theirs][nearest[worst]]


def make(
    kind: str,
    times: numpy.typing.ArrayLike,
    *,
    span_minutes: float,
    horizon_minutes: float,
    seed: int = 1,
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15),
    block_days: float = 27.0,
    embargo_days: float = 27.0,
    periods: dict | None = None,
    groups: numpy.typing.ArrayLike | None = None,
    allow_leak: bool = False,
    folds: int = 5,
    fold: int = 1,
) -> Split:
    """Deals samples to training, validation and test, and leaves out those that would leak.

    Args:
        kind: how they are dealt.
            "blocks": time is cut into blocks of `block_days`, and whole blocks are dealt in
                the order of time: the first to training, the last to test. One run of blocks for
                each split loses least to the embargo, and forecasts of later times by a network
                that learnt from earlier ones are what operations make.
            "periods": the periods that `periods` names.
            "groups": whole groups, such as active regions. For images of one region alone: an
                image of the full disk shows all of them. A group lands in the same split whatever
                other groups there are.
            "random": sample by sample, as FlareNet did; it leaks, and needs `allow_leak`.
            "folds": time is cut into `folds` stretches of as many samples each; stretch `fold` is
                tested, the next one (after the last, the first) validates, the others train.
        times: datetime64 array, shape (n,), UTC, in any order.
        span_minutes: what a sample reads before its time, minutes.
        horizon_minutes: what its label reads after its time, lag and catch together, minutes.
        seed: int, for "groups" and "random".
        fractions: of training, validation and test; their sum is 1, and 0 asks for no such split.
        block_days: length of a block, days; 27 is one rotation of the Sun seen from the Earth.
        embargo_days: windows of different splits lie further apart than this, days; their samples
            thus lie further apart than span + horizon + embargo. At 0 the windows just do not
            touch. It acts on "blocks", "periods" and "folds", on both sides of each stretch.
        periods: dict of split to (start, end) pairs, texts or datetime64; the end is left out.
        groups: array, shape (n,); 0, "" and NaN are no group.
        allow_leak: bool, whether a split that leaks may be made.
        folds: int, at least 3, for "folds".
        fold: int, from 1 to `folds`.

    Returns:
        A `Split` that has been verified.

    Raises:
        ValueError: for a time that is missing or there twice, settings that do not fit, or a split
            that is left empty.
        TypeError: if `times` are not datetime64.
    """
    if kind not in KINDS:
        raise ValueError(f"No split {kind!r}. {dealing.near(kind, KINDS)}")
    split_checks.check_settings(fractions, span_minutes, horizon_minutes, block_days, embargo_days)
    groups = split_checks.checked_groups(groups, times) if kind == "groups" else None
    times = split_checks.checked_times(times, groups)
    dealt = {
        "blocks": lambda: dealing.by_block(times, fractions, block_days),
        "periods": lambda: dealing.by_period(times, periods),
        "groups": lambda: dealing.by_group(groups, fractions, seed),
        "random": lambda: dealing.by_chance(len(times), fractions, seed, allow_leak),
        "folds": lambda: dealing.by_fold(times, folds, fold),
    }[kind]()
    apart_minutes = span_minutes + horizon_minutes + embargo_days * 24 * 60
    embargo_minutes = apart_minutes if KINDS[kind].embargoed else 0.0
    names, reasons = _purged(dealt, times, embargo_minutes)
    wanted = {"periods": periods, "folds": SPLITS}.get(kind) or dealing.positive(fractions)
    split_checks.check_filled(wanted, dealt, names, embargo_minutes, KINDS[kind].way_out)
    return Split(
        names=names,
        reasons=np.where(dealt == "", KINDS[kind].undealt, reasons).astype(str),
        times=times,
        kind=kind,
        leaks=kind == "random",
        span_minutes=span_minutes,
        horizon_minutes=horizon_minutes,
        embargo_minutes=embargo_minutes,
        groups=groups,
    ).verify()


def _purged(dealt, times, embargo_minutes):
    """Names without the samples that lie within the embargo, and the reasons of these."""
    names, reasons = dealt.copy(), np.full(len(dealt), "", dtype=object)
    if not embargo_minutes:
        return names, reasons
    for weaker, stronger in ("validation", "test"), ("train", "validation"), ("train", "test"):
        ours, theirs = np.flatnonzero(names == weaker), times[names == stronger]
        if not len(ours) or not len(theirs):
            continue
        lost = ours[_nearest(times[ours], theirs)[0] <= _duration(embargo_minutes)]
        names[lost] = ""
        reasons[lost] = f"{EMBARGO}{embargo_minutes / 24 / 60:.4g} days of a {stronger} sample"
    return names, reasons


def is_embargo(reason: str) -> bool:
    """Whether a sample was left out for the embargo alone."""
    return reason.startswith(EMBARGO)


def _nearest(ours, theirs):
    """For each of `ours` the distance in time to the nearest of `theirs`, and its position."""
    order = np.argsort(theirs, kind="stable")
    ranked = theirs[order]
    after = np.searchsorted(ranked, ours).clip(max=len(ranked) - 1)
    before = (after - 1).clip(min=0)
    to_before, to_after = np.abs(ours - ranked[before]), np.abs(ranked[after] - ours)
    return np.minimum(to_before, to_after), order[np.where(to_before < to_after, before, after)]


def _duration(minutes):
    return np.timedelta64(round(minutes * 60e6), "us")
