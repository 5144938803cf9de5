// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <nlohmann/json.hpp>

#include "krate/core/error.hpp"
#include "krate/io/hdf5.hpp"
#include "tools/markov.hpp"

namespace krate::tools {

namespace {

constexpr char const* markov_format = "krate-markov-checkpoint";

void write_result(io::File& file, std::string const& group, MarkovResult const& r) {
  auto const flat = [&](std::string const& name, std::vector<double> const& v) {
    file.write_replicated<double>(group + "/" + name, {v.size()}, v);
  };
  for (int d = 0; d < 3; ++d) {
    flat("mean_" + std::to_string(d), r.distances[d].mean);
    flat("square_" + std::to_string(d), r.distances[d].square);
  }
  flat("by_replica", r.by_replica);
  flat("final_policy", r.final_policy);
  flat("final_q", r.final_q);
  flat("final_nash", r.final_nash);
  file.set_attribute(group, "replicas", static_cast<std::int64_t>(r.replicas));
  file.set_attribute(group, "seconds", r.seconds);
}

MarkovResult read_result(io::File const& file, std::string const& group) {
  MarkovResult r;
  auto const flat = [&](std::string const& name) { return file.read_all<double>(group + "/" + name); };
  for (int d = 0; d < 3; ++d) r.distances[d] = {flat("mean_" + std::to_string(d)), flat("square_" + std::to_string(d))};
  r.by_replica = flat("by_replica");
  r.final_policy = flat("final_policy");
  r.final_q = flat("final_q");
  r.final_nash = flat("final_nash");
  auto const about = file.attributes(group);
  r.replicas = static_cast<std::size_t>(about.get<std::int64_t>("replicas"));
  r.seconds = about.get<double>("seconds");
  return r;
}

/// This rank's rows of [rows of all ranks, width].
template <class T>
void write_rows(io::File& file, std::string const& name, std::size_t rows, comm::Share const& share,
                std::vector<T> const& mine) {
  auto const widest = static_cast<std::int64_t>(share.count > 0 ? mine.size() / share.count : 0);
  auto const width = static_cast<std::size_t>(file.comm().all_reduce<std::int64_t>(widest, comm::Reduction::max));
  file.write<T>(name, {rows, width}, share.begin, share.count, mine);
}
template <class T>
std::vector<T> read_rows(io::File const& file, std::string const& name, comm::Share const& share) {
  std::vector<T> mine(share.count * file.info(name).row_size());
  file.read<T>(name, share.begin, share.count, mine);
  return mine;
}

}  // namespace

void write_checkpoint(Context& context, MarkovTask const& task, MarkovState const& state, std::string const& path) {
  auto const& comm = context.comm();
  auto file = io::File::create(path, comm);
  file.set_attribute("/", "format", std::string(markov_format));
  file.set_attribute("/", "task", to_json(task).dump());
  file.set_attribute("/", "playing", static_cast<std::int64_t>(state.playing));
  file.set_attribute("/", "stage", state.stage);
  file.set_attribute("/", "seconds", state.seconds);
  for (std::size_t i = 0; i < state.results.size(); ++i)
    write_result(file, "/results/" + task.settings[i].name, state.results[i]);
  if (state.playing > 0) {
    auto const share = comm::share_of(state.playing, comm.rank(), comm.size());
    write_rows<std::uint8_t>(file, "/playing/replicas", state.playing, share, state.replicas);
    write_rows<double>(file, "/playing/policy", state.playing, share, state.policy);
    write_rows<double>(file, "/playing/q", state.playing, share, state.q);
  }
  file.commit();
}

void read_checkpoint(Context& context, std::string const& path, MarkovTask& task, MarkovState& state) {
  auto const& comm = context.comm();
  auto const file = io::File::open(path, comm);
  auto const about = file.attributes("/");
  if (about.get<std::string>("format", "") != markov_format)
    throw IoError("krate::game", path + " is no checkpoint of krate game markov; name the directory of such a run");
  task = markov_task(Json::parse(about.get<std::string>("task")));
  state.playing = static_cast<std::size_t>(about.get<std::int64_t>("playing"));
  state.stage = about.get<std::int64_t>("stage");
  state.seconds = about.get<double>("seconds");
  for (auto const& setting : task.settings) {
    if (!file.exists("/results/" + setting.name)) break;
    state.results.push_back(read_result(file, "/results/" + setting.name));
  }
  if (state.playing == 0) return;
  auto const share = comm::share_of(state.playing, comm.rank(), comm.size());
  state.replicas = read_rows<std::uint8_t>(file, "/playing/replicas", share);
  state.policy = read_rows<double>(file, "/playing/policy", share);
  state.q = read_rows<double>(file, "/playing/q", share);
}

}  // namespace krate::tools
