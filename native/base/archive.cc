#include "base/archive.h"

#include <algorithm>

namespace widehead {

namespace {

std::string described(const ArchivedTensor& tensor) {
  std::string text = std::string(tensor.dtype) + " [";
  for (size_t i = 0; i < tensor.shape.size(); i++) text += (i > 0 ? "," : "") + std::to_string(tensor.shape[i]);
  return text + "]";
}

}  // namespace

void Saver::tensor(ArchivedTensor tensor) {
  if (!tensor.streamed) {
    const auto* from = static_cast<const uint8_t*>(tensor.data);
    copies_.emplace_back(from, from + tensor.bytes);
    tensor.data = copies_.back().data();
  }
  tensors_.push_back(std::move(tensor));
}

void Saver::record(const std::string& name, const std::function<void(ByteStream&)>& body) {
  ByteStream stream;
  body(stream);
  copies_.push_back(stream.written());
  std::vector<uint8_t>& bytes = copies_.back();
  tensors_.push_back({name, dtypeOf<uint8_t>(), {bytes.size()}, bytes.data(), bytes.size(), false});
}

const ArchivedTensor& Loader::find(const std::string& name) const {
  const auto found =
      std::find_if(given_.begin(), given_.end(), [&](const ArchivedTensor& tensor) { return tensor.name == name; });
  if (found == given_.end()) throw Error(ErrorKind::State, "WIDEHEAD_FILE", "tensor \"" + name + "\" is missing");
  return *found;
}

void Loader::tensor(ArchivedTensor tensor) {
  if (tensor.streamed) {
    streamed_.push_back(std::move(tensor));
    return;
  }
  const ArchivedTensor& given = find(tensor.name);
  if (described(given) != described(tensor) || given.bytes != tensor.bytes) {
    throw Error(ErrorKind::State, "WIDEHEAD_FILE",
                "tensor \"" + tensor.name + "\" is " + described(given) + ", expected " + described(tensor));
  }
  std::memcpy(tensor.data, given.data, tensor.bytes);
}

void Loader::record(const std::string& name, const std::function<void(ByteStream&)>& body) {
  const ArchivedTensor& given = find(name);
  ByteStream stream(static_cast<const uint8_t*>(given.data), given.bytes);
  body(stream);
  stream.end();
}

}  // namespace widehead
