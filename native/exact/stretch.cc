#include "exact/stretch.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/per_thread.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"

namespace widehead {

namespace {

constexpr size_t kFew = 16;      // runs that a row takes one by one, in float64: it has that little to gain
constexpr size_t kRows = 64;     // that share their products
constexpr size_t kPiece = 64;    // runs that do: more would act on each other for longer, fewer make thin products
constexpr size_t kRecent = 8;    // directions that a new entry is compared with
constexpr double kLeast = 1e-3;  // factor of an entry that may be part of a run: its logarithm takes part in sums

// For so many elements, at twice the size if there is none, so that room for one after the other is made seldom.
template <class T>
void room(std::vector<T>& values, size_t count) {
  if (count > values.capacity()) values.reserve(std::max(count, 2 * values.size()));
}

}  // namespace

uint32_t Stretch::findDirection(const LogEntry& entry) const {
  const size_t size = features_ * sizeof(float);
  for (size_t k = directions_; k > 0 && k + kRecent > directions_; k--) {
    const size_t at = (k - 1) * features_;
    if (std::memcmp(&y_[at], entry.y, size) == 0 && std::memcmp(&z_[at], entry.z, size) == 0)
      return static_cast<uint32_t>(k - 1);
  }
  return kNone;
}

size_t Stretch::bytesToAppend(size_t entries) const {
  const size_t directions = directions_ + entries, stride = strideFor(directions);
  const size_t rows = 2 * 2 * directions * features_ * sizeof(float);  // of y and z, doubled at the most
  return rows + stride * stride * sizeof(float) + 2 * (before_.size() + entries) * (sizeof(float) + sizeof(double)) +
         2 * (runs_.size() + 1) * sizeof(Run);
}

uint32_t Stretch::addDirections(const std::vector<LogEntry>& entries) {
  const size_t first = directions_, count = entries.size(), all = first + count;
  room(y_, all * features_);
  room(z_, all * features_);
  if (all > stride_) {
    const size_t stride = strideFor(all);
    std::vector<float> wider(stride * stride);
    for (size_t k = 0; k < first; k++) std::copy_n(&g_[k * stride_], first, &wider[k * stride]);
    g_.swap(wider);
    stride_ = stride;
  }
  for (const LogEntry& entry : entries) {
    y_.insert(y_.end(), entry.y, entry.y + features_);
    z_.insert(z_.end(), entry.z, entry.z + features_);
  }
  const ConstMatrixF y(y_.data(), all, features_), z(z_.data(), all, features_);
  const ptrdiff_t stride = static_cast<ptrdiff_t>(stride_);
  try {
    gemm(MatrixF(&g_[first * stride_], count, all, stride), z.rowRange(first, all), y.transposed());
    if (first > 0)
      gemm(MatrixF(&g_[first], first, count, stride), z.rowRange(0, first), y.rowRange(first, all).transposed());
  } catch (...) {
    y_.resize(first * features_);
    z_.resize(first * features_);
    throw;
  }
  directions_ = all;
  return static_cast<uint32_t>(first);
}

bool Stretch::joins(const Run& run, uint32_t direction, double factor, float scale) const {
  return run.alike && run.direction == direction && run.scale == 1 && scale == 1 && factor > kLeast;
}

void Stretch::append(const std::vector<LogEntry>& entries, float scale) {
  const size_t begin = before_.size();
  room(coefficients_, begin + entries.size());
  room(before_, begin + entries.size());
  room(runs_, runs_.size() + 1);
  const bool single = entries.size() == 1;
  uint32_t direction = kNone;
  if (!single || entries[0].coefficient != 0) {
    if (single) direction = findDirection(entries[0]);
    if (direction == kNone) direction = addDirections(entries);
  }
  // Nothing is allocated from here on.
  for (const LogEntry& entry : entries) coefficients_.push_back(entry.coefficient);
  before_.resize(begin + entries.size());
  double self = 0, factor = 0;
  if (single && direction != kNone) {
    self = g_[direction * stride_ + direction];
    factor = 1 - entries[0].coefficient * self;
    if (!runs_.empty() && joins(runs_.back(), direction, factor, scale)) {
      before_[begin] = before_[begin - 1] + std::log(1 - coefficients_[begin - 1] * self);
      runs_.back().end++;
      return;
    }
  }
  const bool alike = single && self != 0 && factor > kLeast && scale == 1;
  runs_.push_back({begin, begin + entries.size(), direction, alike, self, scale});
  length_ += entries.size();
}

size_t Stretch::runAt(size_t entry) const {
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), entry, [](size_t e, const Run& run) { return e < run.begin; });
  return static_cast<size_t>(after - runs_.begin()) - 1;
}

