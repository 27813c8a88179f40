import { expect, test } from 'vitest'
import { isPrivateHost } from '../../src/transport/private-host.js'

test.each([
  'localhost',
  'LOCALHOST.',
  'db.localhost',
  'warehouse',
  'printer.local',
  'spark.internal',
  '127.0.0.1',
  '127.9.9.9',
  '10.1.2.3',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '2130706433',
  '0x7f.1',
  '127.1',
])('%s is private', (host) => expect(isPrivateHost(host)).toBe(true))

test.each([
  'dbc-1234.cloud.databricks.com',
  'adb-1234.11.azuredatabricks.net',
  '172.32.0.1',
  '172.15.0.1',
  '100.128.0.1',
  '8.8.8.8',
  'internal.example.com',
  'a.1',
])('%s is not', (host) => expect(isPrivateHost(host)).toBe(false))
