import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { BundleTables } from './bundleTables.ts'
import { changeFile, changeSignature, changeStatement } from './changes.ts'
import { type ClientSetting, type Signed, signingClients } from './clients.ts'
import { Matrix } from './matrix.ts'
import { statedText } from './statement.ts'

/** Where the bundle of a signed file is. */
export function bundleOf(folder: string, signed: Signed, signer: string): string {
  return path.join(folder, `${signed}-by-${signer}.sigstore.json`)
}

/** Has every client sign one file, then lets every client verify every bundle, whole and with one byte changed. */
export async function crossVerify(setting: ClientSetting, signed: Signed, folder: string): Promise<Matrix[]> {
  const clients = signingClients(setting, signed)
  const signers = clients.filter(({ sign }) => sign !== undefined)
  const columns = signers.map(({ name }) => name)
  const made = new Matrix(`signs a ${signed} to the instance`, columns, ['signed'])
  const tables = new BundleTables({
    what: signed,
    isStatement: signed === 'statement',
    verifiers: clients,
    columns,
    changes: [changeFile, changeSignature, changeStatement(statedText)],
  })
  for (const { name, sign } of signers) {
    const file = path.join(folder, `${signed}-by-${name}`)
    const bundle = bundleOf(folder, signed, name)
    writeFileSync(file, `signed by ${name}\n`)
    await made.fill(name, 'signed', async () => sign?.(file, bundle))
    for (const verifier of clients) {
      console.log(`  ${verifier.name} verifies the ${signed} that ${name} signed`)
      await tables.judge(verifier, name, { file, bundle })
    }
  }
  return [made, ...tables.matrices]
}
