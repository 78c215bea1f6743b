// Makes a process one in which hyparquet is not installed.

import { register } from 'node:module'

const hooks = `export async function resolve(specifier, context, next) {
  if (specifier !== 'hyparquet') return next(specifier, context)
  throw Object.assign(new Error("Cannot find package 'hyparquet'"), { code: 'ERR_MODULE_NOT_FOUND' })
}`
register(`data:text/javascript,${encodeURIComponent(hooks)}`)
