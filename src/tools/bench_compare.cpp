// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench_compare.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "krate/core/error.hpp"
#include "tools/cli.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_bench_compare = "krate::bench.compare";
constexpr std::size_t largest_file = std::size_t(16) << 20;

struct MeasuredCase {
  double seconds;
  Json roof_percent;
};

struct Machine {
  std::string file, device;
  Json threads, ranks;
  std::vector<std::string> order;  ///< keys of `cases` as the file has them
  std::map<std::string, MeasuredCase> cases;
};

std::string shortened(std::string const& text, std::size_t length) {
  std::string const line = on_one_line(text);
  return line.size() <= length ? line : line.substr(0, length - 3) + "...";
}

[[noreturn]] void refuse(std::string const& file, std::string const& why) {
  throw IoError(in_bench_compare,
                file + ": " + why + "; give files that krate bench suite or krate bench CASE --json wrote");
}

Json parsed(std::string const& file) {
  if (std::filesystem::is_directory(file)) refuse(file, "is a directory");
  std::ifstream in(file, std::ios::binary);
  if (!in) throw IoError(in_bench_compare, file + ": cannot be opened; check name and permission");
  std::string text(largest_file + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) throw IoError(in_bench_compare, file + ": cannot be read; check the disk");
  if (in.gcount() > static_cast<std::streamsize>(largest_file)) refuse(file, "is larger than 16 MB");
  text.resize(static_cast<std::size_t>(in.gcount()));
  Json found = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (found.is_discarded()) refuse(file, "is not JSON");
  return found;
}

std::string text_of(std::string const& file, Json const& object, char const* key) {
  auto const at = object.find(key);
  if (at == object.end() || !at->is_string())
    refuse(file, std::string("has no text ") + key + " where one is expected");
  return shortened(at->get<std::string>(), 80);
}
Json count_of(std::string const& file, Json const& object, char const* key) {
  auto const at = object.find(key);
  if (at == object.end() || !at->is_number_unsigned())
    refuse(file, std::string("has no count ") + key + " where one is expected");
  return *at;
}

