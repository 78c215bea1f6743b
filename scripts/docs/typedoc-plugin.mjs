// A plugin of TypeDoc: what a class inherits from one that is not exported reads as its own, as it does for a user.

import { Converter } from 'typedoc'

export function load(app) {
  const last = -10_000
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => Object.values(project.reflections).forEach(own), last)
}

function own(reflection) {
  for (const link of ['inheritedFrom', 'overwrites', 'implementationOf']) delete reflection[link]
  const bases = reflection.extendedTypes
  if (bases === undefined || bases.every(({ reflection: exported }) => exported)) return
  delete reflection.extendedTypes
  delete reflection.typeHierarchy
}
