// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>

#include "krate/train/metrics_file.hpp"
#include "krate/train/model_file.hpp"
#include "krate/train/trainer.hpp"

namespace krate::train {

template <class Model>
struct Trainer<Model>::Clock {
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); }
};

inline TrainStepOptions step_options(TrainerOptions const& o, comm::Communicator const& comm) {
  require_value(o.batch > 0, "krate::train::Trainer", "batch", o.batch, "must be positive");
  std::size_t const ranks = static_cast<std::size_t>(comm.size());
  return {.local_batch = (o.batch + ranks - 1) / ranks,
          .clip = o.clip,
          .shift = o.shift,
          .flip = o.flip,
          .crop = o.crop,
          .seed = o.seed,
          .recompute = o.recompute,
          .layer_decay = o.layer_decay,
          .srr_weight = o.srr_weight};
}

template <class Model>
Trainer<Model>::Trainer(Space const& space, comm::Communicator const& comm, Model const& model, optim::Rule const& rule,
                        TrainerOptions options)
    : space_(space),
      comm_(comm),
      options_(std::move(options)),
      step_(space, comm, model, rule, step_options(options_, comm)) {
  constexpr char const* where = "krate::train::Trainer";
  require_value(options_.steps >= 0, where, "steps", options_.steps, "must not be negative; 0 means by epochs");
  require_value(options_.steps > 0 || options_.epochs > 0, where, "epochs", options_.epochs, "must be positive");
  require_value(options_.checkpoint_every >= 0, where, "checkpoint_every", options_.checkpoint_every,
                "must not be negative; 0 means after each epoch");
  require_value(options_.checkpoint_minutes >= 0, where, "checkpoint_minutes", options_.checkpoint_minutes,
                "must not be negative; 0 is off");
  require_value(options_.keep > 0, where, "keep", options_.keep, "must be positive");
  require_value(!options_.resume || !options_.run.empty(), where, "resume", true, "needs the directory of the run");
}

template <class Model>
void Trainer<Model>::check(SourceOf<Model> const& source) const {
  constexpr char const* where = "krate::train::Trainer";
  auto const& c = step_.model().config();
  require_value(source.size(Part::train) > 0, where, "samples", 0, "must be at least one in the train part");
  if constexpr (ReadsTokens<Model>) {
    require_value(source.tokens() <= c.context, where, "tokens", source.tokens(),
                  ("of a sample must not exceed the model's context of " + std::to_string(c.context)).c_str());
    require_value(source.classes() <= c.vocabulary, where, "classes", source.classes(),
                  ("of the dataset must not exceed the model's vocabulary of " + std::to_string(c.vocabulary)).c_str());
  } else {
    check_images(source);
  }
}

template <class Model>
void Trainer<Model>::check_images(SourceOf<Model> const& source) const requires(!ReadsTokens<Model>) {
  constexpr char const* where = "krate::train::Trainer";
  auto const& c = step_.model().config();
  if (source.channels() != c.channels || source.height() != c.image_size.height ||
      source.width() != c.image_size.width) {
    throw ShapeError(where, "the samples are images [" + std::to_string(source.channels()) + ", " +
                                std::to_string(source.height()) + ", " + std::to_string(source.width()) +
                                "], but the model takes [" + std::to_string(c.channels) + ", " +
                                std::to_string(c.image_size.height) + ", " + std::to_string(c.image_size.width) +
                                "]; train a model of that size, or convert the dataset");
  }
  if constexpr (!RemovesPatches<Model>) {
    require_value(source.classes() <= c.classes, where, "classes", source.classes(),
                  ("of the dataset must not exceed the model's " + std::to_string(c.classes)).c_str());
  }
}

template <class Model>
std::int64_t Trainer<Model>::restore() {
  auto const newest = io::newest_good_checkpoint(options_.run + "/checkpoints", comm_);
  if (!newest.path) {
    throw IoError("krate::train::Trainer", options_.run + "/checkpoints holds no good checkpoint; start the run anew" +
                                               (newest.skipped.empty() ? "" : " (newest: " + newest.skipped[0] + ")"));
  }
  if (options_.logger) {
    for (auto const& line : newest.skipped) options_.logger("skipped: " + line);
  }
  io::CheckpointReader const file(*newest.path, comm_);
  io::load_parameters(space_, file, step_.model().parameters());
  auto const& optimizer = step_.optimizer();
  for (std::size_t i = 0; i < optimizer.names().size(); ++i)
    io::load_state<Space, T>(space_, file, step_.model().parameters(), optim::name(step_.rule()), optimizer.names()[i],
                             optimizer.view(i));
  return file.train().template get<std::int64_t>("step");
}

template <class Model>
void Trainer<Model>::save(std::int64_t step, std::int64_t epoch) {
  Checkpoint<Space, T> const state{step, epoch, options_.seed, &step_.optimizer(), &step_.rule()};
  save_model(space_, comm_, step_.model(), options_.run + "/checkpoints/" + io::checkpoint_name(step), &state);
  prune();
}

