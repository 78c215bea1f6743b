// The communicator's collectives over threads, meetings, and what happens when a rank does not come.

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <thread>

#include "check.h"
#include "on_ranks.h"

#include "base/error.h"
#include "comm/meeting.h"
#include "comm/shard.h"
#include "comm/thread_communicator.h"

namespace {

using namespace widehead;

// Runs body on each of `size` ranks at once.
void together(size_t size, const std::function<void(Communicator&)>& body) {
  const auto group = std::make_shared<ThreadGroup>(size);
  onRanks(size, [&](size_t r) {
    ThreadCommunicator comm(group, r);
    body(comm);
  });
}

std::string codeOf(const std::function<void()>& call, std::string* message = nullptr) {
  try {
    call();
  } catch (const Error& error) {
    if (message != nullptr) *message = error.what();
    return error.code;
  }
  return "";
}

constexpr size_t kSizes[] = {1, 2, 3, 4, 7};

}  // namespace

TEST(gathersPartsOfAnyLength) {
  for (const size_t size : kSizes) {
    together(size, [size](Communicator& comm) {
      std::vector<size_t> ends;
      for (size_t r = 0; r < size; r++) ends.push_back((r == 0 ? 0 : ends[r - 1]) + (r % 3) * 5);
      std::vector<char> data(ends.back() + 1, '?');
      for (size_t i = comm.rank() == 0 ? 0 : ends[comm.rank() - 1]; i < ends[comm.rank()]; i++)
        data[i] = static_cast<char>('a' + comm.rank());
      for (int again = 0; again < 3; again++) comm.allGather(data.data(), ends);
      for (size_t r = 0, i = 0; r < size; r++) {
        for (; i < ends[r]; i++) CHECK(data[i] == static_cast<char>('a' + r));
      }
      CHECK(data.back() == '?');
    });
  }
}

TEST(sumsAreTheSameBitsOnAllRanks) {
  for (const size_t size : kSizes) {
    for (const size_t count : {size_t{1}, size_t{5}, size_t{1000}}) {
      std::vector<std::vector<float>> sums(size), parts(size);
      std::vector<std::vector<double>> wide(size);
      for (size_t r = 0; r < size; r++) {
        parts[r] = check::normals(count, 7 + r);
        sums[r] = parts[r];
        wide[r].assign(parts[r].begin(), parts[r].end());
      }
      together(size, [&](Communicator& comm) {
        comm.allReduceSum(sums[comm.rank()].data(), count);
        comm.allReduceSum(wide[comm.rank()].data(), count);
      });
      for (size_t r = 1; r < size; r++) CHECK(sums[r] == sums[0] && wide[r] == wide[0]);
      for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (size_t r = 0; r < size; r++) sum += static_cast<double>(parts[r][i]);
        CHECK(wide[0][i] == sum);
        CHECK(sums[0][i] == static_cast<float>(sum));
      }
    }
  }
}

TEST(sumsOfExponentialsKeepTheLargestShift) {
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  for (const size_t size : kSizes) {
    std::vector<std::vector<LogSum>> sums(size);
    std::vector<double> squares(size);
    const auto shift = [](size_t r, size_t i) { return 700.0 * std::sin(static_cast<double>(3 * r + i)); };
    together(size, [&](Communicator& comm) {
      const size_t r = comm.rank();
      std::vector<LogSum>& own = sums[r];
      for (size_t i = 0; i < 9; i++) own.push_back({shift(r, i), 1.0 + static_cast<double>(i)});
      own.push_back({kNone, 0});                                                             // nobody has any
      own.push_back(r == size - 1 ? LogSum{-3, 2} : LogSum{1e9, 0});                         // one does
      own.push_back(r == 0 ? LogSum{static_cast<double>(check::kNaN), 1} : LogSum{0, 1});    // no number
      own.push_back({std::numeric_limits<double>::infinity(), r == 0 ? check::kNaN : 1.0});  // too large
      comm.allReduceSum(own.data(), own.size());
      squares[r] = comm.allReduceSum(0.1 * static_cast<double>(r + 1));
    });
    for (size_t i = 0; i < 9; i++) {
      double largest = kNone, sum = 0, square = 0;
      for (size_t r = 0; r < size; r++) largest = std::max(largest, shift(r, i));
      for (size_t r = 0; r < size; r++) sum += (1.0 + static_cast<double>(i)) * std::exp(shift(r, i) - largest);
      for (size_t r = 0; r < size; r++) square += 0.1 * static_cast<double>(r + 1);
      for (size_t r = 0; r < size; r++) {
        CHECK(sums[r][i].shift == largest && sums[r][i].sum == sums[0][i].sum);
        CHECK_NEAR(sums[r][i].sum, sum, 1e-14 * sum);
        CHECK(squares[r] == square);
      }
    }
    for (const std::vector<LogSum>& own : sums) {
      CHECK(own[9].sum == 0);
      CHECK(own[10].shift == -3 && own[10].sum == 2);
      CHECK(std::isnan(own[11].sum) && std::isnan(own[12].sum));
    }
  }
}

