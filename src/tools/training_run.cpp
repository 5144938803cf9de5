// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/training_run.hpp"

#include <cmath>

#include "tools/augmentation.hpp"
#include "tools/files.hpp"
#include "tools/graceful_stop.hpp"
#include "tools/json.hpp"
#include "tools/report.hpp"

namespace krate::tools {

optim::Rule TrainingRun::rule() const {
  double const rate = options.get<double>("learning-rate"), decay = options.get<double>("weight-decay");
  if (options.get<std::string>("optimizer") == "lion") return optim::Lion{.learning_rate = rate, .weight_decay = decay};
  return optim::AdamW{.learning_rate = rate, .weight_decay = decay};
}

train::TrainerOptions TrainingRun::settings(std::unique_ptr<Progress>& progress) const {
  auto const& o = options;
  train::TrainerOptions t;
  t.epochs = o.get<std::int64_t>("epochs");
  t.steps = o.has_value("steps") ? o.get<std::int64_t>("steps") : 0;
  t.batch = o.get<std::size_t>("batch");
  t.seed = Seed{o.get<std::uint64_t>("seed")};
  t.schedule = optim::parse_schedule(o.get<std::string>("schedule"));
  t.warmup = o.has_value("warmup") ? o.get<std::int64_t>("warmup") : -1;
  t.clip = o.get<double>("clip");
  auto const augmentation = parse_augmentation(o.get<std::string>("augment"));
  t.shift = augmentation.shift;
  t.flip = augmentation.flip;
  t.crop = augmentation.crop;
  t.recompute = o.get<bool>("recompute");
  t.layer_decay = o.get<double>("layer-decay");
  t.srr_weight = o.get<double>("srr-weight");
  t.checkpoint_every = o.has_value("checkpoint-every") ? o.get<std::int64_t>("checkpoint-every") : 0;
  t.checkpoint_minutes = o.has_value("checkpoint-minutes") ? o.get<double>("checkpoint-minutes") : 0;
  t.keep = o.get<int>("keep");
  t.run = directory;
  t.resume = resume;
  t.logger = context.logger();
  t.stop = stop_requested;
  t.progress = [&progress, &context = context](train::Progress const& p) {
    if (!progress) progress.reset(new Progress(context.progress("training", static_cast<std::size_t>(p.steps))));
    char accuracy[32] = "", note[128];
    if (std::isfinite(p.accuracy)) std::snprintf(accuracy, sizeof accuracy, ", accuracy %.4f", p.accuracy);
    std::snprintf(note, sizeof note, "epoch %lld: %sloss %.4f%s", static_cast<long long>(p.epoch + 1),
                  p.part == train::Part::test ? "test " : "", p.loss, accuracy);
    progress->update(static_cast<std::size_t>(p.step), note);
  };
  return t;
}

std::unique_ptr<RunDirectory> TrainingRun::begin(Json& start) const {
  std::unique_ptr<RunDirectory> made;
  context.comm().guarded([&] {
    if (!context.comm().is_root()) return;
    if (resume && from) start = Json::parse(read_file(directory + "/from.json"));
    if (resume) return;
    made = std::make_unique<RunDirectory>(directory, options.to_toml());
    if (from) made->write_from(start.dump(2) + "\n");
  });
  return made;
}

void TrainingRun::end(Outcome const& outcome, io::SampleTable const& table) const {
  auto const& summary = outcome.summary;
  auto const& comm = context.comm();
  if (!summary.finished) {
    throw Error("krate::train",
                "stopped by a signal, a checkpoint was written first; continue with krate resume " + directory);
  }
  Json result{{"model", outcome.model},
              {"parameters", outcome.parameters},
              {"ranks", comm.size()},
              {"threads", context.space().concurrency()},
              {"steps", summary.steps},
              {"train_loss", finite_or_null(summary.train_loss)},
              {"test_loss", summary.test ? finite_or_null(summary.test->loss) : Json()},
              {"test_accuracy", summary.test ? finite_or_null(summary.test->accuracy()) : Json()},
              {"seconds", summary.seconds},
              {"seconds_waiting_for_data", summary.seconds_waiting},
              {"peak_bytes", context.peak_bytes()},
              {"resumed_from", summary.resumed_from ? Json(*summary.resumed_from) : Json()}};
  if (from) result["from"] = outcome.start;
  bool const bits = outcome.tokens && summary.test;
  if (bits) result["test_bits_per_token"] = finite_or_null(summary.test->loss / std::log(2.0));
  comm.guarded([&] {
    if (comm.is_root()) write_file(directory + "/summary.json", result.dump(2) + "\n");
  });
  bool const reported = has_report(options);
  if (reported) write_report(context, directory, table, directory + "/report");
  if (context.json()) return context.print_json(result);
  char line[160];
  std::snprintf(line, sizeof line, "%lld steps in %.1f s, train loss %.4f", static_cast<long long>(summary.steps),
                summary.seconds, summary.train_loss);
  context.print(line);
  if (summary.test && !summary.test->has_accuracy) {
    std::snprintf(line, sizeof line, "test loss %.4f", summary.test->loss);
    context.print(line);
  } else if (summary.test) {
    std::snprintf(line, sizeof line, "test loss %.4f, accuracy %.4f (%lld of %lld)", summary.test->loss,
                  summary.test->accuracy(), static_cast<long long>(summary.test->correct),
                  static_cast<long long>(summary.test->labels()));
    context.print(line);
    if (bits) {
      std::snprintf(line, sizeof line, "test bits per token %.4f", summary.test->loss / std::log(2.0));
      context.print(line);
    }
  }
  context.print("model: " + directory + "/model.h5");
  if (reported) context.print("report: " + directory + "/report/index.html");
}

}  // namespace krate::tools
