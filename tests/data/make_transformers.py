#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes vit_tiny.h5, gpt2_tiny.h5 and crate_MSSA-or-MHSA_ISTA-or-MLP.h5: small transformers in PyTorch, in double, with
their logits, loss, all gradients, and ten steps of AdamW. Needs numpy, h5py and torch."""
import json
import math

import h5py
import numpy
import torch
from torch import nn
from torch.nn import functional

torch.set_default_dtype(torch.float64)


class Attention(nn.Module):
    """Multi-head attention, or subspace attention where queries, keys and values are one projection."""

    def __init__(self, dim, heads, bias, causal, names, shared=False, out_bias=True):
        super().__init__()
        self.heads, self.causal, self.names, self.shared = heads, causal, names, shared
        self.add_module(names[0], nn.Linear(dim, dim if shared else 3 * dim, bias=bias))
        out = nn.Linear(dim, dim, bias=out_bias)
        self.add_module(names[1], nn.ModuleList([out]) if names[1] == "to_out" else out)

    def forward(self, x):
        batch, tokens, dim = x.shape
        projected = getattr(self, self.names[0])(x)
        parts = [projected] * 3 if self.shared else projected.split(dim, dim=2)
        q, k, v = (p.view(batch, tokens, self.heads, -1).transpose(1, 2) for p in parts)
        logits = q @ k.transpose(2, 3) / math.sqrt(dim // self.heads)
        if self.causal:
            logits = logits.masked_fill(torch.ones(tokens, tokens).triu(1).bool(), -math.inf)
        attended = (logits.softmax(3) @ v).transpose(1, 2).reshape(batch, tokens, dim)
        out = getattr(self, self.names[1])
        return out[0](attended) if isinstance(out, nn.ModuleList) else out(attended)


class Mlp(nn.Module):
    def __init__(self, dim, names):
        super().__init__()
        self.names = names
        self.add_module(names[0], nn.Linear(dim, 4 * dim))
        self.add_module(names[1], nn.Linear(4 * dim, dim))

    def forward(self, x):
        return getattr(self, self.names[1])(functional.gelu(getattr(self, self.names[0])(x)))


class Block(nn.Module):
    def __init__(self, dim, heads, eps, causal, norms, attention, mlp):
        super().__init__()
        self.norms = norms
        for norm in norms:
            self.add_module(norm, nn.LayerNorm(dim, eps=eps))
        self.attn = Attention(dim, heads, True, causal, attention)
        self.mlp = Mlp(dim, mlp)

    def forward(self, x):
        x = x + self.attn(getattr(self, self.norms[0])(x))
        return x + self.mlp(getattr(self, self.norms[1])(x))


class PatchEmbed(nn.Module):
    def __init__(self, channels, dim, patch):
        super().__init__()
        self.proj = nn.Conv2d(channels, dim, patch, stride=patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class Vit(nn.Module):
    """With the names of timm."""

    def __init__(self, c):
        super().__init__()
        d = c["dim"]
        tokens = 1 + math.prod(i // p for i, p in zip(c["image_size"], c["patch_size"]))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, d))
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, d))
        self.patch_embed = PatchEmbed(c["channels"], d, tuple(c["patch_size"]))
        self.blocks = nn.ModuleList(
            Block(d, c["heads"], c["norm_eps"], False, ("norm1", "norm2"), ("qkv", "proj"), ("fc1", "fc2"))
            for _ in range(c["depth"]))
        self.norm = nn.LayerNorm(d, eps=c["norm_eps"])
        self.head = nn.Linear(d, c["num_classes"])

    def forward(self, images):
        x = self.patch_embed(images)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class Gpt2(nn.Module):
    """With the names of nanoGPT."""

    def __init__(self, c):
        super().__init__()
        d = c["dim"]
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(c["vocab_size"], d),
            "wpe": nn.Embedding(c["block_size"], d),
            "h": nn.ModuleList(
                Block(d, c["heads"], c["norm_eps"], True, ("ln_1", "ln_2"), ("c_attn", "c_proj"), ("c_fc", "c_proj"))
                for _ in range(c["depth"])),
            "ln_f": nn.LayerNorm(d, eps=c["norm_eps"])})

    def forward(self, ids):
        t = self.transformer
        x = t["wte"](ids) + t["wpe"](torch.arange(ids.shape[1]))
        for block in t["h"]:
            x = block(x)
        return t["ln_f"](x) @ t["wte"].weight.T


class Ista(nn.Module):
    def __init__(self, dim, eta, threshold):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(dim, dim))
        self.eta, self.threshold = eta, threshold

    def forward(self, x):
        step = (x - x @ self.weight.T) @ self.weight
        return functional.relu(x + self.eta * step - self.eta * self.threshold)


class PreNorm(nn.Module):
    def __init__(self, dim, eps, fn):
        super().__init__()
        self.norm, self.fn = nn.LayerNorm(dim, eps=eps), fn

    def forward(self, x):
        return self.fn(self.norm(x))


class Net(nn.Module):
    """net.0 and net.3, as the vision transformer has them that CRATE's code began with."""

    def __init__(self, dim):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Identity(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        return self.net(x)


class Crate(nn.Module):
    """CRATE with either half of its blocks replaced."""

    def __init__(self, c):
        super().__init__()
        d, eps, (height, width) = c["dim"], c["norm_eps"], c["patch_size"]
        self.patch, mhsa, mlp = (height, width), c.get("attention") == "mhsa", c.get("feed_forward") == "mlp"
        tokens = 1 + math.prod(i // p for i, p in zip(c["image_size"], c["patch_size"]))
        self.pos_embedding = nn.Parameter(torch.zeros(1, tokens, d))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, d))
        pixels = c["channels"] * height * width
        self.to_patch_embedding = nn.Sequential(
            nn.Identity(), nn.LayerNorm(pixels, eps=eps), nn.Linear(pixels, d), nn.LayerNorm(d, eps=eps))
        self.residual = mlp

        def half(fn):
            return PreNorm(d, eps, fn)

        def attention():
            return Attention(d, c["heads"], False, False, ("to_qkv" if mhsa else "qkv", "to_out"), shared=not mhsa)

        self.transformer = nn.ModuleDict({"layers": nn.ModuleList(
            nn.ModuleList([half(attention()), half(Net(d) if mlp else Ista(d, c["eta"], c["lambda"]))])
            for _ in range(c["depth"]))})
        self.mlp_head = nn.Sequential(nn.LayerNorm(d, eps=eps), nn.Linear(d, c["num_classes"]))

    def forward(self, images):
        b, ch, h, w = images.shape
        height, width = self.patch
        x = images.view(b, ch, h // height, height, w // width, width).permute(0, 2, 4, 3, 5, 1).reshape(
            b, -1, ch * height * width)
        x = self.to_patch_embedding(x)
        x = torch.cat([self.cls_token.expand(b, -1, -1), x], 1) + self.pos_embedding
        for attention, feed in self.transformer["layers"]:
            x = x + attention(x)
            x = x + feed(x) if self.residual else feed(x)
        return self.mlp_head(x[:, 0])


