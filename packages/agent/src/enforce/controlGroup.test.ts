import assert from 'node:assert/strict'
import { test } from 'node:test'
import { controlGroupBases } from './controlGroup.ts'

const unified = '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate'
const hybrid = '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw'
const oldOnly = '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory'

test('below the own group where systemd delegated one, else below the root of the mount', () => {
  const own = '0::/system.slice/countersign-agent.service\n'
  const base = '/sys/fs/cgroup/system.slice/countersign-agent.service'
  assert.deepEqual(controlGroupBases(unified, own), [base, '/sys/fs/cgroup'])
  assert.deepEqual(controlGroupBases(unified, '0::/\n'), ['/sys/fs/cgroup'])
})

test('the mount is found wherever it is, also beside version 1 and with spaces in its path', () => {
  assert.deepEqual(controlGroupBases(`${oldOnly}\n${hybrid}\n`, '4:memory:/x\n0::/\n'), ['/sys/fs/cgroup/unified'])
  assert.deepEqual(controlGroupBases(unified.replace('/sys/fs/cgroup', '/my\\040groups'), '0::/\n'), ['/my groups'])
})

test('in a container the mount shows only a part of the tree', () => {
  const contained = unified.replace(' / /sys', ' /docker/abc /sys')
  assert.deepEqual(controlGroupBases(contained, '0::/docker/abc/agent\n'), ['/sys/fs/cgroup/agent', '/sys/fs/cgroup'])
  assert.deepEqual(controlGroupBases(contained, '0::/elsewhere\n'), ['/sys/fs/cgroup'])
})

test('no version 2, no control group', () => {
  assert.deepEqual(controlGroupBases(oldOnly, '4:memory:/x\n'), [])
})
