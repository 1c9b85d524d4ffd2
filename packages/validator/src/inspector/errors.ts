import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** Codes of the inspector, besides the gaps: what keeps it from running at all. */
export const inspectorErrors = {
  'inspector.artifact-changed': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The artifact on disk is not the one that was handed over. Check the disk, then submit it again.',
  },
  'inspector.answer-malformed': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The inspector answered in a form that is not its own. Do not trust the artifact, and report this.',
  },
  'inspector.npm-failed': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The npm client of this machine could not be used. Install npm beside Node.js, and check its settings.',
  },
  'inspector.sbom-invalid': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The SBOM breaks a rule of CycloneDX 1.6, so it was not used. Report this.',
  },
} as const satisfies ErrorTable

/** Makes an error with a code of `inspectorErrors`. */
export const inspectorError = errorMaker(inspectorErrors)
