// Lets a child process or a worker run the TypeScript sources: node --import ./test/child/typescript.mjs script.ts
import { register } from 'node:module'

register('./typescript-hooks.mjs', import.meta.url)
