// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "linalg/impl/onednn.hpp"

#include <omp.h>

#include <algorithm>
#include <dnnl.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "krate/core/error.hpp"

namespace krate::impl {

namespace {

using Desc = dnnl::memory::desc;

/// Where oneDNN wins over the BLAS: below, its preparation and call weigh too much.
bool is_large(OnednnProduct const& p) {
  std::size_t const least = std::min({p.rows, p.columns, p.inner});
  return least >= 16 && 2.0 * p.rows * p.columns * p.inner >= 1.6e7;
}

using Type = dnnl::memory::data_type;

Desc matrix(std::size_t rows, std::size_t columns, Operand const& layout, Type type = Type::f32) {
  dnnl::memory::dim const leading = layout.leading;
  return {{static_cast<dnnl::memory::dim>(rows), static_cast<dnnl::memory::dim>(columns)},
          type,
          layout.normal ? dnnl::memory::dims{leading, 1} : dnnl::memory::dims{1, leading}};
}

dnnl::primitive_attr attributes(OnednnProduct const& p) {
  dnnl::post_ops after;
  if (p.alpha != 1 || p.shift != 0) after.append_eltwise(1, dnnl::algorithm::eltwise_linear, p.alpha, p.shift);
  if (p.addend == OnednnProduct::Addend::result) after.append_sum(1);
  if (p.addend == OnednnProduct::Addend::matrix)
    after.append_binary(dnnl::algorithm::binary_add, matrix(p.rows, p.columns, p.extra));
  // The exponential linear unit of weight 0 is max(0, x), and unlike oneDNN's ReLU it leaves NaN as it is.
  if (p.rectify) after.append_eltwise(1, dnnl::algorithm::eltwise_elu, 0, 0);
  dnnl::primitive_attr attr;
  attr.set_post_ops(after);
  return attr;
}

/// A^T B with nothing else to do, as gradients of weights are: oneDNN's plain call is 5 to 10 % faster than its matmul
/// there, for a buffer of some 75 kB a thread that it takes at each call.
bool is_plain_call(OnednnProduct const& p) {
  return !p.bfloat16 && !p.a.normal && p.b.normal && !p.bias && !p.rectify && p.shift == 0 &&
         p.addend != OnednnProduct::Addend::matrix;
}

}  // namespace

class OnednnPlan {
 public:
  OnednnPlan(OnednnProduct const& p, dnnl::engine const& engine) : product_(p) {
    if (is_plain_call(p)) return;
    Type const type = p.bfloat16 ? Type::bf16 : Type::f32;
    Desc const a = matrix(p.rows, p.inner, p.a, type), b = matrix(p.inner, p.columns, p.b, type),
               c = matrix(p.rows, p.columns, p.c), bias = matrix(1, p.columns, {true, true, int(p.columns)});
    using Matmul = dnnl::matmul;
    Matmul::primitive_desc const code(p.bias ? Matmul::desc(a, b, bias, c) : Matmul::desc(a, b, c), attributes(p),
                                      engine);
    std::string_view const name = code.impl_info_str();
    if (name.starts_with("ref")) return;                                    // plain loops
    if (p.bfloat16 && name.find("bf16") == std::string_view::npos) return;  // without instructions for it
    add(DNNL_ARG_SRC, a, engine);
    add(DNNL_ARG_WEIGHTS, b, engine);
    add(DNNL_ARG_DST, c, engine);
    if (p.bias) add(DNNL_ARG_BIAS, bias, engine);
    if (p.addend == OnednnProduct::Addend::matrix) {
      int const place = p.alpha != 1 || p.shift != 0 ? 1 : 0;  // among the operations of attributes()
      add(DNNL_ARG_ATTR_MULTIPLE_POST_OP(place) | DNNL_ARG_SRC_1, matrix(p.rows, p.columns, p.extra), engine);
    }
    primitive_ = Matmul(code);
  }
  explicit operator bool() const { return is_plain_call(product_) || primitive_; }

  void run(dnnl::stream const& stream, OnednnOperands const& o) {
    if (is_plain_call(product_)) return check(call(o));
    for (auto& [kind, memory] : arguments_) {
      void const* const data = kind == DNNL_ARG_SRC       ? o.a
                               : kind == DNNL_ARG_WEIGHTS ? o.b
                               : kind == DNNL_ARG_DST     ? o.c
                               : kind == DNNL_ARG_BIAS    ? o.bias
                                                          : o.addend;
      dnnl_memory_set_data_handle(memory, const_cast<void*>(data));
    }
    check(
        dnnl_primitive_execute(primitive_.get(), stream.get(), static_cast<int>(arguments_.size()), arguments_.data()));
  }

 private:
  dnnl_status_t call(OnednnOperands const& o) const {
    auto const n = [](std::size_t x) { return static_cast<dnnl_dim_t>(x); };
    OnednnProduct const& p = product_;
    return dnnl_sgemm('T', 'N', n(p.rows), n(p.columns), n(p.inner), p.alpha, static_cast<float const*>(o.a),
                      p.a.leading, static_cast<float const*>(o.b), p.b.leading,
                      p.addend == OnednnProduct::Addend::result ? 1.f : 0.f, o.c, p.c.leading);
  }
  static void check(dnnl_status_t status) {
    if (status != dnnl_success) {
      throw Error("krate::gemm",
                  "oneDNN stopped with status " + std::to_string(static_cast<int>(status)) +
                      " (most likely out of memory); free memory, or build with KRATE_ENABLE_ONEDNN=OFF");
    }
  }

  void add(int kind, Desc const& desc, dnnl::engine const& engine) {
    memories_.emplace_back(desc, engine, nullptr);
    arguments_.push_back({kind, memories_.back().get()});
  }
  OnednnProduct product_;
  dnnl::primitive primitive_;
  std::vector<dnnl::memory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
};

namespace {

/// The products that this host thread ran last, the latest first.
class Plans {
 public:
  OnednnPlan* find(OnednnProduct const& product) {
    int const threads = omp_get_max_threads();  // a plan divides its work among that many
    auto const same = [&](Entry const& e) { return e.threads == threads && e.product == product; };
    auto const at = std::find_if(entries_.begin(), entries_.end(), same);
    if (at == entries_.end()) {
      if (entries_.size() == capacity) entries_.pop_back();
      entries_.insert(entries_.begin(), {threads, product, made(product)});
    } else {
      std::rotate(entries_.begin(), at, at + 1);
    }
    return entries_.front().plan.get();
  }
  dnnl::stream const& stream() const { return stream_; }

 private:
  static constexpr std::size_t capacity = 128;
  struct Entry {
    int threads;
    OnednnProduct product;
    std::unique_ptr<OnednnPlan> plan;
  };
  std::unique_ptr<OnednnPlan> made(OnednnProduct const& product) const {
    try {
      auto plan = std::make_unique<OnednnPlan>(product, engine_);
      return *plan ? std::move(plan) : nullptr;
    } catch (dnnl::error const&) {  // it cannot
      return nullptr;
    }
  }
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::vector<Entry> entries_;
};

Plans& plans() {
  static thread_local Plans mine;
  return mine;
}

}  // namespace

OnednnPlan* onednn_plan(OnednnProduct const& product) {
  if (!is_large(product) || omp_in_parallel()) return nullptr;
  return plans().find(product);
}

void onednn_run(OnednnPlan& plan, OnednnOperands const& operands) {
  plan.run(plans().stream(), operands);
}

}  // namespace krate::impl
