// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/fine_tuning.hpp"

#include <map>
#include <nlohmann/json.hpp>

namespace krate::tools {

namespace {

constexpr char const* in_fine_tuning = "krate::train";

/// Names, or the first parts of names that no other list has.
std::vector<std::string> modules_of(std::vector<std::string> const& names,
                                    std::map<std::string, std::size_t> const& parameters) {
  auto const first = [](std::string const& name) { return name.substr(0, name.find('/')); };
  std::map<std::string, std::size_t> here;
  for (auto const& name : names) ++here[first(name)];
  std::vector<std::string> modules;
  for (auto const& name : names) {
    auto const module = first(name);
    bool const whole = here[module] == parameters.at(module);
    if (!whole || modules.empty() || modules.back() != module) modules.push_back(whole ? module : name);
  }
  return modules;
}

}  // namespace

std::optional<io::CheckpointReader> network_file(Context& context, OptionTable const& options, std::string const& run,
                                                 bool resume) {
  if (!options.has_value("from")) return {};
  auto const& comm = context.comm();
  if (resume) {
    auto const newest = io::newest_good_checkpoint(run + "/checkpoints", comm);
    if (!newest.path) return {};  // the trainer says so
    return std::optional<io::CheckpointReader>(std::in_place, *newest.path, comm);
  }
  auto const path = options.get<std::string>("from"), model = options.get<std::string>("model");
  std::optional<io::CheckpointReader> file(std::in_place, path, comm);
  if (!models::can_transfer(model, file->model())) {
    throw ValueError(in_fine_tuning, path + " holds a " + file->model() + ", but --model = " + model +
                                         " starts from a " + model + (model == "crate" ? " or a crate_mae" : "") +
                                         "; give another file or another model");
  }
  return file;
}

Json transfer_json(io::CheckpointReader const& file, models::Transfer const& transfer) {
  std::map<std::string, std::size_t> parameters;
  for (auto const* names : {&transfer.taken, &transfer.resampled, &transfer.fresh})
    for (auto const& name : *names) ++parameters[name.substr(0, name.find('/'))];
  return {{"path", file.path()},
          {"model", file.model()},
          {"taken", modules_of(transfer.taken, parameters)},
          {"resampled", modules_of(transfer.resampled, parameters)},
          {"fresh", modules_of(transfer.fresh, parameters)}};
}

void print_transfer(Context& context, Json const& from) {
  auto const list = [&](char const* part) {
    std::string text;
    for (auto const& name : from[part]) text += (text.empty() ? "" : ", ") + name.get<std::string>();
    return text;
  };
  context.print("taken from " + from["path"].get<std::string>() + " (" + from["model"].get<std::string>() +
                "): " + list("taken") + (from["resampled"].empty() ? "" : "; resampled: " + list("resampled")));
  context.print("initialised anew: " + (from["fresh"].empty() ? "nothing" : list("fresh")));
}

}  // namespace krate::tools
