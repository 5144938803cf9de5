// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "krate/train/closed_loop_file.hpp"
#include "krate/train/dataset_source.hpp"
#include "krate/train/metrics_file.hpp"
#include "krate/train/trainer.hpp"
#include "tools/closed_loop.hpp"
#include "tools/closed_loop_passes.hpp"
#include "tools/files.hpp"
#include "tools/game_terms.hpp"
#include "tools/graceful_stop.hpp"
#include "tools/run_directory.hpp"

namespace krate::tools {

namespace {

using Clock = std::chrono::steady_clock;

models::CscCtrlConfig config_of(OptionTable const& o, io::DatasetDescription const& about) {
  models::CscCtrlConfig c;
  c.sparse = o.get<std::string>("model") == "csc_ctrl";
  require_value(about.kind == io::SampleKind::images && about.sample_shape.size() == 3, "krate::train", "--data",
                about.origin, "must hold images [n, C, H, W] in /samples/images for this model");
  c.channels = about.sample_shape[0];
  c.image_size = {about.sample_shape[1], about.sample_shape[2]};
  c.width = o.get<std::size_t>("width");
  c.dim = o.get<std::size_t>("dim");
  c.classes = o.get<std::size_t>("classes");
  c.binary = o.get<std::string>("game") == "binary";
  c.eps_squared = o.get<double>("eps-squared");
  if (c.sparse) {
    c.steps = o.get<std::size_t>("code-steps");
    c.lambda = o.get<double>("lambda");
    c.nonnegative = o.get<bool>("nonnegative");
  }
  c.validate();
  return c;
}

/// The decoder ends in tanh, taken to [0, 1]: what lies outside could never come back.
template <class T>
void require_unit_range(io::SampleTable const& table) {
  std::vector<T> image(table.description().sample_size());
  constexpr T slack = T(1e-5);  // of a float that was scaled
  for (std::size_t i = 0; i < table.size(); ++i) {
    table.get(i, image.data());
    for (T const x : image) {
      if (x >= -slack && x <= 1 + slack) continue;
      throw ValueError("krate::train", table.description().origin + ": sample " + std::to_string(i) +
                                           " has the value " + krate::impl::value_text(x) +
                                           ", but this model makes images in [0, 1]; set the attributes scale and bias "
                                           "of /samples/images");
    }
  }
}

void prune(std::string const& directory, std::size_t keep) {
  auto const all = io::list_checkpoints(directory);
  std::error_code ignored;  // an old checkpoint that stays does no harm
  for (std::size_t i = keep; i < all.size(); ++i) std::filesystem::remove(all[i], ignored);
}

template <class T>
void play(Context& context, OptionTable const& o, io::Dataset const& data, models::CscCtrlConfig const& config,
          std::string const& run, bool resume) {
  using train::Part;
  Space const& space = context.space();
  auto const& comm = context.comm();
  train::DatasetSource<Space, T> source(data.load(), !config.binary);
  require_unit_range<T>(source.table());
  std::size_t const samples = source.size(Part::train), batch = std::min(o.get<std::size_t>("batch"), samples);
  auto const ranks = static_cast<std::size_t>(comm.size());
  require_value(batch >= ranks, "krate::train", "--batch", batch, "must be at least the number of ranks");
  auto const per_epoch = static_cast<std::int64_t>((samples + batch - 1) / batch);
  std::int64_t const steps =
      o.has_value("steps") ? o.get<std::int64_t>("steps") : o.get<std::int64_t>("epochs") * per_epoch;
  std::int64_t const every = o.has_value("checkpoint-every") ? o.get<std::int64_t>("checkpoint-every") : per_epoch;
  Seed const seed{o.get<std::uint64_t>("seed")};
  optim::Schedule const schedule{optim::parse_schedule(o.get<std::string>("schedule")), o.get<double>("learning-rate"),
                                 steps, o.has_value("warmup") ? o.get<std::int64_t>("warmup") : steps / 20, 0};
  train::ClosedLoopStep<Space, T> game(
      space, comm, models::CscCtrl<Space, T>(space, config, seed),
      {.local_batch = (batch + ranks - 1) / ranks, .encoder_steps = o.get<std::size_t>("encoder-steps")});
  std::int64_t done = 0;
  Json resumed_from;
  if (resume) {
    auto const newest = io::newest_good_checkpoint(run + "/checkpoints", comm);
    for (auto const& line : newest.skipped) context.print("skipped: " + line);
    if (!newest.path) throw IoError("krate::resume", run + "/checkpoints holds no good checkpoint; start the run anew");
    done = train::load_closed_loop(space, io::CheckpointReader(*newest.path, comm), game)
               .template get<std::int64_t>("step");
    resumed_from = done;
  }
  std::optional<RunDirectory> directory;
  train::MetricsFile metrics;
  GameTerms terms;
  comm.guarded([&] {
    if (!comm.is_root()) return;
    if (!resume) directory.emplace(run, o.to_toml());
    make_directories(run + "/checkpoints", "krate::train");
    metrics = train::MetricsFile(run + "/metrics.csv", resume, done);
    terms = GameTerms(run + "/game.csv", resume, done);
  });

  std::size_t const most = comm::share_of(batch, comm.rank(), comm.size()).count;
  auto const& side = config.image_size;
  Kokkos::View<T****, Kokkos::LayoutRight, DeviceOf<Space>> const all_images(
      Kokkos::view_alloc(space, "krate::tools::images"), most, config.channels, side.height, side.width);
  Kokkos::View<Label*, DeviceOf<Space>> const all_labels(Kokkos::view_alloc(space, "krate::tools::labels"), most);
  std::vector<std::size_t> order(samples);
  std::int64_t shuffled = -1;
  train::ClosedLoopResult last;
  std::optional<train::Evaluation> test;
  GracefulStop const graceful;
  auto const start = Clock::now();
  auto const seconds = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  auto progress = context.progress("playing", static_cast<std::size_t>(steps));
  while (done < steps) {
    std::int64_t const epoch = done / per_epoch, in_epoch = done % per_epoch;
    if (epoch != shuffled) train::shuffle(seed, shuffled = epoch, order);
    double const began = seconds(), rate = schedule.at(done);
    std::size_t const begin = static_cast<std::size_t>(in_epoch) * batch, count = std::min(batch, samples - begin);
    auto const share = comm::share_of(count, comm.rank(), comm.size());
    std::span<std::size_t const> const mine(order.data() + begin + share.begin, share.count);
    Tensor4<T, Space> const images(all_images.data(), share.count, config.channels, side.height, side.width);
    Vector<Label, Space> const labels(all_labels.data(), share.count);
    source.fill(space, Part::train, mine, images, labels);
    last = game.run(space, images, labels, done, rate);
    ++done;
    double const now = seconds();
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    comm.guarded([&] {
      if (!comm.is_root()) return;
      metrics.write({done, steps, epoch, Part::train, -last.game(), nan, rate, last.gradient_norm,
                     static_cast<double>(count) / std::max(now - began, 1e-9), now});
      terms.add(done, last.values);
    });
    char note[96];
    std::snprintf(note, sizeof note, "epoch %lld: rate reduction %.3f, distance %.3f",
                  static_cast<long long>(epoch + 1), last.values[0], last.values[2]);
    progress.update(static_cast<std::size_t>(done), note);
    if ((done == steps || in_epoch + 1 == per_epoch) && source.size(Part::test) > 0 &&
        source.table().description().has_labels) {
      auto const pass = [&](Part part) {
        return run_loop(space, comm, game.model(), source.table(), source.rows(part), most);
      };
      test = evaluate_loop(space, comm, config, pass(Part::train), pass(Part::test));
      comm.guarded([&] {
        metrics.write({done, steps, epoch, Part::test, test->loss, test->accuracy(), rate, 0,
                       static_cast<double>(test->samples) / std::max(seconds() - now, 1e-9), seconds()});
      });
    }
    bool const stop = comm.all_reduce<std::int64_t>(stop_requested(), comm::Reduction::max) != 0 && done < steps;
    if (stop || done % every == 0 || done == steps) {
      comm.guarded([&] {
        if (!comm.is_root()) return;
        metrics.flush();
        terms.write();
      });
      Configuration state;
      state.set("step", done);
      state.set("epoch", done / per_epoch);
      state.set("seed", static_cast<std::int64_t>(seed.value));
      train::save_closed_loop(space, comm, game, run + "/checkpoints/" + io::checkpoint_name(done), &state);
      if (comm.is_root()) prune(run + "/checkpoints", o.get<std::size_t>("keep"));
    }
    if (stop)
      throw Error("krate::train",
                  "stopped by a signal, a checkpoint was written first; continue with krate resume " + run);
  }
  progress.wipe();
  train::save_closed_loop(space, comm, game, run + "/model.h5");
  Json const result{{"model", config.name()},
                    {"parameters", game.model().count()},
                    {"ranks", comm.size()},
                    {"threads", space.concurrency()},
                    {"steps", steps},
                    {"train_loss", -last.game()},
                    {"rate_reduction", last.values[0]},
                    {"rate_reduction_regenerated", last.values[1]},
                    {"distance", last.values[2]},
                    {"test_loss", test ? Json(test->loss) : Json()},
                    {"test_accuracy", test ? Json(test->accuracy()) : Json()},
                    {"seconds", seconds()},
                    {"peak_bytes", context.peak_bytes()},
                    {"resumed_from", resumed_from}};
  comm.guarded([&] {
    if (!comm.is_root()) return;
    write_file(run + "/summary.json", result.dump(2) + "\n");
    if (directory) directory->keep();
  });
  if (context.json()) return context.print_json(result);
  char line[200];
  std::snprintf(line, sizeof line, "%lld steps in %.1f s: rate reduction %.4f, of what comes back %.4f, distance %.4f",
                static_cast<long long>(steps), seconds(), last.values[0], last.values[1], last.values[2]);
  context.print(line);
  if (test) {
    std::snprintf(line, sizeof line, "test accuracy %.4f (%lld of %lld, nearest subspace)", test->accuracy(),
                  static_cast<long long>(test->correct), static_cast<long long>(test->samples));
    context.print(line);
  }
  context.print("model: " + run + "/model.h5");
}

}  // namespace

void train_closed_loop(Context& context, OptionTable& options, std::string const& run, bool resume) {
  if (options.is_set("steps") && options.is_set("epochs") && !resume)
    throw ValueError("krate::train", "--steps and --epochs were both given, but each says when to end; give one");
  auto const precision = options.get<std::string>("precision");
  if (precision == "bf16")
    throw NotBuiltError("krate::train", "--precision bf16 is not built yet for this model; use fp32 or fp64");
  auto const data = io::Dataset::open(options.get<std::string>("data"), context.comm());
  auto const& about = data.description();
  bool const binary = options.get<std::string>("game") == "binary";
  if (!binary) about.require_labels();
  if (!options.is_set("batch") && !resume) options.adopt("batch", std::int64_t(500));
  options.resolve<std::int64_t>("dim", 128);
  options.resolve<std::int64_t>("classes", std::max<std::int64_t>(about.classes, 1));
  options.resolve<double>("eps-squared", 0.5);
  if (options.get<std::string>("model") == "csc_ctrl") options.resolve<double>("lambda", 0);
  require_value(options.get<std::int64_t>("classes") >= about.classes, "krate::train", "--classes",
                options.get<std::int64_t>("classes"),
                ("must be at least the dataset's " + std::to_string(about.classes)).c_str());
  auto const config = config_of(options, about);
  if (precision == "fp64") return play<double>(context, options, data, config, run, resume);
  play<float>(context, options, data, config, run, resume);
}

}  // namespace krate::tools
