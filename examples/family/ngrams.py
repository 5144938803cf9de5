# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a text costs by counting alone, in bits a byte: unigram, trigram, xz; learnt from the same bytes as models."""
import collections
import lzma
import math

from experiments import CONTEXT


def parts(path):
    """Bytes for training and for testing, as `krate data text` divides them."""
    with open(path, "rb") as file:
        text = file.read()
    samples = (len(text) - 1) // CONTEXT
    test = (samples + 9) // 10
    return text[:(samples - test) * CONTEXT], text[(samples - test) * CONTEXT:samples * CONTEXT + 1]


def unigram(train, test):
    """Bits a byte, and how often the most frequent byte is right."""
    count = collections.Counter(train)
    bits = sum(-math.log2((count[b] + 1) / (len(train) + 256)) for b in test[1:])
    return bits / (len(test) - 1), sum(b == count.most_common(1)[0][0] for b in test[1:]) / (len(test) - 1)


def trigram(train, test):
    """Of Witten and Bell: each context gives to the shorter one as much as it has seen different bytes."""
    follow = [collections.defaultdict(collections.Counter) for _ in range(3)]
    for i in range(len(train)):
        for n in range(min(3, i + 1)):
            follow[n][train[i - n:i]][train[i]] += 1
    total = [{context: sum(c.values()) for context, c in level.items()} for level in follow]

    def probability(context, byte):
        p = 1 / 256
        for n in range(3):
            key = context[2 - n:]
            if key in follow[n]:
                c, kinds = follow[n][key], len(follow[n][key])
                p = (c[byte] + kinds * p) / (total[n][key] + kinds)
        return p

    known = {}
    bits = 0.0
    for i in range(2, len(test)):
        key = (test[i - 2:i], test[i])
        if key not in known:
            known[key] = -math.log2(probability(*key))
        bits += known[key]
    return bits / (len(test) - 2)


def xz(train, test):
    """`xz -9` of the part for testing alone, and what it adds behind the part for training."""
    size = {name: len(lzma.compress(text, preset=9)) for name, text in
            (("test", test), ("train", train), ("both", train + test))}
    return 8 * size["test"] / len(test), 8 * (size["both"] - size["train"]) / len(test)
