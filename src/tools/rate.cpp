// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate rate: coding rate, rate of the classes and rate reduction of the features in a file.
#include <algorithm>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "krate/core/require.hpp"
#include "krate/io/dataset.hpp"
#include "krate/rate/checked_rate.hpp"
#include "krate/rate/coding_rate.hpp"
#include "krate/rate/rate_accumulator.hpp"
#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/machine.hpp"
#include "tools/rate_stream.hpp"

namespace krate::tools {

namespace {

struct RateCommand {
  std::string file, features, labels, memory;
  double eps_squared = 0;
};

/// Coding rates of groups of samples that are spread over the ranks. What several ranks exchange for a group, and
/// factor, is its second moments or its samples, whichever is smaller; or its samples, if rounding may have spoiled its
/// moments and they fit.
class GroupRates {
 public:
  using Rows = Kokkos::View<double**, Kokkos::LayoutRight, Space>;

  /// @param rows  those of this rank
  GroupRates(Space const& space, comm::Communicator const& comm, Rows const& rows, double eps_squared)
      : space_(space), comm_(comm), rows_(rows), dim_(rows.extent(1)), eps_squared_(eps_squared) {}

  /// Collective: the rate of rows [begin, end) of this rank and those that the other ranks name.
  /// @param squares  sum of the squares in all these rows
  double rate(std::size_t begin, std::size_t end, double squares) {
    auto const mine = Kokkos::subview(rows_, std::pair(begin, end), Kokkos::ALL);
    std::vector<std::int64_t> counts(static_cast<std::size_t>(comm_.size()), 0);
    counts[static_cast<std::size_t>(comm_.rank())] = static_cast<std::int64_t>(end - begin);
    comm_.all_reduce(std::span<std::int64_t>(counts));
    auto const total = static_cast<std::size_t>(std::accumulate(counts.begin(), counts.end(), std::int64_t(0)));
    if (total == 0) return 0;
    if (comm_.size() == 1) return of_all(mine);
    if (total < dim_) return of_samples(mine, counts, total);
    double const rate = of_moments(mine);
    double const alpha = static_cast<double>(dim_) / (static_cast<double>(total) * eps_squared_);
    double const lost = 2 * std::numeric_limits<double>::epsilon() * alpha * squares;
    bool const fits = sizeof(double) * total * dim_ <= memory_bytes() / 8 / static_cast<std::size_t>(comm_.size());
    return lost > 1e-8 * std::max(1.0, rate) && comm_.all_reduce<std::int64_t>(fits, comm::Reduction::min)
               ? of_samples(mine, counts, total)
               : rate;
  }

 private:
  using Part = decltype(Kokkos::subview(std::declval<Rows>(), std::pair<std::size_t, std::size_t>(), Kokkos::ALL));

  double of_moments(Part const& mine) {
    if (!accumulator_) {
      accumulator_ = std::make_unique<RateAccumulator<Space, double>>(
          space_, comm_, RateAccumulatorOptions{.dim = dim_, .eps_squared = eps_squared_});
    }
    accumulator_->reset(space_);
    accumulator_->add(space_, mine);
    return accumulator_->result(space_);
  }

  double of_all(Part const& all) {
    Arena<Space> const arena(space_, coding_rate_workspace(all.extent(0), dim_), "krate::tools::rate");
    Kokkos::View<double, Space> const rate(Kokkos::view_alloc(space_, "krate::tools::rate::value"));
    coding_rate(space_, all, RateOptions{.eps_squared = eps_squared_}, arena.workspace(), rate);
    return checked_rate(space_, "krate::rate", rate, all);
  }

  double of_samples(Part const& mine, std::vector<std::int64_t> const& counts, std::size_t total) {
    Rows const all(Kokkos::view_alloc(space_, Kokkos::WithoutInitializing, "krate::tools::rate::samples"), total, dim_);
    auto const host = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, all);
    Kokkos::View<double**, Kokkos::LayoutRight, Kokkos::HostSpace> const own(
        Kokkos::view_alloc(Kokkos::WithoutInitializing, "krate::tools::rate::own"), mine.extent(0), dim_);
    Kokkos::deep_copy(space_, own, mine);
    space_.fence("krate::tools::rate: samples are sent");
    std::vector<std::size_t> bytes;
    for (auto const count : counts) bytes.push_back(static_cast<std::size_t>(count) * dim_ * sizeof(double));
    comm_.all_gather(std::as_bytes(std::span<double const>(own.data(), own.size())),
                     std::as_writable_bytes(std::span<double>(host.data(), host.size())), bytes);
    Kokkos::deep_copy(space_, all, host);
    return of_all(Kokkos::subview(all, std::pair(std::size_t(0), total), Kokkos::ALL));
  }

