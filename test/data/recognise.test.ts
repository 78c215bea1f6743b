import { describe, expect, it } from 'vitest'
import { recognise } from '../../lib/data/formats/index.js'

function told(content: string): string {
  return recognise(content.split('\n'), 'file').name
}

describe('recognise', () => {
  it.each([
    ['xmc', '3 4 5\n0,1 0:1 3:2\n 1:1'],
    ['xmc', '3 4 5'],
    ['text', '<doc id="1">\nHello\n</doc>'],
    ['text', 'It was the best of times, it was the worst of times.\nIt was.'],
    ['sets', '0 5 6 7\n1 5 6\n2 9 11'],
    ['sets', '1 a b\n2 c b\n3 a'],
    ['sets', '1 a b\n2 c b\n["3", ["x"], 1.5]'], // its fault is told when it is read
    ['sequences', '12 13 12 13 13\n7 8 7 9\n1 2'],
    ['sequences', '12 13 14 13\n12 8'],
    ['sequences', 'shoe hat\nshoe scarf'],
  ])('tells %s', (name, content) => {
    expect(told(content)).toBe(name)
  })

  it('asks when a file may be of several formats', () => {
    expect(() => told('u17 a b c\nu4 b d')).toThrow(
      'file may be of the format sets or sequences: say which with --format',
    )
  })

  it('gets through a long row of apostrophes', () => {
    // Once the square of their number was tried: many minutes.
    expect(told(`a${"'".repeat(300_000)}(`)).toBe('sequences')
  })

  it('asks when it is of none', () => {
    expect(() => told('')).toThrow('file is of no format known (text, xmc, sets, sequences)')
    expect(() => told('\n\n')).toThrow('--format')
  })
})
