import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

const refused = { kind: 'refused', status: 422, exit: 1 } as const

/** Why a release is not installed. */
export const releasesErrors = {
  'releases.archive-malformed': {
    ...refused,
    sentence: 'The artifact is no .tar.gz that can be unpacked safely. Its maker has to pack it again.',
  },
  'releases.archive-too-large': {
    ...refused,
    sentence: 'The artifact unpacks to more than a device takes. Its maker has to make it smaller.',
  },
  'releases.digest-wrong': {
    ...refused,
    sentence: 'A file of the release has other bytes than its digest says. Nothing of it was installed.',
  },
  'releases.no-manifest': {
    ...refused,
    sentence: 'The artifact has no countersign.json, so an agent does not know how to start it.',
  },
  'releases.disagrees': {
    ...refused,
    sentence: 'Release, certification and manifest name different products or versions. Nothing was installed.',
  },
  'releases.lower-counter': {
    ...refused,
    sentence:
      'The release is older than one that this device has had. Only a verified revocation leads back; release the old build again.',
  },
  'releases.other-product': {
    ...refused,
    sentence:
      'This device runs another product than it is assigned now. To give it that one, remove the device and enrol it anew.',
  },
  'releases.none': {
    kind: 'unavailable',
    status: 404,
    exit: 2,
    sentence: 'There is no release of what this device is assigned yet. The operator has to release one.',
  },
} as const satisfies ErrorTable

/** Makes the errors of this folder. */
export const releasesError = errorMaker(releasesErrors)