// Of direction i of a run, for a row that has seen the entries before `begin`. In a run of entries that are alike, each acts on what the
// ones before have left.
double Stretch::coefficientOf(const Run& run, size_t i, size_t begin) const {
  const size_t first = std::max(begin, run.begin);
  if (!run.alike || run.end - first == 1) return coefficients_[run.alike ? first : run.begin + i];
  const double last = std::log(1 - coefficients_[run.end - 1] * run.self);
  return -std::expm1(before_[run.end - 1] + last - before_[first]) / run.self;
}

void Stretch::apply(float* rows, size_t count, const size_t* begins) const {
  const size_t few = runs_.size() > kFew ? runs_[runs_.size() - kFew].begin : 0;
  const size_t many = static_cast<size_t>(std::lower_bound(begins, begins + count, few) - begins);
  for (size_t r = 0; r < many; r += kRows) applyTogether(rows + r * features_, std::min(kRows, many - r), begins + r);
  for (size_t r = many; r < count; r++) applyOneByOne(rows + r * features_, begins[r]);
}

// In float64 with one rounding: rows that come often take few entries at a time, and many times over.
void Stretch::applyOneByOne(float* row, size_t begin) const {
  if (begin == before_.size()) return;
  const Kernels& kernel = kernels();
  auto& wide = perThread<std::vector<double>>([] {});
  auto& dots = perThread<std::vector<double>>([] {});
  wide.assign(row, row + features_);
  for (size_t r = runAt(begin); r < runs_.size(); r++) {
    const Run& run = runs_[r];
    dots.resize(run.width());
    for (size_t i = 0; i < dots.size(); i++) {
      dots[i] =
          coefficientOf(run, i, begin) * kernel.dotWide(wide.data(), &y_[(run.direction + i) * features_], features_);
    }
    for (size_t i = 0; i < dots.size(); i++) {
      kernel.axpyWide(wide.data(), -dots[i], &z_[(run.direction + i) * features_], features_);
    }
    if (run.scale != 1) {
      for (double& value : wide) value *= run.scale;
    }
  }
  const Term term = {1, nullptr, wide.data()};
  kernel.combine(row, &term, 1, features_);
}

void Stretch::applyTogether(float* rows, size_t count, const size_t* begins) const {
  for (size_t run = runAt(begins[0]); run < runs_.size();) {
    const Piece piece = pieceAt(run);
    const size_t end = runs_[piece.lastRun - 1].end;
    const size_t there = static_cast<size_t>(std::lower_bound(begins, begins + count, end) - begins);
    applyPiece(piece, rows, there, begins);
    run = piece.lastRun;
  }
}

Stretch::Piece Stretch::pieceAt(size_t run) const {
  Piece piece = {run, std::min(run + kPiece, runs_.size()), directions_, 0};
  for (size_t r = piece.firstRun; r < piece.lastRun; r++) {
    if (runs_[r].direction == kNone) continue;
    piece.from = std::min<size_t>(piece.from, runs_[r].direction);
    piece.to = std::max(piece.to, runs_[r].direction + runs_[r].width());
  }
  piece.from = std::min(piece.from, piece.to);
  return piece;
}