TEST(bytesDoNotGrowWithTheRanks) {
  // Two parts of (P - 1) / P of the vector each: what a ring would send.
  together(4, [](Communicator& comm) {
    std::vector<float> values(4000, 1.0f);
    comm.allReduceSum(values.data(), values.size());
    CHECK(comm.bytesSent() == 2 * 3 * 1000 * sizeof(float));
    CHECK(comm.exchanges() == 2);
    CHECK(values[17] == 4.0f);
  });
}

TEST(aMeetingTellsAllWhyOneCannotCome) {
  together(3, [](Communicator& comm) {
    Call call;
    copyText(call.what, sizeof call.what, "step of head 1");
    std::string message;
    const std::string code = codeOf(
        [&] {
          meet(comm, call, [&] {
            if (comm.rank() == 1)
              throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE", "hidden must be finite, got NaN");
          });
        },
        &message);
    CHECK(code == (comm.rank() == 1 ? "WIDEHEAD_OUT_OF_RANGE" : "WIDEHEAD_DISTRIBUTED"));
    CHECK(message == (comm.rank() == 1 ? "hidden must be finite, got NaN" : "rank 1: hidden must be finite, got NaN"));
    call.sizes[0] = comm.rank() + 10;
    const std::vector<Call> calls = meet(comm, call);  // and it goes on
    for (size_t r = 0; r < 3; r++) CHECK(calls[r].sizes[0] == r + 10);
  });
}

TEST(aMeetingRefusesWhatIsNotTheSame) {
  const std::function<void(Call&)> changes[] = {
      [](Call& call) { copyText(call.what, sizeof call.what, "topK of head 1"); },
      [](Call& call) { call.recipe = 2; },
      [](Call& call) { call.version = 2; },
      [](Call& call) { call.numbers[1] = 2; },
      [](Call& call) { call.digest = 2; },
  };
  const char* said[] = {"rank 2 in topK of head 1", "options", "rank 2 2", "rates", "0000000000000002"};
  for (size_t i = 0; i < 5; i++) {
    together(3, [&](Communicator& comm) {
      Call call;
      copyText(call.what, sizeof call.what, "step of head 1");
      if (comm.rank() == 2) changes[i](call);
      std::string message;
      CHECK(codeOf([&] { meet(comm, call); }, &message) == "WIDEHEAD_DISTRIBUTED");
      CHECK(message.find(said[i]) != std::string::npos);
    });
  }
}

TEST(theWatchKnowsWhoIsMissing) {
  together(3, [](Communicator& comm) {
    if (comm.rank() == 2) {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      return;  // has never come, and leaves
    }
    Communicator::Waiting seen;
    std::thread watchdog([&] {
      do {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        seen = comm.waiting();
      } while (seen.seconds < 0.05);
      comm.stop("rank 2 does not come");
    });
    std::string message;
    CHECK(codeOf([&] { comm.barrier(); }, &message) == "WIDEHEAD_STALLED");
    CHECK(message == "rank 2 does not come");
    watchdog.join();
    CHECK(seen.ranks.size() >= 1 && seen.ranks.back() == 2);
    CHECK(codeOf([&] { comm.barrier(); }) == "WIDEHEAD_STALLED");
    CHECK(comm.waiting().ranks.empty());
  });
}

TEST(aRankThatLeavesIsNamed) {
  together(2, [](Communicator& comm) {
    if (comm.rank() == 1) return;
    std::string message;
    CHECK(codeOf([&] { comm.barrier(); }, &message) == "WIDEHEAD_DISTRIBUTED");
    CHECK(message == "rank 1 has left");
  });
}

TEST(everyClassHasOnePlace) {
  for (const size_t size : kSizes) {
    for (const size_t numClasses : {size, size + 1, size_t{1000}}) {
      size_t total = 0;
      for (size_t rank = 0; rank < size; rank++) {
        const Shard shard{rank, size};
        CHECK(shard.rows(numClasses) <= shard.capacity(numClasses) &&
              shard.rows(numClasses) + 1 >= shard.capacity(numClasses));
        total += shard.rows(numClasses);
        for (size_t row = 0; row < shard.rows(numClasses); row++) {
          const uint32_t id = shard.classOf(row);
          CHECK(id < numClasses && shard.owns(id) && shard.ownerOf(id) == rank && shard.rowOf(id) == row);
        }
      }
      CHECK(total == numClasses);
    }
  }
}

TEST(theDigestSeesEveryBit) {
  std::vector<unsigned char> data(37, 3);
  const auto digest = [&] {
    Digest digest;
    digest.add(data.data(), data.size());
    return digest.value();
  };
  const uint64_t before = digest();
  size_t same = 0;
  for (size_t i = 0; i < 8 * data.size(); i++) {
    data[i / 8] ^= static_cast<unsigned char>(1u << i % 8);
    same += digest() == before;
    data[i / 8] ^= static_cast<unsigned char>(1u << i % 8);
  }
  CHECK(same == 0);
  CHECK(digest() == before);
}

TEST_MAIN