def fill(model, generator):
    """Random parameters, float32 numbers: norms about 1 and 0, maps about fan_in^-1/2."""
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        wide = parameter.dim() > 1
        scale = 1 / math.sqrt(parameter[0].numel()) if wide else 0.1
        start = 0.0 if wide else 1.0
        is_norm = not wide and any(parameter is m.weight for m in model.modules() if isinstance(m, nn.LayerNorm))
        parameter.data = (scale * noise + (start if is_norm else 0.0)).float().double()


def make(name, model, config, inputs, labels):
    generator = torch.Generator().manual_seed(17)
    fill(model, generator)
    text = config["model"] == "gpt2"
    decays = [n for n, p in model.named_parameters()
              if config["model"] == "crate" or (p.dim() > 1 and n not in ("pos_embed", "cls_token"))]

    def official(parameter):
        return (parameter, "lm_head.weight") if parameter == "transformer.wte.weight" else (parameter,)

    def loss_of():
        logits = model(inputs)
        return logits, functional.cross_entropy(
            logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), label_smoothing=config["label_smoothing"])

    def norm():
        return math.sqrt(sum(float((p.grad ** 2).sum()) for p in model.parameters()))

    with h5py.File(f"{name}.h5", "w", libver=("earliest", "v110")) as file:
        def write(path, values):
            array = numpy.asarray(values)
            return file.create_dataset(path, data=array)

        file.attrs["config"] = numpy.bytes_(json.dumps(config))
        file.attrs["torch"] = numpy.bytes_(torch.__version__)
        for key, value in config.items():
            file.attrs[key] = numpy.bytes_(value) if isinstance(value, str) else value
        write("input/tokens" if text else "input/images", inputs.detach().numpy())
        write("input/labels", labels.numpy())
        for parameter, values in model.named_parameters():
            for tensor in official(parameter):
                write(f"params/{tensor}", values.detach().numpy()).attrs["role"] = numpy.bytes_("parameter")
        if not text:
            inputs.requires_grad_(True)
        logits, loss = loss_of()
        loss.backward()
        write("output/logits", logits.detach().numpy())
        write("output/loss", loss.item())
        write("output/grad_norm", norm())
        for parameter, values in model.named_parameters():
            for tensor in official(parameter):
                write(f"grads/{tensor}", values.grad.numpy())
        if not text:
            write("grads/input", inputs.grad.numpy())

        options = {"lr": 3e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.05, "clip_norm": 1.0}
        curve = file.create_group("curves/adamw")
        curve.attrs.update(options)
        curve.attrs.update({"schedule": numpy.bytes_("constant"), "warmup_steps": 0, "min_lr": 0.0})
        named = dict(model.named_parameters())
        groups = [{"params": [p for n, p in named.items() if (n in decays) == decayed],
                   "weight_decay": options["weight_decay"] if decayed else 0.0} for decayed in (True, False)]
        adamw = torch.optim.AdamW(groups, lr=options["lr"], betas=(options["beta1"], options["beta2"]),
                                  eps=options["eps"])
        losses, norms = [], []
        for _ in range(10):
            adamw.zero_grad()
            loss = loss_of()[1]
            loss.backward()
            losses.append(loss.item())
            norms.append(norm())
            nn.utils.clip_grad_norm_(model.parameters(), options["clip_norm"])
            adamw.step()
        losses.append(loss_of()[1].item())
        write("curves/adamw/loss", losses)
        write("curves/adamw/grad_norm", norms)
        for parameter, values in model.named_parameters():
            for tensor in official(parameter):
                write(f"curves/adamw/params_after/{tensor}", values.detach().numpy())
    print(name, "parameters", sum(p.numel() for p in model.parameters()), "losses", losses[0], losses[-1])


