import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What can go wrong with files and folders of this machine. */
export const filesErrors = {
  'files.conflict': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'A file that may be written only once exists with other content.',
  },
  'files.digest-wrong': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence:
      'The bytes are not those that the digest names: they were changed or broke off on their way. Send them again.',
  },
  'files.fsync-failed': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The disk did not confirm a write. Check the disk, then restart.',
  },
  'files.locked': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'Another process is using this folder. Stop it first, or use another folder.',
  },
  'files.no-space': {
    kind: 'unavailable',
    status: 507,
    exit: 2,
    sentence: 'The disk is full. Make space and try again.',
  },
  'files.not-found': {
    kind: 'refused',
    status: 404,
    exit: 1,
    sentence: 'There is no such file. Check the path.',
  },
  'files.not-readable': {
    kind: 'refused',
    status: 500,
    exit: 1,
    sentence: 'The file cannot be read. Check that it is a file and that you may read it.',
  },
  'files.not-writable': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The file or folder cannot be written. Check its permissions and the disk.',
  },
  'files.too-large': {
    kind: 'refused',
    status: 413,
    exit: 1,
    sentence: 'The file is larger than what is accepted here.',
  },
} as const satisfies ErrorTable

/** Makes an error of this folder. */
export const filesError = errorMaker(filesErrors)