  Space const& space_;
  comm::Communicator const& comm_;
  Rows rows_;
  std::size_t dim_;
  double eps_squared_;
  std::unique_ptr<RateAccumulator<Space, double>> accumulator_{};
};

io::Dataset open(RateCommand const& command, comm::Communicator const& comm) {
  constexpr char const* where = "krate::rate";
  io::DatasetOptions options{.samples = command.features, .labels = command.labels, .as_features = true};
  for (auto* path : {&options.samples, &options.labels}) {
    if (!path->empty() && path->front() != '/') path->insert(0, "/");
  }
  if (options.samples.empty()) {
    options.samples = "/samples/features";
    auto const file = io::File::open(command.file, comm);
    comm.guarded([&] {
      if (file.exists(options.samples)) return;
      bool const images = file.exists("/samples/images");
      throw IoError(where, command.file + ": there is no /samples/features (" +
                               (images ? "it holds images; to rate their pixels give --features /samples/images)"
                                       : "name the dataset to rate with --features)") +
                               "; see krate rate --help");
    });
  }
  auto data = io::Dataset::open(command.file, comm, options);
  comm.guarded([&] {
    if (data.description().has_labels && !data.description().label_shape.empty()) {
      throw ShapeError(where, command.file +
                                  ": labels have several columns, expected one label a sample; name others "
                                  "with --labels");
    }
  });
  return data;
}

// This rank's samples sorted by class, and where each class begins.
struct Sorted {
  GroupRates::Rows rows{};
  std::vector<std::size_t> begin{};
  std::vector<std::int64_t> counts{};  // of all ranks
  std::vector<double> squares{};       // sum of the squares of each class, of all ranks
};

Sorted read_sorted(Space const& space, comm::Communicator const& comm, io::Dataset const& data) {
  auto const& d = data.description();
  auto const share = comm::share_of(d.samples, comm.rank(), comm.size());
  std::size_t const dim = d.sample_size(), classes = static_cast<std::size_t>(d.classes);
  std::vector<Label> labels(d.has_labels ? share.count : 0);
  if (d.has_labels) data.read_labels(share.begin, share.count, labels);

  Sorted sorted;
  sorted.begin.assign(classes + 1, 0);
  for (Label const label : labels) ++sorted.begin[static_cast<std::size_t>(label) + 1];
  sorted.counts.assign(sorted.begin.begin() + 1, sorted.begin.end());
  comm.all_reduce(std::span<std::int64_t>(sorted.counts));
  sorted.squares.assign(std::max<std::size_t>(classes, 1), 0);
  std::partial_sum(sorted.begin.begin(), sorted.begin.end(), sorted.begin.begin());

  sorted.rows = GroupRates::Rows(Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "krate::tools::rate::rows"),
                                 share.count, dim);
  auto const host = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, sorted.rows);
  auto next = sorted.begin;
  std::size_t const block =
      std::clamp<std::size_t>((std::size_t(1) << 21) / dim, 1, std::max<std::size_t>(share.count, 1));
  std::vector<double> piece(block * dim);
  std::size_t const longest = comm::share_of(d.samples, 0, comm.size()).count;
  std::int64_t const rounds = comm.all_reduce<std::int64_t>(static_cast<std::int64_t>((longest + block - 1) / block),
                                                            comm::Reduction::max);  // reading is collective
  for (std::int64_t round = 0; round < rounds; ++round) {
    std::size_t const done = std::min(static_cast<std::size_t>(round) * block, share.count);
    std::size_t const count = std::min(block, share.count - done);
    data.read_rows<double>(share.begin + done, count, std::span(piece).first(count * dim));
    for (std::size_t i = 0; i < count; ++i) {
      std::size_t const place = labels.empty() ? done + i : next[static_cast<std::size_t>(labels[done + i])]++;
      auto const row = piece.begin() + static_cast<std::ptrdiff_t>(i * dim);
      std::copy_n(row, dim, &host(place, 0));
      sorted.squares[labels.empty() ? 0 : static_cast<std::size_t>(labels[done + i])] +=
          std::inner_product(row, row + static_cast<std::ptrdiff_t>(dim), row, 0.0);
    }
  }
  comm.all_reduce(std::span<double>(sorted.squares));
  Kokkos::deep_copy(space, sorted.rows, host);
  return sorted;
}

// Bytes that a rank needs to hold its share of the samples at once.
double bytes_at_once(comm::Communicator const& comm, io::DatasetDescription const& d) {
  auto const share = static_cast<double>(comm::share_of(d.samples, 0, comm.size()).count);
  auto const dim = static_cast<double>(d.sample_size());
  double const copies = impl::is_device<Space> ? 2 : 1;
  return sizeof(double) * (copies * share * dim + 2 * share + 5 * dim * dim) + 16.0 * (1 << 20);
}