def main():
    generator = torch.Generator().manual_seed(7)
    shape = {"depth": 2, "heads": 3, "dim": 24, "dim_head": 8}
    images = torch.randn((3, 3, 12, 8), generator=generator).float().double()
    labels = torch.tensor([4, 0, 2])
    picture = {"image_size": [12, 8], "patch_size": [4, 4], "channels": 3, "num_classes": 5}
    vit = {"model": "vit", **picture, **shape, "norm_eps": 1e-6, "label_smoothing": 0.1}
    make("vit_tiny", Vit(vit), vit, images.clone(), labels)

    gpt2 = {"model": "gpt2", "vocab_size": 29, "block_size": 12, **shape, "norm_eps": 1e-5, "label_smoothing": 0.0}
    ids = torch.randint(29, (3, 10), generator=generator)
    make("gpt2_tiny", Gpt2(gpt2), gpt2, ids[:, :-1].contiguous(), ids[:, 1:].contiguous())

    for attention, feed_forward in (("mssa", "mlp"), ("mhsa", "ista"), ("mhsa", "mlp")):
        crate = {"model": "crate", **picture, **shape, "pool": "cls", "eta": 0.1, "lambda": 0.1, "norm_eps": 1e-5,
                 "label_smoothing": 0.1}
        if attention == "mhsa":
            crate["attention"] = attention
        if feed_forward == "mlp":
            crate["feed_forward"] = feed_forward
        make(f"crate_{attention}_{feed_forward}", Crate(crate), crate, images.clone(), labels)


main()
