#include "heads/softmax_head.h"

namespace widehead {

void CandidateHead::score(Pass& base) const {
  auto& pass = static_cast<SoftmaxPass&>(base);
  pass.version = version_;
  pass.softmax.candidates.all = false;
  choose(pass.softmax.candidates, pass);
  pass.softmax.score(table_, pass);
}

void CandidateHead::evaluate(Pass& base) const {
  auto& pass = static_cast<SoftmaxPass&>(base);
  pass.version = version_;
  pass.softmax.candidates.all = true;
  pass.softmax.score(table_, pass, false);
}

void CandidateHead::differentiate(Pass& base) const {
  auto& pass = static_cast<SoftmaxPass&>(base);
  pass.softmax.differentiate(table_, pass);
}

double CandidateHead::apply(Pass& base, const ApplyOptions& options) {
  auto& pass = static_cast<SoftmaxPass&>(base);
  version_++;
  return pass.softmax.apply(table_, pass, options);
}

}  // namespace widehead
