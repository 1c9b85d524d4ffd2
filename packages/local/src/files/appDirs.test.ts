import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configFolder } from './appDirs.ts'

const linux = { platform: 'linux', home: '/homes/anna' } as const

test('settings lie where each platform wants them', () => {
  assert.equal(configFolder({ ...linux, variables: {} }), '/homes/anna/.config/countersign')
  assert.equal(configFolder({ ...linux, variables: { XDG_CONFIG_HOME: '/cfg' } }), '/cfg/countersign')
  assert.equal(
    configFolder({ platform: 'darwin', home: '/people/anna', variables: {} }),
    '/people/anna/Library/Application Support/countersign',
  )
  const windows = { platform: 'win32', home: 'C:\\Users\\anna' } as const
  assert.equal(configFolder({ ...windows, variables: { APPDATA: 'D:\\Roaming' } }), 'D:\\Roaming\\countersign')
  assert.equal(configFolder({ ...windows, variables: {} }), 'C:\\Users\\anna\\AppData\\Roaming\\countersign')
})

test('a relative XDG_CONFIG_HOME is ignored, as its specification says', () => {
  assert.equal(configFolder({ ...linux, variables: { XDG_CONFIG_HOME: 'cfg' } }), '/homes/anna/.config/countersign')
})
