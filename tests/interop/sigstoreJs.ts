/**
 * sigstore-js as a program, because its certificates come from the environment of the process:
 * `sign <signing config> <file> <bundle> [<statement>]` with the token on standard input, and
 * `verify <trusted root> <file> <bundle> <identity> <issuer>`, which exits 1 when the bundle is refused.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { bundleFromJSON, bundleToJSON } from '@sigstore/bundle'
import { SigningConfig, TrustedRoot } from '@sigstore/protobuf-specs'
import { bundleBuilderFromSigningConfig } from '@sigstore/sign'
import { PolicyError, toSignedEntity, toTrustMaterial, VerificationError, Verifier } from '@sigstore/verify'

const inToto = 'application/vnd.in-toto+json'

async function sign(signingConfig: string, file: string, bundle: string, statement: string): Promise<void> {
  const token = await text(process.stdin)
  const builder = bundleBuilderFromSigningConfig({
    signingConfig: SigningConfig.fromJSON(readJson(signingConfig)),
    identityProvider: { getToken: async () => token },
    bundleType: statement === '' ? 'messageSignature' : 'dsseEnvelope',
  })
  const signed = statement === '' ? { data: readFileSync(file) } : { data: readFileSync(statement), type: inToto }
  const made = await builder.create(signed)
  writeFileSync(bundle, JSON.stringify(bundleToJSON(made)))
}

function verify(trustedRoot: string, file: string, bundle: string, identity: string, issuer: string): void {
  const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(readJson(trustedRoot))))
  const policy = { subjectAlternativeName: `^${RegExp.escape(identity)}$`, extensions: { issuer } }
  try {
    verifier.verify(toSignedEntity(bundleFromJSON(readJson(bundle)), readFileSync(file)), policy)
  } catch (error) {
    if (!(error instanceof VerificationError || error instanceof PolicyError)) throw error
    console.error(`refused: ${error.message}`)
    process.exitCode = 1
  }
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}

const [command, first = '', second = '', third = '', fourth = '', fifth = ''] = process.argv.slice(2)
if (command === 'sign') await sign(first, second, third, fourth)
else if (command === 'verify') verify(first, second, third, fourth, fifth)
else process.exitCode = 64
