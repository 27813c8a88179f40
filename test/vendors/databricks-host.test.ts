import { expect, test } from 'vitest'
import { checkedHost } from '../../src/vendors/databricks/host.js'

const PRIVATE = [
  'localhost',
  'LOCALHOST',
  'a.localhost',
  '127.0.0.1',
  '127.1',
  '0x7f000001',
  '2130706433',
  '0.0.0.0',
  '10.1.2.3',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  'fec0::1',
  'ff02::1',
  'metadata.google.internal',
  'internal',
  'warehouse',
  'warehouse.local',
  'nas.home.arpa',
  '::1',
  '[::1]',
  '::',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  '::ffff:10.0.0.1',
]

test.each(PRIVATE)('checkedHost() refuses %s unless a private host is allowed', (host) => {
  expect(() => checkedHost(host, { part: 'P' })).toThrow(/^OPTION_INVALID: P: option host is in a private network/)
  expect(checkedHost(host, { part: 'P', allowPrivateHost: true })).not.toBe('')
})

test.each([
  ['dbc-1.cloud.databricks.com', 'dbc-1.cloud.databricks.com'],
  ['ADB-1.2.azuredatabricks.net', 'adb-1.2.azuredatabricks.net'],
  ['172.32.0.1', '172.32.0.1'],
  ['8.8.8.8', '8.8.8.8'],
  ['2001:db8::1', '[2001:db8::1]'],
  ['[2001:db8::1]', '[2001:db8::1]'],
  ['internal.example.com', 'internal.example.com'],
  ['localhost.example.com', 'localhost.example.com'],
  ['local.example.com', 'local.example.com'],
])('checkedHost() takes %s', (host, url) => {
  expect(checkedHost(host, { part: 'P' })).toBe(url)
})

test.each([
  ['https://x.com', 'has a scheme'],
  ['x.com:443', 'has a port'],
  ['a b', 'is no host name'],
  ['x.com/path', 'is no host name'],
  ['user@x.com', 'is no host name'],
  ['1.2.3.4.5', 'is no host name'],
  ['', 'is no host name'],
])('checkedHost() refuses %j: it %s', (host, problem) => {
  expect(() => checkedHost(host, { part: 'P', allowPrivateHost: true })).toThrow(problem)
})
