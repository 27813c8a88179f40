import { describe, expect, test } from 'vitest'
import type { FakeIterableOptions } from '../../src/testing/index.js'
import { A, project } from './fake-project.js'

/** A project with a key of each kind, and what one of them gets at a path. */
function keyed(options: Partial<FakeIterableOptions> = {}) {
  const keys = { reader: 'readOnly', phone: 'mobile', script: 'javaScript', site: 'web' } as const
  const made = project({ keys, ...options })
  const ask = async (key: string, how: string, headers: object = {}) => {
    const [method = '', path = ''] = how.split(' ')
    return made.call(method, path, method === 'GET' ? undefined : {}, { 'api-key': key, ...headers })
  }
  const isRefused = async (key: string, how: string) => {
    const { status, json } = await ask(key, how)
    return status === 401 && json.msg === 'Disabled API key or insufficient privileges'
  }
  return { ...made, ask, isRefused }
}

const READS = ['GET channels', 'GET lists', 'GET users/getFields', 'GET catalogs']
const CLIENT_WRITES = ['users/update', 'users/updateEmail', 'users/updateSubscriptions', 'events/track']
const CLIENT = [...CLIENT_WRITES, 'commerce/trackPurchase', 'commerce/updateCart'].map((path) => `POST ${path}`)
const BULK = ['users/bulkUpdate', 'events/trackBulk', 'lists/subscribe', 'lists', 'export/start', 'users/forget']

describe('keys', () => {
  test('[source HC-360043464871] a read-only key reads, and writes nothing', async () => {
    const { isRefused } = keyed()
    for (const how of READS) expect([how, await isRefused('reader', how)]).toEqual([how, false])
    for (const how of [...CLIENT, ...BULK.map((path) => `POST ${path}`), `DELETE users/${A}`, 'PUT catalogs/x/items/1'])
      expect([how, await isRefused('reader', how)]).toEqual([how, true])
  })

  test.each(['phone', 'script', 'site'])('[source HC-360043464871] the key of a client: %s', async (key) => {
    const { isRefused } = keyed()
    for (const how of CLIENT) expect([how, await isRefused(key, how)]).toEqual([how, false])
    for (const how of [...READS, ...BULK.map((path) => `POST ${path}`), 'GET export/jobs'])
      expect([how, await isRefused(key, how)]).toEqual([how, true])
  })

  test('[source SW] users/merge with the key of a client is 403', async () => {
    const { ask } = keyed()
    expect(await ask('phone', 'POST users/merge')).toMatchObject({ status: 403, json: { code: 'Forbidden' } })
  })

  test('[unsure] readOnlyExport: a read-only key may not export, or may [source AB-16408]', async () => {
    expect(await keyed().isRefused('reader', 'GET export/jobs')).toBe(true)
    const kind = keyed({ unsure: { readOnlyExport: 'allowed' } })
    expect((await kind.ask('reader', 'GET export/jobs')).status).toBe(200)
    expect(await kind.isRefused('reader', 'POST export/start')).toBe(true)
  })

  test('[source HC-360043464871] a key with JWT wants a token besides', async () => {
    const { ask } = keyed({ keys: { phone: { type: 'mobile', jwt: 'token' } } })
    expect(await ask('phone', 'POST users/update')).toMatchObject({ status: 401, json: { code: 'InvalidJwtPayload' } })
    expect((await ask('phone', 'POST users/update', { authorization: 'Bearer other' })).status).toBe(401)
    expect((await ask('phone', 'POST users/update', { authorization: 'Bearer token' })).json.code).toBe('BadParams')
  })

  test('[unsure] badKeyCode: an unknown key is 401, whatever the code beside it says [source RT]', async () => {
    for (const badKeyCode of ['BadApiKey', 'Success'] as const) {
      const { ask } = keyed({ unsure: { badKeyCode } })
      expect(await ask('nobody', 'GET lists')).toMatchObject({ status: 401, json: { code: badKeyCode } })
    }
  })

  test('[unsure] keyInQuery: refused, or accepted as of old [source AE, VCR]', async () => {
    for (const keyInQuery of ['refused', 'accepted'] as const) {
      const { call } = keyed({ unsure: { keyInQuery } })
      const ask = async (key: string) => (await call('GET', `lists?api_key=${key}`, undefined, {})).status
      expect(await ask('fake-key')).toBe(keyInQuery === 'accepted' ? 200 : 401)
      expect(await ask('other')).toBe(401)
    }
  })

  test('[unsure] unauthorizedAgain: a wrong key stays 401, or is 429 after a while [source AB PR 18292]', async () => {
    const ask = async (unauthorizedAgain: 401 | 429) => {
      const made = keyed({ unsure: { unauthorizedAgain } })
      for (let sent = 0; sent < 10; sent += 1) expect((await made.ask('nobody', 'GET lists')).status).toBe(401)
      return (await made.ask('nobody', 'GET lists')).status
    }
    expect(await ask(401)).toBe(401)
    expect(await ask(429)).toBe(429)
  })

  test('revoke() and reset() hold for all of them', async () => {
    const { fake, ask } = keyed()
    fake.revoke()
    expect((await ask('reader', 'GET lists')).json.msg).toBe('Invalid API key')
    fake.reset()
    expect((await ask('reader', 'GET lists')).status).toBe(200)
  })
})
