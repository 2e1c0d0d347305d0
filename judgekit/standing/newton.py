"""The likelihood of paired comparisons, and its top by Newton's method.

The parameters: a strength for each system, the order effect `delta`, Davidson's `log nu`, as the model has
them. A cell is (one, other, who was shown first); `counts` has its wins, ties and losses of `one`. With eta =
theta_one - theta_other + delta * shown, P(one) = sigmoid(eta), by Davidson exp(eta / 2), nu, exp(-eta / 2).
"""

from dataclasses import dataclass

import numpy as np

from judgekit.agreement.core.ratings import Codes, Floats

_MOST, _FAR = 100, 15.0  # strengths beyond 15 are on their way to infinity: odds of a million


@dataclass(frozen=True, eq=False, slots=True)
class Problem:
    """Cells (shape (n_cells,) each: `one`, `other`, and `shown` as 1, -1 or 0) and a model.

    `davidson` gives ties a parameter, where else each is half a win; `prior` adds wins and losses of each
    system against an opponent of strength 0.
    """

    n_systems: int
    one: Codes
    other: Codes
    shown: Floats
    order: bool
    davidson: bool
    prior: float

    @property
    def n_parameters(self) -> int:
        """Length of the vector of parameters."""
        return self.n_systems + self.order + self.davidson

    def top(self, counts: Floats, start: Floats | None = None) -> tuple[Floats, Floats] | None:
        """Return parameters (strengths with mean 0) and their covariance; None if there is no top."""
        x = np.zeros(self.n_parameters) if start is None else start.copy()
        value, slope, bend = self.at(x, counts)
        for _ in range(_MOST):
            try:
                step = np.linalg.solve(bend + self._anchor(), slope)
            except np.linalg.LinAlgError:
                return None
            size = 1.0
            while (new := self.at(x + size * step, counts))[0] < value - 1e-12 * abs(value) and size > 1e-9:
                size /= 2.0
            x = x + size * step
            value, slope, bend = new
            if np.abs(x).max() > _FAR or not np.isfinite(value):
                return None
            if np.abs(size * step).max() < 1e-11:
                return self._centred(x, bend)
        return None

    def _anchor(self) -> Floats:
        """Return what makes the Hessian invertible where only differences of strengths have a meaning."""
        fixed = np.zeros((self.n_parameters, self.n_parameters))
        if self.prior == 0.0:
            fixed[: self.n_systems, : self.n_systems] = 1.0 / self.n_systems
        return fixed

    def _centred(self, x: Floats, bend: Floats) -> tuple[Floats, Floats] | None:
        centre = np.eye(self.n_parameters)
        centre[: self.n_systems, : self.n_systems] -= 1.0 / self.n_systems
        try:
            inverse = np.linalg.inv(bend + self._anchor())
        except np.linalg.LinAlgError:
            return None
        return centre @ x, centre @ inverse @ centre

    def at(self, x: Floats, counts: Floats) -> tuple[float, Floats, Floats]:
        """Return the log-likelihood at these parameters, its gradient and minus its Hessian."""
        n = self.n_systems
        theta = x[:n]
        eta = theta[self.one] - theta[self.other]
        if self.order:
            eta = eta + x[n] * self.shown
        total = counts.sum(axis=1)
        log_nu = float(x[-1]) if self.davidson else -np.inf
        width = 0.5 if self.davidson else 1.0
        log_one, log_tie, log_other = _log_shares(eta, log_nu, width)
        p_one, p_tie, p_other = np.exp(log_one), np.exp(log_tie), np.exp(log_other)
        won = counts if self.davidson else _halved(counts)
        value = float(won[:, 0] @ log_one + won[:, 2] @ log_other)
        lean = width * ((won[:, 0] - won[:, 2]) - total * (p_one - p_other))
        if not self.davidson:
            lean /= 2.0
            curve = total * p_one * p_other
        else:
            value += float(won[:, 1] @ log_tie)
            curve = total * 0.25 * (p_one + p_other - (p_one - p_other) ** 2)
        slope, bend = np.zeros(self.n_parameters), np.zeros((self.n_parameters, self.n_parameters))
        slope[:n], bend[:n, :n] = self._spread(lean), self._laplacian(curve)
        if self.order:
            slope[n] = self.shown @ lean
            bend[n, n] = self.shown**2 @ curve
            bend[n, :n] = bend[:n, n] = self._spread(self.shown * curve)
        if self.davidson:
            mixed = -0.5 * total * (p_one - p_other) * p_tie
            slope[-1] = float(np.sum(won[:, 1] - total * p_tie))
            bend[-1, -1] = float(np.sum(total * p_tie * (1.0 - p_tie)))
            bend[-1, :n] = bend[:n, -1] = self._spread(mixed)
            if self.order:
                bend[-1, n] = bend[n, -1] = float(self.shown @ mixed)
        if self.prior:
            value += self._add_prior(theta, slope, bend)
        return value, slope, bend

    def _spread(self, cells: Floats) -> Floats:
        """Return of each system the sum over its cells, negative where it is `other`."""
        n = self.n_systems
        return np.asarray(np.bincount(self.one, cells, n) - np.bincount(self.other, cells, n), dtype=float)

    def _laplacian(self, cells: Floats) -> Floats:
        n = self.n_systems
        weights = np.bincount(self.one * n + self.other, cells, n * n).reshape(n, n)
        weights = weights + weights.T
        return np.asarray(np.diag(weights.sum(axis=1)) - weights)

    def _add_prior(self, theta: Floats, slope: Floats, bend: Floats) -> float:
        wins, _, losses = _log_shares(theta, -np.inf, 1.0)
        p = np.exp(wins)
        n = self.n_systems
        slope[:n] += self.prior * (1.0 - 2.0 * p)
        bend[np.arange(n), np.arange(n)] += 2.0 * self.prior * p * (1.0 - p)
        return float(self.prior * (wins.sum() + losses.sum()))


def _halved(counts: Floats) -> Floats:
    half = counts[:, 1] / 2.0
    return np.stack([counts[:, 0] + half, np.zeros(len(half)), counts[:, 2] + half], axis=1)


def _log_shares(eta: Floats, log_nu: float, width: float) -> tuple[Floats, Floats, Floats]:
    """Return logarithms of P(one), P(tie), P(other), safe for large differences."""
    scaled = width * eta
    if not np.isfinite(log_nu):
        whole = np.logaddexp(0.0, -scaled)
        return -whole, np.full(len(eta), -np.inf), -np.logaddexp(0.0, scaled)
    whole = np.logaddexp(np.logaddexp(scaled, -scaled), log_nu)
    return scaled - whole, log_nu - whole, -scaled - whole