RateReduction rate_at_once(Context& context, io::Dataset const& data, double eps_squared) {
  Space const& space = context.space();
  auto const& comm = context.comm();
  Sorted const sorted = read_sorted(space, comm, data);
  GroupRates rates(space, comm, sorted.rows, eps_squared);
  RateReduction found;
  found.samples = static_cast<std::int64_t>(data.size());
  double const squares = std::accumulate(sorted.squares.begin(), sorted.squares.end(), 0.0);
  found.rate = rates.rate(0, sorted.rows.extent(0), squares);
  for (std::size_t k = 0; k < sorted.counts.size(); ++k) {
    double const rate = rates.rate(sorted.begin[k], sorted.begin[k + 1], sorted.squares[k]);
    found.rate_classes += static_cast<double>(sorted.counts[k]) / static_cast<double>(found.samples) * rate;
    found.per_class.push_back({sorted.counts[k], rate});
  }
  found.rate_reduction = std::max(0.0, found.rate - found.rate_classes);  // rounding may leave less than nothing
  return found;
}

Json compute(Context& context, RateCommand const& command) {
  context.space();
  auto const& comm = context.comm();
  auto const data = open(command, comm);
  auto const& d = data.description();
  std::size_t const piece = rate_piece(comm, d, command.memory, bytes_at_once(comm, d));
  RateReduction const found = piece > 0 ? rate_of_stream(context, data, command.eps_squared, piece)
                                        : rate_at_once(context, data, command.eps_squared);
  Json per_class = Json::array();
  for (std::size_t k = 0; d.has_labels && k < found.per_class.size(); ++k)
    per_class.push_back({{"label", k}, {"samples", found.per_class[k].samples}, {"rate", found.per_class[k].rate}});
  return {{"samples", d.samples},
          {"dim", d.sample_size()},
          {"classes", d.classes},
          {"eps_squared", command.eps_squared},
          {"rate", found.rate},
          {"rate_classes", d.has_labels ? Json(found.rate_classes) : Json()},
          {"rate_reduction", d.has_labels ? Json(found.rate_reduction) : Json()},
          {"per_class", per_class}};
}

void show_rate(Context& context, Json const& result) {
  auto const line = [&](char const* name, Json const& value) {
    char text[80];
    std::snprintf(text, sizeof text, "%-16s %12.6f nats", name, value.get<double>());
    context.print(text);
  };
  context.print(result["samples"].dump() + " samples of dim " + result["dim"].dump() + ", eps_squared " +
                result["eps_squared"].dump());
  line("rate", result["rate"]);
  if (result["rate_classes"].is_null()) return;
  line("rate of classes", result["rate_classes"]);
  line("rate reduction", result["rate_reduction"]);
  for (auto const& c : result["per_class"]) {
    char text[80];
    std::snprintf(text, sizeof text, "  class %-8s %12.6f nats, %s samples", c["label"].dump().c_str(),
                  c["rate"].get<double>(), c["samples"].dump().c_str());
    context.print(text);
  }
}

}  // namespace

void add_rate(cli::App& app, Context& context) {
  auto* const rate = app.add_subcommand("rate", "Measure the coding rate of features, and how far classes lie apart");
  rate->footer(
      "The rate is in nats a sample: 1/2 log det(I + dim / (samples eps_squared) Z^T Z). The rate reduction is the "
      "rate of\n"
      "all samples less that of the classes, each rated alone and weighted by its share.\n"
      "Example: krate rate features.h5 --eps-squared 0.5");
  auto const command = std::make_shared<RateCommand>();
  rate->add_option("file", command->file, "A dataset file, or any HDF5 file with a table of numbers")
      ->required()
      ->option_text("D.h5");
  rate->add_option("--features", command->features,
                   "Dataset to rate: samples along the first axis, the others are flattened")
      ->option_text("PATH [/samples/features]");
  rate->add_option("--labels", command->labels, "Dataset with a label a sample")
      ->option_text("PATH [/labels if there]");
  rate->add_option("--eps-squared", command->eps_squared, "Squared distortion: how coarse a description may be")
      ->required()
      ->option_text("NUMBER");
  rate->add_option("--memory", command->memory,
                   "Most memory a rank may take for the samples, e.g. 64M or 2G: a file that needs more is read piece "
                   "by piece")
      ->option_text("BYTES [a quarter of the machine's, shared by the ranks]");
  context.add_json_flag(*rate);
  rate->callback([&context, command] {
    require_value(command->eps_squared > 0 && std::isfinite(command->eps_squared), "krate::rate", "--eps-squared",
                  command->eps_squared, "must be positive and finite; samples of unit length usually take 0.01 to 0.5");
    Json const result = compute(context, *command);
    if (context.json()) return context.print_json(result);
    show_rate(context, result);
  });
}

}  // namespace krate::tools
