// Builds the C++ core without Node into build-core and runs its tests. Arguments go to the CMake configuration, e.g.
//   npm run test:native -- "-DWIDEHEAD_SANITIZE=address;undefined"
// which builds in a directory of its own, so that the plain build stays warm.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const options = process.argv.slice(2)
const sanitizer = /WIDEHEAD_SANITIZE=(\w+)/.exec(options.join(' '))
const directory = sanitizer ? `build-core-${sanitizer[1]}` : 'build-core'
const hasNinja = spawnSync('ninja', ['--version']).status === 0

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (error) console.error(`${command}: ${error.message}`)
  if (status !== 0) process.exit(status ?? 1)
}

run('cmake', ['-S', '.', '-B', directory, ...(hasNinja ? ['-G', 'Ninja'] : []), ...options])
run('cmake', ['--build', directory, '--parallel'])
run('ctest', ['--test-dir', directory, '--output-on-failure'])
