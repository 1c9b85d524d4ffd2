import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..', '..')

/** Where the packed programs are installed, when a test is about those: the folder that `tools/installPacked.ts` names. */
const installed = process.env.COUNTERSIGN_INSTALLED

function program(name: string, source: string): readonly string[] {
  return installed === undefined
    ? [process.execPath, path.join(root, source)]
    : [path.join(installed, 'node_modules', '.bin', name)]
}

/** The command that starts `countersign`: of this checkout, or installed where `COUNTERSIGN_INSTALLED` says. */
export const countersign = program('countersign', 'packages/cli/bin/countersign.js')

/** The command that starts `countersign-server`, likewise. */
export const countersignServer = program('countersign-server', 'packages/server/bin/countersign-server.js')

/** The command that starts `countersign-validator`, likewise. */
export const countersignValidator = program('countersign-validator', 'packages/validator/bin/countersign-validator.js')

/** The command that starts `countersign-agent`, likewise. */
export const countersignAgent = program('countersign-agent', 'packages/agent/bin/countersign-agent.js')
