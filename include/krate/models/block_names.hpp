// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

namespace krate::models {

/// What a family's files call the parameters of its blocks: `blocks`, the number, then these.
struct BlockNames {
  std::string blocks, norm_mssa, projection, output, norm_ista, dictionary, decoder = {};
  std::string qkv = {}, mlp_first = {}, mlp_second = {};  ///< of MHSA and MLP; without .weight and .bias
};

/// With MHSA or MLP as the vision transformer has them that the authors' code began with.
inline BlockNames crate_names() {
  return {"transformer.layers.", ".0.norm", ".0.fn.qkv.weight", ".0.fn.to_out.0", ".1.norm",
          ".1.fn.weight",        "",        ".0.fn.to_qkv",     ".1.fn.net.0",    ".1.fn.net.3"};
}
/// Of timm.
inline BlockNames vit_names() {
  return {"blocks.", ".norm1", "", ".attn.proj", ".norm2", "", "", ".attn.qkv", ".mlp.fc1", ".mlp.fc2"};
}
/// Of nanoGPT.
inline BlockNames gpt2_names() {
  return {"transformer.h.", ".ln_1", "", ".attn.c_proj", ".ln_2", "", "", ".attn.c_attn", ".mlp.c_fc", ".mlp.c_proj"};
}
inline BlockNames causal_crate_names() {
  return {"transformer.h.", ".prenorm_1", ".attn.c_attn.weight", ".attn.c_proj", ".prenorm_2", ".ista.weight"};
}
inline BlockNames crate_bert_names() {
  return {"crate.encoder.layer.",    ".attention.self.prenorm", ".attention.self.qkv.weight",
          ".attention.output.dense", ".output.prenorm",         ".output.weight"};
}
inline BlockNames crate_alpha_names() {
  return {"transformer.layers.", ".0.norm", ".0.fn.qkv.weight", ".0.fn.to_out.0", ".1.norm", ".1.fn.D", ".1.fn.D1"};
}
inline BlockNames crate_alpha_clip_names() {
  return {"visual.transformer.resblocks.",
          ".ln_1",
          ".attn.in_proj_weight",
          ".attn.out_proj",
          ".ln_2",
          ".mlp.c_fc",
          ".mlp.c_proj"};
}

inline BlockNames crate_mae_names() {
  return {"blocks.",          ".layers.0.0.norm",     ".layers.0.0.fn.qkv.weight", ".layers.0.0.fn.to_out.0",
          ".layers.0.1.norm", ".layers.0.1.fn.weight"};
}

}  // namespace krate::models
