// Stands for 'vitest' where vitest itself does not start (under an emulator, under Wine): its own describe, test and expect,
// without the bundler and the worker processes around them.

import { customMatchers, GLOBAL_EXPECT, JestAsymmetricMatchers, JestChaiExpect, JestExtend } from '@vitest/expect'
import * as chai from 'chai'

export { afterAll, afterEach, beforeAll, beforeEach, describe, it, test } from '@vitest/runner'

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin)
export const expect = chai.expect
globalThis[GLOBAL_EXPECT] = expect
expect.extend(expect, customMatchers)
