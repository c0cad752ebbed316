/**
 * The transcripts in `conformance/`, played to this client. `UPDATE=1` sets their digests right.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { check, withTrueDigests } from './transcript.js'

const folder = new URL('../../../conformance/', import.meta.url)

describe('the client honours the transcript', () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt'))) {
    test(file.replace('.txt', '').replaceAll('-', ' '), async () => {
      const text = readFileSync(new URL(file, folder), 'utf8')
      const truth = withTrueDigests(text)
      if (process.env.UPDATE) writeFileSync(new URL(file, folder), truth)
      else expect(text, 'a digest is wrong: run again with UPDATE=1').toBe(truth)
      await check(truth)
    })
  }
})