void Stretch::applyPiece(const Piece& piece, float* rows, size_t count, const size_t* begins) const {
  const size_t width = piece.to - piece.from;
  auto& products = perThread<Buffer<float>>([] {});
  auto& taken = perThread<Buffer<float>>([] {});
  products.reserve(count * width);
  taken.reserve(count * width);
  const MatrixF v(rows, count, features_);
  gemm(MatrixF(products.data(), count, width), v, y().rowRange(piece.from, piece.to).transposed());
  std::vector<double> t(width), sums(width);
  for (size_t r = 0; r < count; r++) {
    std::copy_n(&products[r * width], width, t.begin());
    std::fill(sums.begin(), sums.end(), 0.0);
    const double scale = eliminate(piece, t.data(), sums.data(), begins[r]);
    std::transform(sums.begin(), sums.end(), &taken[r * width], [](double x) { return static_cast<float>(x); });
    if (scale != 1) kernels().scale(v.row(r), static_cast<float>(scale), features_);
  }
  gemm(v, ConstMatrixF(taken.data(), count, width), z().rowRange(piece.from, piece.to), -1, Into::Add);
}

// The piece's entries from `begin` on act on t, a row's products with its directions; what they take of each z is added up. Returns
// what becomes of the row itself.
double Stretch::eliminate(const Piece& piece, double* t, double* taken, size_t begin) const {
  const size_t width = piece.to - piece.from;
  auto& deltas = perThread<std::vector<double>>([] {});
  double own = 1;
  for (size_t r = std::max(piece.firstRun, runAt(begin)); r < piece.lastRun; r++) {
    const Run& run = runs_[r];
    deltas.resize(run.width());
    for (size_t i = 0; i < deltas.size(); i++) {
      const size_t k = run.direction + i - piece.from;
      deltas[i] = coefficientOf(run, i, begin) * t[k];
      taken[k] += deltas[i];
    }
    for (size_t i = 0; i < deltas.size(); i++) {
      kernels().axpyWide(t, -deltas[i], &g_[(run.direction + i) * stride_ + piece.from], width);
    }
    if (run.scale != 1) {
      own *= run.scale;
      for (size_t k = 0; k < width; k++) {
        t[k] *= run.scale;
        taken[k] *= run.scale;
      }
    }
  }
  return own;
}

void Stretch::archive(ByteStream& stream) {
  for (size_t* value : {&directions_, &length_, &stride_}) stream.number(*value);
  for (std::vector<float>* values : {&y_, &z_, &g_, &coefficients_}) stream.list(*values);
  stream.list(before_);
  archiveRuns(stream);
  if (!stream.loading()) return;
  const auto fits = [&](const std::vector<float>& values) {
    return values.size() % features_ == 0 && values.size() / features_ == directions_;
  };
  ByteStream::require(fits(y_) && fits(z_) && directions_ <= stride_ && stride_ < UINT32_MAX &&
                          g_.size() == stride_ * stride_ && coefficients_.size() == before_.size(),
                      "a stretch of the log whose parts do not fit together");
}

void Stretch::archiveRuns(ByteStream& stream) {
  runs_.resize(stream.length(runs_.size(), sizeof(Run) / 2));
  size_t next = 0;
  for (Run& run : runs_) {
    uint8_t alike = run.alike;
    for (size_t* value : {&run.begin, &run.end}) stream.number(*value);
    stream.number(run.direction);
    stream.number(alike);
    stream.number(run.self);
    stream.number(run.scale);
    run.alike = alike != 0;
    const bool known =
        run.direction == kNone || (run.direction < directions_ && run.width() <= directions_ - run.direction);
    ByteStream::require(run.begin == next && run.end >= run.begin && run.end <= before_.size() && known,
                        "a run of the log that is none");
    next = run.end;
  }
  ByteStream::require(next == before_.size(), "entries of the log that belong to no run");
}

size_t Stretch::bytes() const {
  return (y_.capacity() + z_.capacity() + g_.capacity() + coefficients_.capacity()) * sizeof(float) +
         before_.capacity() * sizeof(double) + runs_.capacity() * sizeof(Run);
}

}  // namespace widehead
