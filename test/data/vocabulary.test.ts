import { describe, expect, it } from 'vitest'
import { Counter, Vocabulary } from '../../lib/data/vocabulary.js'

function counted(text: string, most?: number) {
  const counter = new Counter(most)
  for (const token of text.split(' ')) counter.add(token)
  return counter
}

describe('Counter', () => {
  it('numbers tokens by falling frequency, ties by first appearance', () => {
    const vocabulary = counted('b a c a b d').vocabulary()
    expect(vocabulary.tokens).toEqual(['b', 'a', 'c', 'd'])
    expect([...vocabulary.counts]).toEqual([2, 2, 1, 1])
    expect(vocabulary.id('c')).toBe(2)
    expect(vocabulary.id('x')).toBeUndefined()
  })

  it('puts what is rare, and the token <unk> itself, into <unk>', () => {
    const vocabulary = counted('b a c a b <unk> <unk>').vocabulary({ atLeast: 2, unknown: '<unk>' })
    expect(vocabulary.tokens).toEqual(['<unk>', 'b', 'a'])
    expect([...vocabulary.counts]).toEqual([3, 2, 2])
  })

  it('keeps only the most frequent', () => {
    expect(counted('a a b b b c').vocabulary({ most: 2, unknown: '?' }).tokens).toEqual(['?', 'b', 'a'])
  })

  it('takes names of Object as tokens like others', () => {
    const vocabulary = counted('constructor __proto__ toString __proto__').vocabulary()
    expect(vocabulary.tokens).toEqual(['__proto__', 'constructor', 'toString'])
    expect(vocabulary.id('hasOwnProperty')).toBeUndefined()
  })

  it('stops before V8 does', () => {
    expect(() => counted('a b c a', 2)).toThrow(/more than 2 different tokens/)
  })
})

describe('Vocabulary', () => {
  it('refuses a token that is there twice', () => {
    expect(() => new Vocabulary(['a', 'b', 'a'], new Float64Array(3))).toThrow('vocabulary holds "a" twice')
  })
})
