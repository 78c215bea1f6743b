// Sides of a comparison, each trial in a fresh process, taking turns over several rounds.

import { rounds } from './settings.mjs'
import { median } from './statistics.mjs'

/**
 * sides: functions that run one trial and return its result with `ms`. For each side the result whose `ms` is the median
 * of its rounds, with all of them as `rounds`; null for a side that returns null.
 */
export function interleave(sides, times = rounds) {
  const runs = sides.map(() => [])
  for (let round = 0; round < times; round++) {
    for (const [i, side] of sides.entries()) {
      const result = side()
      if (result !== null) runs[i].push(result)
    }
  }
  return runs.map((list) => {
    if (list.length === 0) return null
    const all = list.map((run) => run.ms)
    const middle = median(all)
    const nearest = list.reduce((a, b) => (Math.abs(b.ms - middle) < Math.abs(a.ms - middle) ? b : a))
    return { ...nearest, ms: middle, rounds: all }
  })
}
