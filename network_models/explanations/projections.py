"""Many numbers of each sample as two, to be drawn: principal components, and t-SNE."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

FEWEST = 12  # samples that t-SNE needs: three neighbours of each, and more to tell them from
LARGEST = 10_000  # samples that t-SNE takes; of more it takes evenly spaced ones
COMPONENTS = 50  # that t-SNE keeps: more cost time and tell little (van der Maaten 2008)
PERPLEXITY = 30  # about how many neighbours each sample is kept near to


def principal_components(vectors):
    """The two directions of largest variance.

    Args:
        vectors: float array, shape (sample, unit).

    Returns:
        Positions, shape (sample, 2): NaN for a vector with NaN, 0 along directions that there are
        not; and the fractions of the variance that the two explain, shape (2,).
    """
    known = np.isfinite(vectors).all(axis=1)
    positions, explained = np.full((len(vectors), 2), np.nan), np.zeros(2)
    positions[known] = 0.0
    if known.any() and np.ptp(vectors[known], axis=0).any():
        count = min(2, *vectors[known].shape)
        pca = PCA(n_components=count, svd_solver="full").fit(vectors[known])
        positions[known, :count] = pca.transform(vectors[known])
        explained[:count] = pca.explained_variance_ratio_
    return positions, explained


def stochastic_neighbours(vectors, seed=1):
    """Positions that keep neighbours together: t-SNE of the principal components.

    Distances between groups mean nothing, nor do their sizes; only who is near whom does.

    Args:
        vectors: float array, shape (sample, unit).
        seed: int.

    Returns:
        Float array, shape (sample, 2), NaN where a vector has NaN or was left out (there are more
        than 10,000); None if there are fewer than 12 distinct vectors, or fewer than two units.

    Source:
        van der Maaten and Hinton 2008, as scikit-learn computes it.
    """
    known = np.flatnonzero(np.isfinite(vectors).all(axis=1))
    taken = known[:: -(-len(known) // LARGEST) or 1]
    if vectors.shape[1] < 2 or len(np.unique(vectors[taken], axis=0)) < FEWEST:
        return None
    kept = PCA(n_components=min(COMPONENTS, *vectors[taken].shape), random_state=seed)
    tsne = TSNE(perplexity=min(PERPLEXITY, (len(taken) - 1) / 3), init="pca", random_state=seed)
    positions = np.full((len(vectors), 2), np.nan)
    positions[taken] = tsne.fit_transform(kept.fit_transform(vectors[taken]))
    return positions
