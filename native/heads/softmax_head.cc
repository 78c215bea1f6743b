#include "heads/softmax_head.h"

#include "comm/meeting.h"

namespace widehead {

void CandidateHead::score(Pass& base) const {
  auto& pass = static_cast<SoftmaxPass&>(base);
  pass.version = version_;
  pass.softmax.candidates.all = false;
  choose(pass.softmax.candidates, pass);
  pass.softmax.score(table_, pass, true, communicator());
}

void CandidateHead::evaluate(Pass& base) const {
  auto& pass = static_cast<SoftmaxPass&>(base);
  pass.version = version_;
  pass.softmax.candidates.all = true;
  pass.softmax.score(table_, pass, false, communicator());
}

void CandidateHead::differentiate(Pass& base) const {
  auto& pass = static_cast<SoftmaxPass&>(base);
  pass.softmax.differentiate(table_, pass);
}

double CandidateHead::apply(Pass& base, const ApplyOptions& options) {
  auto& pass = static_cast<SoftmaxPass&>(base);
  const double norm = pass.softmax.apply(table_, pass, options);
  version_++;
  if (communicator() != nullptr) {
    Digest digest;
    digest.number(digest_);
    digest.number(pass.softmax.candidates.drawn);
    digest.number(pass.loss);
    digest.number(norm);
    digest_ = digest.value();
  }
  return norm;
}

}  // namespace widehead
