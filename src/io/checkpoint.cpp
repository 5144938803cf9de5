// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/io/checkpoint.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <system_error>

#include "krate/version.hpp"

namespace krate::io {
namespace {

constexpr char const* format_name = "krate-checkpoint";

// 64 bits over the values in the order of their index; each element enters through an invertible mixer
// (the finalizer of Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
template <class T>
std::int64_t checksum(std::span<T const> data) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  std::uint64_t sum = data.size();
  for (std::size_t i = 0; i < data.size(); ++i) {
    std::uint64_t h = std::bit_cast<Bits>(data[i]) + (i + 1) * 0x9E3779B97F4A7C15ull;
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9ull;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBull;
    sum += h ^ (h >> 31);
  }
  return std::bit_cast<std::int64_t>(sum);
}

std::string now_utc() {
  std::time_t const now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string joined(std::string const& group, std::string const& name) {
  return group + "/" + name;
}

[[noreturn]] void fail(File const& file, std::string const& what) {
  throw IoError("krate::io::CheckpointReader", file.path() + ": " + what);
}

// Names of the tensors below a group. Groups may form cycles through hard links: depth and number are bounded.
void collect(File const& file, std::string const& group, std::string const& prefix, int depth, std::size_t& visits,
             std::vector<std::string>& names) {
  for (auto const& name : file.list(group)) {
    if (depth > 16 || ++visits > 1'000'000) fail(file, group + ": is nested too deeply");
    std::string const path = joined(group, name), shown = prefix.empty() ? name : joined(prefix, name);
    if (file.is_group(path))
      collect(file, path, shown, depth + 1, visits, names);
    else
      names.push_back(shown);
  }
}

// Values in the type T of the file, their checksum compared.
template <class T>
void read_checked(File const& file, std::string const& path, std::span<T> data) {
  file.read_replicated<T>(path, data);
  file.comm().guarded([&] {
    if (!file.has_attribute(path, "checksum")) return;  // a file that another program wrote
    Attribute const stored = file.attribute(path, "checksum");
    if (stored != Attribute(checksum(std::span<T const>(data)))) {
      fail(file, path + ": the checksum does not fit the values: the file is damaged; take another checkpoint");
    }
  });
}

}  // namespace

CheckpointWriter::CheckpointWriter(std::string const& path, comm::Communicator const& comm, Configuration const& config,
                                   FileOptions const& options)
    : file_(File::create(path, comm, options)) {
  Configuration about;
  about.set("format", format_name);
  about.set("format_version", checkpoint_version);
  about.set("krate_version", version());
  about.set("git_commit", git_commit());
  about.set("created_utc", now_utc());
  file_.set_attributes("/", about);
  file_.create_group("/model");
  file_.set_attributes("/config", config);
}

template <class T>
void CheckpointWriter::write_tensor(std::string const& group, std::string const& name,
                                    std::vector<std::size_t> const& shape, std::span<T const> data) {
  std::string const path = joined(group, name);
  file_.write_replicated<T>(path, shape, data);
  file_.set_attribute(path, "checksum", checksum(data));
}
template void CheckpointWriter::write_tensor(std::string const&, std::string const&, std::vector<std::size_t> const&,
                                             std::span<float const>);
template void CheckpointWriter::write_tensor(std::string const&, std::string const&, std::vector<std::size_t> const&,
                                             std::span<double const>);

void CheckpointWriter::commit() {
  file_.set_attribute("/", "complete", std::int64_t(1));
  file_.commit();
}

CheckpointReader::CheckpointReader(std::string const& path, comm::Communicator const& comm)
    : file_(File::open(path, comm)) {
  comm.guarded([&] {
    about_ = file_.attributes("/");
    if (about_.get<std::string>("format", "") != format_name) {
      fail(
          file_,
          "is no krate checkpoint (it has no attribute format = \"krate-checkpoint\"); name a model.h5 or a step-*.h5");
    }
    auto const found = about_.get<std::int64_t>("format_version");
    if (found > checkpoint_version) {
      auto const writer = about_.get<std::string>("krate_version", "of unknown version");
      fail(file_, "has format_version " + std::to_string(found) + " (written by krate " + writer + "), but krate " +
                      version() + " reads up to " + std::to_string(checkpoint_version) + "; use krate " + writer +
                      " or newer");
    }
    if (about_.get<std::int64_t>("complete", 0) != 1)
      fail(file_, "was not written completely; take another checkpoint");
    config_ = file_.attributes("/config");
  });
}

void CheckpointReader::require_model(std::string const& expected) const {
  if (model() == expected) return;
  throw ValueError("krate::io::CheckpointReader", path() + ": holds a model '" + model() + "', expected '" + expected +
                                                      "'; name a checkpoint of that model");
}

Configuration CheckpointReader::train() const {
  Configuration train;
  comm().guarded([&] {
    if (!file_.exists("/train"))
      fail(file_, "/train: is missing: a model file, which training cannot go on from; name a checkpoint");
    train = file_.attributes("/train");
  });
  return train;
}

std::vector<std::string> CheckpointReader::tensors(std::string const& group) const {
  std::vector<std::string> names;
  std::size_t visits = 0;
  collect(file_, group, "", 0, visits, names);
  return names;
}

template <class T>
void CheckpointReader::read_tensor(std::string const& group, std::string const& name,
                                   std::vector<std::size_t> const& shape, std::span<T> data) const {
  using Other = std::conditional_t<std::is_same_v<T, float>, double, float>;
  std::string const path = joined(group, name);
  bool same_type = true;
  comm().guarded([&] {
    if (!file_.exists(path)) fail(file_, path + ": is missing; take a checkpoint of this model");
    DatasetInfo const found = file_.info(path);
    if (found.element != ElementClass::floating || (found.element_bytes != 4 && found.element_bytes != 8)) {
      fail(file_, path + ": holds neither float nor double numbers");
    }
    if (found.shape != shape) {
      throw ShapeError("krate::io::CheckpointReader",
                       file_.path() + ": " + path + " has shape " + krate::impl::shape_text(found.shape) +
                           ", expected " + krate::impl::shape_text(shape) +
                           " (by this model's configuration); compare the configurations");
    }
    same_type = found.element_bytes == sizeof(T);
  });
  if (same_type) return read_checked<T>(file_, path, data);
  std::vector<Other> values(data.size());
  read_checked<Other>(file_, path, values);
  std::transform(values.begin(), values.end(), data.begin(), [](Other x) { return static_cast<T>(x); });
}
template void CheckpointReader::read_tensor(std::string const&, std::string const&, std::vector<std::size_t> const&,
                                            std::span<float>) const;
template void CheckpointReader::read_tensor(std::string const&, std::string const&, std::vector<std::size_t> const&,
                                            std::span<double>) const;

void CheckpointReader::verify() const {
  for (std::string const group : {"/model", "/optimizer"}) {
    std::vector<std::string> names;
    comm().guarded([&] {
      if (file_.exists(group))
        names = tensors(group);
      else if (group == "/model")
        fail(file_, "/model: is missing");
    });
    for (auto const& name : names) {
      DatasetInfo found;
      comm().guarded([&] { found = file_.info(joined(group, name)); });
      if (found.element_bytes == sizeof(float)) {
        std::vector<float> values(found.size());
        read_tensor<float>(group, name, found.shape, values);
      } else {
        std::vector<double> values(found.size());
        read_tensor<double>(group, name, found.shape, values);
      }
    }
  }
}

std::string checkpoint_name(std::int64_t step) {
  std::string const digits = std::to_string(step);
  return "step-" + std::string(digits.size() < 8 ? 8 - digits.size() : 0, '0') + digits + ".h5";
}

std::vector<std::string> list_checkpoints(std::string const& directory) {
  std::vector<std::pair<std::int64_t, std::string>> found;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::string const name = it->path().filename().string();
    std::int64_t step = 0;
    char const* const first = name.data() + 5;
    if (!name.starts_with("step-") || !name.ends_with(".h5")) continue;
    auto const [last, failure] = std::from_chars(first, name.data() + name.size(), step);
    if (failure == std::errc() && last == name.data() + name.size() - 3 && step >= 0)
      found.emplace_back(step, it->path().string());
  }
  std::sort(found.rbegin(), found.rend());
  std::vector<std::string> paths;
  for (auto& [step, path] : found) paths.push_back(std::move(path));
  return paths;
}

NewestCheckpoint newest_good_checkpoint(std::string const& directory, comm::Communicator const& comm) {
  NewestCheckpoint result;
  std::string text;  // the path, empty if none, and the errors, one a line
  if (comm.is_root()) {
    for (auto const& path : list_checkpoints(directory)) {
      try {
        CheckpointReader(path).verify();
        result.path = path;
        break;
      } catch (std::exception const& error) {
        result.skipped.emplace_back(error.what());
      }
    }
    text = result.path.value_or("");
    for (auto const& line : result.skipped) text += "\n" + line;
  }
  comm.broadcast(text);
  if (!comm.is_root()) {
    for (std::size_t at = 0, line = 0; at <= text.size(); ++line) {
      std::size_t const end = std::min(text.find('\n', at), text.size());
      if (line > 0)
        result.skipped.push_back(text.substr(at, end - at));
      else if (end > 0)
        result.path = text.substr(0, end);
      at = end + 1;
    }
  }
  return result;
}

}  // namespace krate::io
