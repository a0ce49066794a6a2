// What every peer in C++ shares: reading the vectors, the clocks, and the conversation with the harness.
//
//   peer BASE QUERIES DIMENSION METRIC M EF_CONSTRUCTION THREADS
//
// BASE and QUERIES hold little-endian float32 rows and nothing else; under `cosine` they are of unit length.
// Commands come by standard input, one a line, and each is answered by one line of JSON:
//
//   build                     {"progress":0.5} now and then, then {"built":true,"cpu_s":..,"wall_s":..,"bytes":..,"rss_bytes":..,"note":".."}
//   search EF K RUNS FILE     {"ef":..,"cpu_s":..,"wall_s":..,"passes":..}; FILE gets K int32 a query, -1 where there is no hit
//
// The end of the input ends the program.
#pragma once

#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace peer {

// Slow passes are not repeated beyond this: by then their noise is small.
constexpr double PASSES_SECONDS_MAX = 20;

struct Setup {
  std::vector<float> base;
  std::vector<float> queries;
  size_t dimension;
  std::string metric;
  size_t m;
  size_t efConstruction;
  size_t threads;

  size_t rows() const { return base.size() / dimension; }
  size_t queryCount() const { return queries.size() / dimension; }
};

inline double seconds(clockid_t clock) {
  timespec now;
  if (clock_gettime(clock, &now) != 0) throw std::runtime_error("clock_gettime failed");
  return now.tv_sec + now.tv_nsec / 1e9;
}

// Nothing but the work that is timed runs in this process, so its CPU time is that of the work's threads.
inline double cpuSeconds() { return seconds(CLOCK_PROCESS_CPUTIME_ID); }
inline double wallSeconds() { return seconds(CLOCK_MONOTONIC); }

// Bytes in memory now; freed ones are given back first.
inline long residentBytes() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  long total, resident;
  if (!(statm >> total >> resident)) throw std::runtime_error("cannot read /proc/self/statm");
  return resident * sysconf(_SC_PAGESIZE);
}

inline std::vector<float> readFloats(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<float> values(static_cast<size_t>(file.tellg()) / sizeof(float));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(values.data()), values.size() * sizeof(float));
  if (!file) throw std::runtime_error("cannot read " + path);
  return values;
}

// Reports the share of the build that is done, at most once a percent.
class Progress {
 public:
  explicit Progress(size_t total) : total_(total) {}

  void done(size_t count) {
    size_t percent = count * 100 / total_;
    if (percent == percent_) return;
    percent_ = percent;
    std::printf("{\"progress\":%.2f}\n", percent / 100.0);
    std::fflush(stdout);
  }

 private:
  size_t total_;
  size_t percent_ = 0;
};

// Splits the queries between the threads; `answer(begin, end)` takes one thread's share.
template <typename Answer>
void split(size_t queries, size_t threads, Answer answer) {
  if (threads == 1) {
    answer(size_t{0}, queries);
    return;
  }
  std::vector<std::thread> running;
  for (size_t t = 0; t < threads; t++) {
    running.emplace_back(answer, queries * t / threads, queries * (t + 1) / threads);
  }
  for (std::thread& thread : running) thread.join();
}

template <typename Index>
void search(Index& index, const Setup& setup, std::istringstream& line) {
  size_t ef, k, runs;
  std::string path;
  if (!(line >> ef >> k >> runs >> std::ws) || !std::getline(line, path)) throw std::runtime_error("search needs EF K RUNS FILE");
  std::vector<int32_t> ids(setup.queryCount() * k);
  auto pass = [&] {
    std::fill(ids.begin(), ids.end(), -1);
    index.search(setup, ef, k, ids.data());
  };
  pass();  // warms caches and branch predictors
  double bestCpu = 1e300, bestWall = 1e300, total = 0;
  size_t passes = 0;
  while (passes < runs && total < PASSES_SECONDS_MAX) {
    double cpu = cpuSeconds(), wall = wallSeconds();
    pass();
    wall = wallSeconds() - wall;
    bestCpu = std::min(bestCpu, cpuSeconds() - cpu);
    bestWall = std::min(bestWall, wall);
    total += wall;
    passes++;
  }
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(int32_t));
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path);
  std::printf("{\"ef\":%zu,\"cpu_s\":%.9f,\"wall_s\":%.9f,\"passes\":%zu}\n", ef, bestCpu, bestWall, passes);
}

// `Index` is made from a Setup and has `build(setup, progress)`, `search(setup, ef, k, ids)` and `note()`.
template <typename Index>
int run(int argc, char** argv) try {
  if (argc != 8) throw std::runtime_error("7 arguments expected");
  Setup setup{readFloats(argv[1]), readFloats(argv[2]), std::stoul(argv[3]), argv[4],
              std::stoul(argv[5]), std::stoul(argv[6]), std::stoul(argv[7])};
  std::optional<Index> index;
  std::string text;
  while (std::getline(std::cin, text)) {
    std::istringstream line(text);
    std::string command;
    line >> command;
    if (command == "build") {
      Progress progress(setup.rows());
      long before = residentBytes();
      double cpu = cpuSeconds(), wall = wallSeconds();
      index.emplace(setup);
      index->build(setup, progress);
      cpu = cpuSeconds() - cpu;
      wall = wallSeconds() - wall;
      long bytes = residentBytes() - before;
      std::printf("{\"built\":true,\"cpu_s\":%.6f,\"wall_s\":%.6f,\"bytes\":%ld,\"rss_bytes\":%ld,\"note\":\"%s\"}\n", cpu,
                  wall, bytes, bytes, index->note(setup).c_str());
    } else if (command == "search" && index) {
      search(*index, setup, line);
    } else {
      throw std::runtime_error("no such command, or none yet: " + command);
    }
    std::fflush(stdout);
  }
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}

}  // namespace peer