template <class Model>
void Trainer<Model>::prune() {
  if (!comm_.is_root()) return;
  auto const all = io::list_checkpoints(options_.run + "/checkpoints");
  for (std::size_t i = static_cast<std::size_t>(options_.keep); i < all.size(); ++i) {
    std::error_code ignored;  // an old checkpoint that stays does no harm
    std::filesystem::remove(all[i], ignored);
  }
}

template <class Model>
TrainSummary Trainer<Model>::run(SourceOf<Model>& source) {
  check(source);
  auto const& o = options_;
  std::size_t const samples = source.size(Part::train);
  std::int64_t const per_epoch = static_cast<std::int64_t>((samples + o.batch - 1) / o.batch);
  std::int64_t const steps = o.steps > 0 ? o.steps : o.epochs * per_epoch;
  std::int64_t const every = o.checkpoint_every > 0 ? o.checkpoint_every : per_epoch;
  double const peak = std::visit([](auto const& rule) { return rule.learning_rate; }, step_.rule());
  schedule_ = {o.schedule, peak, steps, o.warmup >= 0 ? o.warmup : steps / 20, 0};
  schedule_.at(0);

  TrainSummary summary;
  summary.steps = steps;
  std::int64_t done = 0;
  if (o.resume) {
    done = restore();
    require_value(done >= 0 && done <= steps, "krate::train::Trainer", "step", done,
                  ("of the checkpoint must not lie behind the run's last, " + std::to_string(steps) +
                   "; set steps or epochs as they were")
                      .c_str());
    summary.resumed_from = done;
  }
  MetricsFile metrics;
  comm_.guarded([&] {
    if (o.run.empty() || !comm_.is_root()) return;
    std::error_code error;
    std::filesystem::create_directories(o.run + "/checkpoints", error);
    if (error) {
      throw IoError("krate::train::Trainer",
                    o.run + " cannot be made (" + error.message() + "); choose a directory that you may write to");
    }
    metrics = MetricsFile(o.run + "/metrics.csv", o.resume, done);
  });

  Clock const clock;
  double last_save = 0;
  std::vector<std::size_t> order(samples);
  std::int64_t shuffled = -1;
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  auto const report = [&](Progress const& row) {
    comm_.guarded([&] { metrics.write(row); });
    if (o.progress && comm_.is_root()) o.progress(row);
  };
  while (done < steps) {
    std::int64_t const epoch = done / per_epoch, in_epoch = done % per_epoch;
    if (epoch != shuffled) shuffle(o.seed, shuffled = epoch, order);
    double const began = clock.seconds();
    std::size_t const first = static_cast<std::size_t>(in_epoch) * o.batch, global = std::min(o.batch, samples - first);
    auto const mine = [&](std::size_t begin) {  // of the batch that begins there
      auto const share = comm::share_of(std::min(o.batch, samples - begin), comm_.rank(), comm_.size());
      return std::span<std::size_t const>(order).subspan(begin + share.begin, share.count);
    };
    bool const goes_on = first + global < samples && done + 1 < steps;
    double const rate = schedule_.at(done);
    StepResult const result = step_.run(space_, source, mine(first), global, done, rate,
                                        goes_on ? mine(first + global) : std::span<std::size_t const>(), epoch);
    summary.seconds_waiting += result.seconds_waiting;
    ++done;
    double const now = clock.seconds(), per_second = static_cast<double>(global) / std::max(now - began, 1e-9);
    summary.train_loss = result.loss;
    report({done, steps, epoch, Part::train, result.loss,
            result.correct ? static_cast<double>(*result.correct) / static_cast<double>(result.counted) : nan, rate,
            result.gradient_norm, per_second, now});

    bool const last = done == steps, epoch_ends = in_epoch + 1 == per_epoch;
    if ((last || epoch_ends) && source.size(Part::test) > 0) {
      summary.test = step_.evaluate(space_, source, Part::test);
      double const after = clock.seconds();
      report({done, steps, epoch, Part::test, summary.test->loss, summary.test->accuracy(), rate, 0,
              static_cast<double>(summary.test->samples) / std::max(after - now, 1e-9), after});
    }
    // One decision for all ranks: the root's clock and the root's wish.
    struct {
      bool save, stop;
    } decision{};
    if (comm_.is_root()) {
      decision.stop = !last && o.stop && o.stop();
      decision.save = last || decision.stop || done % every == 0 ||
                      (o.checkpoint_minutes > 0 && clock.seconds() - last_save > 60 * o.checkpoint_minutes);
    }
    comm_.broadcast(decision);
    if (decision.save && !o.run.empty()) {
      comm_.guarded([&] { metrics.flush(); });
      save(done, epoch_ends ? epoch + 1 : epoch);
      last_save = clock.seconds();
    }
    if (decision.stop) break;
  }
  if (done == steps && !o.run.empty()) save_model(space_, comm_, step_.model(), o.run + "/model.h5");
  summary.finished = done == steps;
  summary.seconds = clock.seconds();
  return summary;
}

}  // namespace krate::train