// Case and configuration, whatever the order of its keys.
std::string key_of(std::string const& file, Json const& record) {
  auto const config = record.find("config");
  if (config == record.end() || !config->is_object()) refuse(file, "has a record without an object config");
  std::string key = text_of(file, record, "case");
  std::map<std::string, Json> sorted;
  for (auto const& [name, value] : config->items()) {
    if (value.is_structured()) refuse(file, "has a config with values that are no numbers, texts, true or false");
    sorted.emplace(name, value);
  }
  for (auto const& [name, value] : sorted) {
    if (value.is_boolean()) {
      if (value.get<bool>()) key += " " + name;
    } else {
      key +=
          " " + name + "=" +
          (value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
  }
  return shortened(key, 200);
}

Machine machine_of(std::string const& file) {
  Json const content = parsed(file);
  if (!content.is_object()) refuse(file, "holds no JSON object");
  Machine machine{
      file, text_of(file, content, "device"), count_of(file, content, "threads"), count_of(file, content, "ranks"), {},
      {}};
  Json records = Json::array({content});  // the output of one case
  if (auto const at = content.find("cases"); at != content.end()) records = *at;
  if (!records.is_array()) refuse(file, "has cases that are no array");
  for (auto const& record : records) {
    if (!record.is_object()) refuse(file, "has a case that is no object");
    std::string const key = key_of(file, record);
    auto const seconds = record.find("seconds_min");
    if (seconds == record.end() || !seconds->is_number() || !(seconds->get<double>() > 0) ||
        !std::isfinite(seconds->get<double>()))
      refuse(file, "has no positive seconds_min for " + key);
    auto const roof = record.find("roof_percent");
    Json const percent = roof != record.end() && roof->is_number() ? *roof : Json();
    if (!machine.cases.emplace(key, MeasuredCase{seconds->get<double>(), percent}).second)
      refuse(file, "has two records of " + key);
    machine.order.push_back(key);
  }
  return machine;
}

Json side_by_side(std::vector<Machine> const& machines) {
  Json result{{"machines", Json::array()}, {"cases", Json::array()}};
  std::vector<std::string> keys;
  for (auto const& m : machines) {
    result["machines"].push_back({{"file", m.file}, {"device", m.device}, {"threads", m.threads}, {"ranks", m.ranks}});
    for (auto const& key : m.order)
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  }
  for (auto const& key : keys) {
    Json seconds = Json::array(), roofs = Json::array(), speed = Json::array();
    double first = 0;
    for (auto const& m : machines) {
      auto const at = m.cases.find(key);
      bool const has = at != m.cases.end();
      if (&m == &machines.front() && has) first = at->second.seconds;
      seconds.push_back(has ? Json(at->second.seconds) : Json());
      roofs.push_back(has ? at->second.roof_percent : Json());
      double const ratio = has && first > 0 ? first / at->second.seconds : 0;
      speed.push_back(ratio > 0 && std::isfinite(ratio) ? Json(ratio) : Json());
    }
    result["cases"].push_back({{"case", key}, {"seconds_min", seconds}, {"roof_percent", roofs}, {"speed", speed}});
  }
  return result;
}

std::string cell(Json const& c, std::size_t m) {
  if (c["seconds_min"][m].is_null()) return "-";
  char text[64];
  auto const real = [](Json const& x) { return x.is_number() ? x.get<double>() : 0; };
  int const end = std::snprintf(text, sizeof text, "%.4g", 1e3 * real(c["seconds_min"][m]));
  if (m > 0 && c["speed"][m].is_number())
    std::snprintf(text + end, sizeof text - static_cast<std::size_t>(end), " (x%.2f)", real(c["speed"][m]));
  return text;
}

void show_comparison(Context& context, Json const& result) {
  std::size_t const count = result["machines"].size();
  for (std::size_t m = 0; m < count; ++m) {
    auto const& about = result["machines"][m];
    context.print("[" + std::to_string(m + 1) + "] " + on_one_line(about["file"].get<std::string>()) + ": " +
                  about["device"].get<std::string>() + ", " + about["threads"].dump() + " threads, " +
                  about["ranks"].dump() + " ranks");
  }
  auto const padded = [](std::string text, std::size_t width) {
    if (text.size() < width) text.insert(0, width - text.size(), ' ');
    return text;
  };
  constexpr std::size_t width = 18;
  std::string head = "fastest run in ms (speed relative to [1])\n";
  for (std::size_t m = 0; m < count; ++m) head += padded("[" + std::to_string(m + 1) + "]", width);
  context.print(head + "  case");
  for (auto const& c : result["cases"]) {
    std::string line;
    for (std::size_t m = 0; m < count; ++m) line += padded(cell(c, m), width);
    context.print(line + "  " + c["case"].get<std::string>());
  }
}

}  // namespace

void add_bench_compare(cli::App& bench, Context& context) {
  auto const files = std::make_shared<std::vector<std::string>>();
  auto* const sub = bench.add_subcommand("compare", "Set the results of machines side by side");
  sub->add_option("files", *files, "What krate bench suite or krate bench CASE --json wrote")
      ->required()
      ->option_text("MACHINE.json ...");
  context.add_json_flag(*sub);
  sub->footer("Example: krate bench compare here.json there.json");
  sub->callback([&context, files] {
    Json result;
    context.comm().guarded([&] {
      if (!context.comm().is_root()) return;
      std::vector<Machine> machines;
      for (auto const& file : *files) machines.push_back(machine_of(file));
      result = side_by_side(machines);
    });
    if (!context.comm().is_root()) return;
    if (context.json()) return context.print_json(result);
    show_comparison(context, result);
  });
}

}  // namespace krate::tools
