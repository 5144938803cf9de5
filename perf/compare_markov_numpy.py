#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Independent learning in a Markov potential game beside the sequential program one would write in NumPy.

    OMP_NUM_THREADS=1 OMP_PROC_BIND=true perf/compare_markov_numpy.py build/mpi/bin/krate [--stages 3000] [--rounds 3]

Figure 1 of the paper: four players, two routes, one replica. The NumPy side keeps policies and values in arrays, looks
rewards and transitions up in tables over joint actions, and draws from RandomState(seed), whose stream is krate's
`--random mersenne`. Both sides take turns; the last lines say how far apart their policies and values are.
"""
import argparse
import itertools
import tempfile
import time

import numpy as np

from turns import output

PLAYERS, ROUTES, STATES, DISCOUNT = 4, 2, 4, 0.5
BONUS, SLOPE = np.array([9.0, 16.0]), np.array([2.0, 4.0])
STATUSES = [(0, 0), (0, 1), (1, 0), (1, 1)]


def tables():
    """Common rewards [state, joint action] and transitions [state, joint action, next state]."""
    shape = (STATES,) + (ROUTES,) * PLAYERS
    rewards, transitions = np.zeros(shape), np.zeros(shape + (STATES,))
    for s, status in enumerate(STATUSES):
        for joint in itertools.product(range(ROUTES), repeat=PLAYERS):
            count = np.bincount(joint, minlength=ROUTES)
            weight = np.where(np.array(status) == 1, 1.0, 2.0)
            rewards[(s,) + joint] = np.sum(count * (BONUS - weight * SLOPE * count))
            safe = np.where(count >= 2, 0.2, 0.8)
            for to, then in enumerate(STATUSES):
                transitions[(s,) + joint + (to,)] = np.prod(np.where(np.array(then) == 0, safe, 1 - safe))
    return rewards, transitions


def softmax(q, tau):
    w = np.exp((q - q.max()) / tau)
    return w / w.sum()


def draw(random, weights):
    sums = np.cumsum(weights)
    return min(int(np.searchsorted(sums, random.random_sample() * sums[-1], side="right")), len(weights) - 1)


def learn(stages, seed, tau=1e-6, alpha=0.5, beta=1.0):
    rewards, transitions = tables()
    random = np.random.RandomState([seed])  # a list: seeded by init_by_array
    policy = np.full((PLAYERS, STATES, ROUTES), 1 / ROUTES)
    q = np.zeros((PLAYERS, STATES, ROUTES))
    visits, plays = np.zeros(STATES), np.zeros((PLAYERS, STATES, ROUTES))
    s = draw(random, np.full(STATES, 1 / STATES))
    begin = time.perf_counter()
    for _ in range(stages):
        joint = tuple(draw(random, policy[i, s]) for i in range(PLAYERS))
        visits[s] += 1
        to = draw(random, transitions[(s,) + joint])
        new_policy, new_q = policy.copy(), q.copy()
        for i, a in enumerate(joint):
            plays[i, s, a] += 1
            pi = policy[i, s]
            nu = np.sum(pi * np.log(pi, out=np.zeros(ROUTES), where=pi > 0))
            target = rewards[(s,) + joint] - tau * nu + DISCOUNT * (policy[i, to] @ q[i, to])
            new_q[i, s, a] += plays[i, s, a] ** -alpha * (target - q[i, s, a])
            new_policy[i, s] += visits[s] ** -beta * (softmax(q[i, s], tau) - pi)
        policy, q, s = new_policy, new_q, to
    return time.perf_counter() - begin, policy, q


def krate_stages_per_second(program, stages):
    words = [program, "bench", "markov", "--random", "mersenne", "--stages", str(stages), "--repeat", "5", "--json"]
    return stages / output(words)["seconds_min"]


def compare_results(program, stages, seed):
    _, policy, q = learn(stages, seed)
    try:
        import h5py
    except ImportError:
        return print("results are not compared: h5py is not installed")
    with tempfile.TemporaryDirectory() as directory:
        words = [program, "game", "markov", "--figure", "1", "--replicas", "1", "--seed", str(seed), "--records", "1"]
        output(words + ["--stages", str(stages), "-o", directory, "--json"])
        with h5py.File(directory + "/markov.h5") as file:
            print(f"largest difference after {stages} stages: policies",
                  np.abs(file["figure1/final/policy"][0] - policy).max(),
                  "values", np.abs(file["figure1/final/q"][0] - q).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("krate")
    parser.add_argument("--stages", type=int, default=3000, help="of NumPy; krate plays a million")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    theirs, ours = [], []
    for seed in range(1, given.rounds + 1):
        theirs.append(given.stages / learn(given.stages, seed)[0])
        ours.append(krate_stages_per_second(given.krate, 1_000_000))
        print(f"NumPy {theirs[-1]:8.0f} stages/s   krate {ours[-1]:10.0f} stages/s   ratio {ours[-1] / theirs[-1]:.0f}")
    print(f"fastest rounds: {max(ours) / max(theirs):.0f} times NumPy")
    compare_results(given.krate, given.stages, 1)


if __name__ == "__main__":
    main()
