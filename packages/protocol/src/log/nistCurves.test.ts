import assert from 'node:assert/strict'
import { test } from 'node:test'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { nistCurve } from './nistCurves.ts'

const curves = { prime256v1: p256, secp384r1: p384, secp521r1: p521 }

for (const [name, { Point }] of Object.entries(curves)) {
  test(`${name} has the parameters that others have for it, and the arithmetic of OpenSSL`, () => {
    const curve = nistCurve(name)
    assert.ok(curve)
    assert.deepEqual(curve.Point.CURVE(), Point.CURVE())
    assert.equal(curve.fieldBytes, Point.Fp.BYTES)
    const factor = Point.Fn.ORDER - 12345n
    const product = new Uint8Array(curve.multiplyGenerator(Point.Fn.toBytes(factor)))
    assert.deepEqual(product, Point.BASE.multiply(factor).toBytes(false))
    assert.equal(nistCurve(name), curve, 'made once')
  })
}

test('other curves, and names that every object has, are no curve', () => {
  for (const name of ['secp256k1', 'P-256', '', 'toString', '__proto__']) assert.equal(nistCurve(name), undefined)
})
