#include "heads/joint_calls.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "comm/shard.h"
#include "heads/top_k.h"
#include "linalg/gemm.h"

namespace widehead {

namespace {

constexpr uint64_t kDigestEvery = 64;  // updates

// The calls of all ranks, once all are there and can make it.
std::vector<Call> meetFor(Head& head, Call call, const std::string& what, const std::function<void()>& check = [] {}) {
  if (head.communicator() == nullptr) {
    check();
    return {};
  }
  copyText(call.what, sizeof call.what, what + " of head " + std::to_string(head.number()));
  call.recipe = head.config().recipe;
  call.version = head.version();
  std::vector<Call> calls = meet(*head.communicator(), call, check);
  head.join();
  return calls;
}

Call callOf(const Head& head, const JointPass& joint) {
  Call call;
  if (joint.rates == nullptr) return call;
  const ApplyOptions& rates = *joint.rates;
  call.numbers[0] = rates.learningRate;
  call.numbers[1] = rates.weightDecay;
  call.numbers[2] = rates.clipNorm;
  if (head.version() > 0 && head.version() % kDigestEvery == 0) call.digest = head.digest();
  return call;
}

// Sends each rank the lists that are for it, and gets those for this one: sizes first.
template <class T>
std::vector<std::vector<T>> swapLists(Communicator& comm, const std::vector<std::vector<T>>& lists) {
  const size_t size = comm.size();
  std::vector<uint64_t> ours(size), theirs(size);
  std::vector<Outgoing> outgoing(size);
  std::vector<Incoming> incoming(size);
  for (size_t r = 0; r < size; r++) {
    ours[r] = lists[r].size();
    outgoing[r] = {&ours[r], sizeof(uint64_t)};
    incoming[r] = {&theirs[r], sizeof(uint64_t)};
  }
  comm.exchange(outgoing, incoming);
  std::vector<std::vector<T>> got(size);
  for (size_t r = 0; r < size; r++) {
    if (r == comm.rank()) {
      got[r] = lists[r];
      continue;
    }
    got[r].resize(theirs[r]);
    outgoing[r] = {lists[r].data(), lists[r].size() * sizeof(T)};
    incoming[r] = {got[r].data(), got[r].size() * sizeof(T)};
  }
  comm.exchange(outgoing, incoming);
  return got;
}

// Rows of W for each rank's own classes; within a call.
void fetchRows(const Head& head, float* out, const uint32_t* classes, size_t n) {
  Communicator& comm = *head.communicator();
  const Shard shard{comm.rank(), comm.size()};
  const size_t features = head.features();
  std::vector<std::vector<uint32_t>> wanted(comm.size());
  for (size_t i = 0; i < n; i++) wanted[shard.ownerOf(classes[i])].push_back(classes[i]);
  const std::vector<std::vector<uint32_t>> asked = swapLists(comm, wanted);
  std::vector<std::vector<float>> answers(comm.size());
  for (size_t r = 0; r < comm.size(); r++) {
    answers[r].resize(asked[r].size() * features);
    head.rows(answers[r].data(), asked[r].data(), asked[r].size());
  }
  const std::vector<std::vector<float>> rows = swapLists(comm, answers);
  std::vector<size_t> next(comm.size());
  for (size_t i = 0; i < n; i++) {
    const size_t owner = shard.ownerOf(classes[i]);
    std::copy_n(&rows[owner][next[owner]++ * features], features, out + i * features);
  }
}

// The hidden vectors of all ranks; ends[r] is where those of rank r end, in vectors.
std::vector<float> gatherHidden(Communicator& comm, const std::vector<Call>& calls, const float* hidden, size_t d,
                                std::vector<size_t>& ends) {
  std::vector<size_t> bytes;
  for (const Call& call : calls) {
    ends.push_back((ends.empty() ? 0 : ends.back()) + call.sizes[0]);
    bytes.push_back(ends.back() * d * sizeof(float));
  }
  std::vector<float> all(ends.back() * d);
  std::copy_n(hidden, calls[comm.rank()].sizes[0] * d, all.data() + (comm.rank() == 0 ? 0 : ends[comm.rank() - 1] * d));
  comm.allGather(all.data(), bytes);
  return all;
}

// The k best of the lists of all ranks for one hidden vector.
void mergeLists(int32_t* classes, float* logits, const std::vector<std::vector<Ranked>>& lists, size_t j, size_t k,
                bool square, const std::vector<size_t>& lengths) {
  std::vector<Ranked> all;
  for (size_t r = 0; r < lists.size(); r++) {
    all.insert(all.end(), lists[r].begin() + static_cast<ptrdiff_t>(j * lengths[r]),
               lists[r].begin() + static_cast<ptrdiff_t>((j + 1) * lengths[r]));
  }
  for (Ranked& entry : all) entry.rank = square ? entry.score * entry.score : entry.score;
  std::partial_sort(all.begin(), all.begin() + static_cast<ptrdiff_t>(k), all.end(), ranksBefore);
  for (size_t i = 0; i < k; i++) {
    classes[i] = static_cast<int32_t>(all[i].id);
    logits[i] = all[i].score;
  }
}

}  // namespace

void assignTogether(Head& head, Pass& pass, const JointPass& joint, const float* hidden, const TargetsInput& targets) {
  const HeadConfig& config = head.config();
  Call call = callOf(head, joint);
  GatheredBatch::announce(call, targets);
  const std::vector<Call> calls = meetFor(head, call, joint.what, [&] {
    checkFinite("hidden", hidden, targets.m * config.hiddenSize);
    pass.targets.assign(targets, config.numClasses);  // places in messages are those of the caller's arrays
  });
  GatheredBatch& all = pass.gathered;
  all.gather(*head.communicator(), calls, config.hiddenSize, hidden, targets);
  pass.assign(config, all.hidden(), all.targets());
  pass.ownBegin = all.begin();
  pass.ownEnd = all.end();
}

void meetAgain(Head& head, const JointPass& joint) { meetFor(head, callOf(head, joint), joint.what); }

void rowsTogether(Head& head, float* out, const uint32_t* classes, size_t n) {
  meetFor(head, {}, "rows", [&] { checkClasses(classes, n, head.config().numClasses); });
  if (head.communicator() == nullptr) return head.rows(out, classes, n);
  fetchRows(head, out, classes, n);
}

void logitsTogether(Head& head, float* out, const float* hidden, size_t m, const uint32_t* classes, size_t n) {
  const size_t d = head.config().hiddenSize, features = head.features();
  meetFor(head, {}, "logits", [&] {
    checkFinite("hidden", hidden, m * d);
    checkClasses(classes, n, head.config().numClasses);
  });
  if (head.communicator() == nullptr) return head.logits(out, hidden, m, classes, n);
  Buffer<float> w(n * features);
  fetchRows(head, w.data(), classes, n);
  if (m == 0 || n == 0) return;
  const ConstMatrixF weights(w.data(), n, d, static_cast<ptrdiff_t>(features));
  gemm(MatrixF(out, m, n), ConstMatrixF(hidden, m, d), weights.transposed());
  for (size_t j = 0; j < m && features > d; j++) {
    for (size_t i = 0; i < n; i++) out[j * n + i] += w[i * features + d];
  }
}

void topKTogether(Head& head, int32_t* classes, float* logits, const float* hidden, size_t m, size_t k, bool square) {
  const size_t d = head.config().hiddenSize;
  Communicator& comm = *head.communicator();
  Call call;
  call.sizes[0] = m;
  call.numbers[0] = static_cast<double>(k);
  const std::vector<Call> calls = meetFor(head, call, "topK", [&] { checkFinite("hidden", hidden, m * d); });
  std::vector<size_t> ends;
  const std::vector<float> all = gatherHidden(comm, calls, hidden, d, ends);

  // Its own best for everybody's vectors; the lists then go to whom they are for.
  const auto lengthOf = [&](size_t rank) {
    return std::min(k, Shard{rank, comm.size()}.rows(head.config().numClasses));
  };
  const size_t own = lengthOf(comm.rank()), count = ends.back();
  std::vector<int32_t> found(count * own);
  std::vector<float> outputs(count * own);
  if (count > 0) head.topK(found.data(), outputs.data(), all.data(), count, own, square);
  std::vector<std::vector<Ranked>> lists(comm.size());
  std::vector<size_t> lengths(comm.size());
  for (size_t r = 0; r < comm.size(); r++) {
    lengths[r] = lengthOf(r);
    for (size_t i = (r == 0 ? 0 : ends[r - 1]) * own; i < ends[r] * own; i++) {
      lists[r].push_back({0, outputs[i], static_cast<uint32_t>(found[i])});
    }
  }
  const std::vector<std::vector<Ranked>> mine = swapLists(comm, lists);
  for (size_t j = 0; j < m; j++) mergeLists(classes + j * k, logits + j * k, mine, j, k, square, lengths);
}

}  // namespace widehead
