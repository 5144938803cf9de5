// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rules.hpp"

#include <algorithm>

#include "code.hpp"

namespace krate::source {

namespace {

bool matches(std::string const& text, char const* pattern) {
  return std::regex_search(text, std::regex(pattern));
}

/// An execution space instance that someone was given: `space`, `space_`, `run.space`, `context.space()`, or as a
/// parameter `Space const& space`. A new one, `Space()`, is none.
bool is_instance(std::string const& argument) {
  return matches(argument, R"((^|[.>&\s])space_?(\(\))?$)");
}
bool has_instance(std::vector<std::string> const& arguments) {
  return std::any_of(arguments.begin(), arguments.end(), is_instance);
}
bool starts_with_instance(std::vector<std::string> const& arguments) {
  return !arguments.empty() && is_instance(arguments.front());
}
bool is_allocation_on_instance(std::string const& argument) {
  auto const made = calls(argument, std::regex("view_alloc"));
  return !made.empty() && has_instance(made.front().arguments);
}

class Scan {
 public:
  Scan(std::string const& path, std::string const& text) : path_(path), code_(stripped(text)) {}

  bool in(std::string const& folder) const { return path_.rfind(folder, 0) == 0; }

  /// Calls of that name whose arguments `good` refuses.
  template <class Good>
  void each_call(char const* name, char const* what, Good const& good) {
    for (auto const& call : calls(code_, std::regex(name)))
      if (!good(call.arguments)) add(call.at, call.name + " " + what);
  }
  /// Host memory may lie out of an instance's reach: there it is enough that no kernel fills it.
  void allocations() {
    for (auto const& call : calls(code_, std::regex("(Kokkos::)?view_alloc"))) {
      std::size_t const begin = code_.find_last_of(";{}", call.at) + 1;
      bool const on_host = code_.substr(begin, call.at - begin).find("Host") != std::string::npos;
      bool const unfilled = std::find(call.arguments.begin(), call.arguments.end(), "Kokkos::WithoutInitializing") !=
                            call.arguments.end();
      if (!has_instance(call.arguments) && !(on_host && unfilled))
        add(call.at, call.name + " has no instance; pass the caller's");
    }
  }
  template <class Good>
  void each_include(Good const& good) {
    std::regex const include("#include \"([^\"]*)\"");
    for (std::sregex_iterator it(code_.begin(), code_.end(), include), end; it != end; ++it)
      if (!good((*it)[1].str()))
        add(static_cast<std::size_t>(it->position()), it->str() + " reaches into a module above; turn it round");
  }
  void no_match(char const* pattern, char const* what) {
    std::regex const regex(pattern);
    for (std::sregex_iterator it(code_.begin(), code_.end(), regex), end; it != end; ++it)
      add(static_cast<std::size_t>(it->position()), it->str() + " " + what);
  }
  std::vector<Finding> found{};

