// A safetensors file to be written from memory, whole or not at all: all that writing it needs is made beforehand, so that it
// can be done in a forked process, where nothing may be allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace widehead {

struct FilePart {
  const void* data;
  size_t bytes;
};

struct FilePlan {
  std::string path;             // must not exist
  std::vector<uint8_t> header;  // written first
  size_t checksums;  // where in the header the parts' checksums go: 8 hexadecimal digits each, then those of the header
  std::vector<FilePart> parts;  // the tensors, in order
};

// Writes the file and waits until it is on the disk. Blocks of zeros become holes. Calls `goOn` now and then, and gives up if it
// returns false. Returns 0 or the number of the system's error; what is there then is the caller's to remove. Allocates nothing.
int writeFile(FilePlan& plan, bool (*goOn)(void*), void* context) noexcept;

}  // namespace widehead
