import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatPurl, parsePurl, purlOf } from './purl.ts'

test('a package URL is read and written in its one form', () => {
  for (const [text, canonical] of [
    ['pkg:npm/left@1.0.0', 'pkg:npm/left@1.0.0'],
    ['pkg:npm/@scope/left@1.0.0', 'pkg:npm/%40scope/left@1.0.0'],
    ['PKG:NPM/%40scope/left', 'pkg:npm/%40scope/left'],
    ['pkg://pypi/My_Left@1.0', 'pkg:pypi/my-left@1.0'],
    ['pkg:deb/Debian/curl@7.50.3-1?distro=jessie&arch=i386', 'pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie'],
    ['pkg:golang/google.golang.org/api@v1#/sub/./dir/', 'pkg:golang/google.golang.org/api@v1#sub/dir'],
    ['pkg:alpine/curl@8.0', 'pkg:apk/alpine/curl@8.0'],
    ['pkg:docker/image@sha256:244f', 'pkg:docker/image@sha256:244f'],
  ] as const) {
    assert.equal(formatPurl(parsePurl(text)), canonical)
    assert.equal(formatPurl(parsePurl(canonical)), canonical)
  }
})

test('what is no package URL is refused', () => {
  for (const text of [
    '',
    'npm/left',
    'pkg:npm',
    'pkg:npm/',
    'pkg:n!m/left',
    'pkg:npm/a%ZZ',
    'pkg:npm/a?k=1&k=2',
    'pkg:npm/a?!=1',
  ]) {
    assert.throws(() => parsePurl(text), { code: 'purl.malformed' }, text)
  }
  assert.throws(() => parsePurl(`pkg:npm/${'a'.repeat(5000)}`), { code: 'purl.malformed' })
})

test('a package as OSV names it has a package URL', () => {
  const npm = { ecosystem: 'npm', name: '@scope/left', version: '1.0.0' }
  assert.equal(purlOf(npm), 'pkg:npm/%40scope/left@1.0.0')
  assert.equal(purlOf({ ecosystem: 'Maven', name: 'org.acme:left', version: '' }), 'pkg:maven/org.acme/left')
})