 private:
  void add(std::size_t at, std::string what) { found.push_back({line_of(code_, at), std::move(what)}); }
  std::string path_, code_;
};

/// A policy with an instance, or the range of a team's own threads.
bool is_good_policy(std::string const& argument) {
  if (matches(argument, R"(^Kokkos::(Team|Thread)\w*Range\b)")) return true;
  if (matches(argument, R"(^\w*policy_?$)")) return true;  // made before, where the rule for policies sees it
  std::size_t const open = argument.find('(');
  return open != std::string::npos && starts_with_instance(arguments(argument, open));
}
bool is_name_of_kernel(std::string const& argument) {
  return matches(argument, R"(^(KRATE_LABEL\b|name\(|label$|"))");
}

void instances(Scan& scan) {
  scan.each_call("(Kokkos::)?(MD)?(Range|Team)Policy", "is made without an instance; pass the caller's",
                 starts_with_instance);
  scan.each_call("Kokkos::parallel_(for|reduce|scan)", "runs on no instance; give it a policy with the caller's",
                 [](auto const& a) {
                   std::size_t const at = !a.empty() && is_name_of_kernel(a[0]);
                   return at < a.size() && is_good_policy(a[at]);
                 });
  scan.each_call("(Kokkos::deep_copy|KokkosBlas::\\w+)", "runs on no instance; pass the caller's first",
                 [](auto const& a) { return a.size() >= 3 && is_instance(a[0]); });
  scan.each_call("Kokkos::create_mirror(_view)?", "fills memory on no instance; begin with Kokkos::WithoutInitializing",
                 [](auto const& a) { return !a.empty() && a[0] == "Kokkos::WithoutInitializing"; });
  scan.each_call("Kokkos::(create_mirror_view_and_copy|resize|realloc)",
                 "works on no instance; begin with view_alloc(space, …)",
                 [](auto const& a) { return !a.empty() && is_allocation_on_instance(a[0]); });
  scan.allocations();
  // A View, decltype of one, or a type that may be an alias of one, whose first argument is a label.
  scan.no_match(R"((View<[^;()]*>|\bdecltype\([^()]*\))( const)?( \w+)?[({]"krate::)",
                "is made without an instance; begin with view_alloc(space, …)");
  scan.no_match(R"(\b(?!\w*Error\b)[A-Z]\w*( const)?( \w+)?[({]"krate::\s*",)",
                "is made without an instance; begin with view_alloc(space, …)");
  scan.no_match(R"(Kokkos::fence\s*\()", "waits for everything; use space.fence(\"krate::where: why\")");
  scan.no_match(R"(\.fence\(\s*\))", "has no label; say where and why");
}

void library_manners(Scan& scan) {
  scan.no_match(R"((\b(exit|_Exit|_exit|quick_exit|abort|terminate|MPI_Abort)\s*\())", "ends the program; throw");
  scan.no_match(R"((\b(printf|puts|putchar|perror)\s*\(|\bfprintf\s*\(\s*std|\bstd::(cout|cerr|clog)\b))",
                "prints; use a Logger");
  scan.no_match(R"(\b(getenv|setenv|putenv|unsetenv)\s*\()", "touches the environment; take an option");
  scan.no_match(R"(\b(signal|sigaction|omp_set_num_threads)\s*\()", "changes the process; leave it to the program");
  scan.no_match(R"(\bMPI_(COMM_WORLD\b|(Init(_thread)?|Finalize)\s*\())", "is the program's; take a communicator");
  scan.no_match(R"(\bKokkos::(initialize|finalize|ScopeGuard)\b)", "is the program's; take an instance");
}

void doors(Scan& scan) {
  if (!scan.in("src/io/hdf5")) scan.no_match(R"(\bH5[A-Z]+\w*\s*\()", "calls HDF5; use krate::io::File");
  if (scan.in("include/")) scan.no_match("#include <hdf5", "shows HDF5 to users; keep it in src/io");
  bool const compares = scan.in("perf/variants/");  // the vendor's own, beside which krate's products are measured
  if (!scan.in("src/linalg/") && !compares)
    scan.no_match(R"(\bKokkos(Blas|Batched|Lapack)\b|\bcblas_\w+|\bdnnl(::|_\w+))",
                  "calls a vendor; use krate::linalg");
}

/// Place of a module among those that it may include, or -1.
int layer(std::string const& module) {
  static std::vector<std::string> const order{"core", "comm", "linalg", "rate",  "attention", "sparse", "nn",   "optim",
                                              "dist", "io",   "models", "games", "analysis",  "train",  "tools"};
  auto const at = std::find(order.begin(), order.end(), module);
  return at == order.end() ? -1 : static_cast<int>(at - order.begin());
}

void layers(Scan& scan, std::string const& path) {
  std::smatch own;
  if (!std::regex_search(path, own, std::regex("^(include/krate|src)/(\\w+)/"))) return;
  scan.each_include([&](std::string const& included) {
    std::smatch other;
    if (!std::regex_search(included, other, std::regex("^(krate/)?(\\w+)/"))) return true;
    return layer(other[2]) <= layer(own[2]);
  });
}

}  // namespace

std::vector<Finding> findings(std::string const& path, std::string const& text) {
  Scan scan(path, text);
  if (scan.in("include/") || scan.in("src/")) {
    instances(scan);
    layers(scan, path);
    if (!scan.in("src/tools/")) library_manners(scan);
  }
  doors(scan);
  return scan.found;
}

}  // namespace krate::source
