// Debian has musl, but no C++ library for it. What a program wants of one is taken from g++'s static archive, and what that wants
// of glibc is here.

import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { folder } from './code.mjs'

const GLIBC = `
#include <sys/random.h>
void* __dso_handle __attribute__((visibility("hidden"))) = 0;
char __libc_single_threaded = 0;
int _dl_find_object(void* address, void* found) { return -1; }
unsigned arc4random(void) { unsigned x = 0; getrandom(&x, sizeof x, 0); return x; }
`

function run(tool, args) {
  const { stdout, stderr, error, status } = spawnSync(tool, args, { encoding: 'utf8', maxBuffer: 2 ** 26 })
  if (error || status !== 0) throw new Error(`${tool} ${args[0]}: ${error?.message ?? stderr}`)
  return stdout
}

/** Makes the libstdc++.so.6 that `program` needs under musl; the folder that it lies in. Exceptions are not caught in it. */
export function cppLibraryForMusl(program) {
  const to = join(folder, 'musl')
  mkdirSync(to, { recursive: true })
  writeFileSync(join(to, 'glibc.c'), GLIBC)
  const wanted = [...run('objdump', ['-T', '-R', program]).matchAll(/ \*UND\*.* (\S+)$|_COPY +([^\s@]+)/gm)]
    .map(([, missing, copied]) => missing ?? copied)
    .filter((name) => /^(_Z|__dynamic_cast$|__once_proxy$|__cxa_|__(de)?register_frame_info)/.test(name))
    .filter((name) => !/^__cxa_(finalize|thread_atexit_impl|atexit)$/.test(name))
  const undefinedOnes = wanted.map((name) => `-Wl,-u,${name}`)
  const archives = ['-l:libstdc++.a', '-l:libgcc_eh.a', '-l:libgcc.a']
  const library = ['-shared', '-fPIC', '-nostdlib', '-Wl,-soname,libstdc++.so.6', '-o', join(to, 'libstdc++.so.6')]
  run('g++', [...library, ...undefinedOnes, '-xc', join(to, 'glibc.c'), '-xnone', ...archives])
  return to
}
